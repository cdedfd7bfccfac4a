"""Damaged files: each reader gives the same value, or an error that names the file, or, where a
format has no checksum, a value that is at least well-formed.

``make fuzz`` tries 1,000 damages of each file instead of 30; ``FUZZ_SEED=1 make fuzz`` other ones.
"""

import ast
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from fuzz_readers import OF_BYTES, OURS, READERS, Reader, fresh, same

import vos_lab

PACKAGE = Path(vos_lab.__file__).parent
DAMAGES = int(os.environ.get("FUZZ", "30"))
SEED = int(os.environ.get("FUZZ_SEED", "0"))


def damaged(whole: bytes, rng: np.random.Generator) -> bytes:
    """What is left of a file after one to three accidents."""
    data = bytearray(whole)
    for _ in range(rng.integers(1, 4)):
        at = int(rng.integers(0, len(data) + 1))
        length = int(rng.integers(1, 1 + max(1, len(whole) // 8)))
        some = rng.integers(0, 256, min(length, 64), np.uint8).tobytes()
        kind = rng.integers(0, 8)
        if kind == 0 and data:
            data[at % len(data)] ^= 1 << int(rng.integers(0, 8))
        elif kind == 1 and data:
            data[at % len(data)] = int(rng.integers(0, 256))
        elif kind == 2:
            del data[at:]
        elif kind == 3:
            del data[at : at + length]
        elif kind == 4:
            data[at:at] = some
        elif kind == 5:
            data[at:at] = data[at : at + length]
        elif kind == 6:
            data[at : at + length] = bytes(len(data[at : at + length]))
        else:
            data += some
    return bytes(data)


def outcome(reader: Reader, path: Path, due: object, root: Path) -> str:
    """What reading the file comes to; what begins with a question mark must not be."""
    try:
        value = reader.read(path)
    except (ValueError, OSError) as error:
        # FFmpeg's and Pillow's own errors are ValueError and OSError too, but none of ours.
        ours = type(error) in (ValueError, FileNotFoundError) or "vos_lab" in type(error).__module__
        if reader.reader in OF_BYTES:
            return "error"
        # The file, its folder, or what a list names and is not there: all are below that of a test.
        named = str(root) in str(error)
        return "error" if ours and named else f"?{type(error).__name__}: {error}"
    except Exception as error:  # which no reader may let out
        return f"?{type(error).__name__}: {error}"
    if same(value, due):
        return "same"
    if reader.is_right is None:
        return "?another value, in spite of a checksum"
    return "well-formed" if reader.is_right(value) else f"?not well-formed: {value!r:.200}"


@pytest.mark.parametrize("reader", READERS, ids=lambda each: f"{each.reader} {each.kind}".strip())
def test_damaged_files(reader, tmp_path, record_property, capfd):
    path = fresh(reader, tmp_path / "files")
    due = reader.read(path)
    assert same(due, reader.read(path))
    assert reader.is_right is None or reader.is_right(due)
    whole = path.read_bytes()
    counts: Counter[str] = Counter()
    for number in range(DAMAGES):
        data = damaged(whole, np.random.default_rng([SEED, number]))
        if data == whole:
            continue
        path.write_bytes(data)
        found = outcome(reader, path, due, tmp_path)
        if found.startswith("?"):
            pytest.fail(f"{reader.reader}, {reader.kind}, damage {number}: {found[1:]}")
        counts[found] += 1
    path.write_bytes(whole)
    assert same(due, reader.read(path))  # nothing of the damage is remembered
    capfd.readouterr()  # what libpng and FFmpeg have to say
    print(f"{reader.reader}, {reader.kind}: {dict(sorted(counts.items()))}")


def readers_of_the_package() -> set[str]:
    """Public functions and data sets of the package that are called like a reader."""
    found = set()
    for file in PACKAGE.rglob("*.py"):
        module = ".".join(file.relative_to(PACKAGE).with_suffix("").parts)
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef):
                name = node.name
                if name in ("read", "load") or name.startswith(("read_", "load_")):
                    found.add(f"{module}.{name}")
                if name.startswith("evaluate_") and name.endswith("_folders"):
                    found.add(f"{module}.{name}")
            elif isinstance(node, ast.ClassDef):
                methods = {
                    each.name: each for each in node.body if isinstance(each, ast.FunctionDef)
                }
                read = methods.get("read")
                if read and any(
                    getattr(each, "id", "") == "staticmethod" for each in read.decorator_list
                ):
                    found.add(f"{module}.{node.name}.read")
                made = methods.get("__init__")
                if made and {"root", "split"} <= {each.arg for each in made.args.args}:
                    found.add(f"{module}.{node.name}")
    return found


def test_every_reader_is_fuzzed_or_says_why_not():
    registered = {each.reader for each in READERS}
    there = readers_of_the_package()
    missing = there - registered - set(OURS)
    assert not missing, f"add an entry to fuzz_readers.py for {', '.join(sorted(missing))}"
    assert not set(OURS) - there, "these are gone; take them out of OURS"
    assert not registered & set(OURS)


def test_a_reader_that_lets_anything_out_is_found(tmp_path):
    def careless(path: Path) -> object:
        return int(path.read_bytes())

    def make(folder: Path) -> Path:
        (folder / "number.txt").write_text("12345")
        return folder / "number.txt"

    path = fresh(reader := Reader("a", "b", make, careless, lambda _: True), tmp_path / "files")
    path.write_text("12x45")
    assert outcome(reader, path, 12345, tmp_path).startswith("?ValueError: invalid literal")
    path.write_text("12346")
    assert outcome(reader, path, 12345, tmp_path) == "well-formed"
    assert outcome(Reader("a", "b", make, careless, None), path, 12345, tmp_path).startswith(
        "?another"
    )
    assert outcome(reader, path, 12346, tmp_path) == "same"

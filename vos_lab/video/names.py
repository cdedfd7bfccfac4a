"""The names of frames: which files of a folder are frames, and in which order they come.

Every reader orders frames by the number in their names. The alphabet would put 10.png before 2.png.
"""

import itertools
import os
import re
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path


def files_in(folder: Path, suffixes: Sequence[str]) -> list[Path]:
    """The files of a folder with some endings, in any case, without the hidden ones.

    A Mac leaves ``._00001.png`` beside ``00001.png`` on foreign disks, so hidden files are no
    frames. The order is that of the alphabet; ``in_order`` gives that of the frames.

    Args:
        folder: where to look.
        suffixes: the endings, in lower case, with the dot.
    """
    names = (
        name
        for name in os.listdir(folder)
        if name.lower().endswith(tuple(suffixes)) and not name.startswith(".")
    )
    return [folder / name for name in sorted(names)]


def in_order(files: Iterable[Path]) -> dict[Path, int]:
    """The files of the frames of a video in the order of the frames, each with its number.

    The number is the one in the name that changes from file to file; the last one where the names
    are built differently. So ``shot2_00010_480p.png`` is frame 10.

    Args:
        files: of one folder.

    Returns:
        By the file, its number; in ascending order. A single file without a number is frame 0.

    Raises:
        ValueError: nobody can tell the order: a name has no number, two have the same one, or two
            numbers change and say different things.

    Example:
        >>> frames = in_order([Path("a10.png"), Path("a9.png")])
        >>> [(file.name, number) for file, number in frames.items()]
        [('a9.png', 9), ('a10.png', 10)]
    """
    files = sorted(files)
    found = {file: [int(digits) for digits in re.findall("[0-9]+", file.stem)] for file in files}
    if len(files) == 1:
        return {file: numbers[-1] if numbers else 0 for file, numbers in found.items()}
    for file, numbers in found.items():
        if not numbers:
            others = "unlike the others of its folder" if any(found.values()) else "nor has another"
            raise ValueError(
                f"{file}: has no number in its name, {others}, so the order of the frames cannot "
                "be told. Number them: 00000, 00001, ..."
            )
    by_number: dict[int, Path] = {}
    for file, number in _changing(found).items():
        if number in by_number:
            raise ValueError(
                f"{file.parent}: {by_number[number].name} and {file.name} have the same number "
                f"({number})"
            )
        by_number[number] = file
    return {by_number[number]: number for number in sorted(by_number)}


def _changing(found: dict[Path, list[int]]) -> dict[Path, int]:
    """Of all numbers in the names, that which tells the frame."""
    if len({len(numbers) for numbers in found.values()}) > 1:
        return {file: numbers[-1] for file, numbers in found.items()}
    columns = list(zip(*found.values(), strict=True))
    changing = [i for i, column in enumerate(columns) if len(set(column)) > 1] or [-1]
    counting = [i for i in changing if len(set(columns[i])) == len(found)] or changing[-1:]
    # Where several change, as in frame_10_at_0.333.png, they must say the same.
    whole = sorted(found, key=lambda file: found[file])
    for i in counting if len(changing) > 1 else []:
        ordered = sorted(found, key=lambda file: found[file][i])
        for first, second in zip(whole, ordered, strict=True):
            if first != second:
                raise ValueError(
                    f"{first.parent}: of {first.name} and {second.name}, nobody can tell which "
                    "comes first, as two numbers in the names change. Leave one in each name."
                )
    return {file: numbers[counting[0]] for file, numbers in found.items()}


def gap(frames: dict[Path, int]) -> tuple[Path, Path] | None:
    """The two files between which a frame is missing.

    Frames may be numbered in steps (YouTube-VOS: 0, 5, 10), so a gap is an uneven step.

    Args:
        frames: from ``in_order``.
    """
    pairs = list(itertools.pairwise(frames))
    step = min((frames[after] - frames[before] for before, after in pairs), default=1)
    return next(
        ((before, after) for before, after in pairs if frames[after] - frames[before] != step), None
    )


def numbers_of(files: Sequence[Path]) -> range:
    """The numbers of frames that are numbered evenly: ``range(0, 15, 5)`` for 0, 5 and 10.

    Args:
        files: from ``numbered_files``.
    """
    numbers = list(in_order(files).values())
    step = numbers[1] - numbers[0] if len(numbers) > 1 else 1
    return range(numbers[0], numbers[-1] + 1, step)


def by_stem(files: Iterable[Path]) -> dict[str, Path]:
    """Files by their name without its ending, in the one spelling of Unicode that ``stem`` gives.

    Raises:
        ValueError: two differ in nothing but their ending.
    """
    found: dict[str, Path] = {}
    for file in files:
        key = spelling(file.stem)
        if key in found:
            raise ValueError(f"{file}: there is {found[key].name} too; one of them is too many")
        found[key] = file
    return found


def spelling(name: str) -> str:
    """A name as it is compared: a Mac stores a u with two dots as two characters, others as one."""
    return name if name.isascii() else unicodedata.normalize("NFC", name)


def files_named(folder: Path, stems: Iterable[str], suffixes: Sequence[str]) -> list[Path]:
    """For each name the file of a folder that has it, whatever the case of its ending.

    Args:
        folder: where to look; it need not exist.
        stems: names without their ending.
        suffixes: the endings to take, in lower case; the first stands for a file that is not there.

    Raises:
        ValueError: two files differ in nothing but their ending.
    """
    there = by_stem(files_in(folder, suffixes)) if folder.is_dir() else {}
    return [there.get(spelling(stem), folder / f"{stem}{suffixes[0]}") for stem in stems]

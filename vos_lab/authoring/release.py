"""Hand out a lesson: one zip with the student's notebook, and the package and weights it needs.

The zip is a small copy of this repository, so that the student's first hour is the same: unzip,
``python make.py lab``. For graded work the answers stay at home: the bodies of the exercises are
taken out of the package copy, and their checks become records (:mod:`vos_lab.exercises.recorded`).
The same lessons and library give the same bytes.
"""

import ast
import inspect
import json
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType

import nbformat
from nbformat import NotebookNode

import vos_lab
from vos_lab.authoring.blank import without_bodies
from vos_lab.authoring.build import read_lessons
from vos_lab.authoring.lessons import (
    Lesson,
    as_text,
    find_exercise,
    source_of,
    stub_of,
    student_notebook,
)
from vos_lab.course_files import COURSE_FOLDER, DATA, WEIGHTS, package_files
from vos_lab.exercise import Exercise
from vos_lab.exercises import checks
from vos_lab.exercises.recorded import record
from vos_lab.methods import METHODS
from vos_lab.weights import shipped

AROUND = (
    *("make.py", "Makefile", "pyproject.toml", "setup.py"),
    *("requirements.txt", "requirements-cpu.txt", "requirements.lock"),
)
THE_ZIPS_TIME = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip can say: no two differ by it
CELL_SECONDS = 600

START = """\
# {title}

Your copy of the lesson{plural} {lessons}.

1. Unzip this file, where you want to keep your work.
2. You need Python 3.11 or newer. Open a terminal in this folder, and type

       python make.py lab

   The first time this installs what the course needs, which takes some minutes. Then JupyterLab
   opens. If it does not: `.venv/bin/vos-lab doctor` (on Windows `.venv\\Scripts\\vos-lab doctor`).
3. Work in `notebooks/`. `check(your_function)` says whether it is right, `hint(your_function)`
   helps.
{graded}4. Save the notebook, and hand in the file{plural} {notebooks}.
"""
GRADED = """\
   This work is graded. The library has no version of its own of {names}: what needs one that you
   have not written yet says so. Write it, run its check, and go on.
"""


class ReleaseError(RuntimeError):
    """A release does not do what it should; says where."""


@dataclass(frozen=True)
class Release:
    """What was written.

    Attributes:
        file: the zip.
        lessons: in it.
        weights: in it.
        graded: full names of the exercises whose bodies are not in it.
        notes: what the instructor should know.
    """

    file: Path
    lessons: tuple[str, ...]
    weights: tuple[str, ...]
    graded: tuple[str, ...]
    notes: tuple[str, ...]


def release(
    lessons: Sequence[str],
    out: str | Path,
    graded: bool = False,
    without: Sequence[str] = (),
    weights: Sequence[str] = (),
    root: str | Path = COURSE_FOLDER,
) -> Release:
    """Write the zip for students.

    Args:
        lessons: names, for example ``["03_flownet"]``.
        out: the zip to write.
        graded: leave the answers to these lessons out of the package copy too.
        without: names of further lessons whose answers must not be in it, as they come later.
        weights: names of shipped weights to put in besides those that the lessons name.
        root: the folder that holds ``lessons/``.

    Returns:
        What is in it.

    Raises:
        FileNotFoundError: there are no lessons, or no such lesson or weights.
        LessonError: a lesson cannot be built.
    """
    root, out = Path(root), Path(out)
    chosen = read_lessons(root, lessons)
    content = {name: (COURSE_FOLDER / name).read_bytes() for name in AROUND}
    content |= {f"vos_lab/{name}": file.read_bytes() for name, file in package_files()}
    for lesson in chosen:
        notebook = student_notebook(lesson)
        if graded:
            _let_run_on(notebook)
        content[f"notebooks/{lesson.name}.ipynb"] = as_text(notebook).encode()
    names = {*weights, *(name for lesson in chosen for name in weights_of(lesson))}
    content |= _data(names)
    stays = [*(chosen if graded else []), *(read_lessons(root, without) if without else [])]
    kept_home = [exercise for lesson in stays for exercise in _exercises(lesson)]
    notes = _take_out(content, kept_home)
    content["README.md"] = _start(chosen, kept_home).encode()
    about = {
        "lessons": [lesson.name for lesson in chosen],
        "version": vos_lab.__version__,
        "graded": sorted(exercise.name for exercise in kept_home),
        "weights": sorted(names),
    }
    content["release.json"] = (json.dumps(about, indent=2) + "\n").encode()
    _write_zip(out, f"vos-lab-{chosen[0].name}", content)
    return Release(
        out,
        tuple(about["lessons"]),
        tuple(about["weights"]),
        tuple(about["graded"]),
        tuple(notes),
    )


def _data(names: Iterable[str]) -> dict[str, bytes]:
    """The weights of these names with their cards, and the figures that lessons read."""
    there = shipped()
    for name in names:
        if name not in there:
            raise FileNotFoundError(
                f"there are no shipped weights {name!r}; there are: {', '.join(there) or 'none'}"
            )
    files = [file for file in DATA.rglob("*") if file.is_file() and file.parent != WEIGHTS]
    files += [WEIGHTS / f"{name}{end}" for name in names for end in (".safetensors", ".json")]
    return {file.relative_to(COURSE_FOLDER).as_posix(): file.read_bytes() for file in files}


def _write_zip(out: Path, folder: str, content: dict[str, bytes]) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    unfinished = out.with_name(f".{out.name}.part")
    with zipfile.ZipFile(unfinished, "w") as archive:
        for name in sorted(content):
            entry = zipfile.ZipInfo(f"{folder}/{name}", THE_ZIPS_TIME)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content[name], compresslevel=9)
    unfinished.replace(out)


def _start(chosen: Sequence[Lesson], kept_home: Sequence[Exercise[..., object]]) -> str:
    names = ", ".join(f"`{e.reference.__name__}`" for e in kept_home if _is_in(e, chosen))
    return START.format(
        title=chosen[0].title,
        plural="s" if len(chosen) > 1 else "",
        lessons=", ".join(lesson.name for lesson in chosen),
        notebooks=", ".join(f"`notebooks/{lesson.name}.ipynb`" for lesson in chosen),
        graded=GRADED.format(names=names) if names else "",
    )


# --- what a lesson needs ----------------------------------------------------------------------


def weights_of(lesson: Lesson) -> list[str]:
    """The shipped weights that a lesson names: in its cells, its exercises, or its methods.

    What is put together while it runs is not seen (``f"flownet-{kind}"``); trying the release
    finds that out, and ``weights=`` adds it.

    Args:
        lesson: the lesson.

    Returns:
        Names of shipped weights, in alphabetical order.
    """
    sources = [cell.source for cell in lesson.cells if cell.kind == "code"]
    named = {text for source in sources for text in _strings(source)}
    modules = {cell.target.rpartition(".")[0] for cell in lesson.cells if cell.target}
    modules |= {name for source in sources for name in _methods_imported(source)}
    # A method that is made by its name is imported then.
    modules |= {path.rpartition(".")[0] for name, path in METHODS.items() if name in named}
    package = Path(vos_lab.__file__).parent
    seen: set[str] = set()
    while modules - seen:
        name = min(modules - seen)
        seen.add(name)
        file = package.joinpath(*name.split(".")[1:]).with_suffix(".py")
        if file.is_file():
            source = file.read_text(encoding="utf-8")
            named |= _strings(source)
            modules |= _methods_imported(source)
    return [name for name in shipped() if name in named]


def _nodes(source: str) -> list[ast.AST]:
    try:
        return list(ast.walk(ast.parse(source)))
    except SyntaxError:  # a magic
        return []


def _strings(source: str) -> set[str]:
    """The texts in a piece of source; a description names much that it does not use."""
    nodes = _nodes(source)
    described = {id(n.value) for n in nodes if isinstance(n, ast.Expr)}
    return {
        node.value
        for node in nodes
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and id(node) not in described
    }


def _methods_imported(source: str) -> set[str]:
    """The modules of ``vos_lab.methods`` that a piece of source imports."""
    found: set[str] = set()
    for node in _nodes(source):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return {name for name in found if name.startswith("vos_lab.methods.")}


# --- graded work ------------------------------------------------------------------------------


def _exercises(lesson: Lesson) -> list[Exercise[..., object]]:
    return [find_exercise(cell, lesson) for cell in lesson.cells if cell.kind == "exercise"]


def _is_in(exercise: Exercise[..., object], lessons: Iterable[Lesson]) -> bool:
    return any(exercise in _exercises(lesson) for lesson in lessons)


def _let_run_on(notebook: NotebookNode) -> None:
    """Let "Run All" go on after a cell that needs an answer which is not written yet."""
    for cell in notebook.cells:
        tags = cell.metadata.get("tags", [])
        if cell.cell_type == "code" and "raises-exception" not in tags:
            cell.metadata["tags"] = [*tags, "raises-exception"]


def _take_out(content: dict[str, bytes], exercises: Sequence[Exercise[..., object]]) -> list[str]:
    """Take bodies out of the package copy, and put records in the place of their checks."""
    package = Path(vos_lab.__file__).parent
    for exercise in exercises:
        file = Path(inspect.getfile(exercise.reference)).relative_to(package).as_posix()
        source = content[f"vos_lab/{file}"].decode()
        name = exercise.reference.__name__
        words = (
            f"{name} is graded, so the library has none of its own. Write yours, then check({name})"
        )
        bare = stub_of(source_of(exercise))
        stub = bare + f"(\n        {words!r}\n    )"
        content[f"vos_lab/{file}"] = without_bodies(source, [exercise]).replace(bare, stub).encode()
    notes: list[str] = []
    listed = {
        module.name: import_module(f"{checks.__name__}.{module.name}")
        for module in iter_modules(checks.__path__)
    }
    gone = {n for n, m in listed.items() if any(c.exercise in exercises for c in m.CHECKS)}
    while more := {n for n in set(listed) - gone if _borrows(listed[n], gone)}:
        gone |= more  # a module of checks that takes its pictures from one that is gone
    for name in sorted(gone):
        names = ", ".join(f"Check({check.name})" for check in listed[name].CHECKS)
        content[f"vos_lab/exercises/checks/{name}.py"] = RECORDED.format(names=names).encode()
        with tempfile.TemporaryDirectory() as folder:
            kept = Path(folder) / "record"
            notes += record(listed[name].CHECKS, kept)
            content[f"vos_lab/exercises/checks/{name}.record"] = kept.read_bytes()
    return notes


def _borrows(module: ModuleType, others: Iterable[str]) -> bool:
    source = inspect.getsource(module)
    return any(re.search(rf"\b{re.escape(checks.__name__)}\.{name}\b", source) for name in others)


RECORDED = '''\
"""Checks of graded exercises: what comes in, and what must come out. The answers are not here."""

from pathlib import Path

from vos_lab.exercises.recorded import read_checks

CHECKS = read_checks(Path(__file__).with_suffix(".record"))
# Of {names}
'''


# --- trying it --------------------------------------------------------------------------------


def try_release(
    file: str | Path, fresh: bool = False, root: str | Path = COURSE_FOLDER
) -> list[str]:
    """Unzip a release somewhere else, write the answers into its notebooks, and run them there.

    Args:
        file: the zip.
        fresh: make the environment anew, as a student does (``python make.py setup``; minutes, and
            it needs a network). Else the packages of this environment serve, with the package of
            the zip in the place of this one.
        root: the folder that holds ``lessons/``.

    Returns:
        What was found, in words.

    Raises:
        ReleaseError: a cell fails, a check does not pass, or something other than an exercise that
            nobody has written stops the untouched notebook of graded work.
    """
    said = []
    with tempfile.TemporaryDirectory(prefix="vos-lab-release-") as folder:
        with zipfile.ZipFile(file) as archive:
            archive.extractall(folder)
        (place,) = Path(folder).iterdir()
        about = json.loads((place / "release.json").read_text(encoding="utf-8"))
        python = _environment(place) if fresh else sys.executable
        for lesson in read_lessons(root, about["lessons"]):
            path = place / "notebooks" / f"{lesson.name}.ipynb"
            untouched = nbformat.read(path, as_version=4)
            done = _run(answered(untouched, lesson), place, python)
            passed, waiting, problems = _look_at(done)
            problems += [
                f"{e.reference.__name__}: its check does not pass"
                for e in _exercises(lesson)
                if e.reference.__name__ not in passed
            ]
            if about["graded"]:
                # The first cell that stops must say why. What comes after it may follow from it.
                stopped = _run(untouched, place, python, whole=False)
                first = (*_errors(stopped), ("", "NotAttempted"))[0]
                if not first[1].startswith(("NotImplementedError", "NotAttempted")):
                    problems.append(f"nothing is written, and {first[0]} says: {first[1]}")
            if problems:
                raise ReleaseError(
                    f"{file}: {lesson.name} does not run:\n  " + "\n  ".join(problems)
                )
            said.append(f"{lesson.name}: runs on the answers, and every check passes")
            said += [f"{lesson.name}: {words}" for words in waiting]
    return said


def _look_at(done: NotebookNode) -> tuple[set[str], list[str], list[str]]:
    """The exercises that pass in a notebook that has run, cells that come too early, and errors."""
    passed: set[str] = set()
    waiting, problems = [], []
    for cell in done.cells:
        for output in cell.get("outputs", ()):
            passed |= set(re.findall(r"^✓ (\w+): passed", output.get("text", ""), re.MULTILINE))
        for name, error in _errors(nbformat.v4.new_notebook(cells=[cell])):
            early = re.match(r"NotImplementedError: (\w+) is graded", error)
            if early and early[1] not in passed:
                waiting.append(f"cell {name} comes before {early[1]} is written, and says so")
            else:
                problems.append(f"{name}: {error}")
    return passed, waiting, problems


def answered(notebook: NotebookNode, lesson: Lesson) -> NotebookNode:
    """A student's notebook with the library's answers written into it.

    Args:
        notebook: untouched.
        lesson: of which it is.
    """
    answers = {exercise.name: source_of(exercise) for exercise in _exercises(lesson)}
    filled = nbformat.from_dict(json.loads(nbformat.writes(notebook)))
    for cell in filled.cells:
        ours = cell.metadata.get("vos_lab", {})
        if ours.get("kind") == "exercise":
            cell.source = answers[ours["exercise"]]
    return filled


def _environment(place: Path) -> str:
    """Set up a release as a student does, in its own folder and nowhere else; its Python."""
    own = place.resolve() / ".venv"
    variables = {**os.environ, "VOS_LAB_VENV": str(own)}
    done = subprocess.run([sys.executable, "make.py", "setup"], cwd=place, env=variables)
    if done.returncode:
        raise ReleaseError(f"{place.name}: `python make.py setup` fails; it says above why")
    return str(next(p for p in own.glob("*/python*") if p.stem == "python"))


RUN = """\
import sys

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

path, seconds, whole = sys.argv[1], int(sys.argv[2]), sys.argv[3] == "whole"
notebook = nbformat.read(path, as_version=4)
how = {"allow_errors": True} if whole else {"force_raise_errors": True}
try:
    NotebookClient(notebook, timeout=seconds, store_widget_state=False, **how).execute()
except CellExecutionError:
    pass
nbformat.write(notebook, path)
"""


def _run(notebook: NotebookNode, place: Path, python: str, whole: bool = True) -> NotebookNode:
    """Run a notebook in a release, with its package and no other; whole, or to its first error."""
    where = place / "notebooks" / ".try.ipynb"
    proof = "import vos_lab\nassert vos_lab.__file__.startswith({!r}), vos_lab.__file__"
    first = nbformat.v4.new_code_cell(proof.format(str(place.resolve())))
    filled = nbformat.from_dict(json.loads(nbformat.writes(notebook)))
    filled.cells.insert(0, first)
    where.write_text(nbformat.writes(filled), encoding="utf-8")
    command = [python, "-c", RUN, where.name, str(CELL_SECONDS), "whole" if whole else "part"]
    environment = {**os.environ, "PYTHONPATH": str(place.resolve()), "TQDM_DISABLE": "1"}
    done = subprocess.run(command, cwd=where.parent, env=environment, capture_output=True)
    if done.returncode:
        words = done.stderr.decode(errors="replace").strip()[-2000:]
        raise ReleaseError(f"{place.name}: the notebook cannot be run:\n{words}")
    ran = nbformat.read(where, as_version=4)
    where.unlink()
    if proved := _errors(nbformat.v4.new_notebook(cells=ran.cells[:1])):
        raise ReleaseError(f"{place.name}: another vos_lab was imported: {proved[0][1]}")
    return ran


def _errors(notebook: NotebookNode) -> list[tuple[str, str]]:
    """The errors of a notebook that has run, each with the name of its cell."""
    return [
        (cell.metadata.get("vos_lab", {}).get("name", "?"), f"{output.ename}: {output.evalue}")
        for cell in notebook.cells
        for output in cell.get("outputs", ())
        if output.output_type == "error"
    ]

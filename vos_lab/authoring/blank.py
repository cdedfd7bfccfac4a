"""A copy of the library without its answers: what a student or a worker may see.

The bodies of the exercises of a lesson are taken out, the same way as in the student's notebook;
the checks, with their cases and the mistakes that come close to the answers, are left out.
"""

import ast
import compileall
import importlib.util
import inspect
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import vos_lab
from vos_lab.authoring.lessons import stub_of
from vos_lab.course_files import INSIDE
from vos_lab.exercise import Exercise

CHECKS = "exercises/checks"
LEFT_OUT = ("__pycache__", "*.pyc", ".*", "quizzes", INSIDE)


def blank_package(
    folder: str | Path,
    exercises: Sequence[Exercise[..., Any]],
    checks: bool = False,
    compiled: bool = False,
) -> Path:
    """Copy the library, without the bodies of some exercises.

    Args:
        folder: where ``vos_lab`` is put.
        exercises: whose bodies are taken out.
        checks: whether the checks are copied.
        compiled: whether what Python has compiled is there too, so that it imports quickly.

    Returns:
        The copy.

    Raises:
        FileExistsError: there is a ``vos_lab`` already.
    """
    source = Path(vos_lab.__file__).parent
    copy = Path(folder) / "vos_lab"
    shutil.copytree(source, copy, ignore=shutil.ignore_patterns(*LEFT_OUT))
    if not checks:
        # What else stands there tells of the answers too: lists of changes that change nothing.
        for beside in (copy / CHECKS).iterdir():
            if beside.is_dir():
                shutil.rmtree(beside)
            elif beside.name != "__init__.py":
                beside.unlink()
    by_file: dict[Path, list[Exercise[..., Any]]] = {}
    for marked in exercises:
        file = Path(inspect.getfile(marked.reference)).resolve()
        by_file.setdefault(file, []).append(marked)
    for file, inside in by_file.items():
        target = copy / file.relative_to(source.resolve())
        target.write_text(without_bodies(file.read_text(encoding="utf-8"), inside), "utf-8")
    if compiled:
        # Of files that are as they were, Python's own are good: they go by size and time. Of the
        # others they hold the bodies.
        for file in source.rglob("*.pyc"):
            code = Path(importlib.util.source_from_cache(str(file)))
            there = copy / code.relative_to(source)
            if code.is_file() and there.is_file() and code.resolve() not in by_file:
                place = copy / file.relative_to(source)
                place.parent.mkdir(exist_ok=True)
                shutil.copy2(file, place)
        compileall.compile_dir(copy, quiet=2)
    return copy


def without_bodies(source: str, exercises: Sequence[Exercise[..., Any]]) -> str:
    """A module's source with the bodies of some exercises taken out.

    Args:
        source: of the module.
        exercises: that are defined in it.

    Returns:
        The source; everything else is as it was.
    """
    names = {marked.reference.__name__ for marked in exercises}
    lines = source.split("\n")
    found = [
        node
        for node in ast.parse(source).body
        if isinstance(node, ast.FunctionDef) and node.name in names
    ]
    for node in reversed(found):  # from below, so that the line numbers above stay right
        start, end = node.lineno - 1, node.end_lineno
        lines[start:end] = stub_of("\n".join(lines[start:end])).split("\n")
    return "\n".join(lines)


def modules_of(exercises: Sequence[Exercise[..., Any]]) -> list[str]:
    """The modules in which exercises are defined, each once."""
    names = {marked.reference.__module__ for marked in exercises}
    return sorted(name for name in names if name in sys.modules)

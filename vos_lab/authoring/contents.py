"""The table of contents: what there is to learn, read from the headers of the lessons.

Nothing is imported that a lesson uses, and no notebook is made, so that the list is there at once.
"""

import ast
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from vos_lab.course_files import COURSE_FOLDER, PACKAGE

TABLE = re.compile(r"(<!-- lessons: .*? -->\n).*?(<!-- end of lessons -->)", re.DOTALL)
HEADER = re.compile(r"^# %%( \[markdown\])?(?= |$)(.*)$", re.MULTILINE)
ENTRY = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|\[[^\]]*\]|-?\d+)')


class LessonError(ValueError):
    """A lesson cannot be built; says which cell and what to do."""


def lesson_files(
    root: str | Path = COURSE_FOLDER, names: Sequence[str] | None = None
) -> dict[str, Path]:
    """The files of lessons by their names, in order.

    Args:
        root: the folder that holds ``lessons/``.
        names: which; by default all.

    Raises:
        FileNotFoundError: there is no folder of lessons, or no such lesson.
    """
    folder = Path(root) / "lessons"
    if not folder.is_dir():
        raise FileNotFoundError(
            f"{folder}: there is no folder of lessons. A zip for students has none; a clone of the "
            "repository has them, and so does the package when it is installed"
        )
    files = {file.stem: file for file in sorted(folder.glob("[0-9][0-9]_*.py"))}
    for name in names or ():
        if name not in files:
            raise FileNotFoundError(
                f"{folder / name}.py: there is no such lesson; there are {', '.join(files)}"
            )
    return {name: files[name] for name in (names or files)}


def lessons(root: str | Path = COURSE_FOLDER) -> list[dict[str, Any]]:
    """The lessons with their exercises, as ``vos-lab lessons --json`` gives them.

    Args:
        root: the folder that holds ``lessons/``.

    Returns:
        For each lesson its name, title, what a student builds in it, minutes, needs, points and
        exercises; for each of these its name, function, points, minutes, difficulty and importance.

    Raises:
        FileNotFoundError: there is no folder of lessons.
        LessonError: the header of a lesson does not say what it should.
    """
    return [_lesson(name, file) for name, file in lesson_files(root).items()]


def _lesson(name: str, file: Path) -> dict[str, Any]:
    text = file.read_text(encoding="utf-8")
    headers = [(_entries(found[2]), found.end()) for found in HEADER.finditer(text)]
    first, end = headers[0] if headers else ({}, 0)
    title = re.match(r"\n# # (.+)", text[end:])
    for key in ("minutes", "builds"):
        if key not in first:
            raise LessonError(f"{file.name}: the header of the first cell must say {key}=")
    if title is None:
        raise LessonError(f"{file.name}: the first cell must start with '# Title'")
    exercises = []
    for entries, _ in headers:
        if "exercise" in entries:
            function, facts = _exercise(entries["exercise"], f"{file.name}, {entries['exercise']}")
            points = {"points": entries.get("points", 1)}
            named = {"name": function.rpartition(".")[2], "function": function}
            exercises.append({**named, **points, **facts})
    return {
        "name": name,
        "title": title[1].strip(),
        "builds": first["builds"],
        "minutes": first["minutes"],
        "needs": first.get("needs", []),
        "points": sum(exercise["points"] for exercise in exercises),
        "exercises": exercises,
    }


def _entries(header: str) -> dict[str, Any]:
    """What the header of a cell says.

    Example:
        >>> _entries(' name="a b" minutes=90 needs=["04_motion"]')
        {'name': 'a b', 'minutes': 90, 'needs': ['04_motion']}
    """
    return {key: ast.literal_eval(value) for key, value in ENTRY.findall(header)}


def _exercise(target: str, where: str) -> tuple[str, dict[str, int]]:
    """The full name of an exercise, and what its marker says, from the source of its module."""
    module, _, name = target.rpartition(".")
    for node in _module(module, where).body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            for mark in node.decorator_list:
                if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "exercise":
                    given = {str(word.arg): word.value for word in mark.keywords}
                    return target, {key: ast.literal_eval(value) for key, value in given.items()}
        if isinstance(node, ast.ImportFrom) and name in (alias.name for alias in node.names):
            return _exercise(f"{node.module}.{name}", where)
    raise LessonError(f"{where}: is not marked with @exercise")


def _module(name: str, where: str) -> ast.Module:
    path = PACKAGE.joinpath(*name.split(".")[1:])
    for file in (path.with_suffix(".py"), path / "__init__.py"):
        if file.is_file():
            return ast.parse(file.read_text(encoding="utf-8"))
    raise LessonError(f"{where}: there is no module {name}")


# --- the table in README.md -------------------------------------------------------------------


def readme(root: str | Path = COURSE_FOLDER) -> tuple[str, str] | None:
    """The text of ``README.md``, and what it should be.

    Args:
        root: the folder that holds ``README.md`` and ``lessons/``.

    Returns:
        Both texts. They differ in the table of lessons alone, or not at all. None if there is no
        such file, or no place for the table in it.
    """
    file = Path(root) / "README.md"
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    if not TABLE.search(text):
        return None
    table = "\n".join(_rows(lessons(root)))
    return text, TABLE.sub(lambda found: f"{found[1]}\n{table}\n\n{found[2]}", text, count=1)


def _rows(found: list[dict[str, Any]]) -> Iterator[str]:
    yield "| lesson | title | what you build | minutes |"
    yield "| --- | --- | --- | --- |"
    for each in found:
        yield f"| `{each['name']}` | {each['title']} | {each['builds']} | {each['minutes']} |"

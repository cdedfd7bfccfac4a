"""See what came back: who handed in which lesson, and which exercises somebody has written.

Nothing is run. Files are found and read as the grader does it (:mod:`vos_lab.grading.submissions`,
:mod:`vos_lab.grading.extract`), so what stands here is what would be graded.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from vos_lab.authoring.build import read_lessons
from vos_lab.authoring.lessons import Lesson, student_notebook
from vos_lab.authoring.notebooks import NotANotebook, RawNotebook, read_notebook, text_of
from vos_lab.course_files import COURSE_FOLDER
from vos_lab.grading.extract import extract
from vos_lab.grading.submissions import File, Submission, find_submissions, printable


@dataclass(frozen=True)
class Row:
    """What a student handed in for a lesson.

    Attributes:
        student: as the name of the folder or file says.
        lesson: name of the lesson; empty if nothing can be graded.
        file: the one that would be graded.
        version: of the course, from which the notebook is; empty if the file does not say.
        states: for each exercise answer, untouched, missing or broken.
        problems: for the instructor.
    """

    student: str
    lesson: str
    file: str
    version: str
    states: dict[str, str]
    problems: tuple[str, ...]

    @property
    def attempted(self) -> int:
        """How many exercises have an answer, right or wrong."""
        return sum(state == "answer" for state in self.states.values())


def collect(
    paths: Sequence[str | Path],
    lessons: Sequence[str] | None = None,
    root: str | Path = COURSE_FOLDER,
) -> list[Row]:
    """Read submissions, without running them.

    Args:
        paths: notebooks, folders, or archives as learning platforms export them.
        lessons: names of the lessons to look for; by default all.
        root: the folder that holds ``lessons/``.

    Returns:
        A row for each student and lesson, sorted; one without a lesson for a student of whom
        nothing can be graded.

    Raises:
        FileNotFoundError: there is nothing at a path, or there is no such lesson.
        ValueError: there is no notebook in it at all.
    """
    known = read_lessons(root)
    chosen = read_lessons(root, lessons) if lessons else known
    found = find_submissions(paths, known=[lesson.name for lesson in known])
    rows = [row for submission in found for row in _rows(submission, chosen)]
    return sorted(rows, key=lambda row: (row.student.lower(), row.lesson))


def _rows(submission: Submission, lessons: Sequence[Lesson]) -> list[Row]:
    """A row for each lesson of which a student handed in anything; one at least."""
    problems: list[str] = []
    read: list[tuple[File, bytes, RawNotebook | None]] = []
    for file, data in submission.contents(problems):
        try:
            program = file.name.lower().endswith(".py")
            read.append((file, data, None if program else read_notebook(data)))
        except NotANotebook as error:
            problems.append(f"{file.name}: {error}")
    rows = []
    for lesson in lessons:
        own = [(f, d, n) for f, d, n in read if _is_of(lesson, f, d, n)]
        unread = [words for words in problems if lesson.name in words]
        if own:
            rows.append(_row(submission, lesson, own, unread))
        elif unread:
            rows.append(Row(submission.student, lesson.name, "", "", {}, tuple(unread)))
    if rows:
        return rows
    of = sorted({n.lesson for _, _, n in read if n is not None and n.lesson})
    what = f"of {printable(', '.join(of)[:80])}" if of else "of none of the lessons"
    said = [words for words in (*problems, submission.problem, *submission.notes) if words]
    if read:
        said.append("what was handed in is " + what)
    names = [file.name for file, _, _ in read]
    why = tuple(dict.fromkeys(said)) or ("there is no notebook in it",)
    return [Row(submission.student, "", ", ".join(names[:3]), "", {}, why)]


def _row(
    submission: Submission,
    lesson: Lesson,
    own: list[tuple[File, bytes, RawNotebook | None]],
    problems: list[str],
) -> Row:
    # As the grader orders them.
    ordered = Submission(submission.student, [file for file, _, _ in own])
    ordered.sort(lesson.name)
    file, data, notebook = next(one for one in own if one[0] is ordered.files[0])
    found = extract(data, file.name, _blank(lesson))
    said = [*problems, *ordered.notes, *found["notes"]]
    said += [found["error"]] if found["error"] else []
    for name, answer in found["answers"].items():
        if answer["state"] in ("missing", "broken"):
            said.append(f"{name} is {answer['state']}: {answer['note']}".rstrip(": "))
    return Row(
        submission.student,
        lesson.name,
        file.name,
        printable(str(notebook.ours.get("version", "")))[:40] if notebook else "",
        {name: answer["state"] for name, answer in found["answers"].items()},
        tuple(dict.fromkeys(map(printable, said))),
    )


def _is_of(lesson: Lesson, file: File, data: bytes, notebook: RawNotebook | None) -> bool:
    """Whether a file is of a lesson: it says so, or its name does, or its exercises are there."""
    if notebook is not None and notebook.lesson:
        return notebook.lesson == lesson.name
    if found := re.findall(r"\d\d_[a-z0-9]+(?:_[a-z0-9]+)*", file.name.lower()):
        return any(lesson.name in name for name in found)
    sources = [c.source for c in notebook.cells] if notebook is not None else [text_of(data)]
    names = "|".join(exercise["name"] for exercise in _blank(lesson)["exercises"])
    defined = re.compile(rf"^\s*((def|class)\s+({names})\b|({names})\s*[:=])", re.MULTILINE)
    return bool(names) and any(map(defined.search, sources))


@cache
def _blank(lesson: Lesson) -> dict[str, Any]:
    """The exercises of a lesson, as :func:`vos_lab.grading.extract.extract` looks for them."""
    cells = [
        cell
        for cell in student_notebook(lesson).cells
        if cell.metadata["vos_lab"]["kind"] == "exercise"
    ]
    full = [cell.metadata["vos_lab"]["exercise"] for cell in cells]
    return {
        "lesson": lesson.name,
        "context": "",
        "exercises": [
            {"name": name.rpartition(".")[2], "full": name, "id": cell.id, "stub": cell.source}
            for name, cell in zip(full, cells, strict=True)
        ],
    }

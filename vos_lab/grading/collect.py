"""See what came back: who handed in which lesson, and which exercises somebody has written.

Nothing is run. Files are found and read as the grader does it (:mod:`vos_lab.grading.submissions`,
:mod:`vos_lab.grading.extract`), so what stands here is what would be graded.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from vos_lab.authoring.build import read_lessons
from vos_lab.authoring.lessons import Lesson, student_notebook
from vos_lab.course_files import COURSE_FOLDER
from vos_lab.grading.extract import extract
from vos_lab.grading.submissions import File, find_submissions


@dataclass(frozen=True)
class Row:
    """What a student handed in for a lesson.

    Attributes:
        student: as the name of the folder or file says.
        lesson: name of the lesson.
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
        paths: notebooks, folders, or zips as learning platforms export them.
        lessons: names of the lessons to look for; by default all.
        root: the folder that holds ``lessons/``.

    Returns:
        A row for each student and lesson, sorted; one without a lesson for a student of whom
        nothing can be graded.

    Raises:
        FileNotFoundError: there is nothing at a path, or there is no such lesson.
        ValueError: there is no notebook in it at all.
    """
    chosen = read_lessons(root, lessons)
    rows = [row for lesson in chosen for row in _rows(paths, lesson)]
    # Who handed in nothing that can be graded must not be missing from the table.
    seen = {row.student for row in rows} | {row.file for row in rows}
    for submission in find_submissions(paths, chosen[0].name):
        names = [file.name for file in submission.files]
        if submission.student not in seen and seen.isdisjoint(names):
            why = "; ".join(submission.notes) or "is of none of the lessons"
            rows.append(Row(submission.student, "", ", ".join(names[:3]), "", {}, (why,)))
    return sorted(rows, key=lambda row: (row.student.lower(), row.lesson))


def _rows(paths: Sequence[str | Path], lesson: Lesson) -> list[Row]:
    rows = []
    for submission in find_submissions(paths, lesson.name):
        said = [note for note in submission.notes if lesson.name in note]
        for file in submission.files:
            try:
                data = file.read()
            except (ValueError, OSError) as error:
                if lesson.name in file.name:
                    said.append(f"{file.name}: {error}")
                continue
            about = _about(data)
            if about.get("lesson", _by_name(file)) != lesson.name:
                continue
            found = extract(data, file.name, _blank(lesson))
            problems = [*said, *found["notes"], *([found["error"]] if found["error"] else [])]
            states = {name: answer["state"] for name, answer in found["answers"].items()}
            for name, answer in found["answers"].items():
                if answer["state"] in ("missing", "broken"):
                    problems.append(f"{name} is {answer['state']}: {answer['note']}".rstrip(": "))
            version = str(about.get("version", ""))
            rows.append(
                Row(
                    submission.student,
                    lesson.name,
                    file.name,
                    version,
                    states,
                    tuple(dict.fromkeys(problems)),
                )
            )
            break  # the first that can be read is graded
    return rows


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


def _about(data: bytes) -> dict[str, Any]:
    """What a notebook says of itself."""
    try:
        about = json.loads(data)["metadata"]["vos_lab"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}
    return about if isinstance(about, dict) else {}


def _by_name(file: File) -> str | None:
    found = re.findall(r"\d\d_[a-z0-9]+(?:_[a-z0-9]+)*", file.name)
    return found[-1] if found else None

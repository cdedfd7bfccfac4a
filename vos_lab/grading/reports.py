"""Write what came of grading: for Gradescope, for each student, and for the teacher."""

import csv
import io
import json
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from vos_lab.authoring.lessons import Lesson
from vos_lab.grading import similarity
from vos_lab.grading.answer_key import Key
from vos_lab.grading.pages import SIGNS, shown_cases, student_page, summary_page
from vos_lab.grading.results import CaseResult, ExerciseResult, Result, Settings
from vos_lab.grading.submissions import Submission

LEVELS = 5  # bars of a distribution


# --- for Gradescope, and for ourselves --------------------------------------------------------


def gradescope(result: Result) -> dict[str, Any]:
    """A result in Gradescope's schema for ``results.json``.

    Args:
        result: of a submission.

    Returns:
        Score, and a test for each exercise; ``extra_data`` holds our own record.
    """
    notes = [*(["Error: " + result.error] if result.error else []), *result.notes]
    return {
        "score": result.points,
        "execution_time": round(result.seconds),
        "output": "\n".join(notes),
        "output_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": [
            {
                "name": exercise.name,
                "number": str(number),
                "score": exercise.points,
                "max_score": exercise.possible,
                "status": "passed" if exercise.outcome == "passed" else "failed",
                "output": "\n".join(exercise_lines(exercise)),
                "output_format": "text",
                "visibility": "visible",
            }
            for number, exercise in enumerate(result.exercises, start=1)
        ],
        "extra_data": {"vos_lab": _record(result)},
    }


def exercise_lines(exercise: ExerciseResult) -> list[str]:
    """An exercise in words, as a student reads them.

    Args:
        exercise: what became of it.
    """
    lines = [f"{SIGNS[exercise.outcome]} {exercise.name}: {exercise.outcome}"]
    if exercise.note:
        lines.append(exercise.note)
    shown = shown_cases(exercise, pictures=False)
    if shown.shared:
        lines += [shown.title, *_indented(shown.shared)]
    for case, said, _ in shown.cases:
        lines += [f"  {SIGNS[case.outcome]} {case.name}", *_indented(said)]
    if exercise.message:
        lines.append(exercise.message)
    if exercise.hint:
        lines.append(f"Hint: {exercise.hint}")
    return lines


def _indented(lines: Iterable[str]) -> list[str]:
    return [f"      {line}" for text in lines for line in text.split("\n")]


def _record(result: Result) -> dict[str, Any]:
    def without_pictures(case: CaseResult) -> dict[str, Any]:
        return {k: v for k, v in case.__dict__.items() if k != "pictures"}

    exercises = [
        {**e.__dict__, "cases": [without_pictures(case) for case in e.cases]}
        for e in result.exercises
    ]
    return {**result.__dict__, "exercises": exercises}


def read(out: Path, name: str, mark: str) -> Result | None:
    """The result of a submission that was graded before, in just the same way.

    Args:
        out: folder of the batch.
        name: of the submission's folder.
        mark: of the grading.

    Returns:
        The result, without pictures; None if there is none with that mark.
    """
    try:
        data = json.loads((out / "students" / name / "results.json").read_text("utf-8"))
        ours = data["extra_data"]["vos_lab"]
        if ours.pop("mark") != mark:
            return None
        exercises = tuple(
            ExerciseResult(
                **{
                    **exercise,
                    "cases": tuple(
                        CaseResult(**{**c, "lines": tuple(c["lines"])}) for c in exercise["cases"]
                    ),
                    "grams": tuple(exercise["grams"]),
                }
            )
            for exercise in ours["exercises"]
        )
        return Result(**{**ours, "exercises": exercises, "notes": tuple(ours["notes"])})
    except (OSError, ValueError, KeyError, TypeError, AttributeError):  # none, or half of one
        return None


def write(out: Path, name: str, result: Result, lesson: Lesson, mark: str) -> None:
    """Write ``students/NAME/results.json`` and ``report.html``.

    Args:
        out: folder of the batch.
        name: of the submission's folder.
        result: of the submission.
        lesson: that was graded.
        mark: of the grading; the same mark will not be graded again.
    """
    folder = out / "students" / name
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / "report.html", student_page(result, lesson))
    data = gradescope(result)
    data["extra_data"]["vos_lab"]["mark"] = mark
    # Last, as this is what says that the submission is done.
    write_whole(folder / "results.json", json.dumps(data, indent=1))


def write_whole(path: Path, text: str) -> None:
    """Write a file in one step, so that an interruption leaves the one before, or none.

    Args:
        path: of the file.
        text: that is written.
    """
    unfinished = path.with_name(f".{path.name}.part")
    # Text that is no text, as an answer may print it, must not end a batch.
    unfinished.write_bytes(text.encode("utf-8", errors="replace"))
    os.replace(unfinished, path)


# --- for the teacher --------------------------------------------------------------------------


def write_batch(
    out: Path,
    results: Sequence[Result],
    submissions: Sequence[Submission],
    key: Key,
    settings: Settings,
) -> None:
    """Write ``grades.csv``, ``summary.json`` and ``summary.html``.

    Args:
        out: folder of the batch.
        results: sorted by student.
        submissions: that they are of.
        key: of the lesson.
        settings: of the batch.
    """
    folders = {s.student: s.folder for s in submissions}
    names = [question.name for question in key.questions]
    text = io.StringIO(newline="")
    table = csv.writer(text)
    outcomes = [f"{name}: outcome" for name in names]
    table.writerow(["student", "points", "possible", *names, *outcomes, "file", "notes"])
    for r in results:
        notes = "; ".join([*([r.error] if r.error else []), *r.notes])
        points = [e.points for e in r.exercises]
        said = [e.outcome for e in r.exercises]
        row = [r.student, r.points, r.possible, *points, *said, r.file, notes]
        table.writerow([_cell(value) for value in row])
    # The byte-order mark tells spreadsheets that it is UTF-8.
    write_whole(out / "grades.csv", "\ufeff" + text.getvalue())
    found = compare(results, key)
    summary = summarise(results, found)
    summary["settings"] = {
        "seed": settings.seed,
        "hidden": settings.hidden is not None,
        **asdict(settings.limits),
    }
    write_whole(out / "summary.json", json.dumps(summary, indent=1))
    write_whole(out / "summary.html", summary_page(key.lesson, results, folders, found, summary))


def _cell(value: Any) -> Any:
    """Text that a spreadsheet takes as text, and not as a formula of the student's."""
    dangerous = isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r"))
    return f"'{value}" if dangerous else value


def compare(results: Sequence[Result], key: Key) -> similarity.Similarity:
    """Which submissions have the same structure.

    Args:
        results: of the batch.
        key: of the lesson, with the references.
    """
    answers = {
        r.student: {
            e.name: similarity.Answer(frozenset(e.grams), e.nodes) for e in r.exercises if e.grams
        }
        for r in results
    }
    answers[similarity.REFERENCE] = {
        q.name: similarity.Answer(frozenset(q.grams), q.nodes) for q in key.questions
    }
    return similarity.compare(answers)


def summarise(results: Sequence[Result], found: similarity.Similarity) -> dict[str, Any]:
    """The figures of a batch.

    Args:
        results: of the batch.
        found: the similar ones.
    """
    exercises: dict[str, Any] = {}
    for number, first in enumerate(results[0].exercises if results else ()):
        each = [r.exercises[number] for r in results]
        exercises[first.name] = {
            "possible": first.possible,
            "mean": round(sum(e.points for e in each) / len(each), 3),
            "outcomes": dict(Counter(e.outcome for e in each).most_common()),
            "distribution": _distribution([e.points for e in each], first.possible),
            "commonest": _common(e.message for e in each if e.message),
            "failing_cases": _common(
                c.name for e in each for c in e.cases if c.outcome != "passed"
            ),
        }
    totals = [r.points for r in results]
    possible = results[0].possible if results else 0
    return {
        "submissions": len(results),
        "unreadable": [r.student for r in results if r.error],
        "possible": possible,
        "mean": round(sum(totals) / max(1, len(totals)), 3),
        "distribution": _distribution(totals, possible),
        "exercises": exercises,
        "usual_similarity": found.usual,
        "similar": [asdict(pair) for pair in found.pairs],
    }


def _common(words: Iterable[str]) -> list[list[Any]]:
    return [[text, count] for text, count in Counter(words).most_common(8)]


def _distribution(points: Sequence[float], possible: float) -> list[int]:
    """How many reach 0 points, how many each fifth, how many all."""
    counts = [0] * (LEVELS + 2)
    for value in points:
        share = value / possible if possible else 0
        if share <= 0:
            counts[0] += 1
        elif share >= 1:
            counts[-1] += 1
        else:
            counts[1 + min(LEVELS - 1, int(share * LEVELS))] += 1
    return counts

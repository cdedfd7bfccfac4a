"""Write what came of grading: for Gradescope, for each student, and for the teacher."""

import base64
import csv
import html
import io
import json
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from vos_lab.authoring.lessons import Lesson
from vos_lab.grading import similarity
from vos_lab.grading.answer_key import Key
from vos_lab.grading.results import CaseResult, ExerciseResult, Result, Settings
from vos_lab.grading.submissions import Submission

CSS = Path(__file__).with_name("report.css")
SIGNS = {"passed": "✓", "failed": "✗", "error": "✗", "not attempted": "○", "not read": "–"}
MOST_PICTURES = 3  # of an exercise
SIDE = 320  # pixels of the longer side of a picture
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
    for case in exercise.cases:
        lines.append(f"  {SIGNS[case.outcome]} {case.name}")
        lines += [f"      {line}" for text in case.lines for line in text.split("\n")]
    if exercise.message:
        lines.append(exercise.message)
    if exercise.hint:
        lines.append(f"Hint: {exercise.hint}")
    return lines


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
    except (OSError, ValueError, KeyError, TypeError):  # none, or half of one
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
    _write(folder / "report.html", student_page(result, lesson))
    data = gradescope(result)
    data["extra_data"]["vos_lab"]["mark"] = mark
    # Last, as this is what says that the submission is done.
    _write(folder / "results.json", json.dumps(data, indent=1))


def _write(path: Path, text: str) -> None:
    unfinished = path.with_name(f".{path.name}.part")
    unfinished.write_text(text, encoding="utf-8", errors="replace")
    os.replace(unfinished, path)


# --- for the student --------------------------------------------------------------------------


def student_page(result: Result, lesson: Lesson) -> str:
    """The report of a submission, as one HTML file.

    Args:
        result: of the submission.
        lesson: that was graded.
    """
    parts = [
        f"<h1>{_e(lesson.title)}</h1>",
        f'<p class="quiet">{_e(result.student)} · {_e(lesson.name)} · {_e(result.file)}</p>',
        f'<p class="total">{result.points:g} of {result.possible:g} points</p>',
    ]
    if result.error:
        parts.append(f'<p class="message">{_e(result.error)}</p>')
    parts += [f'<p class="quiet">{_e(note)}</p>' for note in result.notes]
    for exercise in result.exercises:
        parts.append(_exercise(exercise))
    return _page(f"{result.student}: {lesson.title}", parts)


def _exercise(exercise: ExerciseResult) -> str:
    parts = [
        f'<h2><span class="{_class(exercise.outcome)}">{SIGNS[exercise.outcome]}</span> '
        f"{_e(exercise.name)}</h2>",
        f"<p>{_e(exercise.outcome)} · {exercise.points:g} of {exercise.possible:g} points"
        f"{' · ' + _e(exercise.note) if exercise.note else ''}</p>",
    ]
    if exercise.message:
        parts.append(f'<p class="message">{_e(exercise.message)}</p>')
    if exercise.hint:
        parts.append(f'<p class="hint">Hint: {_e(exercise.hint)}</p>')
    if exercise.cases:
        parts.append('<ul class="cases">')
        shown = 0
        for case in exercise.cases:
            pictures = case.pictures if shown < MOST_PICTURES else None
            shown += pictures is not None
            parts.append(_case(case, exercise.name, pictures))
        parts.append("</ul>")
    return "\n".join(parts)


def _case(case: CaseResult, name: str, pictures: tuple[np.ndarray, np.ndarray] | None) -> str:
    words = f'<li><span class="{_class(case.outcome)}">{SIGNS[case.outcome]}</span> {_e(case.name)}'
    if case.lines:
        words += f"<pre>{_e(chr(10).join(case.lines))}</pre>"
    if pictures is not None:
        images = pair_of_pictures(*pictures)
        if images is not None:
            words += '<div class="pair">'
            for title, (image, caption) in zip(("yours", "expected"), images, strict=True):
                alt = f"{name}, {case.name}, {title}: {caption}"
                words += (
                    f'<figure><img src="{image}" alt="{_e(alt)}">'
                    f"<figcaption>{title}: {_e(caption)}</figcaption></figure>"
                )
            words += "</div>"
    return words + "</li>"


def pair_of_pictures(
    got: np.ndarray, expected: np.ndarray
) -> tuple[tuple[str, str], tuple[str, str]] | None:
    """Two results as pictures on one scale.

    Args:
        got: array of two or more dimensions; the last two, or three, are shown: an image, a mask,
            flow, or any map of numbers.
        expected: of the same shape.

    Returns:
        For each the address of the picture, and what it shows; None if they are no picture.
    """
    from matplotlib import colormaps

    from vos_lab.flow.colour import flow_to_rgb

    pair = [np.asarray(got), np.asarray(expected)]
    shape = pair[1].shape
    last = shape[-1]
    is_image = pair[1].ndim == 3 and last == 3 and all(a.dtype == np.uint8 for a in pair)
    is_flow = pair[1].ndim == 3 and last == 2
    while not (is_image or is_flow) and pair[0].ndim > 2:
        pair = [a[0] for a in pair if len(a)]
        if len(pair) < 2:
            return None
    if (
        pair[1].size == 0
        or max(pair[1].shape[:2]) > 4096
        or any(a.dtype.kind not in "biuf" for a in pair)
    ):
        return None
    finite = [a[np.isfinite(a)] for a in pair]
    captions = [
        f"{' × '.join(map(str, shape))}, {float(f.min()):.4g} to {float(f.max()):.4g}"
        if f.size
        else "no numbers"
        for f in finite
    ]
    if is_flow:
        longest = float(
            np.hypot(*np.moveaxis(np.nan_to_num(pair[1].astype(np.float64)), -1, 0)).max()
        )
        flows = [a.astype(np.float32) for a in pair]
        images = [flow_to_rgb.reference(flow, max(longest, 1e-6)) for flow in flows]
    elif is_image:
        images = pair
    else:
        low, high = (float(finite[1].min()), float(finite[1].max())) if finite[1].size else (0, 1)
        shade = colormaps["viridis"]
        span = max(high - low, 1e-12)
        with np.errstate(all="ignore"):
            scaled = [np.clip((a.astype(np.float64) - low) / span, 0, 1) for a in pair]
        images = [(shade(np.ma.masked_invalid(a))[..., :3] * 255).astype(np.uint8) for a in scaled]
    first, second = (_address(image) for image in images)
    return (first, captions[0]), (second, captions[1])


def _address(image: np.ndarray) -> str:
    height, width = image.shape[:2]
    scale = SIDE / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    stream = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(image)).resize(size, Image.Resampling.NEAREST).save(
        stream, "PNG"
    )
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode()


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
    with open(out / "grades.csv", "w", encoding="utf-8-sig", errors="replace", newline="") as file:
        table = csv.writer(file)
        outcomes = [f"{name}: outcome" for name in names]
        table.writerow(["student", "points", "possible", *names, *outcomes, "file", "notes"])
        for r in results:
            notes = "; ".join([*([r.error] if r.error else []), *r.notes])
            points = [e.points for e in r.exercises]
            said = [e.outcome for e in r.exercises]
            row = [r.student, r.points, r.possible, *points, *said, r.file, notes]
            table.writerow([_cell(value) for value in row])
    found = compare(results, key)
    summary = summarise(results, found)
    summary["settings"] = {
        "seed": settings.seed,
        "hidden": settings.hidden is not None,
        **asdict(settings.limits),
    }
    _write(out / "summary.json", json.dumps(summary, indent=1))
    _write(out / "summary.html", _teacher_page(results, folders, key, found, summary))


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


def _teacher_page(
    results: Sequence[Result],
    folders: dict[str, str],
    key: Key,
    found: similarity.Similarity,
    summary: dict[str, Any],
) -> str:
    parts = [
        f"<h1>{_e(key.lesson)}: {len(results)} submissions</h1>",
        f'<p class="total">{summary["mean"]:g} of {summary["possible"]:g} points on average</p>',
        _bars(summary["distribution"], "points of all exercises together"),
    ]
    for name, figures in summary["exercises"].items():
        outcomes = ", ".join(f"{count} {what}" for what, count in figures["outcomes"].items())
        parts += [
            f"<h2>{_e(name)}</h2>",
            f"<p>{figures['mean']:g} of {figures['possible']:g} points on average: {outcomes}</p>",
            _bars(figures["distribution"], f"points of {name}"),
        ]
        for title, what in (
            ("Commonest mistakes", "commonest"),
            ("Failing cases", "failing_cases"),
        ):
            if figures[what]:
                rows = [[str(count), text] for text, count in figures[what]]
                parts.append(f"<h3>{title}</h3>" + _table(["students", ""], rows))
    parts.append("<h2>Similar answers</h2>")
    usual = "" if found.usual is None else f" Usual between two students here: {found.usual:.0%}."
    parts.append(
        f"<p>Structure of the syntax tree, names and numbers ignored.{usual} Short functions are "
        "often alike: a reason to look, not a proof.</p>"
    )
    rows = [
        [
            f"{p.share:.0%}",
            p.one,
            p.other,
            ", ".join(f"{n} {s:.0%}" for n, s in p.exercises.items()),
        ]
        for p in found.pairs
    ]
    none = "<p>No pair has 80% or more in common.</p>"
    parts.append(_table(["alike", "student", "and", "by exercise"], rows) if rows else none)
    parts.append("<h2>Students</h2>")
    parts.append(_students(results, folders, [q.name for q in key.questions]))
    return _page(f"{key.lesson}: summary", parts)


def _students(results: Sequence[Result], folders: dict[str, str], names: list[str]) -> str:
    head = "".join(f'<th class="number">{_e(n)}</th>' for n in ["points", *names])
    rows = []
    for r in results:
        link = f'<a href="students/{_e(folders[r.student])}/report.html">{_e(r.student)}</a>'
        notes = "; ".join([*([r.error] if r.error else []), *r.notes])
        cells = "".join(
            f'<td class="number {_class(e.outcome)}">{e.points:g} {SIGNS[e.outcome]}</td>'
            for e in r.exercises
        )
        rows.append(
            f'<tr><td>{link}</td><td class="number">{r.points:g}</td>{cells}'
            f"<td><small>{_e(notes)}</small></td></tr>"
        )
    return f"<table><tr><th>student</th>{head}<th>notes</th></tr>{''.join(rows)}</table>"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose first column is a number."""
    marks = ['class="number"', *[""] * (len(head) - 1)]
    top = "".join(f"<th {m}>{_e(h)}</th>" for m, h in zip(marks, head, strict=True))
    body = "".join(
        "<tr>" + "".join(f"<td {m}>{_e(c)}</td>" for m, c in zip(marks, row, strict=True)) + "</tr>"
        for row in rows
    )
    return f"<table><tr>{top}</tr>{body}</table>"


def _bars(counts: Sequence[int], what: str) -> str:
    step = 100 // LEVELS
    inner = [f"{max(1, i * step)} to {(i + 1) * step}%" for i in range(LEVELS)]
    inner[-1] = f"{100 - step} to 99%"
    labels = ["0", *inner, "all"]
    most = max(1, *counts)
    rows = "".join(
        f'<span class="quiet">{label}</span>'
        f'<div class="bar" style="width:{count / most:.0%}"></div><span>{count}</span>'
        for label, count in zip(labels, counts, strict=True)
    )
    words = ", ".join(f"{c} with {label}" for label, c in zip(labels, counts, strict=True))
    return f'<div class="bars" role="img" aria-label="{_e(what)}: {words}">{rows}</div>'


# --- pages ------------------------------------------------------------------------------------


def _page(title: str, parts: Sequence[str]) -> str:
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{_e(title)}</title><style>{CSS.read_text('utf-8')}</style></head><body>\n"
        + "\n".join(parts)
        + "\n</body></html>\n"
    )


def _e(text: str) -> str:
    return html.escape(str(text))


def _class(outcome: str) -> str:
    return outcome.replace(" ", "-")

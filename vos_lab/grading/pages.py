"""The pages that people read: a student's report, and the summary of a batch, as HTML files.

The templates stand in ``templates/``; whatever comes from a submission is escaped there.
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from vos_lab.authoring.lessons import Lesson
from vos_lab.grading.pictures import pair_of_pictures
from vos_lab.grading.results import OTHER_KIND, CaseResult, ExerciseResult, Result
from vos_lab.grading.similarity import Similarity, by_exercise

SIGNS = {"passed": "✓", "failed": "✗", "error": "!", "not attempted": "○", "not read": "–"}
MAX_PICTURES = 3  # of an exercise
FIFTHS = ("0", "1 to 20%", "20 to 40%", "40 to 60%", "60 to 80%", "80 to 99%", "all")


class Shown(NamedTuple):
    """The cases of an exercise, with everything said once.

    Attributes:
        title: of what is the same in all cases that are wrong.
        shared: that; empty if there is nothing.
        cases: each with its lines, and its pictures.
    """

    title: str
    shared: tuple[str, ...]
    cases: list[tuple[CaseResult, tuple[str, ...], Any]]


def shown_cases(exercise: ExerciseResult, pictures: bool = True) -> Shown:
    """What to show of the cases of an exercise: an exception that hits many is shown once.

    Args:
        exercise: what became of it.
        pictures: whether results that are pictures are drawn.
    """
    wrong = [case for case in exercise.cases if case.outcome != "passed"]
    # Of a hidden case no more is known than the name of its exception.
    first = next((case for case in wrong if case.public and case.exception), None)
    shared: tuple[str, ...] = ()
    if first is not None and len(wrong) > 1 and all(_alike(case, first) for case in wrong):
        shared = first.exception
    every = "Every case ends" if len(wrong) == len(exercise.cases) else "All of these end"
    cases: list[tuple[CaseResult, tuple[str, ...], Any]] = []
    before: dict[tuple[str, ...], str] = {}
    left = MAX_PICTURES if pictures else 0
    for case in exercise.cases:
        lines = case.lines
        if shared and case.exception:
            # The smallest input comes first.
            lines = case.given if case is first else ()
        elif case.public and case.exception in before:
            lines = (*case.given, f"the same as in {before[case.exception]!r}")
        elif case.exception:
            before[case.exception] = case.name
        images = None
        if case.pictures is not None and left:
            images = pair_of_pictures(*case.pictures)
            left -= images is not None
        both = zip(("yours", "expected"), images, strict=True) if images else None
        cases.append((case, lines, list(both) if both else None))
    return Shown(f"{every} with the same exception:", shared, cases)


def _alike(case: CaseResult, first: CaseResult) -> bool:
    if case.public:
        return case.exception == first.exception
    kind = first.exception[0].partition(":")[0]
    return bool(case.exception) and case.exception[0] in (kind, OTHER_KIND)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["signs"] = SIGNS
    environment.filters["cases"] = shown_cases
    environment.filters["css"] = lambda outcome: outcome.replace(" ", "-")
    environment.filters["labelled"] = lambda counts: list(zip(FIFTHS, counts, strict=True))
    return environment


def student_page(result: Result, lesson: Lesson) -> str:
    """The report of a submission, as one HTML file.

    Args:
        result: of the submission.
        lesson: that was graded.
    """
    return _environment().get_template("student.html").render(result=result, lesson=lesson)


def summary_page(
    lesson: str,
    results: Sequence[Result],
    folders: dict[str, str],
    found: Similarity,
    summary: dict[str, Any],
) -> str:
    """The summary of a batch, as one HTML file.

    Args:
        lesson: its name.
        results: sorted by student.
        folders: of each student's report.
        found: the similar answers.
        summary: the figures of the batch.
    """
    pairs = [(f"{p.share:.0%}", p.one, p.other, by_exercise(p)) for p in found.pairs]
    return (
        _environment()
        .get_template("summary.html")
        .render(lesson=lesson, results=results, folders=folders, pairs=pairs, summary=summary)
    )

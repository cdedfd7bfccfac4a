"""The claims of the lecture, as experiments: one module for each lesson that has some."""

from importlib import import_module
from pkgutil import iter_modules

from vos_lab.claims.claim import (
    RECORD,
    Claim,
    Verdict,
    judge,
    mean_interval,
    measure,
    record_of,
    save,
    saved,
    summary,
    table,
)

__all__ = [
    "RECORD",
    "Claim",
    "Verdict",
    "every_claim",
    "find",
    "judge",
    "mean_interval",
    "measure",
    "of_lesson",
    "record_of",
    "save",
    "saved",
    "summary",
    "table",
]


def of_lesson(lesson: str) -> tuple[Claim, ...]:
    """The claims of a lesson: those that its module lists as ``CLAIMS``.

    Args:
        lesson: its name, for example ``05_osvos``.

    Returns:
        The claims, in the order of the lesson; none where the lesson has none.

    Example:
        >>> [claim.name for claim in of_lesson("01_metrics")]
        ['01_metrics/ranking']
    """
    module = lesson.partition("_")[2]
    if module not in {each.name for each in iter_modules(__path__)}:
        return ()
    found: tuple[Claim, ...] = getattr(import_module(f"{__name__}.{module}"), "CLAIMS", ())
    return tuple(claim for claim in found if claim.lesson == lesson)


def every_claim() -> dict[str, Claim]:
    """Every claim of the course by its name, in the order of the lessons."""
    modules = [import_module(f"{__name__}.{each.name}") for each in iter_modules(__path__)]
    found = [claim for module in modules for claim in getattr(module, "CLAIMS", ())]
    return {claim.name: claim for claim in sorted(found, key=lambda claim: claim.lesson)}


def find(name: str) -> Claim:
    """A claim by its name.

    Args:
        name: lesson and a word, for example ``05_osvos/parent``.

    Raises:
        ValueError: there is no such claim.
    """
    for claim in of_lesson(name.partition("/")[0]):
        if claim.name == name:
            return claim
    raise ValueError(f"there is no claim {name!r}; there are: {', '.join(every_claim())}")

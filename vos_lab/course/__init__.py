"""The course around the library: lessons, exercises, checks, quizzes."""

from typing import Any

from vos_lab.exercises.check import check, hint, restore

__all__ = ["beat", "check", "hint", "quiz", "restore"]


def beat(lesson: str, answer: Any = None) -> None:
    """Measure an answer to the open challenge of a lesson (:mod:`~vos_lab.exercises.challenge`).

    Args:
        lesson: for example ``04_motion``.
        answer: what the challenge asks for; None says what that is.
    """
    from vos_lab.exercises.challenge import beat as measured  # which can run every method

    measured(lesson, answer)


def __getattr__(name: str) -> Any:
    # A quiz is a widget, which takes longer to import than everything else here.
    if name == "quiz":
        from vos_lab.exercises.quiz import quiz

        return quiz
    raise AttributeError(f"module {__name__} has no attribute {name}")

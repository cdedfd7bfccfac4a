"""The course around the library: lessons, exercises, checks, quizzes."""

from typing import Any

from vos_lab.exercises.check import check, hint, restore

__all__ = ["beat", "check", "hint", "quiz", "restore"]


def __getattr__(name: str) -> Any:
    # A quiz is a widget, which takes longer to import than everything else here.
    if name == "quiz":
        from vos_lab.exercises.quiz import quiz

        return quiz
    if name == "beat":  # it can run every method
        from vos_lab.exercises.challenge import beat

        return beat
    raise AttributeError(f"module {__name__} has no attribute {name}")

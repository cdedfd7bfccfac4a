"""The course around the library: lessons, exercises, checks, quizzes."""

from vos_lab.exercises.check import check, hint, restore
from vos_lab.exercises.quiz import quiz

__all__ = ["check", "hint", "quiz", "restore"]

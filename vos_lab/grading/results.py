"""What a batch is graded with, and what comes of it."""

from dataclasses import dataclass, field

import numpy as np

from vos_lab.grading.limits import Limits

# What a report says of a hidden case in which an answer raised an exception of its own making.
OTHER_KIND = "an exception of another kind"


@dataclass(frozen=True)
class Settings:
    """What a batch is graded with.

    Attributes:
        seed: of further random inputs; None for none.
        hidden: source of a module with hidden cases; None for none.
        limits: of each exercise.
        how: kind of sandbox; None for the best that works.
    """

    seed: int | None = None
    hidden: str | None = None
    limits: Limits = field(default_factory=Limits)
    how: str | None = None


@dataclass(frozen=True)
class CaseResult:
    """What became of a case.

    Attributes:
        name: of the case, or that it is a hidden one.
        outcome: passed, failed or error.
        public: whether the student may see the inputs.
        lines: what went in, was expected and came; nothing of it if the case is hidden.
        pictures: the result and the expected one, where both are arrays and public.
        raised: how many of the lines, the last ones, are an exception.
    """

    name: str
    outcome: str
    public: bool
    lines: tuple[str, ...] = ()
    pictures: tuple[np.ndarray, np.ndarray] | None = None
    raised: int = 0

    @property
    def given(self) -> tuple[str, ...]:
        """The lines before the exception."""
        return self.lines[: len(self.lines) - self.raised]

    @property
    def exception(self) -> tuple[str, ...]:
        """The exception in words; empty if there was none."""
        return self.lines[len(self.lines) - self.raised :]


@dataclass(frozen=True)
class ExerciseResult:
    """What became of an exercise.

    Attributes:
        name: of the function.
        outcome: passed, failed, error, not attempted, not read.
        points: reached.
        possible: points.
        message: the sentence about the typical mistake that it makes, if it makes one.
        hint: the first step of the ladder, if it is not right.
        note: where the answer was found, or why there is none.
        cases: in order.
        source: of the answer, as it was run.
        grams: fingerprint of its structure.
        nodes: size of its syntax tree.
    """

    name: str
    outcome: str
    points: float
    possible: float
    message: str | None = None
    hint: str | None = None
    note: str = ""
    cases: tuple[CaseResult, ...] = ()
    source: str = ""
    grams: tuple[int, ...] = ()
    nodes: int = 0


@dataclass(frozen=True)
class Result:
    """What became of a submission.

    Attributes:
        student: whose it is.
        file: that was graded.
        error: why it could not be read; None if it could.
        notes: for the teacher.
        exercises: in the order of the lesson.
        seconds: it took.
    """

    student: str
    file: str
    error: str | None
    notes: tuple[str, ...]
    exercises: tuple[ExerciseResult, ...]
    seconds: float = 0.0

    @property
    def points(self) -> float:
        """Points reached."""
        return round(sum(e.points for e in self.exercises), 2)

    @property
    def was_read(self) -> bool:
        """Whether there was a file in which answers could be looked for."""
        return not self.exercises or any(e.outcome != "not read" for e in self.exercises)

    @property
    def possible(self) -> float:
        """Points that there are."""
        return sum(e.possible for e in self.exercises)

"""The marker of an exercise: a function of the library whose body a student writes.

The marked function stays an ordinary function for its callers. What the marker adds is one level
of indirection: after a passed check, ``adopt`` puts the student's version behind the same name,
so every part of the library that calls it runs on the student's code, until ``restore``.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import update_wrapper
from typing import Any, Generic, ParamSpec, TypeVar

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


class Exercise(Generic[Parameters, Result]):
    """A function with the facts that a lesson states about it.

    Attributes:
        reference: the library's own version.
        current: the version that runs: the reference, or the student's once it is adopted.
        minutes: how long it takes a student who has read the lesson so far.
        difficulty: 1 (a line or two) to 5 (a small project).
        importance: 1 (may be skipped) to 5 (the idea of the lesson).
    """

    def __init__(
        self,
        reference: Callable[Parameters, Result],
        minutes: int,
        difficulty: int,
        importance: int,
    ) -> None:
        for name, value in (("difficulty", difficulty), ("importance", importance)):
            if value not in range(1, 6):
                raise ValueError(f"{reference.__name__}: {name} is {value}, it must be 1 to 5")
        update_wrapper(self, reference)
        self.reference = reference
        self.current = reference
        self.minutes = minutes
        self.difficulty = difficulty
        self.importance = importance

    def __call__(self, *args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        """Run the current version."""
        return self.current(*args, **kwargs)

    def __repr__(self) -> str:
        whose = "the student's version" if self.adopted else "the library's version"
        return f"<exercise {self.name}: {whose}>"

    @property
    def name(self) -> str:
        """The full name, for example ``vos_lab.metrics.masks.jaccard``."""
        return f"{self.reference.__module__}.{self.reference.__qualname__}"

    @property
    def adopted(self) -> bool:
        """Whether the library runs on a student's version."""
        return self.current is not self.reference

    def adopt(self, function: Callable[Parameters, Result]) -> None:
        """Let the library run on ``function`` from now on."""
        self.current = function
        if self.adopted:
            _ADOPTED[self] = None
        else:
            _ADOPTED.pop(self, None)

    def restore(self) -> None:
        """Let the library run on its own version again."""
        self.adopt(self.reference)


_ADOPTED: dict[Exercise[..., Any], None] = {}


def adopted() -> list[Exercise[..., Any]]:
    """The exercises for which the library runs on a student's version, the oldest first."""
    return list(_ADOPTED)


@contextmanager
def library_versions() -> Iterator[None]:
    """Run the library on its own versions for a while: what is right must not depend on a student.

    What was adopted before is adopted again afterwards, and nothing else.
    """
    before = [(marked, marked.current) for marked in adopted()]
    for marked, _ in before:
        marked.restore()
    try:
        yield
    finally:
        for marked in adopted():
            marked.restore()
        for marked, current in before:
            marked.adopt(current)


def exercise(
    *, minutes: int, difficulty: int, importance: int
) -> Callable[[Callable[Parameters, Result]], Exercise[Parameters, Result]]:
    """Mark a function as an exercise.

    Args:
        minutes: how long it takes.
        difficulty: 1 to 5.
        importance: 1 to 5.

    Returns:
        The decorator.

    Raises:
        ValueError: difficulty or importance is not in 1 to 5.

    Example:
        >>> @exercise(minutes=1, difficulty=1, importance=1)
        ... def double(x):
        ...     return 2 * x
        >>> double(3)
        6
        >>> double.adopt(lambda x: x + x + 1)
        >>> double(3), double.adopted
        (7, True)
        >>> double.restore()
        >>> double(3)
        6
    """

    def mark(function: Callable[Parameters, Result]) -> Exercise[Parameters, Result]:
        return Exercise(function, minutes, difficulty, importance)

    return mark

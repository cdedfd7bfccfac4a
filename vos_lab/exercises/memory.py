"""A bound on memory among the inputs of a case: it is watched while the function runs.

A function that computes everything at once gives the same values as one that goes in parts, until a
long video fills the memory. So the case hands over a small bound, and looks at every tensor made.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from vos_lab.exercises.gradients import tensors_in


class Bound(int):
    """A number for the inputs: so many numbers may a tensor have that the function makes.

    Args:
        value: the number, as the function sees it.
        allowed: the largest tensor, where that may be larger than the number; in numbers.

    Example:
        >>> bound = Bound(3, allowed=7)
        >>> bound // 2, bound.allowed
        (1, 7)
    """

    allowed: int

    def __new__(cls, value: int, allowed: int | None = None) -> "Bound":
        """Make the number."""
        made = super().__new__(cls, value)
        made.allowed = value if allowed is None else allowed
        return made


@contextmanager
def watched(inputs: Iterable[Any]) -> Iterator[None]:
    """Raise a MemoryError in the midst of a function that makes a tensor beyond a bound.

    Args:
        inputs: of the function; those that are bounds are watched, without one nothing is.
    """
    bounds = [item.allowed for item in inputs if isinstance(item, Bound)]
    if not bounds:
        yield
        return
    from torch.utils._python_dispatch import TorchDispatchMode

    class Watch(TorchDispatchMode):
        """Looks at the results of all operations."""

        def __torch_dispatch__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            result = func(*args, **(kwargs or {}))
            for tensor in tensors_in(result):
                # What is expanded looks large and takes no memory.
                kept = tensor.untyped_storage().nbytes() // tensor.element_size()
                numbers = min(tensor.numel(), kept)
                if numbers > min(bounds):
                    raise MemoryError(
                        f"a tensor of {numbers} numbers was made; {min(bounds)} are allowed here"
                    )
            return result

    with Watch():
        yield

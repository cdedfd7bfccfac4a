"""Python functions as machine code, for the few loops that NumPy cannot express fast enough."""

from collections.abc import Callable
from functools import cache, wraps
from typing import Any, ParamSpec, TypeVar

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def compiled(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Let Numba compile a function of arrays and numbers, when it is first called.

    What comes out is kept on the disk, so only the very first call of all takes seconds. The
    function runs without the lock of Python, and must not call another compiled one.

    Args:
        function: loops over arrays, with nothing in it but numbers and arrays.

    Returns:
        The same function, faster.

    Example:
        >>> import numpy as np
        >>> @compiled
        ... def total(numbers):
        ...     result = 0
        ...     for number in numbers:
        ...         result += number
        ...     return result
        >>> int(total(np.arange(4)))
        6
    """

    @cache
    def machine_code() -> Callable[Arguments, Result]:
        # Here, as the import takes half a second that not everybody needs.
        import numba

        options: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
        try:
            return numba.njit(cache=True, **options)(function)
        except RuntimeError:
            # There is no folder that we may write to. Then each process compiles for itself.
            return numba.njit(**options)(function)

    @wraps(function)
    def call(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        return machine_code()(*args, **kwargs)

    return call

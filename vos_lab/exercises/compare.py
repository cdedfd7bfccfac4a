"""How a result differs from the expected one, and what a value looks like, in a student's words."""

import dataclasses
from typing import Any

import numpy as np


def difference(expected: Any, got: Any, tolerance: float) -> str | None:
    """How a result differs from the expected one, in words.

    Arrays must have the shape and the kind of numbers of the expected ones; floats of any width
    are alike. NaN is equal to NaN only.

    Args:
        expected: numbers, arrays, tensors, networks, functions, strings, None, and lists, tuples
            and dicts of them.
        got: what to compare.
        tolerance: of floats, relative and absolute.

    Returns:
        The first difference, or None.

    Example:
        >>> difference(0.5, 0.25, 1e-6)
        'expected 0.5   got 0.25'
        >>> difference(np.zeros((4, 5)), np.zeros((5, 4)), 1e-6)
        'expected shape (4, 5), got (5, 4)'
    """
    if got is None and expected is not None:
        return "expected " + kind(expected) + ", got None: does the function end with `return`?"
    if is_array(expected):
        return _array_difference(expected, got, tolerance)
    if isinstance(expected, str) or expected is None:
        return None if expected == got else f"expected {show(expected)}   got {show(got)}"
    if is_network(expected):
        if not is_network(got):
            return f"expected {kind(expected)}, got {kind(got)}"
        return difference(dict(expected.state_dict()), dict(got.state_dict()), tolerance)
    if dataclasses.is_dataclass(expected) and not isinstance(expected, type):
        if type(got) is not type(expected):
            return f"expected {kind(expected)}, got {kind(got)}"
        return difference(vars(expected), vars(got), tolerance)
    if callable(expected):
        return None if got is expected else f"expected {show(expected)}   got {show(got)}"
    if isinstance(expected, dict):
        if not isinstance(got, dict):
            return f"expected {kind(expected)}, got {kind(got)}"
        if set(expected) != set(got):
            return f"expected the keys {sorted(expected)}, got {sorted(got)}"
        return _first_difference([(f"[{k!r}]", expected[k], got[k]) for k in expected], tolerance)
    if isinstance(expected, list | tuple):
        if not isinstance(got, list | tuple):
            return f"expected {kind(expected)}, got {kind(got)}"
        if len(expected) != len(got):
            return f"expected {len(expected)} items, got {len(got)}"
        pairs = enumerate(zip(expected, got, strict=True))
        return _first_difference([(f"item {i}", a, b) for i, (a, b) in pairs], tolerance)
    return _number_difference(expected, got, tolerance)


def _first_difference(parts: list[tuple[str, Any, Any]], tolerance: float) -> str | None:
    for name, expected, got in parts:
        problem = difference(expected, got, tolerance)
        if problem is not None:
            return f"{name}: {problem}"
    return None


def _number_difference(expected: Any, got: Any, tolerance: float) -> str | None:
    if not isinstance(got, int | float | np.generic) and not is_array(got, dimensions=0):
        return f"expected {kind(expected)}, got {kind(got)}"
    if getattr(got, "requires_grad", False) and not hasattr(expected, "requires_grad"):
        return f"expected {kind(expected)}, got a tensor that still holds its whole computation"
    want, have = (
        (as_numpy(each) if is_array(each, dimensions=0) else np.asarray(each))[()]
        for each in (expected, got)
    )
    if want.dtype.kind == "b" or have.dtype.kind == "b":
        right = want.dtype.kind == have.dtype.kind and want == have
    else:
        right = bool(np.isclose(want, have, rtol=tolerance, atol=tolerance, equal_nan=True))
    return None if right else f"expected {show(expected)}   got {show(got)}"


def _array_difference(expected: Any, got: Any, tolerance: float) -> str | None:
    if not is_array(got) or isinstance(expected, np.ndarray) != isinstance(got, np.ndarray):
        return f"expected {kind(expected)}, got {kind(got)}"
    if tuple(expected.shape) != tuple(got.shape):
        return f"expected shape {tuple(expected.shape)}, got {tuple(got.shape)}"
    want, have = as_numpy(expected), as_numpy(got)
    floats = want.dtype.kind == have.dtype.kind == "f"
    if not floats and want.dtype != have.dtype:
        return f"expected dtype {want.dtype}, got {have.dtype}"
    if floats:
        wrong = ~np.isclose(want, have, rtol=tolerance, atol=tolerance, equal_nan=True)
    else:
        wrong = want != have
    if not wrong.any():
        return None
    where = tuple(int(i) for i in np.argwhere(wrong)[0])
    if _prints(want):
        return f"expected {_block(want, 9)}\ngot      {_block(have, 9)}"
    at = ", ".join(map(str, where))
    return (
        f"{int(wrong.sum())} of {wrong.size} values differ, the first at [{at}]: "
        f"expected {show(want[where])}   got {show(have[where])}"
    )


def is_array(value: Any, dimensions: int | None = None) -> bool:
    """Whether a value is an array or a tensor.

    Args:
        value: anything.
        dimensions: how many it must have; None for one or more.
    """
    # A tensor is known by a method of its own, as importing torch takes seconds that a lesson
    # without networks does not have to spend.
    if not isinstance(value, np.ndarray) and not hasattr(value, "detach"):
        return False
    return value.ndim > 0 if dimensions is None else value.ndim == dimensions


def is_network(value: Any) -> bool:
    """Whether a value is a network of PyTorch."""
    # Known by a method of its own, as a tensor is.
    return hasattr(value, "state_dict") and hasattr(value, "named_parameters")


def as_numpy(array: Any) -> np.ndarray:
    """An array or tensor as an array."""
    return array if isinstance(array, np.ndarray) else array.detach().cpu().numpy()


def arrays_in(value: Any) -> list[np.ndarray]:
    """All arrays and tensors in a value, which may be a list or a dict of them."""
    if is_array(value):
        return [as_numpy(value)]
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return [array for item in value for array in arrays_in(item)]
    return []


# --- printing ---------------------------------------------------------------------------------


def kind(value: Any) -> str:
    """What a value is, in a few words, for example ``an array of shape (4, 5)``."""
    if is_array(value):
        what = "an array" if isinstance(value, np.ndarray) else "a tensor"
        return f"{what} of shape {tuple(value.shape)}"
    if isinstance(value, list | tuple | dict):
        return f"a {type(value).__name__} of {len(value)}"
    if isinstance(value, bool | np.bool_):
        return f"the truth value {value}"
    if isinstance(value, int | float | np.generic) or is_array(value, dimensions=0):
        return f"the number {show(value)}"
    if callable(value):
        return f"the function {show(value)}" if not is_network(value) else show(value)
    if value is None or isinstance(value, str):
        return repr(value)
    return f"a {type(value).__name__}"


def show(value: Any, indent: int = 0) -> str:
    """A value, printed compactly: small arrays whole, large ones by their shape.

    Args:
        value: anything that is an input or a result.
        indent: how many characters stand before it on its line.

    Example:
        >>> show(np.array([[True, False]]))
        '[[1 0]]'
        >>> show(np.zeros((480, 854), np.uint8))
        'uint8 array of shape (480, 854), 0 to 0'
    """
    if is_array(value):
        array = as_numpy(value)
        if _prints(array):
            return _block(array, indent)
        what = "array" if isinstance(value, np.ndarray) else "tensor"
        if array.dtype == bool:
            return f"bool {what} of shape {array.shape}, {int(array.sum())} of them True"
        span = f", {show(array.min())} to {show(array.max())}" if array.size else ""
        return f"{array.dtype} {what} of shape {array.shape}{span}"
    if is_network(value):
        return f"a {type(value).__name__}"
    if callable(value):
        return getattr(value, "__name__", type(value).__name__)
    if isinstance(value, list | tuple):
        if value and arrays_in(value[0]):
            if isinstance(value[0], list | tuple):
                return f"list of {len(value)}, each with {len(value[0])} arrays"
            start = f"list of {len(value)}, the first "
            return start + show(value[0], indent + len(start))
        return "[" + ", ".join(show(item) for item in value) + "]"
    if isinstance(value, dict) and arrays_in(list(value.values())):
        keys = [f"{key!r}: " for key in value]
        items = zip(keys, value.values(), strict=True)
        shown = [key + show(item, indent + 1 + len(key)) for key, item in items]
        return "{" + (",\n" + " " * (indent + 1)).join(shown) + "}"
    if isinstance(value, bool | np.bool_):
        return str(bool(value))
    if isinstance(value, int | float | np.generic) or is_array(value, dimensions=0):
        number = float(as_numpy(value)) if hasattr(value, "detach") else np.asarray(value)[()]
        return f"{number:.6g}" if np.isfinite(number) else str(float(number))
    return repr(value)


def _prints(array: np.ndarray) -> bool:
    return array.size <= 100 and array.shape[-1] <= 20


def _block(array: np.ndarray, indent: int) -> str:
    """An array over several lines, the first of which starts after ``indent`` characters."""
    numbers = array.astype(np.uint8) if array.dtype == bool else array
    text = np.array2string(
        numbers, precision=4, floatmode="maxprec", suppress_small=True, max_line_width=200
    )
    lines = [line for line in text.split("\n") if line.strip()]
    return ("\n" + " " * indent).join(lines)

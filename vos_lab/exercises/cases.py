"""What a check is made of: cases, slips, hints; how a case is run and how its result is compared.

The three steps of a case are kept apart, as a grader takes them in different processes:
``case.make(rng)`` gives the inputs (plain arrays, numbers, lists), :func:`run` computes, and
``check.problem`` compares. Nothing but inputs and results passes from one to the next.
"""

import copy
import inspect
import linecache
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import CodeType
from typing import Any

import numpy as np

from vos_lab.exercise import Exercise

Inputs = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """One thing that a function must do.

    Attributes:
        name: what is special about the inputs, in words that a student reads.
        make: gives the inputs, by the names of the parameters, from a random generator. They are
            what can be sent to a grader's worker (:mod:`vos_lab.exercises.encoding`): numbers,
            texts, arrays, tensors, networks, and lists, tuples and dicts of them.
        judge: where many results are right: takes the inputs and the result, and returns what is
            wrong with it, or None. Without it the result must be that of the reference.
    """

    name: str
    make: Callable[[np.random.Generator], Inputs]
    judge: Callable[[Inputs, Any], str | None] | None = None


@dataclass(frozen=True)
class Slip:
    """A typical mistake: a wrong version of the function, and the sentence that helps.

    Attributes:
        function: computes what somebody computes who makes this mistake.
        message: what it usually means, and what to do instead; one or two sentences.
    """

    function: Callable[..., Any]
    message: str


@dataclass
class Check:
    """Everything that is known about right and wrong versions of an exercise.

    Attributes:
        exercise: the exercise, whose reference says what is right.
        cases: from the smallest to the largest.
        slips: typical mistakes.
        hints: from the idea to the operation, never the code.
        tolerance: how far a float may be from the reference, relative and absolute.
        fresh: arrays in the result must have memory of their own: not that of an input, nor of
            one another.
        rung: how many hints have been read.
    """

    exercise: Exercise[..., Any]
    cases: Sequence[Case]
    slips: Sequence[Slip]
    hints: Sequence[str]
    tolerance: float = 1e-6
    fresh: bool = False
    rung: int = field(default=0, init=False)

    without = "The library goes on with its own version."  # what happens before it is attempted

    @property
    def name(self) -> str:
        """The bare name of the function, for example ``jaccard``."""
        return self.exercise.reference.__name__

    def inputs(self, seed: int) -> list[Inputs]:
        """The inputs of every case; each has a random stream of its own."""
        return [
            case.make(np.random.default_rng([seed, number]))
            for number, case in enumerate(self.cases)
        ]

    def expected(self, inputs: list[Inputs]) -> list["Run"]:
        """What the reference makes of the inputs of every case."""
        runs = [run(self.exercise.reference, given) for given in inputs]
        for case, reference in zip(self.cases, runs, strict=True):
            assert reference.failure is None, f"{self.name}, {case.name}: {reference.failure}"
        return runs

    def problem(self, case: Case, inputs: Inputs, expected: "Run", got: "Run") -> str | None:
        """What is wrong with the result of a run that raised nothing; None if it is right.

        Args:
            case: which case.
            inputs: as they were given.
            expected: the run of the reference on them.
            got: the run to judge.
        """
        if got.changed:
            return (
                f"{' and '.join(got.changed)} came in whole and went out changed: work on a copy, "
                "as the caller still needs the original"
            )
        if case.judge is not None:
            problem = case.judge(inputs, got.value)
        else:
            problem = difference(expected.value, got.value, self.tolerance)
        if problem is None and self.fresh and got.shared:
            problem = f"right values, but {got.shared}"
        return problem


# --- running a case ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Failure:
    """An exception, in words.

    Attributes:
        kind: name of its class.
        message: what it says.
        line: line number in the file or cell of the function that was called, if it got there.
        source: that line.
        unwritten: name of the function that raised NotImplementedError, if that is what happened.
    """

    kind: str
    message: str
    line: int | None = None
    source: str = ""
    unwritten: str | None = None


@dataclass(frozen=True)
class Run:
    """What came of calling a function on the inputs of a case.

    Attributes:
        value: what it returned.
        changed: the inputs that it modified.
        shared: which arrays of the result share their memory, in words; empty if none does.
        failure: the exception that it raised.
    """

    value: Any = None
    changed: tuple[str, ...] = ()
    shared: str = ""
    failure: Failure | None = None

    def same(self, other: "Run", tolerance: float) -> bool:
        """Whether two versions of a function behave alike on a case."""
        if self.failure or other.failure:
            return (
                self.failure is not None
                and other.failure is not None
                and self.failure.kind == other.failure.kind
            )
        return (
            self.changed == other.changed
            and self.shared == other.shared
            and difference(self.value, other.value, tolerance) is None
        )


def run(function: Callable[..., Any], inputs: Inputs) -> Run:
    """Call a function on a copy of the inputs, and say what happened. Never raises.

    Args:
        function: a student's version, the reference, or a slip.
        inputs: by the names of the parameters.

    Returns:
        The result, or the exception, and what became of the inputs.
    """
    given = copy.deepcopy(inputs)
    value, failure = call(function, given)
    if failure is not None:
        return Run(failure=failure)
    return Run(value, changed(inputs, given), shared_memory(value, given))


def call(function: Callable[..., Any], given: Inputs) -> tuple[Any, Failure | None]:
    """Call a function, quietly. Never raises.

    Args:
        function: any version.
        given: the inputs; it may change them.

    Returns:
        What it returned, and the exception that it raised instead.
    """
    # A warning of NumPy (0/0) would go to stderr; the verdict says what is wrong in our words.
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            return function(**given), None
        except (Exception, SystemExit) as error:
            return None, failure_of(function, error)


def changed(inputs: Inputs, given: Inputs) -> tuple[str, ...]:
    """The names of the arrays, lists and dicts that a call has modified.

    Args:
        inputs: as they were.
        given: as they are after the call.
    """
    containers = [k for k, v in inputs.items() if is_array(v) or isinstance(v, list | dict)]
    return tuple(k for k in containers if difference(inputs[k], given[k], 0) is not None)


@contextmanager
def library_versions(exercises: Sequence[Exercise[..., Any]]) -> Iterator[None]:
    """Run the library on its own versions for a while: what is right must not depend on a student.

    Args:
        exercises: the exercises to restore, and to give back what they had adopted.
    """
    before = [exercise.current for exercise in exercises]
    for exercise in exercises:
        exercise.restore()
    try:
        yield
    finally:
        for exercise, current in zip(exercises, before, strict=True):
            exercise.adopt(current)


def failure_of(function: Callable[..., Any], error: BaseException) -> Failure:
    """An exception that a function raised, in words.

    Args:
        function: any version; lines are counted in its file or cell.
        error: what came out of it.
    """
    code = getattr(inspect.unwrap(function), "__code__", None)
    trace = error.__traceback__
    line: int | None = None
    innermost: CodeType | None = None
    while trace is not None:
        innermost = trace.tb_frame.f_code
        if code is not None and innermost.co_filename == code.co_filename:
            line = trace.tb_lineno
        trace = trace.tb_next
    try:
        message = str(error)
    except Exception:  # a class of the student's own may not be able to say it
        message = ""
    unwritten = None
    if isinstance(error, NotImplementedError) and not message and innermost is not None:
        unwritten = innermost.co_name
    source = linecache.getline(code.co_filename, line).strip() if code and line else ""
    return Failure(type(error).__name__, message, line, source, unwritten)


def _arrays(value: Any) -> list[np.ndarray]:
    if is_array(value):
        return [_numpy(value)]
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return [array for item in value for array in _arrays(item)]
    return []


def shared_memory(value: Any, given: Inputs) -> str:
    """Which arrays of a result share memory with an input or one another, in words; or empty.

    Args:
        value: what was returned.
        given: the inputs, the very objects.
    """
    results, inputs = _arrays(value), {name: _arrays(item) for name, item in given.items()}
    for name, arrays in inputs.items():
        if any(np.may_share_memory(a, b) for a in results for b in arrays):
            return f"the result shares its memory with {name}: painting into one paints the other"
    for number, result in enumerate(results):
        if any(np.may_share_memory(result, other) for other in results[:number]):
            return "the results share one memory: painting into one paints into the others"
    return ""


# --- comparing --------------------------------------------------------------------------------


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
    if _is_network(expected):
        if not _is_network(got):
            return f"expected {kind(expected)}, got {kind(got)}"
        return difference(dict(expected.state_dict()), dict(got.state_dict()), tolerance)
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
    want, have = (
        (_numpy(each) if is_array(each, dimensions=0) else np.asarray(each))[()]
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
    want, have = _numpy(expected), _numpy(got)
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


def _is_network(value: Any) -> bool:
    # Known by a method of its own, as a tensor is.
    return hasattr(value, "state_dict") and hasattr(value, "named_parameters")


def _numpy(array: Any) -> np.ndarray:
    return array if isinstance(array, np.ndarray) else array.detach().cpu().numpy()


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
        return f"the function {show(value)}" if not _is_network(value) else show(value)
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
        array = _numpy(value)
        if _prints(array):
            return _block(array, indent)
        what = "array" if isinstance(value, np.ndarray) else "tensor"
        if array.dtype == bool:
            return f"bool {what} of shape {array.shape}, {int(array.sum())} of them True"
        span = f", {show(array.min())} to {show(array.max())}" if array.size else ""
        return f"{array.dtype} {what} of shape {array.shape}{span}"
    if _is_network(value):
        return f"a {type(value).__name__}"
    if callable(value):
        return getattr(value, "__name__", type(value).__name__)
    if isinstance(value, list | tuple):
        if value and _arrays(value[0]):
            if isinstance(value[0], list | tuple):
                return f"list of {len(value)}, each with {len(value[0])} arrays"
            start = f"list of {len(value)}, the first "
            return start + show(value[0], indent + len(start))
        return "[" + ", ".join(show(item) for item in value) + "]"
    if isinstance(value, bool | np.bool_):
        return str(bool(value))
    if isinstance(value, int | float | np.generic) or is_array(value, dimensions=0):
        number = float(_numpy(value)) if hasattr(value, "detach") else np.asarray(value)[()]
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

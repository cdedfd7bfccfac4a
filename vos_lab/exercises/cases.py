"""What a check is made of: cases, mistakes, hints; and how a case is run.

The three steps of a case are kept apart, as a grader takes them in different processes:
``case.make(rng)`` gives the inputs (plain arrays, numbers, lists), :func:`run` computes, and
``check.problem`` compares. Nothing but inputs and results passes from one to the next.

A typical mistake is written as a change of the reference, in one of three ways::

    # 1. Other text in its source. Each place where the old text stands in the body (or in the
    #    signature, but not in the docstring) gets the new one. Several pairs are made in turn.
    Mistake(
        "You divide by the truth alone. Divide by the union.",
        ("np.count_nonzero(prediction | truth)", "np.count_nonzero(truth)"),
    )
    # 2. Another meaning of a name that the source uses: what a function of the library does, or a
    #    constant. It may stand beside pairs, and may bring in names that the new text needs.
    Mistake(
        "The radius was rounded down. It is rounded up, so that it is never 0.",
        boundary_radius=lambda shape, tolerance: int(tolerance * math.hypot(*shape)),
    )
    # 3. A function, where somebody who makes the mistake writes something else altogether.
    Mistake("This is the first value minus the last.", lambda values: values[0] - values[-1])

The changed source is compiled in a copy of the names of the reference's module, so it sees what the
reference sees, and the function's own name means the changed version. Text that is not there, or a
name that the source does not use, is an error, so no mistake outlives the code that it changes.
Prefer the first way, and take the shortest text that names the place; a comment such as
``# Step 4`` may serve too. A judge that all cases share is written once, on the check.
"""

import __future__

import ast
import copy
import inspect
import linecache
import re
import textwrap
import warnings
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cache
from types import CodeType
from typing import Any, NamedTuple

import numpy as np

from vos_lab.exercise import Exercise, library_versions
from vos_lab.exercises.compare import arrays_in, difference, is_array
from vos_lab.exercises.gradients import Gradients, gradient_problem, gradients, learnable
from vos_lab.exercises.memory import watched

Inputs = dict[str, Any]
Judge = Callable[[Inputs, Any], str | None]


@dataclass(frozen=True)
class Case:
    """One thing that a function must do.

    Attributes:
        name: what is special about the inputs, in words that a student reads.
        make: gives the inputs, by the names of the parameters, from a random generator. They are
            what can be sent to a grader's worker (:mod:`vos_lab.exercises.encoding`): numbers,
            texts, arrays, tensors, networks, a :class:`Listener`, a bound on memory
            (:class:`vos_lab.exercises.memory.Bound`), and lists, tuples and dicts of them.
        judge: in place of that of the check.
    """

    name: str
    make: Callable[[np.random.Generator], Inputs]
    judge: Judge | None = None


@dataclass
class Listener:
    """A function for the inputs of a case that notes what it is told.

    What the function under test has told it must be what the reference tells it.

    Attributes:
        heard: the arguments of each call; those of one argument as they are.
    """

    heard: list[Any] = field(default_factory=list)

    def __call__(self, *told: Any) -> None:
        """Note what is told."""
        self.heard.append(told[0] if len(told) == 1 else list(told))


class Mistake:
    """A typical mistake: a wrong version of the function, and the sentence that helps.

    Args:
        message: what it usually means, and what to do instead; one or two sentences.
        *changes: pairs of the old and the new text in the source of the reference; or, alone, a
            function that computes what somebody computes who makes this mistake.
        **names: what names in the source mean instead.
    """

    def __init__(
        self, message: str, *changes: tuple[str, str] | Callable[..., Any], **names: Any
    ) -> None:
        self.message = message
        self.function: Callable[..., Any] | None = None
        self.changes: list[tuple[str, str]] = []
        self.names = names
        for change in changes:
            if isinstance(change, tuple):
                self.changes.append(change)
            else:
                self.function = change
        if bool(self.function) == bool(self.changes or names) or (
            len(changes) > 1 and self.function
        ):
            raise TypeError(f"either changes of the source or one function: {message}")

    def version(self, reference: Callable[..., Any]) -> Callable[..., Any]:
        """The wrong version of a function.

        Args:
            reference: the right one, with its source.

        Raises:
            ValueError: the text to change is not in the source, or a name is not used in it.
        """
        if self.function is not None:
            return self.function
        source = source_of(reference)
        text, where = source.text, f"{reference.__name__}: {self.message}"
        for old, new in self.changes:
            if old not in text:
                raise ValueError(f"{where}\nThis text is not in the source: {old!r}\n{text}")
            text = text.replace(old, new)
        for name in self.names:
            if not re.search(rf"\b{name}\b", text):
                raise ValueError(f"{where}\nThis name is not in the source: {name}\n{text}")
        namespace = {**source.names, **self.names}
        code = compile(
            text, "<mistake>", "exec", __future__.annotations.compiler_flag, dont_inherit=True
        )
        exec(code, namespace)
        return namespace[reference.__name__]


class Source(NamedTuple):
    """The text of a function without its docstring, and the names that it sees."""

    text: str
    names: dict[str, Any]


@cache
def source_of(function: Callable[..., Any]) -> Source:
    """The source of a function, without its docstring and the marker of an exercise."""
    lines = textwrap.dedent(inspect.getsource(function)).split("\n")
    node = ast.parse("\n".join(lines)).body[0]
    assert isinstance(node, ast.FunctionDef)
    cut = set()
    for decorator in node.decorator_list:
        if ast.unparse(decorator).startswith("exercise"):
            cut |= set(range(decorator.lineno - 1, decorator.end_lineno or 0))
    if ast.get_docstring(node) is not None and len(node.body) > 1:
        cut |= set(range(node.body[0].lineno - 1, node.body[0].end_lineno or 0))
    text = "\n".join(line for number, line in enumerate(lines) if number not in cut)
    inner = inspect.unwrap(function)
    return Source(text, {**inner.__globals__, **inspect.getclosurevars(inner).nonlocals})


@dataclass
class Check:
    """Everything that is known about right and wrong versions of an exercise.

    Attributes:
        exercise: the exercise, whose reference says what is right.
        cases: from the smallest to the largest.
        mistakes: typical ones.
        hints: from the idea to the operation, never the code.
        tolerance: how far a float may be from the reference, relative and absolute.
        fresh: arrays in the result must have memory of their own: not that of an input, nor of
            one another.
        judge: where many results are right: takes the inputs and the result, and returns what is
            wrong with it, or None. Without it the result must be that of the reference.
        gradients: names of inputs for which the gradient of the result must be right too: tensors,
            or lists of them.
        rung: how many hints have been read.
    """

    exercise: Exercise[..., Any]
    cases: Sequence[Case]
    mistakes: Sequence[Mistake]
    hints: Sequence[str]
    tolerance: float = 1e-6
    fresh: bool = False
    judge: Judge | None = None
    gradients: Sequence[str] = ()
    rung: int = field(default=0, init=False)

    without = "The library goes on with its own version."  # what happens before it is attempted

    @property
    def name(self) -> str:
        """The bare name of the function, for example ``jaccard``."""
        return self.exercise.reference.__name__

    def alone(self) -> AbstractContextManager[None]:
        """While this goes on, no other answer of the student can change the verdict."""
        return library_versions()

    def judge_of(self, case: Case) -> Judge | None:
        """The judge of a case: its own, or that of the check; None compares with the reference."""
        return case.judge or self.judge

    def inputs(self, seed: int) -> list[Inputs]:
        """The inputs of every case; each has a random stream of its own."""
        return [
            self.made(case, np.random.default_rng([seed, number]))
            for number, case in enumerate(self.cases)
        ]

    def made(self, case: Case, rng: np.random.Generator) -> Inputs:
        """The inputs of a case."""
        return learnable(case.make(rng), self.gradients)

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
        judge = self.judge_of(case)
        if judge is not None:
            problem = judge(inputs, got.value)
        else:
            problem = difference(expected.value, got.value, self.tolerance)
        if problem is None and self.fresh and got.shared:
            problem = f"right values, but {got.shared}"
        problem = problem or gradient_problem(expected.gradients, got.gradients, self.tolerance)
        return problem or unheard(expected.heard, got.heard, self.tolerance)


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
        gradients: of the result, with respect to the inputs that ask for them.
        heard: what each listener among the inputs was told.
    """

    value: Any = None
    changed: tuple[str, ...] = ()
    shared: str = ""
    failure: Failure | None = None
    gradients: Gradients | None = None
    heard: dict[str, list[Any]] = field(default_factory=dict)

    def same(self, other: "Run", tolerance: float) -> bool:
        """Whether two versions of a function behave alike on a case."""
        if self.failure or other.failure:
            mine, its = self.failure, other.failure
            return bool(mine and its and (mine.kind, mine.message) == (its.kind, its.message))
        return (
            self.changed == other.changed
            and self.shared == other.shared
            and unheard(self.heard, other.heard, tolerance) is None
            and difference(self.value, other.value, tolerance) is None
            and difference(self.gradients, other.gradients, tolerance) is None
        )


def run(function: Callable[..., Any], inputs: Inputs) -> Run:
    """Call a function on a copy of the inputs, and say what happened. Never raises.

    Args:
        function: a student's version, the reference, or a mistake.
        inputs: by the names of the parameters.

    Returns:
        The result, or the exception, and what became of the inputs.
    """
    given = copy.deepcopy(inputs)
    value, failure = call(function, given)
    if failure is not None:
        return Run(failure=failure)
    shared, heard = shared_memory(value, given), heard_by(given)
    return Run(
        value, changed(inputs, given), shared, gradients=gradients(value, given), heard=heard
    )


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
            with watched(given.values()):
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


def heard_by(given: Inputs) -> dict[str, list[Any]]:
    """What each listener among the inputs was told.

    Args:
        given: the inputs as they are after the call.
    """
    return {name: item.heard for name, item in given.items() if isinstance(item, Listener)}


def unheard(
    expected: dict[str, list[Any]], got: dict[str, list[Any]], tolerance: float
) -> str | None:
    """How what the listeners were told differs from what they should have been, in words.

    Args:
        expected: what each was to hear.
        got: what it heard.
        tolerance: of floats.
    """
    for name, wanted in expected.items():
        heard = got.get(name, [])
        if len(heard) != len(wanted):
            return f"{name} was called {len(heard)} times, expected {len(wanted)} times"
        for number, (want, have) in enumerate(zip(wanted, heard, strict=True), start=1):
            problem = difference(want, have, tolerance)
            if problem is not None:
                return f"{name}, call {number}: {problem}"
    return None


def failure_of(function: Callable[..., Any], error: BaseException) -> Failure:
    """An exception that a function raised, in words.

    Args:
        function: any version; lines are counted in its file or cell.
        error: what came out of it.
    """
    code = getattr(inspect.unwrap(function), "__code__", None)
    trace = error.__traceback__
    line: int | None = None
    frames: list[CodeType] = []
    while trace is not None:
        frames.append(trace.tb_frame.f_code)
        if code is not None and frames[-1].co_filename == code.co_filename:
            line = trace.tb_lineno
        trace = trace.tb_next
    try:
        message = str(error)
    except Exception:  # a class of the student's own may not be able to say it
        message = ""
    unwritten = None
    if isinstance(error, NotImplementedError) and not message and frames:
        unwritten = frames[-1].co_name
    if isinstance(error, RecursionError):
        message = endless(frames)
    source = linecache.getline(code.co_filename, line).strip() if code and line else ""
    return Failure(type(error).__name__, message, line, source, unwritten)


def endless(frames: Sequence[CodeType]) -> str:
    """Which functions call one another without end, in words.

    Args:
        frames: the code of every call, the outermost first.
    """
    last = frames[-100:]
    names = list(dict.fromkeys(f.co_name for f in last if f is not Exercise.__call__.__code__))
    text = f"{', '.join(names[:4])} call{'s' if len(names) == 1 else ''} "
    text += f"{'itself' if len(names) == 1 else 'one another'} without end."
    if Exercise.__call__.__code__ in last:
        text += " The library's version is yours while it runs: it cannot be borrowed."
    return text


def shared_memory(value: Any, given: Inputs) -> str:
    """Which arrays of a result share memory with an input or one another, in words; or empty.

    Args:
        value: what was returned.
        given: the inputs, the very objects.
    """
    results, inputs = arrays_in(value), {name: arrays_in(item) for name, item in given.items()}
    for name, arrays in inputs.items():
        if any(np.may_share_memory(a, b) for a in results for b in arrays):
            return f"the result shares its memory with {name}: painting into one paints the other"
    for number, result in enumerate(results):
        if any(np.may_share_memory(result, other) for other in results[:number]):
            return "the results share one memory: painting into one paints into the others"
    return ""

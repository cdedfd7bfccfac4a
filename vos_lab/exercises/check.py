"""Check an answer, ask for a hint, go back to the library's version.

``check(jaccard)`` tries the student's function on fresh inputs, prints a verdict, and raises
unless the verdict is "passed". The library runs on the student's version exactly when the last
check of it passed: a version that fails is not adopted, and takes an older one with it, so that
what runs is never something that is no longer on the page.
"""

import difflib
import importlib
import pkgutil
import re
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from vos_lab.exercise import Exercise, adopted, library_versions
from vos_lab.exercises import checks, pictures, progress
from vos_lab.exercises.cases import Check, Failure, Inputs, Run, run
from vos_lab.exercises.compare import show


class CheckFailed(Exception):  # noqa: N818 (a student reads the name)
    """The answer is not right; the verdict above says why."""

    def _render_traceback_(self) -> list[str]:
        # What a notebook shows in place of a traceback. The verdict has said everything.
        return [str(self)]


class NotAttempted(CheckFailed):
    """The answer still raises NotImplementedError."""

    def _render_traceback_(self) -> list[str]:
        # Nothing is wrong yet: what to do next, in blue.
        name = str(self).partition(":")[0]
        return [f"\x1b[34mNext: write {name} above, run its cell, then this one again.\x1b[0m"]


class CheckError(CheckFailed):
    """The answer raised an exception of its own."""


@dataclass(frozen=True)
class Verdict:
    """What a check found.

    Attributes:
        outcome: passed, failed, not attempted or error.
        text: what is printed.
        mistake: the sentence about a typical mistake that is in the text, as a whole; or None.
    """

    outcome: str
    text: str
    mistake: str | None = None


EXCEPTIONS = {"failed": CheckFailed, "not attempted": NotAttempted, "error": CheckError}


NAMED = re.compile(r"\bCheck\(\s*(\w+)")  # as in OVERLAY = Check(overlay, ...)


@cache
def lessons_of() -> dict[str, str]:
    """In which lesson every exercise is: the name of its module of checks.

    The modules are read, not imported: some need PyTorch, which takes seconds.

    Returns:
        By the bare name of the exercise, in the order of the modules.

    Raises:
        ValueError: two exercises have one name.
    """
    found: dict[str, str] = {}
    for lesson in sorted(m.name for m in pkgutil.iter_modules(checks.__path__)):
        source = Path(checks.__path__[0], f"{lesson}.py").read_text(encoding="utf-8")
        for name in NAMED.findall(source):
            if name in found:
                raise ValueError(
                    f"two exercises are called {name}, in {found[name]} and {lesson}. Rename one."
                )
            found[name] = lesson
    return found


def checks_of(lesson: str) -> list[Check]:
    """The checks of a lesson.

    Args:
        lesson: name of its module in ``vos_lab.exercises.checks``.
    """
    return list(importlib.import_module(f"{checks.__name__}.{lesson}").CHECKS)


@cache
def registered() -> dict[str, Check]:
    """All checks of the course, by the bare name of their function; this loads all of them."""
    lessons = dict.fromkeys(lessons_of().values())
    return {item.name: item for lesson in lessons for item in checks_of(lesson)}


def find(function: Callable[..., Any]) -> Check:
    """The check of a function, found by the function's name.

    Args:
        function: a student's function, or the library's.

    Raises:
        TypeError: this is no function.
        LookupError: no exercise has its name.
    """
    name = getattr(function, "__name__", None)
    if not callable(function) or not isinstance(name, str):
        raise TypeError(f"give the function itself, as in check(jaccard), not {function!r}")
    known = lessons_of()
    if name not in known:
        close = difflib.get_close_matches(name, known, n=1)
        guess = f" Did you mean {close[0]}?" if close else ""
        raise LookupError(
            f"there is no exercise called {name}.{guess} There are: {', '.join(known)}"
        )
    return next(item for item in checks_of(known[name]) if item.name == name)


def check(function: Callable[..., Any], seed: int = 0) -> None:
    """Try a function on the cases of its exercise, print the verdict, adopt it if it passes.

    A notebook then shows a picture of what your version does.

    Args:
        function: your version; its name says which exercise it is.
        seed: of the random inputs. Another seed tries other inputs.

    Raises:
        CheckFailed: the function is wrong (CheckFailed itself), not yet written (NotAttempted),
            or raised an exception (CheckError).
        LookupError: no exercise has that name.
    """
    item = find(function)
    verdict = judge(function, item, seed)
    print(verdict.text)
    if verdict.outcome != "passed":
        raise EXCEPTIONS[verdict.outcome](f"{item.name}: {verdict.outcome}")
    if item.exercise.adopted:
        progress.note(item.name)
        done, names = progress.passed(), siblings(item.name)
        print(f"  {sum(name in done for name in names)} of {len(names)} exercises of this lesson")
        pictures.display_at_work(item.name, lessons_of()[item.name], item.exercise.current)


def siblings(name: str) -> list[str]:
    """The exercises of the lesson that an exercise belongs to, itself included."""
    lessons = lessons_of()
    return [other for other, lesson in lessons.items() if lesson == lessons[name]]


def hint(function: Callable[..., Any]) -> None:
    """Print the next hint for an exercise: first the idea, at last the operation.

    Args:
        function: your version, or the library's.

    Raises:
        LookupError: no exercise has that name.
    """
    item = find(function)
    number = min(item.rung, len(item.hints) - 1)
    item.rung = number + 1
    last = " (That was the last one.)" if item.rung == len(item.hints) else ""
    print(_wrapped(f"Hint {number + 1} of {len(item.hints)}: {item.hints[number]}{last}"))


def restore(function: Callable[..., Any] | None = None) -> None:
    """Let the library run on its own version of a function again.

    Args:
        function: which one; by default all.

    Raises:
        LookupError: no exercise has that name.
    """
    marked = adopted() if function is None else [find(function).exercise]
    names = [each.reference.__name__ for each in marked if each.adopted]
    for each in marked:
        each.restore()
    print(f"The library runs on its own version of {', '.join(names) or 'everything'}.")


def judge(function: Callable[..., Any], item: Check, seed: int = 0) -> Verdict:
    """Run all cases and put the verdict into words; adopt the function if it passes.

    Args:
        function: the version to judge.
        item: its check.
        seed: of the random inputs.

    Returns:
        The verdict.
    """
    library_own = isinstance(function, Exercise)
    version = function.current if isinstance(function, Exercise) else function
    # What other exercises have adopted may be wrong in a way that their checks do not see. Here,
    # all of them run on the library's, so that a verdict is on this function alone.
    with item.alone():
        inputs = item.inputs(seed)
        expected = item.expected(inputs)
        # The student's version is in place while it runs. So one that merely calls the library's
        # finds itself there, here and not later.
        item.exercise.adopt(version)
        runs = [run(version, given) for given in inputs]
        item.exercise.restore()
        problems = [
            None if got.failure else item.problem(case, given, reference, got)
            for case, given, reference, got in zip(item.cases, inputs, expected, runs, strict=True)
        ]
        wrong = any(problems) or any(got.failure for got in runs)
        name = getattr(version, "__name__", item.name)
        verdict = _explain(item, name, inputs, runs, problems) if wrong else None
    if verdict is not None:
        item.exercise.restore()
        return verdict
    item.exercise.adopt(version)
    if library_own or not item.exercise.adopted:
        whose = "your version" if item.exercise.adopted else "this is the library's own version"
        return Verdict("passed", f"✓ {item.name}: passed ({whose})")
    return Verdict("passed", f"✓ {item.name}: passed. The library runs on your version now.")


def _explain(
    item: Check,
    name: str,
    inputs: list[Inputs],
    runs: list[Run],
    problems: list[str | None],
) -> Verdict:
    """The verdict on a version that does not pass."""
    failures = [got.failure for got in runs]
    if all(failure and failure.unwritten == name for failure in failures):
        text = f"○ {item.name}: not attempted yet. {item.without}"
        return Verdict("not attempted", _wrapped(text))
    wrong = [i for i in range(len(runs)) if problems[i] or failures[i]]
    first = wrong[0]  # the cases go from small to large
    failure, problem = failures[first], problems[first]
    count = f"{len(wrong)} of {len(runs)} cases {'fails' if len(wrong) == 1 else 'fail'}"
    lines = [f"✗ {item.name}: {count}", f"  {item.cases[first].name}"]
    for name, value in inputs[first].items():
        lines.append(f"    {name} = {show(value, len(name) + 7)}")
    if failure is not None:
        lines += [_wrapped(line, "  ") for line in failure_lines(item.name, failure)]
    else:
        lines += [_wrapped(line, "  ") for line in str(problem).split("\n")]
    message = diagnose(item, inputs, runs, wrong)
    if message:
        lines.append(_wrapped(message, "  "))
    lines.append(f"  hint({item.name}) says more.")
    return Verdict("error" if failure else "failed", "\n".join(lines), message)


def _wrapped(text: str, indent: str = "") -> str:
    """A sentence over lines that fit a notebook; what is laid out in columns stays as it is."""
    if len(text) <= 80 or text.endswith("]"):
        return indent + text
    return textwrap.fill(text, 80, initial_indent=indent, subsequent_indent=indent)


def failure_lines(name: str, failure: Failure) -> list[str]:
    """An exception of the student's code, for the student.

    Args:
        name: of the exercise.
        failure: what was raised.
    """
    where = f" in line {failure.line}: {failure.source}" if failure.line else ""
    if failure.unwritten == name:
        return [f"NotImplementedError{where}", "Part of it is written; this line is still there."]
    if failure.unwritten is not None:
        return [
            f"It calls {failure.unwritten}, which is not written yet.{where}",
            f"Write {failure.unwritten} first, or import the library's.",
        ]
    message = f": {failure.message}" if failure.message else ""
    return (
        [f"{failure.kind}{message}", f"{where.strip()}"] if where else [f"{failure.kind}{message}"]
    )


def diagnose(
    item: Check,
    inputs: list[Inputs],
    runs: list[Run],
    wrong: list[int],
    mistaken: list[list[Run]] | None = None,
) -> str | None:
    """The sentence of the mistake that computes what the student computed.

    The mistake must agree on the case that is shown, and on another one or half of those that fail:
    one case alone may be chance. Of several, the one that agrees on most cases is taken.

    Args:
        item: the check.
        inputs: of the cases.
        runs: of the student's version on them.
        wrong: numbers of the cases that fail; the first is the one that is shown.
        mistaken: the runs of each mistake, where they are known already.

    Returns:
        The sentence, or None.
    """
    mistaken = run_mistakes(item, inputs) if mistaken is None else mistaken
    best, message = 0, None
    for mistake, mistake_runs in zip(item.mistakes, mistaken, strict=True):
        alike = [a.same(b, item.tolerance) for a, b in zip(mistake_runs, runs, strict=True)]
        explained = sum(alike[i] for i in wrong)
        convincing = alike[wrong[0]] and (explained >= 2 or 2 * explained >= len(wrong))
        if convincing and sum(alike) > best:
            best, message = sum(alike), mistake.message
    return message


def run_mistakes(item: Check, inputs: list[Inputs]) -> list[list[Run]]:
    """What comes of each mistake of a check.

    Args:
        item: the check.
        inputs: of the cases.
    """
    with library_versions():
        versions = [mistake.version(item.exercise.reference) for mistake in item.mistakes]
        return [[run(version, given) for given in inputs] for version in versions]

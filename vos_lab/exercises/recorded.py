"""Checks without answers, for work that is graded.

In a graded release the body of an exercise is not in the student's copy of the library, and neither
is its check, whose mistakes come close to the answer. What is there instead is a *record*: the
inputs of every case, and what the reference made of them. A check on record says whether a result
is right, but not which typical mistake it is. Where many results are right, it looks at their form
alone; the grader decides.
"""

import importlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vos_lab.exercise import library_versions
from vos_lab.exercises.cases import (
    Case,
    Check,
    Inputs,
    Run,
    run,
)
from vos_lab.exercises.compare import difference, is_array
from vos_lab.exercises.encoding import EncodingError, Reader, Writer, pack, unpack


@dataclass
class RecordedCheck(Check):
    """A check that has the results of the reference, and not the reference.

    Attributes:
        inputs_on_record: of each case.
        results: what the reference made of them, the gradients of that, and what the listeners
            among the inputs heard.
    """

    inputs_on_record: Sequence[Inputs] = field(default_factory=list)
    results: Sequence[tuple[Any, Any, Any]] = field(default_factory=list)

    without = "It is graded, so the library has no version of its own."

    @contextmanager
    def alone(self) -> Iterator[None]:
        """The library has no versions of its own here, so what is adopted stays."""
        before = self.exercise.current
        try:
            yield
        finally:
            self.exercise.adopt(before)

    def inputs(self, seed: int) -> list[Inputs]:
        """The inputs on record, whatever the seed."""
        return list(self.inputs_on_record)

    def expected(self, inputs: list[Inputs]) -> list[Run]:
        """The results on record."""
        return [Run(value, gradients=slopes, heard=heard) for value, slopes, heard in self.results]


def record(checks: Iterable[Check], file: str | Path) -> list[str]:
    """Write the cases of checks to a file, with the results of the reference.

    Args:
        checks: what to record.
        file: the file to write.

    Returns:
        What could not be recorded, in words.
    """
    writer = Writer(trusted=True)
    tree, left_out = [], []
    for check in checks:
        cases = []
        with library_versions():
            inputs = check.inputs(0)
            runs = [run(check.exercise.reference, given) for given in inputs]
        for case, given, result in zip(check.cases, inputs, runs, strict=True):
            parts = len(writer.parts)
            try:
                kept = {
                    "inputs": writer.tree(given),
                    "result": writer.tree((result.value, result.gradients, result.heard)),
                }
            except EncodingError as error:
                del writer.parts[parts:]
                left_out.append(f"{check.name}, {case.name}: {error}")
                continue
            cases.append(
                {"name": case.name, "form_alone": check.judge_of(case) is not None, **kept}
            )
        tree.append(
            {
                "exercise": check.exercise.name,
                "hints": list(check.hints),
                "tolerance": check.tolerance,
                "fresh": check.fresh,
                "cases": cases,
            }
        )
    with Path(file).open("wb") as stream:
        stream.writelines(pack(tree, writer.parts))
    return left_out


def read_checks(file: str | Path) -> list[Check]:
    """The checks of a record.

    Args:
        file: written by :func:`record`.
    """
    with Path(file).open("rb") as stream:
        tree, parts = unpack(stream.read)
    reader = Reader(parts, trusted=True)
    checks: list[Check] = []
    for entry in tree:
        module, _, name = entry["exercise"].rpartition(".")
        inputs = [reader.value(case["inputs"]) for case in entry["cases"]]
        results = [reader.value(case["result"]) for case in entry["cases"]]
        cases = [
            Case(case["name"], lambda rng: {}, _form_of(result[0]) if case["form_alone"] else None)
            for case, result in zip(entry["cases"], results, strict=True)
        ]
        checks.append(
            RecordedCheck(
                getattr(importlib.import_module(module), name),
                cases,
                [],
                entry["hints"],
                entry["tolerance"],
                entry["fresh"],
                inputs_on_record=inputs,
                results=results,
            )
        )
    return checks


def _form_of(result: Any) -> Any:
    """A judge that compares kind, shape and dtype, and no number."""
    return lambda inputs, got: difference(_form(result), _form(got), 0)


def _form(value: Any) -> Any:
    if is_array(value):
        return value * 0
    if isinstance(value, list | tuple):
        return type(value)(_form(item) for item in value)
    if isinstance(value, dict):
        return {key: _form(item) for key, item in value.items()}
    return type(value).__name__

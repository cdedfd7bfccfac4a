"""What is right in a lesson: the cases of its exercises, with what the reference makes of them.

It stays with the grader. A worker gets the inputs of a case when the case is run, and never hears
what is expected.
"""

import ast
import hashlib
import inspect
import json
import shutil
import sys
import tempfile
import threading
import types
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from vos_lab.authoring.blank import blank_package, modules_of
from vos_lab.authoring.lessons import (
    Cell,
    Lesson,
    find_exercise,
    find_object,
    source_of,
    stub_of,
    student_notebook,
)
from vos_lab.exercise import Exercise, library_versions
from vos_lab.exercises import checks
from vos_lab.exercises.cases import Case, Check, Inputs, Run
from vos_lab.exercises.check import find, run_mistakes
from vos_lab.exercises.compare import difference
from vos_lab.grading.extract import structure


@dataclass(frozen=True)
class Cases:
    """Cases of an exercise, with everything that they are judged by.

    Attributes:
        check: with the cases, and the mistakes and hints of the exercise.
        inputs: of each case.
        expected: what the reference makes of them.
        public: whether students may see inputs and results.
    """

    check: Check
    inputs: list[Inputs]
    expected: list[Run]
    public: bool

    @cached_property
    def mistaken(self) -> list[list[Run]]:
        """What the typical mistakes make of them."""
        with LOCK:
            return run_mistakes(self.check, self.inputs)


LOCK = threading.RLock()  # adopting and restoring versions of the library is for one at a time


@dataclass(frozen=True)
class Question:
    """An exercise of a lesson, for the grader.

    Attributes:
        name: of the function.
        full: its full name.
        points: it gives.
        source: the reference.
        others: the other exercises of the lesson, with their references: an answer is judged by
            itself, whatever became of those before it.
        cases: those that students know from their notebook, then those that they do not.
        grams: fingerprint of the structure of the reference.
        nodes: size of its syntax tree.
    """

    name: str
    full: str
    points: float
    source: str
    others: tuple[dict[str, str], ...]
    cases: tuple[Cases, ...]
    grams: list[int]
    nodes: int

    @property
    def check(self) -> Check:
        """The check of the exercise, with its hints."""
        return self.cases[0].check


class Key:
    """The answers to a lesson. Use it in a ``with``, as it keeps a folder for the workers.

    Args:
        lesson: the lesson.
        hidden: source of a Python module with ``CASES``: for the name of an exercise, a list of
            :class:`~vos_lab.exercises.cases.Case` that nobody has seen.
        seed: of further random inputs; None for none.

    Attributes:
        lesson: name of the lesson.
        questions: its exercises.
        blank: the lesson without answers, for :func:`vos_lab.grading.extract.extract`.
        package: a folder with the library without answers.
        warm: modules that the exercises need.
        digest: changes with the lesson, its exercises and their checks.
        how: kind of sandbox that was found to work with it; None before that.
        lock: for who finds that out.

    Raises:
        ValueError: the lesson has no exercises, or ``hidden`` is not what it should be.
    """

    def __init__(self, lesson: Lesson, hidden: str | None = None, seed: int | None = None) -> None:
        self.lesson = lesson.name
        self.how: str | None = None
        self.lock = threading.Lock()
        cells = [cell for cell in lesson.cells if cell.kind == "exercise"]
        if not cells:
            raise ValueError(f"{lesson.name}: there is no exercise in this lesson")
        exercises = [find_exercise(cell, lesson) for cell in cells]
        extra = hidden_cases(hidden, {e.reference.__name__ for e in exercises}) if hidden else {}
        sources = {e.name: source_of(e) for e in exercises}
        self.questions = [
            _question(cell, exercise, sources, seed, extra.get(exercise.reference.__name__, []))
            for cell, exercise in zip(cells, exercises, strict=True)
        ]
        notebook = student_notebook(lesson)
        ids = {
            cell.metadata["vos_lab"]["exercise"]: cell.id
            for cell in notebook.cells
            if cell.metadata["vos_lab"]["kind"] == "exercise"
        }
        self.blank: dict[str, Any] = {
            "lesson": lesson.name,
            "context": _context(lesson),
            "exercises": [
                {"name": q.name, "full": q.full, "id": ids[q.full], "stub": stub_of(q.source)}
                for q in self.questions
            ],
        }
        parts = [self.blank, [(q.points, q.source) for q in self.questions], hidden, seed]
        sources_of_checks = sorted({inspect.getsource(_home(q.check)) for q in self.questions})
        self.digest = hashlib.sha256(json.dumps([parts, sources_of_checks]).encode()).hexdigest()
        self.warm = modules_of(exercises)
        self.package = Path(tempfile.mkdtemp(prefix="blank-"))
        self.package.chmod(0o755)  # a worker may be another user
        try:
            blank_package(self.package, exercises, compiled=True)
        except BaseException:  # interrupted, too
            self.close()
            raise

    def __enter__(self) -> "Key":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Remove the folder of the workers."""
        shutil.rmtree(self.package, ignore_errors=True)


def _question(
    cell: Cell,
    marked: Exercise[..., Any],
    sources: dict[str, str],
    seed: int | None,
    extra: list[Case],
) -> Question:
    check = find(marked)
    source = sources[marked.name]
    others = tuple(
        {"exercise": name, "source": text} for name, text in sources.items() if name != marked.name
    )
    inputs = check.inputs(0)
    sets = [_cases(check, inputs, public=True)]
    secret = list(extra)
    secret_inputs = [
        check.made(case, np.random.default_rng([seed or 0, 1000 + number]))
        for number, case in enumerate(extra)
    ]
    if seed is not None:
        # Of the public cases, those that another seed makes others of.
        for case, known, other in zip(check.cases, inputs, check.inputs(seed), strict=True):
            if any(difference(known[k], other.get(k), 0) for k in known):
                secret.append(Case(f"{case.name}, with other numbers", case.make, case.judge))
                secret_inputs.append(other)
    if secret:
        hidden = replace(check, cases=secret)
        sets.append(_cases(hidden, secret_inputs, public=False))
    return Question(
        check.name, marked.name, cell.points, source, others, tuple(sets), *structure(source)
    )


def _home(check: Check) -> types.ModuleType:
    """The module in which a check is written."""
    for name, module in list(sys.modules.items()):
        if name.startswith(checks.__name__) and any(
            check is other for other in getattr(module, "CHECKS", ())
        ):
            return module
    raise LookupError(f"{check.name}: its check is in no module of vos_lab.exercises.checks")


def _cases(check: Check, inputs: list[Inputs], public: bool) -> Cases:
    with LOCK, library_versions():
        expected = check.expected(inputs)
    return Cases(check, inputs, expected, public)


def hidden_cases(source: str, known: set[str]) -> dict[str, list[Case]]:
    """The cases of a file that an instructor wrote.

    Args:
        source: a Python module that defines ``CASES``.
        known: names of the exercises.

    Returns:
        Cases by the name of the exercise.

    Raises:
        ValueError: it defines something else, or names an exercise that is not in the lesson.
    """
    module = types.ModuleType("hidden_cases")
    sys.modules[module.__name__] = module  # as dataclasses in it want to find it
    exec(compile(source, "the hidden cases", "exec"), module.__dict__)
    found = getattr(module, "CASES", None)
    if not isinstance(found, dict):
        raise ValueError(
            "the hidden cases must define CASES = {'jaccard': [Case(...), ...]}, with Case from "
            "vos_lab.exercises.cases"
        )
    for name, cases in found.items():
        if name not in known:
            raise ValueError(
                f"hidden cases: there is no exercise {name!r} in this lesson; there are "
                + ", ".join(sorted(known))
            )
        if not all(isinstance(case, Case) for case in cases):
            raise ValueError(f"hidden cases: CASES[{name!r}] must be a list of Case")
    return found


def _context(lesson: Lesson) -> str:
    """What a lesson itself defines: imports, functions, classes, constants. Nothing is computed."""
    pieces = []
    for cell in lesson.cells:
        if cell.kind in ("exercise", "show"):
            module, _, name = cell.target.rpartition(".")
            if cell.kind == "show":
                module = getattr(find_object(cell.target, lesson.name), "__module__", module)
            pieces.append(f"from {module} import {name}")
        elif cell.kind == "code" and cell.for_students:
            pieces += [ast.unparse(node) for node in _definitions(cell.source)]
    return "\n".join(pieces)


def _definitions(source: str) -> list[ast.stmt]:
    try:
        body = ast.parse(source).body
    except SyntaxError:  # magics, or await
        return []
    kinds = ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef
    return [node for node in body if isinstance(node, kinds) or _is_constant(node)]


def _is_constant(node: ast.stmt) -> bool:
    if not isinstance(node, ast.Assign):
        return False
    try:
        ast.literal_eval(node.value)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return False
    return True

"""Grade one submission: extract its answers, run them behind walls, compare here.

For each exercise, workers run the answer on the inputs of its cases, first those that students
know, then, in another worker, those that they do not. What they return is compared here, with the
same functions that ``check`` uses. An exercise starts at 0 points. Each case that is right adds an
equal share.
"""

import builtins
import time
from dataclasses import replace
from typing import Any

import numpy as np

from vos_lab.exercises.cases import Run
from vos_lab.exercises.check import diagnose, failure_lines
from vos_lab.exercises.compare import kind, show
from vos_lab.grading.answer_key import Cases, Key, Question
from vos_lab.grading.limits import Limits, SandboxError
from vos_lab.grading.results import OTHER_KIND, CaseResult, ExerciseResult, Result
from vos_lab.grading.running import ENDINGS, extract_answers, run_answer
from vos_lab.grading.sandbox import Sandbox
from vos_lab.grading.submissions import Submission, printable

MAX_LINE = 2000  # characters of a line of a report
ENDED = {*(title for title, _ in ENDINGS.values()), "Process", "Result", "Not run"}
PRINTED = 100  # values of an array that a verdict prints; larger ones are shown as pictures
Done = tuple[Submission, Result, bool]  # the last: whether the result is final


def guarded(submission: Submission, key: Key, sandbox: Sandbox) -> Done:
    """Grade a submission; a mistake of the grader is a note on that submission, and no more.

    Args:
        submission: what was handed in.
        key: the answers.
        sandbox: where answers run.

    Returns:
        The submission, its result, and whether the result is final.

    Raises:
        SandboxError: no worker can be started.
    """
    try:
        return submission, grade_one(submission, key, sandbox), True
    except SandboxError:
        raise
    except Exception as error:
        words = f"the grader failed ({type(error).__name__}: {error}); grade this one by hand"
        nothing = tuple(
            ExerciseResult(q.name, "error", 0, q.points, note=words) for q in key.questions
        )
        return submission, Result(submission.student, "", words, (), nothing), False


def grade_one(
    submission: Submission, key: Key, sandbox: Sandbox, limits: Limits | None = None
) -> Result:
    """Grade a submission. What is wrong with it never raises.

    Args:
        submission: what was handed in.
        key: the answers to the lesson.
        sandbox: where answers run.
        limits: of each exercise; by default those of the sandbox.

    Returns:
        The result.

    Raises:
        SandboxError: no worker can be started.
    """
    started = time.perf_counter()
    limits = limits or sandbox.limits
    name = ""
    try:
        name, data = submission.content()
        extracted = extract_answers(sandbox, name, data, key)
        if extracted["error"]:
            extracted["error"] = f"{name} {extracted['error']}"
    except (ValueError, OSError) as error:
        extracted = {"error": str(error), "notes": [], "answers": {}}
    nothing: dict[str, Any] = {"state": "unread", "units": [], "note": ""}
    exercises = [
        grade_exercise(question, extracted["answers"].get(question.name, nothing), sandbox, limits)
        for question in key.questions
    ]
    return Result(
        submission.student,
        name,
        printable(extracted["error"]) if extracted["error"] else None,
        (*submission.notes, *map(printable, extracted["notes"])),
        tuple(exercises),
        time.perf_counter() - started,
    )


def grade_exercise(
    question: Question, answer: dict[str, Any], sandbox: Sandbox, limits: Limits
) -> ExerciseResult:
    """Run an answer on all cases of an exercise, and judge it.

    Args:
        question: the exercise.
        answer: as it was extracted.
        sandbox: where it runs.
        limits: of the exercise.

    Returns:
        The result.

    Raises:
        SandboxError: no worker can be started.
    """
    state, note = answer["state"], answer["note"]
    result = ExerciseResult(question.name, "not attempted", 0, question.points, note=note)
    if state == "unread":
        return replace(result, outcome="not read")
    if state == "broken":
        return replace(result, outcome="error", hint=question.check.hints[0])
    if state != "answer":
        return result
    left = [limits.seconds]
    sets = []
    for cases in question.cases:
        runs = run_answer(question, answer["units"], cases.inputs, sandbox, left, limits)
        sets.append((cases, runs))
    return replace(
        _judge(question, sets, result),
        source="\n".join(unit["source"].strip("\n") for unit in answer["units"][-1:]),
        grams=tuple(answer["grams"]),
        nodes=answer["nodes"],
    )


# --- judging -----------------------------------------------------------------------------------


def _judge(
    question: Question, sets: list[tuple[Cases, list[Run]]], result: ExerciseResult
) -> ExerciseResult:
    every_run = [run for _, runs in sets for run in runs]
    if all(run.failure and run.failure.unwritten == question.name for run in every_run):
        return result
    cases: list[CaseResult] = []
    message: str | None = None
    for given, runs in sets:
        problems = [
            None if run.failure else _problem(given, number, run) for number, run in enumerate(runs)
        ]
        wrong = [n for n, run in enumerate(runs) if run.failure or problems[n]]
        if wrong and message is None:
            message = _diagnose(given, runs, wrong)
        cases += [_case(given, n, run, problems[n]) for n, run in enumerate(runs)]
    right = sum(case.outcome == "passed" for case in cases)
    first = next((case.outcome for case in cases if case.outcome != "passed"), "passed")
    return replace(
        result,
        outcome=first,
        points=round(question.points * right / len(cases), 2),
        message=message,
        hint=None if first == "passed" else question.check.hints[0],
        cases=tuple(cases),
    )


def _problem(cases: Cases, number: int, run: Run) -> str | None:
    """What is wrong with a result; a result that cannot even be compared is wrong."""
    check, expected = cases.check, cases.expected[number]
    # A judge may take long over far more than there should be, and nobody would stop it.
    if _size(run.value) > 64 * _size(expected.value) + (1 << 20):
        return f"expected {kind(expected.value)}, got {kind(run.value)}: far too much"
    try:
        with np.errstate(all="ignore"):
            return check.problem(check.cases[number], cases.inputs[number], expected, run)
    except Exception:
        return f"expected {kind(expected.value)}, got {kind(run.value)}"


def _size(value: Any) -> int:
    """About how many bytes a value takes."""
    if isinstance(value, dict):
        return 64 + sum(_size(item) for item in value.values())
    if isinstance(value, list | tuple):
        return 64 + sum(map(_size, value))
    return int(getattr(value, "nbytes", 64)) + (len(value) if isinstance(value, str) else 0)


def _diagnose(cases: Cases, runs: list[Run], wrong: list[int]) -> str | None:
    try:
        with np.errstate(all="ignore"):
            return diagnose(cases.check, cases.inputs, runs, wrong, cases.mistaken)
    except Exception:
        return None


def _case(cases: Cases, number: int, run: Run, problem: str | None) -> CaseResult:
    case = cases.check.cases[number]
    name = case.name if cases.public else f"hidden: {case.name}"
    if run.failure is None and problem is None:
        return CaseResult(name, "passed", cases.public)
    outcome = "error" if run.failure else "failed"
    if not cases.public:
        # What an answer returns or raises may be the input itself: nothing of it is shown.
        # Nor is the name of an exception that is not Python's own or ours: an answer makes one up.
        words = _known(run.failure.kind) if run.failure else "the result is not right"
        return CaseResult(name, outcome, False, (words,), raised=run.failure is not None)
    lines = [f"{key} = {show(value, len(key) + 3)}" for key, value in cases.inputs[number].items()]
    said = str(problem).split("\n")
    if run.failure:
        said = failure_lines(cases.check.name, run.failure)
    pictures = _pictures(cases, number, run)
    raised = len(said) if run.failure else 0
    lines = [line[:MAX_LINE] for line in (*lines, *said)]
    return CaseResult(name, outcome, True, tuple(lines), pictures, raised)


def _known(kind: str) -> str:
    own = getattr(builtins, kind, None)
    known = isinstance(own, type) and issubclass(own, BaseException)
    return kind if known or kind in ENDED else OTHER_KIND


def _pictures(cases: Cases, number: int, run: Run) -> tuple[np.ndarray, np.ndarray] | None:
    expected, got = cases.expected[number].value, run.value
    arrays = [_first_array(expected), _first_array(got)]
    if run.failure or arrays[0] is None or arrays[1] is None or arrays[0].shape != arrays[1].shape:
        return None
    return None if arrays[0].size <= PRINTED else (arrays[1], arrays[0])


def _first_array(value: Any) -> np.ndarray | None:
    if isinstance(value, list | tuple) and value:
        value = value[-1]
    if hasattr(value, "detach"):
        value = value.detach().cpu().numpy()
    return value if isinstance(value, np.ndarray) and value.ndim >= 2 else None

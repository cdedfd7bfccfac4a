"""Grade submissions: find the answers, run them behind walls, compare here, write it down.

The order of things, for one submission:

1. a worker reads the file and extracts the answers from it (:mod:`~vos_lab.grading.extract`);
2. for each exercise, workers run the answer on the inputs of its cases, first those that students
   know, then, in another worker, those that they do not;
3. what they return is compared here, with the same functions that ``check`` uses;
4. the result is written as soon as it is there, so that a batch can be interrupted and goes on.

An exercise starts at 0 points. Each case that is right adds an equal share.
"""

import hashlib
import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

import vos_lab
from vos_lab.authoring.build import read_lessons
from vos_lab.course_files import COURSE_FOLDER
from vos_lab.exercises import encoding
from vos_lab.exercises.cases import Failure, Inputs, Run, changed, kind, show
from vos_lab.exercises.check import diagnose, failure_lines
from vos_lab.grading import reports
from vos_lab.grading.answer_key import Cases, Key, Question
from vos_lab.grading.results import CaseResult, ExerciseResult, Result, Settings
from vos_lab.grading.sandbox import COMPILED, Limits, Sandbox, SandboxError, Worker, crowding
from vos_lab.grading.submissions import Submission, find_submissions

EXTRACT_SECONDS = 60
PREPARE_SECONDS = 600
MOST_STARTS = 3  # of the process of an exercise, if it ends in the middle
PRINTED = 100  # values of an array that a verdict prints; larger ones are shown as pictures
FORMAT = 1  # another number lets everything be graded again
ENDINGS = {
    "time": ("Time", "it took longer than {seconds:g} s and was stopped"),
    "memory": ("Memory", "it took more than {memory} MB and was stopped"),
    "processes": ("Processes", "it started process after process and was stopped"),
}


# --- one submission ---------------------------------------------------------------------------


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
    name, notes = "", list(submission.notes)
    try:
        name, data = submission.content()
        extracted = _extract(sandbox, name, data, key)
    except (ValueError, OSError) as error:
        extracted = {"error": str(error), "notes": [], "answers": {}}
    nothing: dict[str, Any] = {"state": "missing", "units": [], "note": extracted["error"] or ""}
    exercises = [
        grade_exercise(question, extracted["answers"].get(question.name, nothing), sandbox, limits)
        for question in key.questions
    ]
    return Result(
        submission.student,
        name,
        extracted["error"],
        (*notes, *extracted["notes"]),
        tuple(exercises),
        time.perf_counter() - started,
    )


def _extract(sandbox: Sandbox, name: str, data: bytes, key: Key) -> dict[str, Any]:
    """Let a worker read the file: nobody knows what it does to its reader."""
    worker = sandbox.worker(EXTRACT_SECONDS)
    try:
        encoding.send(worker.writer, {"do": "extract", "name": name, "blank": key.blank}, [data])
        found, _ = encoding.receive(worker.reader, most=64 << 20)
    except (EOFError, OSError, encoding.EncodingError):
        how = worker.end(gone=True)
        raise ValueError(f"{name}: is too large, or too strange, to be read ({how})") from None
    worker.end()
    assert isinstance(found, dict)
    return found


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
    if state == "broken":
        return replace(result, outcome="error", hint=question.check.hints[0])
    if state != "answer":
        return result
    left = [limits.seconds]
    sets = []
    for cases in question.cases:
        runs = _run(question, answer["units"], cases.inputs, sandbox, left, limits)
        sets.append((cases, runs))
    return replace(
        _judge(question, sets, result),
        source="\n".join(unit["source"].strip("\n") for unit in answer["units"][-1:]),
        grams=tuple(answer["grams"]),
        nodes=answer["nodes"],
    )


# --- running ----------------------------------------------------------------------------------


def _run(
    question: Question,
    units: list[dict[str, str]],
    inputs: list[Inputs],
    sandbox: Sandbox,
    left: list[float],
    limits: Limits,
) -> list[Run]:
    """Run an answer on inputs. A process that ends is started again, for what is left to do.

    Args:
        question: the exercise.
        units: of source.
        inputs: of each case.
        sandbox: where it runs.
        left: the seconds that the exercise has; what it takes is taken off.
        limits: for the words.
    """
    others = list(question.others)
    task = {"do": "answer", "units": units, "exercise": question.full, "others": others}
    runs: list[Run] = []
    ending = _ending("time", limits)
    for _ in range(MOST_STARTS):
        if len(runs) == len(inputs) or left[0] <= 0:
            break
        started = time.perf_counter()
        worker = sandbox.worker(left[0])
        gone = asked = False
        try:
            encoding.send(worker.writer, task)
            reply, _ = encoding.receive(worker.reader, 1 << 20)
            if reply["problem"]:
                return [Run(failure=_failure(reply["problem"]))] * len(inputs)
            asked = True
            for given in inputs[len(runs) :]:
                runs.append(_ask(worker, given, limits))
        except encoding.EncodingError as error:
            ending = Failure("Result", str(error))
        except (EOFError, OSError):
            gone = True
        except (KeyError, TypeError, ValueError, AttributeError):
            ending = Failure("Result", "what came back was not a result")
        finally:
            how = worker.end(gone)
            left[0] -= (time.perf_counter() - started) / crowding()
        if len(runs) < len(inputs):
            ending = _ending(how, limits) if gone else ending
            runs.append(Run(failure=ending))
        if not asked or how == "time":
            break
    rest = Run(failure=Failure("Not run", "its process had been stopped before"))
    return [*runs, *[rest] * (len(inputs) - len(runs))]


def _ask(worker: Worker, given: Inputs, limits: Limits) -> Run:
    """One case: the inputs go over, the result comes back."""
    reply, reader = _exchange(worker, given, limits.result << 20)
    if reply["failure"]:
        return Run(failure=_failure(reply["failure"]))
    value, after = reader.value(reply["value"]), reader.value(reply["given"])
    if not isinstance(after, dict) or set(after) != set(given):
        raise encoding.EncodingError("the inputs did not come back")
    shared = reply["shared"]
    return Run(value, changed(given, after), shared[:200] if isinstance(shared, str) else "")


def _exchange(worker: Worker, given: Inputs, most: int | None) -> tuple[Any, encoding.Reader]:
    """Send inputs, answer what is asked about functions among them, and wait for the reply."""
    functions: list[Callable[..., Any]] = []

    def keep(function: Callable[..., Any]) -> int:
        functions.append(function)
        return len(functions) - 1

    out = encoding.Writer(trusted=True, callback=keep)
    tree = out.tree(given)
    encoding.send(worker.writer, tree, out.parts)
    networks = [value for value in given.values() if hasattr(value, "state_dict")]
    while True:
        reply, parts = encoding.receive(worker.reader, most)
        reader = encoding.Reader(parts, networks=networks)
        if not isinstance(reply, dict) or "call" not in reply:
            return reply, reader
        _answer_call(worker, functions, reply, reader)


def _answer_call(
    worker: Worker,
    functions: list[Callable[..., Any]],
    reply: dict[str, Any],
    reader: encoding.Reader,
) -> None:
    """A function among the inputs stays here; the worker asks for its result."""
    out, error, value = encoding.Writer(trusted=True), "", None
    try:
        arguments, named = reader.value(reply["args"]), reader.value(reply["kwargs"])
        value = out.tree(functions[reply["call"]](*arguments, **named))
    except Exception as problem:  # of what was asked: the asker gets it
        error = f"{type(problem).__name__}: {problem}"
    encoding.send(worker.writer, {"error": error, "value": value}, out.parts)


def _failure(words: dict[str, Any]) -> Failure:
    """An exception, as the worker describes it."""
    line = words.get("line")
    unwritten = words.get("unwritten")
    return Failure(
        str(words.get("kind"))[:80],
        str(words.get("message"))[:500],
        line if isinstance(line, int) else None,
        str(words.get("source"))[:200],
        unwritten[:80] if isinstance(unwritten, str) else None,
    )


def _ending(how: str, limits: Limits) -> Failure:
    if how in ENDINGS:
        title, text = ENDINGS[how]
        return Failure(title, text.format(seconds=limits.seconds, memory=limits.memory))
    return Failure("Process", f"its process ended in the middle ({how})")


# --- judging ----------------------------------------------------------------------------------


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
    try:
        with np.errstate(all="ignore"):
            return check.problem(check.cases[number], cases.inputs[number], expected, run)
    except Exception:
        return f"expected {kind(expected.value)}, got {kind(run.value)}"


def _diagnose(cases: Cases, runs: list[Run], wrong: list[int]) -> str | None:
    try:
        with np.errstate(all="ignore"):
            return diagnose(cases.check, cases.inputs, runs, wrong, cases.slipped)
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
        words = run.failure.kind if run.failure else "the result is not right"
        return CaseResult(name, outcome, False, (words,))
    lines = [f"{key} = {show(value, len(key) + 3)}" for key, value in cases.inputs[number].items()]
    if run.failure:
        lines += failure_lines(cases.check.name, run.failure)
    else:
        lines += str(problem).split("\n")
    return CaseResult(name, outcome, True, tuple(lines), _pictures(cases, number, run))


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


# --- sandboxes --------------------------------------------------------------------------------


def open_sandbox(key: Key, settings: Settings) -> Sandbox:
    """A sandbox in which the answers to a lesson can run without delay.

    The first time, the references run in one, to see what they import and compile.

    Args:
        key: the answers.
        settings: of the batch.

    Raises:
        SandboxError: no worker can be started, or the references do not run in one.
    """
    with key.lock:
        if key.how is None:
            first = Sandbox(key.package, settings.limits, key.warm, settings.how)
            try:
                how = first.settle()
                more = _prepare(key, first)
            except BaseException:
                first.close()
                raise
            key.how = how
            if not more:
                return first
            first.close()  # the next one imports that before it forks
            key.warm = [*key.warm, *more]
    sandbox = Sandbox(key.package, settings.limits, key.warm, key.how)
    sandbox.settle()
    return sandbox


def _prepare(key: Key, sandbox: Sandbox) -> list[str]:
    """Run the references; what Numba compiled is kept. Gives the modules that they imported."""
    exercises = [
        {"exercise": q.full, "source": q.source, "cases": len(q.cases[0].inputs)}
        for q in key.questions
    ]
    worker = sandbox.worker(PREPARE_SECONDS)
    try:
        encoding.send(worker.writer, {"do": "prepare", "exercises": exercises})
        for question in key.questions:
            for given in question.cases[0].inputs:
                _exchange(worker, given, None)
        reply, files = encoding.receive(worker.reader)
    except EOFError:
        how = worker.end(gone=True)
        raise SandboxError(
            f"the references of {key.lesson} do not run in a worker: {how}"
        ) from None
    worker.end()
    for name, data in zip(reply["files"], files, strict=True):
        path = key.package / COMPILED / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return list(reply["modules"])


# --- a batch ----------------------------------------------------------------------------------


def grade(
    paths: Sequence[str | Path],
    lesson: str,
    out: str | Path,
    settings: Settings | None = None,
    jobs: int | None = None,
    cluster: str | None = None,
    say: Callable[[str], None] = print,
    root: str | Path = COURSE_FOLDER,
) -> list[Result]:
    """Grade a batch of submissions, and write what came of it.

    What was graded before with the same settings is not graded again: an interrupted batch goes
    on where it was. In ``out`` are then, for each student, ``results.json`` (Gradescope's schema)
    and ``report.html``; and for the teacher ``grades.csv``, ``summary.html``, ``summary.json``.

    Args:
        paths: notebooks, exports, folders, zips.
        lesson: name of the lesson.
        out: folder to write to.
        settings: seeds, hidden cases, limits.
        jobs: how many submissions are graded at once; by default one for each core.
        cluster: address of a dask.distributed scheduler that does the work instead.
        say: gets a line for each submission, and warnings.
        root: the folder that holds ``lessons/``.

    Returns:
        The results, sorted by student.

    Raises:
        ValueError: there are no submissions, or the hidden cases are not what they should be.
        FileNotFoundError: there is no such lesson or submission.
        SandboxError: this machine cannot run answers at all.
    """
    settings = settings or Settings()
    text = read_lessons(root, [lesson])[0]
    submissions = find_submissions(paths, lesson)
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    results: dict[str, Result] = {}
    with Key(text, settings.hidden, settings.seed) as key:
        marks = {s.student: _mark(s, key, settings) for s in submissions}
        todo = []
        for submission in submissions:
            before = reports.read(folder, submission.folder, marks[submission.student])
            if before is None:
                todo.append(submission)
            else:
                results[submission.student] = before
        if results:
            say(f"{len(results)} of {len(submissions)} are graded already, with these settings")
        if cluster is None:
            done = _in_threads(todo, key, settings, jobs, say)
        else:
            from vos_lab.grading.cluster import grade_on

            done = grade_on(cluster, todo, text, settings)
        for submission, result, whole in done:
            # Without its mark, what we could not grade for a reason of our own is tried again.
            mark = marks[submission.student] if whole else ""
            reports.write(folder, submission.folder, result, text, mark)
            results[submission.student] = result
            say(f"{result.student}: {result.points:g} of {result.possible:g}" + _aside(result))
        everything = [results[name] for name in sorted(results)]
        reports.write_batch(folder, everything, submissions, key, settings)
    return everything


def _aside(result: Result) -> str:
    return f" ({result.error})" if result.error else ""


def _mark(submission: Submission, key: Key, settings: Settings) -> str:
    """Changes with everything that a grade depends on."""
    digest = hashlib.sha256()
    try:
        name, data = submission.content()
        digest.update(name.encode() + b"\0" + data)
    except (ValueError, OSError) as error:
        digest.update(str(error).encode())
    parts = [FORMAT, vos_lab.__version__, key.digest, asdict(settings), submission.notes]
    digest.update(json.dumps(parts).encode())
    return digest.hexdigest()[:32]


Done = tuple[Submission, Result, bool]


def _in_threads(
    todo: Sequence[Submission],
    key: Key,
    settings: Settings,
    jobs: int | None,
    say: Callable[[str], None],
) -> Iterator[Done]:
    """Grade on this machine: threads that wait, each for the workers of its own sandbox."""
    local, lock = threading.local(), threading.Lock()
    sandboxes: list[Sandbox] = []

    def one(submission: Submission) -> Done:
        if not hasattr(local, "sandbox"):
            local.sandbox = open_sandbox(key, settings)
            with lock:
                if not sandboxes and local.sandbox.warning():
                    say(f"warning: {local.sandbox.warning()}")
                sandboxes.append(local.sandbox)
        return guarded(submission, key, local.sandbox)

    count = max(1, min(jobs or os.cpu_count() or 1, len(todo)))
    pool = ThreadPoolExecutor(count)
    try:
        for future in as_completed([pool.submit(one, submission) for submission in todo]):
            yield future.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for sandbox in sandboxes:
            sandbox.close()
        pool.shutdown()


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

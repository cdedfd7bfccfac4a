"""Have workers do what the grader asks: read a submission, run an answer on inputs.

What comes back is numbers and words, read within bounds (:mod:`vos_lab.grading.protocol`). A worker
that ends in the middle, or talks nonsense, costs what it was asked for.
"""

import time
from collections.abc import Callable
from typing import Any

from vos_lab.exercises.cases import Failure, Inputs, Run, changed, heard_by
from vos_lab.exercises.encoding import EncodingError, Reader, Writer
from vos_lab.grading.answer_key import Key, Question
from vos_lab.grading.launcher import COMPILED
from vos_lab.grading.limits import Limits, SandboxError, crowding
from vos_lab.grading.results import Settings
from vos_lab.grading.sandbox import Sandbox, Worker
from vos_lab.grading.submissions import printable

EXTRACT_SECONDS = 60
PREPARE_SECONDS = 600
OWN_MEMORY = 4096  # MB, for reading a submission and for the references: limits are for answers
MAX_STARTS = 3  # of the process of an exercise, if it ends in the middle
MAX_PREPARED = 1 << 30  # bytes of what Numba compiled, which no answer had a hand in
MAX_READ = 64 << 20  # bytes of what is extracted from a submission
MAX_CALLS = 10_000  # of functions among the inputs of a case, which stay with the grader
MAX_NAME, MAX_MESSAGE = 80, 500  # characters of an exception, in a report
ENDINGS = {
    "time": ("Time", "it took longer than {seconds:g} s and was stopped"),
    "memory": ("Memory", "it took more than {memory} MB and was stopped"),
    "processes": ("Processes", "it started process after process and was stopped"),
    "files": ("Files", "it opened file after file, in several processes, and was stopped"),
}


def extract_answers(sandbox: Sandbox, name: str, data: bytes, key: Key) -> dict[str, Any]:
    """Let a worker read a file that was handed in: nobody knows what it does to its reader.

    Args:
        sandbox: where it is read.
        name: of the file.
        data: its bytes.
        key: the answers to the lesson.

    Returns:
        What :func:`vos_lab.grading.extract.extract` makes of it.

    Raises:
        ValueError: the worker ended over it.
        SandboxError: no worker can be started.
    """
    worker = sandbox.worker(EXTRACT_SECONDS, OWN_MEMORY)
    try:
        worker.channel.send({"do": "extract", "name": name, "blank": key.blank}, [data])
        found, _ = worker.channel.receive(MAX_READ)
    except (EOFError, OSError, EncodingError):
        how = worker.end(gone=True)
        raise ValueError(f"{name}: is too large, or too strange, to be read ({how})") from None
    worker.end()
    assert isinstance(found, dict)
    return found


# --- an answer ----------------------------------------------------------------------------------


def run_answer(
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

    Returns:
        A run for each of the inputs.

    Raises:
        SandboxError: no worker can be started.
    """
    others = list(question.others)
    task = {"do": "answer", "units": units, "exercise": question.full, "others": others}
    runs: list[Run] = []
    ending = _ending("time", limits)
    for _ in range(MAX_STARTS):
        if len(runs) == len(inputs) or left[0] <= 0:
            break
        worker = sandbox.worker(left[0])
        started = time.perf_counter()  # its own start is not the answer's time
        gone = asked = False
        try:
            worker.channel.send(task)
            reply, _ = worker.channel.receive(1 << 20)
            if reply["problem"]:
                return [Run(failure=_failure(reply["problem"]))] * len(inputs)
            asked = True
            for given in inputs[len(runs) :]:
                runs.append(_ask(worker, given, limits))
        except EncodingError as error:
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
        raise EncodingError("the inputs did not come back")
    shared = reply["shared"]
    shared = printable(shared)[:200] if isinstance(shared, str) else ""
    slopes = reader.value(reply["gradients"])
    return Run(value, changed(given, after), shared, gradients=slopes, heard=heard_by(after))


def _exchange(worker: Worker, given: Inputs, most: int) -> tuple[Any, Reader]:
    """Send inputs, answer what is asked about functions among them, and wait for the reply."""
    functions: list[Callable[..., Any]] = []

    def keep(function: Callable[..., Any]) -> int:
        functions.append(function)
        return len(functions) - 1

    out = Writer(trusted=True, callback=keep)
    tree = out.tree(given)
    worker.channel.send(tree, out.parts)
    networks = [value for value in given.values() if hasattr(value, "state_dict")]
    before = worker.channel.heard
    for _ in range(MAX_CALLS):
        # What a function is told may be kept, so that all calls together have as much as a result.
        reply, parts = worker.channel.receive(most - worker.channel.heard + before)
        reader = Reader(parts, networks=networks, pause=worker.channel.in_time)
        if not isinstance(reply, dict):
            raise EncodingError("what came back was not a result")
        if "call" not in reply:
            return reply, reader
        _answer_call(worker, functions, reply, reader)
    raise EncodingError(f"it called a function among its inputs more than {MAX_CALLS} times")


def _answer_call(
    worker: Worker, functions: list[Callable[..., Any]], reply: dict[str, Any], reader: Reader
) -> None:
    """A function among the inputs stays here; the worker asks for its result."""
    out, error, value = Writer(trusted=True), "", None
    try:
        arguments, named = reader.value(reply["args"]), reader.value(reply["kwargs"])
        value = out.tree(functions[reply["call"]](*arguments, **named))
    except EOFError:  # the time is over
        raise
    except Exception as problem:  # of what was asked: the asker gets it
        error = f"{type(problem).__name__}: {problem}"
    worker.channel.send({"error": error, "value": value}, out.parts)


def _failure(words: dict[str, Any]) -> Failure:
    """An exception, as the worker describes it; its texts are the answer's, and kept short."""
    line, unwritten = words.get("line"), words.get("unwritten")
    return Failure(
        printable(str(words.get("kind")))[:MAX_NAME],
        printable(str(words.get("message")))[:MAX_MESSAGE],
        line if type(line) is int and 0 < line < 10**6 else None,
        printable(str(words.get("source")))[:MAX_NAME],
        unwritten[:MAX_NAME] if isinstance(unwritten, str) else None,
    )


def _ending(how: str, limits: Limits) -> Failure:
    if how in ENDINGS:
        title, text = ENDINGS[how]
        return Failure(title, text.format(seconds=limits.seconds, memory=limits.memory))
    return Failure("Process", f"its process ended in the middle ({how})")


# --- sandboxes ---------------------------------------------------------------------------------


def open_sandbox(
    key: Key, settings: Settings, keep: Callable[[Sandbox], None] = lambda sandbox: None
) -> Sandbox:
    """A sandbox in which the answers to a lesson can run without delay.

    The first time, the references run in one, to see what they import and compile.

    Args:
        key: the answers.
        settings: of the batch.
        keep: gets each sandbox before anything is started in it, so that another thread can close
            it.

    Raises:
        SandboxError: no worker can be started, or the references do not run in one.
    """
    with key.lock:
        if key.how is None:
            first = Sandbox(key.package, settings.limits, key.warm, settings.how)
            keep(first)
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
    keep(sandbox)
    sandbox.settle()
    return sandbox


def _prepare(key: Key, sandbox: Sandbox) -> list[str]:
    """Run the references; what Numba compiled is kept. Gives the modules that they imported."""
    exercises = [
        {"exercise": q.full, "source": q.source, "cases": len(q.cases[0].inputs)}
        for q in key.questions
    ]
    worker = sandbox.worker(PREPARE_SECONDS, OWN_MEMORY)
    try:
        worker.channel.send({"do": "prepare", "exercises": exercises})
        for question in key.questions:
            for given in question.cases[0].inputs:
                _exchange(worker, given, MAX_PREPARED)
        worker.channel.send(None)
        reply, files = worker.channel.receive(MAX_PREPARED)
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

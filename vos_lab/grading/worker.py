"""The program inside the walls: reads a submission, or runs one answer. It never compares.

It knows no expected result, no check and no seed. It hears what to do, does it, says what came, all
of it in the messages of :mod:`vos_lab.grading.protocol`. Whatever an answer does to this process,
the grader only ever gets numbers from it.

Run as ``python -m vos_lab.grading.worker parent FD [MODULE...]`` (the warm parent, which forks) or
``... once LIMITS walls|none [MODULE...]`` (one worker).
"""

import ast
import builtins
import contextlib
import importlib
import json
import linecache
import os
import random
import shutil
import socket
import sys
import types
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from vos_lab.exercise import Exercise
from vos_lab.exercises.cases import Failure, call, failure_of, shared_memory
from vos_lab.exercises.encoding import EncodingError, Reader, Writer
from vos_lab.exercises.gradients import gradients
from vos_lab.grading.extract import extract
from vos_lab.grading.launcher import COMPILED
from vos_lab.grading.limits import Limits, restrict
from vos_lab.grading.protocol import Channel
from vos_lab.grading.system_calls import drop_capabilities, open_doors, refuse_system_calls

GREETING = b"v"  # so that the grader knows that the walls stand


def serve(channel: Channel) -> None:
    """Do what the grader asks for, until it says no more.

    Args:
        channel: to the grader.
    """
    _take_compiled()
    os.write(channel.writing, GREETING)
    try:
        task, parts = channel.receive()
        if task["do"] == "extract":
            channel.send(extract(parts[0], task["name"], task["blank"]))
        elif task["do"] == "prepare":
            _prepare(channel, task)
        elif task["do"] == "walls":
            channel.send(open_doors())
        else:
            _answer(channel, task)
    except (EOFError, BrokenPipeError):
        pass


def _answer(channel: Channel, task: dict[str, Any]) -> None:
    _write_all_again(task.pop("others"))  # their text is nowhere when the answer looks round
    function, before = _define(task["units"], task["exercise"])
    channel.send({"problem": asdict(before) if before and function is None else None})
    while function is not None:
        message, parts = channel.receive()
        given = Reader(parts, trusted=True, callback=_asker(channel)).value(message)
        _seed()
        value, failure = _call(function, given)
        if failure and failure.kind == "NameError" and before:
            # The name is missing because the statement that makes it failed.
            cause = (
                f"{failure.message}, as line {before.line} failed: {before.kind}: {before.message}"
            )
            failure = replace(failure, message=cause)
        channel.send(*_reply(value, failure, given))


def _reply(
    value: Any, failure: Failure | None, given: dict[str, Any]
) -> tuple[dict[str, Any], list[bytes]]:
    """What the grader hears of a call."""
    if failure is None:
        out = Writer()
        try:
            # The inputs go back as they are now: the grader sees for itself which were changed.
            reply = {"failure": None, "value": out.tree(value), "given": out.tree(given)}
            reply |= {"shared": "", "gradients": None}
            with contextlib.suppress(RecursionError):  # of a list that contains itself
                reply["shared"] = shared_memory(value, given)
                reply["gradients"] = out.tree(gradients(value, given))
            return reply, out.parts
        except BaseException as error:  # objects of the answer's own may do anything
            why = str(error) if isinstance(error, EncodingError) else type(error).__name__
            failure = Failure("Result", f"what it returned cannot be read: {why}")
    return {"failure": asdict(failure)}, []


def _call(function: Callable[..., Any], given: dict[str, Any]) -> tuple[Any, Failure | None]:
    """Call an answer. Here, nobody interrupts: even KeyboardInterrupt is the answer's own."""
    try:
        return call(function, given)
    except BaseException as error:
        return None, failure_of(function, error)


def _prepare(channel: Channel, task: dict[str, Any]) -> None:
    """Run the references once, and say what that has imported and compiled.

    Numba compiles a function when it is first called, which takes seconds that no answer should
    lose. What it keeps on the disk goes to the grader, and from there to every worker.
    """
    before = set(sys.modules)
    _write_all_again(task["exercises"])
    for exercise in task["exercises"]:
        marked = _exercise(exercise["exercise"])
        for _ in range(exercise["cases"]):
            message, parts = channel.receive()
            given = Reader(parts, trusted=True, callback=_asker(channel)).value(message)
            call(marked, given)
            channel.send({})
    channel.receive()
    cache = Path(os.environ["NUMBA_CACHE_DIR"])
    files = [path for path in cache.rglob("*") if path.is_file()]
    modules = [name for name in sys.modules if name not in before and name.count(".") < 2]
    reply = {"modules": modules, "files": [str(path.relative_to(cache)) for path in files]}
    channel.send(reply, [path.read_bytes() for path in files])


def _take_compiled() -> None:
    """Put what Numba has compiled where it looks for it: it wants to be able to write there."""
    kept = Path(__file__).parents[2] / COMPILED
    if kept.is_dir():
        shutil.copytree(kept, os.environ["NUMBA_CACHE_DIR"], dirs_exist_ok=True)


def _asker(channel: Channel) -> Callable[[int], Callable[..., Any]]:
    """Makes functions that stay with the grader callable here."""

    def make(number: int) -> Callable[..., Any]:
        def ask(*args: Any, **kwargs: Any) -> Any:
            out = Writer()
            channel.send(
                {"call": number, "args": out.tree(args), "kwargs": out.tree(kwargs)}, out.parts
            )
            message, parts = channel.receive()
            if message["error"]:
                raise ValueError(message["error"])
            return Reader(parts, trusted=True).value(message["value"])

        return ask

    return make


def _seed() -> None:
    """The same random numbers each time, for answers that ask for some without a seed."""
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002 (what students use)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(0)


def _exercise(name: str) -> Exercise[..., Any]:
    module, _, function = name.rpartition(".")
    found = getattr(importlib.import_module(module), function)
    assert isinstance(found, Exercise)
    return found


def _write_all_again(others: list[dict[str, Any]]) -> None:
    """Give the exercises of the lesson, other than the one to run, their bodies back.

    An answer may call them, and so may what it calls, so their code is in its process. Python can
    take code apart: what is kept from the answer is the text.
    """
    for other in others:
        _write_again(other["exercise"], other["source"])


def _write_again(name: str, source: str) -> None:
    marked = _exercise(name)
    module = sys.modules[marked.reference.__module__]
    scope: dict[str, Any] = {}
    exec(compile(source, f"<the library's {name}>", "exec"), module.__dict__, scope)
    function = scope[marked.reference.__name__]
    marked.reference = function
    marked.restore()


def _define(
    units: list[dict[str, str]], exercise: str
) -> tuple[Callable[..., Any] | None, Failure | None]:
    """Run the statements of an answer, and put its function in the place of the library's.

    A statement that raises is passed over, as it may be one that the function does not need.

    Returns:
        The function, or None if there is none in the end; and the first thing that went wrong.
    """
    name = exercise.rpartition(".")[2]
    space = types.ModuleType("__main__")
    space.__dict__["__builtins__"] = builtins
    sys.modules["__main__"] = space
    failure: Failure | None = None
    for unit in units:
        file, source = f"<{unit['where']}>", unit["source"]
        linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
        for statement in ast.parse(source).body:
            code = compile(ast.Module([statement], []), file, "exec")
            runs = types.FunctionType(code, space.__dict__)
            _, problem = _call(runs, {})
            failure = failure or problem
    function = getattr(space, name, None)
    if callable(function):
        _exercise(exercise).adopt(function)
        return function, failure
    error = NameError(f"{name} is not a function, but of type {type(function).__name__}")
    return None, failure or failure_of(lambda: None, error)


def _main(arguments: list[str]) -> None:
    if arguments[0] == "parent":
        from vos_lab.grading.walls import serve_forks  # Linux only

        control = socket.socket(fileno=int(arguments[1]))
        _warm(arguments[2:])
        serve_forks(control, _in_fork)
        return
    limits = Limits(**json.loads(arguments[1]))
    # The pipes are ours alone: what the answer prints goes nowhere, nothing that it reads is ours.
    heard, said = os.dup(0), os.dup(1)
    _silence()
    _warm(arguments[3:])
    if arguments[2] == "walls":
        from vos_lab.grading.walls import watch_one

        sys.exit(watch_one([heard, said], limits, lambda: serve(Channel(heard, said, True))))
    restrict(limits)
    drop_capabilities()
    refuse_system_calls(signals_to_others=False)
    serve(Channel(heard, said, trusted=True))


def _warm(modules: list[str]) -> None:
    for module in modules:
        with contextlib.suppress(Exception):  # one that only its own package imports
            importlib.import_module(module)


def _in_fork(pipe: int) -> None:
    _silence()
    serve(Channel(pipe, pipe, trusted=True))


def _silence() -> None:
    """Let standard input be empty, and standard output and error go nowhere."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)
    os.close(nothing)


if __name__ == "__main__":
    _main(sys.argv[1:])

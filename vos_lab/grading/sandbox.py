"""Run code that nobody has read: no network, no files but scratch, little memory, little time.

Three kinds, the first that works on the machine is taken:

``namespaces``
    Linux namespaces of our own (:mod:`~vos_lab.grading.warm_parent`). Workers are forks of one
    process that has imported everything.
``bubblewrap``
    The same walls, built by ``bwrap``, where the system lets only that program make them
    (:mod:`~vos_lab.grading.program`).
``subprocess``
    A process with limits and a clean environment, and no walls. :data:`NOT_ISOLATED` says what is
    missing.
"""

import contextlib
import signal
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from vos_lab.exercises.encoding import EncodingError
from vos_lab.grading.launcher import Launcher, Started
from vos_lab.grading.limits import Limits, SandboxError, crowding
from vos_lab.grading.program import Program, can_be_nobody
from vos_lab.grading.protocol import POLLS, Channel
from vos_lab.grading.warm_parent import START_SECONDS, WarmParent

HOW = ("namespaces", "bubblewrap", "subprocess")
NOT_ISOLATED = (
    "answers are NOT isolated on this machine: they can {doors}. They run as a plain process with "
    "limits on time, memory, processes and file size, and a clean environment. (Better kinds do "
    "not work here: {why})"
)


class Worker:
    """A process that runs one answer, seen from the grader.

    Args:
        started: the process.
        seconds: that it may run once it has greeted.

    Attributes:
        channel: to talk to it; the time is over at its deadline.

    Raises:
        SandboxError: it does not greet.
    """

    def __init__(self, started: Started, seconds: float) -> None:
        self._started = started
        self._end: str | None = None
        self._timer: threading.Timer | None = None
        self.channel = Channel(started.reading, started.writing)
        try:
            self._clock(START_SECONDS)
            greeting = self.channel.read(1)
        except (EOFError, OSError):
            greeting = b""
        if greeting != b"v":
            raise SandboxError(f"a worker does not answer ({self.end(gone=True)})")
        self._clock(seconds)

    def _clock(self, seconds: float) -> None:
        """Let the time run."""
        self.channel.deadline = time.monotonic() + seconds
        if not POLLS:  # where reading cannot be given up, the end of the worker ends it
            self._stop_timer()
            self._timer = threading.Timer(seconds, self._expire)
            self._timer.daemon = True
            self._timer.start()

    def _expire(self) -> None:
        self.channel.late = True
        self._started.kill()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def kill(self) -> None:
        """Stop it, from another thread: whoever waits for it hears that it is gone."""
        if self._end is None:
            self._started.kill()

    def end(self, gone: bool = False) -> str:
        """Stop the worker with all that it started, and say how it ended.

        Args:
            gone: whether it has closed its pipe; then it gets a moment to end by itself, so that
                we hear how.

        Returns:
            ``"time"``, ``"memory"``, ``"processes"``, ``"files"``, ``"exit 3"``,
            ``"signal SIGKILL"``, or ``"stopped"``.
        """
        if self._end is None:
            self._stop_timer()
            late = self.channel.late
            found = self._started.wait(2) if gone and not late else None
            if found is None:
                self._started.kill()
            with contextlib.suppress(OSError):
                self.channel.close()
            found = self._started.wait(30) if found is None else found
            self._end = "time" if late else _ending(found or {"stopped": True})
        return self._end


def _ending(found: dict[str, Any]) -> str:
    for name in ("memory", "processes", "files", "stopped"):
        if found.get(name):
            return name
    code = found["code"]
    if hasattr(signal, "SIGXCPU") and code == 128 + signal.SIGXCPU:
        return "time"
    if code > 128:
        names = {int(number): number.name for number in signal.Signals}
        return f"signal {names.get(code - 128, code - 128)}"
    return f"exit {code}"


class Sandbox:
    """Starts workers, one after the other.

    Args:
        package: a folder that holds ``vos_lab`` without solutions and checks.
        limits: of each worker.
        warm: modules to import before the first worker.
        how: one of :data:`HOW`; by default the first that works.

    Attributes:
        how: the one taken, once a worker was started.
        why: for each that does not work, why.
        doors: what answers can do here although they should not.
    """

    def __init__(
        self,
        package: str | Path,
        limits: Limits | None = None,
        warm: Sequence[str] = (),
        how: str | None = None,
    ) -> None:
        if how is not None and how not in HOW:
            raise ValueError(f"there is no sandbox {how!r}; there are {', '.join(HOW)}")
        self.package = Path(package)
        self.limits = limits or Limits()
        self.warm = list(warm)
        self.how = how
        self.why: dict[str, str] = {}
        self.doors: list[str] = []
        self._settled = self._closed = False
        self._launcher: Launcher | None = None
        self._worker: Worker | None = None

    def __enter__(self) -> "Sandbox":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def settle(self) -> str:
        """Find the first kind that works.

        Raises:
            SandboxError: none does.
        """
        for how in HOW if self.how is None else (self.how,):
            if self._settled:
                break
            self.how = how
            self._launcher = (
                WarmParent(self.package, self.warm)
                if how == "namespaces"
                else Program(self.package, self.warm, bubblewrap=how == "bubblewrap")
            )
            try:
                self._look_for_doors()
                self._settled = True
            except (SandboxError, OSError, EOFError, EncodingError) as error:
                self.why[how] = str(error)
                self._launcher.close()
        if not self._settled:
            raise SandboxError(f"no worker can be started: {self.why}")
        assert self.how is not None
        return self.how

    def _look_for_doors(self) -> None:
        """Start a first worker, which tries what no answer should be able to do."""
        worker = self._start(30)
        try:
            worker.channel.send({"do": "walls"})
            self.doors, _ = worker.channel.receive(1 << 16)
        finally:
            worker.end()

    def worker(self, seconds: float | None = None, memory: int = 0) -> Worker:
        """Start a worker; end it before the next.

        Args:
            seconds: how long it may run once it is there; by default those of the limits.
            memory: MB that it may take at least, whatever the limits say.

        Raises:
            SandboxError: that is not possible, or the sandbox is closed.
        """
        self.settle()
        seconds = self.limits.seconds if seconds is None else seconds
        try:
            return self._start(seconds, memory)
        except SandboxError:
            if self._closed:
                raise
            return self._start(
                seconds, memory
            )  # the warm parent may have died with the worker before

    def _start(self, seconds: float, memory: int = 0) -> Worker:
        if self._closed or self._launcher is None:
            raise SandboxError("the sandbox is closed")
        memory = max(memory, self.limits.memory)
        started = self._launcher.start(replace(self.limits, seconds=seconds, memory=memory))
        self._worker = Worker(started, seconds * crowding())
        return self._worker

    def warning(self) -> str | None:
        """What is not isolated; None if everything is."""
        self.settle()
        if not self.doors:
            return None
        who = "a user without rights" if self.how == "subprocess" and can_be_nobody() else "you"
        why = "; ".join(f"{how}: {why}" for how, why in self.why.items()) or "not asked for"
        return NOT_ISOLATED.format(doors=", ".join(self.doors).format(who=who), why=why)

    def close(self) -> None:
        """End what still runs; no worker is started any more."""
        self._closed = True
        if self._worker is not None:
            self._worker.kill()
        if self._launcher is not None:
            self._launcher.close()

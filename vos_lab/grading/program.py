"""Workers as programs of their own: inside bubblewrap, or plain. Each imports for itself."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any, cast

from vos_lab.grading.launcher import (
    COURSE,
    NOBODY,
    SCRATCH,
    Started,
    environment,
    layout,
    some_user,
)
from vos_lab.grading.limits import Limits, SandboxError
from vos_lab.grading.system_calls import hide_memory
from vos_lab.grading.walls import CODES


def as_user(number: int) -> dict[str, Any]:
    """Options of ``Popen``: as a user without rights."""
    return {"user": number, "group": number, "extra_groups": []}


class Program:
    """A process with limits and a clean environment, behind the walls of ``bwrap`` or none.

    Args:
        package: a folder that holds ``vos_lab`` without solutions and checks.
        warm: modules that a worker imports before its time counts.
        bubblewrap: whether there are walls.
    """

    def __init__(self, package: Path, warm: Sequence[str] = (), bubblewrap: bool = False) -> None:
        self.package, self.warm, self.bubblewrap = package, list(warm), bubblewrap

    def start(self, limits: Limits) -> Started:
        """Start a worker in a scratch folder of its own."""
        course = COURSE if self.bubblewrap else str(self.package)
        scratch = tempfile.mkdtemp(prefix="scratch-")
        mark = uuid.uuid4().hex
        inside = SCRATCH if self.bubblewrap else scratch
        around = {**environment(course, inside), "VOS_LAB_WORKER": mark}
        command = [sys.executable, "-m", "vos_lab.grading.worker", "once"]
        command += [json.dumps(asdict(limits)), "walls" if self.bubblewrap else "none", *self.warm]
        options: dict[str, Any] = {}
        try:
            if self.bubblewrap:
                command = [*_bubblewrap(self.package, around, limits), *command]
            elif can_be_nobody():
                user = some_user()  # another each time: they cannot reach one another
                options = as_user(user)
                os.chown(scratch, user, user)
            else:
                hide_memory()
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=around,
                cwd=scratch,
                start_new_session=True,
                bufsize=0,
                **options,
            )
        except (OSError, SandboxError) as error:
            shutil.rmtree(scratch, ignore_errors=True)
            raise SandboxError(str(error)) from None
        stopped = False

        def kill() -> None:
            nonlocal stopped
            stopped = True
            end_group()
            with contextlib.suppress(OSError):
                process.kill()

        def wait(patience: float) -> dict[str, Any] | None:
            try:
                code = process.wait(patience)
            except subprocess.TimeoutExpired:
                return None
            end_group()
            _end_marked(mark)
            shutil.rmtree(scratch, ignore_errors=True)
            return _ending(code, stopped, self.bubblewrap)

        def end_group() -> None:
            if hasattr(os, "killpg"):
                with contextlib.suppress(OSError):
                    os.killpg(process.pid, signal.SIGKILL)

        reading, writing = (os.dup(cast(Any, p).fileno()) for p in (process.stdout, process.stdin))
        cast(Any, process.stdout).close()
        cast(Any, process.stdin).close()
        return Started(reading, writing, kill, wait)

    def close(self) -> None:
        """Nothing is kept between two workers."""


def _ending(code: int, stopped: bool, watched: bool) -> dict[str, Any]:
    """How a program ended; one that was watched says by its code if it was ended."""
    over = [name for name, number in CODES.items() if number == code and watched]
    if over:
        return {over[0]: True}
    return {"code": 128 - code if code < 0 else code, "stopped": stopped}


@cache
def can_be_nobody() -> bool:
    """Whether a worker without walls can be another user: we are root, others can reach Python."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return False
    try:
        return subprocess.run([sys.executable, "-c", ""], **as_user(NOBODY)).returncode == 0
    except OSError:
        return False


def _end_marked(mark: str) -> None:
    """End what a worker without walls has left behind: it carries the mark of its environment."""
    if not sys.platform.startswith("linux"):
        return
    wanted = f"VOS_LAB_WORKER={mark}".encode()
    for _ in range(20):  # what forks while we look is found when we look again
        found = False
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if wanted in (process / "environ").read_bytes():
                    os.kill(int(process.name), signal.SIGKILL)
                    found = True
        if not found:
            return
        time.sleep(0.01)


def _bubblewrap(package: Path, around: dict[str, str], limits: Limits) -> list[str]:
    program = shutil.which("bwrap")
    if program is None:
        raise SandboxError("bubblewrap (bwrap) is not installed")
    walls = layout(package)
    words = [program, "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL"]
    words += ["--as-pid-1"]
    for source, place in walls["binds"]:
        words += ["--ro-bind", source, place]
    for target, place in walls["links"]:
        words += ["--symlink", target, place]
    words += ["--proc", "/proc", "--dev", "/dev"]
    for place in ("/dev/shm", SCRATCH):
        words += ["--size", str(limits.scratch << 20), "--tmpfs", place]
    words += ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", SCRATCH, "--clearenv"]
    for name, value in around.items():
        words += ["--setenv", name, value]
    return words

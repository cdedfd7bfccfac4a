"""What a worker may use, and how the system is told so.

Standard library only, as it is imported before the walls stand.
"""

import contextlib
import os
import time
from dataclasses import dataclass
from pathlib import Path

MAX_FILES = 256  # open at once in one process


@dataclass(frozen=True)
class Limits:
    """What a worker may use.

    Attributes:
        seconds: of the processor, and of the clock on a machine that has nothing else to do.
        memory: MB that it may take beyond what Python and its packages take.
        processes: and threads; where they are watched, half as many processes.
        scratch: MB in the scratch folder, and in the largest file.
        result: MB of one result.
    """

    seconds: float = 60
    memory: int = 2048
    processes: int = 64
    scratch: int = 64
    result: int = 64


class SandboxError(RuntimeError):
    """No worker can be started; says why."""


def crowding() -> float:
    """How many times as long things take here as on a machine that has nothing else to do.

    Nobody shall lose points because others were using the machine, so the clock runs slower then.
    The limit on the time of the processor stays.
    """
    if not hasattr(os, "getloadavg"):
        return 1.0
    return max(1.0, 1.5 * os.getloadavg()[0] / (os.cpu_count() or 1))


def restrict(limits: Limits) -> None:
    """Set the limits of this process and of all that it will start, as far as the system has them.

    Memory counts from what the process has already: with PyTorch that is a lot of addresses, few
    of them used, which is why the limit is on data.

    Args:
        limits: what it may use.
    """
    try:
        import resource
    except ImportError:  # Windows
        return
    before = {"VmData": 0, "VmSize": 0}
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text().split("\n"):
            label, _, amount = line.partition(":")
            if label in before:
                before[label] = int(amount.split()[0]) * 1024
    memory = limits.memory << 20
    processes = limits.processes
    if os.environ.get("VOS_LAB_WORKER"):  # without walls, all processes of the user count
        processes += _threads_of_user()
    wanted = {
        "RLIMIT_DATA": before["VmData"] + memory,
        # Shared memory is no data. PyTorch alone takes 4 GB of addresses, nearly all of them files.
        "RLIMIT_AS": before["VmSize"] + memory + (8 << 30),
        "RLIMIT_CPU": int(limits.seconds + time.process_time()) + 1,
        "RLIMIT_FSIZE": limits.scratch << 20,
        "RLIMIT_NPROC": processes,
        "RLIMIT_NOFILE": MAX_FILES,
        "RLIMIT_MSGQUEUE": 0,
        "RLIMIT_SIGPENDING": 1024,
        "RLIMIT_CORE": 0,
    }
    for name, most in wanted.items():
        number = getattr(resource, name, None)
        if number is None:
            continue
        hard = resource.getrlimit(number)[1]
        free = hard < 0 or hard == resource.RLIM_INFINITY
        value = most if free else min(most, hard)
        # Of time, the first word is a signal of its own, so that we know why the worker ended.
        last = value + 1 if name == "RLIMIT_CPU" and (free or value < hard) else value
        with contextlib.suppress(ValueError, OSError):  # macOS has names that it does not honour
            resource.setrlimit(number, (value, last))


def _threads_of_user() -> int:
    count, user = 0, os.getuid()
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if process.stat().st_uid == user:
                count += len(os.listdir(process / "task"))
    return count

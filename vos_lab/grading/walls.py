"""All that mounts and forks on Linux: build walls, and fork workers inside them.

Run as a program (``python -m vos_lab.grading.walls PLAN``) it builds the walls before another
Python starts inside them: that one, the *warm parent*, imports NumPy and PyTorch once, and calls
:func:`serve_forks`. Each worker is a fork of it, with process, mount and IPC namespaces of its own,
so that it sees no other worker, and whatever it starts dies with it.

Standard library only, and of this package nothing that imports more.
"""

import contextlib
import ctypes
import json
import os
import select
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from vos_lab.grading.launcher import SCRATCH
from vos_lab.grading.limits import MAX_FILES, Limits, restrict
from vos_lab.grading.system_calls import drop_capabilities, refuse_system_calls

DEVICES = ("null", "zero", "full", "random", "urandom")
LOOK_SECONDS = 0.05  # how often the memory of a worker is looked at
MAX_INODES = 4096  # files and folders in the scratch folder

# Linux: <sched.h>, <sys/mount.h>, <sys/prctl.h>
NEW_MOUNTS, NEW_UTS, NEW_IPC, NEW_USER = 0x00020000, 0x04000000, 0x08000000, 0x10000000
NEW_PROCESSES, NEW_NETWORK = 0x20000000, 0x40000000
READ_ONLY, NO_SUID, NO_DEVICES, REMOUNT, BIND = 1, 2, 4, 32, 4096
RECURSIVE, PRIVATE = 16384, 1 << 18
DETACH = 2
DEATH_SIGNAL, DUMPABLE = 1, 4
# How the first process of a namespace ends if it has ended the worker.
CODES = {"memory": 97, "processes": 98, "files": 99}


def _call(name: str, *arguments: Any) -> None:
    """Call a function of the C library, and raise where it fails."""
    library = ctypes.CDLL(None, use_errno=True)
    words = [a.encode() if isinstance(a, str) else a for a in arguments]
    if getattr(library, name)(*words) != 0:
        number = ctypes.get_errno()
        shown = ", ".join(str(a) for a in arguments)
        raise OSError(number, f"{name}({shown}): {os.strerror(number)}")


def _mount(source: str, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    _call("mount", source, target, kind, ctypes.c_ulong(flags), data)


def _read_only(target: str) -> None:
    """Let nothing under a mount be written, mounts inside it included."""
    attributes = (ctypes.c_uint64 * 4)(READ_ONLY | NO_SUID, 0, 0, 0)
    library = ctypes.CDLL(None, use_errno=True)
    recursive = 0x8000
    if library.syscall(442, -100, target.encode(), recursive, attributes, 32) != 0:
        # mount_setattr is there since Linux 5.12.
        flags = BIND | REMOUNT | READ_ONLY | NO_SUID
        stat = os.statvfs(target)
        flags |= NO_DEVICES if stat.f_flag & os.ST_NODEV else 0
        _mount("none", target, None, flags)


def enter(plan: dict[str, Any]) -> None:
    """Build the walls, and start a program inside them. Comes back only to wait for its end.

    Args:
        plan: ``walls``, ``command`` and ``environment``.
    """
    user, group = os.geteuid(), os.getegid()
    spaces = NEW_MOUNTS | NEW_PROCESSES | NEW_NETWORK | NEW_IPC | NEW_UTS
    try:
        if user != 0:
            raise PermissionError
        _call("unshare", spaces)
    except OSError:
        # Not root, or one with few rights: be root in a user namespace of our own.
        _call("unshare", spaces | NEW_USER)
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"0 {user} 1")
        Path("/proc/self/gid_map").write_text(f"0 {group} 1")
        plan["environment"]["VOS_LAB_MAPPED"] = "1"
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        sys.exit(os.waitstatus_to_exitcode(status) != 0)
    _call("prctl", DEATH_SIGNAL, signal.SIGKILL)
    _loopback()
    _build(plan["walls"])
    command = plan["command"]
    os.chdir(SCRATCH)
    os.execve(command[0], command, plan["environment"])


def _loopback() -> None:
    """Switch on the only network that there is: some programs talk to themselves."""
    import fcntl
    import struct

    up = 1
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_one:
        fcntl.ioctl(any_one, 0x8914, struct.pack("16sH14x", b"lo", up))


def _build(walls: dict[str, Any]) -> None:
    _mount("none", "/", None, RECURSIVE | PRIVATE)
    root = "/tmp"  # any folder will do: nobody outside sees what we mount on it
    # The sources may lie in that very folder, so each is held open before it is covered.
    held = [(os.open(source, os.O_PATH), place) for source, place in walls["binds"]]
    devices = [(os.open(f"/dev/{name}", os.O_PATH), name) for name in DEVICES]
    _mount("none", root, "tmpfs", NO_SUID | NO_DEVICES, "size=8m,mode=755")
    for handle, place in held:
        inside = Path(root + place)
        inside.parent.mkdir(parents=True, exist_ok=True)
        if not inside.exists():
            inside.mkdir() if os.path.isdir(f"/proc/self/fd/{handle}") else inside.touch()
        _mount(f"/proc/self/fd/{handle}", str(inside), None, BIND | RECURSIVE)
        _read_only(str(inside))
        os.close(handle)
    for target, place in walls["links"]:
        os.symlink(target, root + place)
    os.makedirs(f"{root}/dev/shm")
    for handle, name in devices:
        Path(f"{root}/dev/{name}").touch()
        _mount(f"/proc/self/fd/{handle}", f"{root}/dev/{name}", None, BIND)
        os.close(handle)
    os.symlink("/proc/self/fd", f"{root}/dev/fd")
    for folder in ("proc", SCRATCH[1:], "before"):
        os.makedirs(f"{root}/{folder}")
    Path(f"{root}/etc").mkdir(exist_ok=True)
    Path(f"{root}/etc/passwd").write_text(f"student:x:0:0:student:{SCRATCH}:/bin/sh\n")
    if not os.path.lexists(f"{root}/tmp"):  # else Python itself lies there
        os.symlink(SCRATCH, f"{root}/tmp")
    _mount("proc", f"{root}/proc", "proc", NO_SUID | NO_DEVICES)
    # Some packages want a place for files when they are imported. Each worker covers it with its
    # own.
    _mount("none", root + SCRATCH, "tmpfs", NO_SUID | NO_DEVICES, "size=8m,mode=755")
    _call("pivot_root", root, f"{root}/before")
    os.chdir("/")
    _call("umount2", "/before", DETACH)
    os.rmdir("/before")
    _mount("none", "/", None, BIND | REMOUNT | READ_ONLY | NO_SUID | NO_DEVICES)


# --- the warm parent, inside the walls --------------------------------------------------------


def serve_forks(control: socket.socket, work: Callable[[int], None]) -> None:
    """Fork a worker for each request, and watch it. Ends with the grader.

    Args:
        control: from the grader: a request with the pipe of the worker, or ``kill``.
        work: what a worker does with its pipe.
    """
    control.send(b"ready")
    while True:
        request, pipes, _, _ = socket.recv_fds(control, 4096, 1)
        if not request:
            return
        if request == b"kill" or not pipes:
            continue  # for a worker that has ended by itself
        limits = Limits(**json.loads(request))
        child = os.fork()
        if child == 0:
            control.close()
            os._exit(_in_own_space(pipes[0], limits, work))
        os.close(pipes[0])
        found = _watch(control, child, limits)
        if found is None:
            return
        control.send(json.dumps(found).encode())


def watch_one(handles: list[int], limits: Limits, work: Callable[[], None]) -> int:
    """Fork a single worker, and watch it; for the first process of a namespace.

    Args:
        handles: files that are the worker's alone.
        limits: what it may use.
        work: what it does.

    Returns:
        The code to end with: the worker's, or one of :data:`CODES`.
    """
    # Both are one user without rights, and one could write into the other's memory: not into ours.
    _call("prctl", DUMPABLE, 0)
    child = os.fork()
    if child == 0:
        try:
            _call("prctl", DUMPABLE, 1)
            _come_last()
            restrict(limits)
            refuse_system_calls()
            work()
            os._exit(0)
        finally:
            os._exit(70)
    for handle in handles:
        os.close(handle)
    found = _watch(None, child, limits) or {"code": 0}
    return next((CODES[name] for name in CODES if found.get(name)), int(found["code"]))


def _watch(control: socket.socket | None, child: int, limits: Limits) -> dict[str, Any] | None:
    """Wait for the end of a worker, or for the word to end it; None if the grader is gone."""
    handle = os.pidfd_open(child)
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    if control is not None:
        poll.register(control, select.POLLIN)
    found: dict[str, Any] = {"code": 0}
    gone = False
    while True:
        ready = {number for number, _ in poll.poll(LOOK_SECONDS * 1000)}
        if handle in ready:
            break
        if control is not None and control.fileno() in ready:
            gone = not control.recv(64)
            found["stopped"] = True
            break
        others = [p for p in Path("/proc").glob("[0-9]*") if int(p.name) != os.getpid()]
        if len(others) > limits.processes // 2:
            found["processes"] = True
            break
        if _open_files(others) > 2 * MAX_FILES:
            found["files"] = True
            break
        if _take_more_than(limits.memory, others):
            found["memory"] = True
            break
    # We are the first process of our namespace: this reaches all others, wherever they hide.
    with contextlib.suppress(ProcessLookupError):
        os.kill(-1, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    with contextlib.suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)
    os.close(handle)
    if len(found) == 1:
        found["code"] = _code(status)
    return None if gone else found


def _open_files(processes: list[Path]) -> int:
    """How many files, pipes and sockets are open: what is in a pipe is in no process."""
    if len(processes) <= 3:  # two of them are not the answer's, and each has a limit of its own
        return 0
    count = 0
    for process in processes:
        with contextlib.suppress(OSError):
            count += len(os.listdir(process / "fd"))
    return count


def _take_more_than(memory: float, processes: list[Path]) -> bool:
    """Whether processes take more than so many MB; what they share is counted once."""
    page = os.sysconf("SC_PAGESIZE")

    def resident(process: Path) -> int:
        try:
            return int((process / "statm").read_text().split()[1]) * page
        except (OSError, IndexError):
            return 0

    def share(process: Path) -> int:
        # Of its own and of shared memory. What is read from files, as libraries are, can be
        # dropped when memory is short.
        try:
            lines = (process / "smaps_rollup").read_text().split("\n")
        except OSError:
            return 0
        kinds = ("Pss_Anon:", "Pss_Shmem:")
        return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(kinds))

    # What is resident counts what is shared several times, but never too little. The exact figure
    # takes milliseconds for each process, so it is asked for only when needed.
    if sum(map(resident, processes)) <= memory * 1e6:
        return False
    return sum(map(share, processes)) > memory * 1e6


def _in_own_space(pipe: int, limits: Limits, work: Callable[[int], None]) -> int:
    """Give a worker namespaces of its own; the exit code says how it ended."""
    try:
        _call("unshare", NEW_MOUNTS | NEW_PROCESSES | NEW_IPC)
        first = os.fork()
        if first:
            os.close(pipe)
            return _code(os.waitpid(first, 0)[1])
        # The first process of the new namespace: when it ends, the kernel ends all others there.
        _call("prctl", DEATH_SIGNAL, signal.SIGKILL)
        # A file without content takes memory too.
        size = f"size={limits.scratch}m,nr_inodes={MAX_INODES},mode=1777"
        for place in (SCRATCH, "/dev/shm"):
            _mount("none", place, "tmpfs", NO_SUID | NO_DEVICES, size)
        _mount("proc", "/proc", "proc", NO_SUID | NO_DEVICES)
        os.chdir(SCRATCH)
        student = os.fork()
        if student:
            os.close(pipe)
            status = 0
            with contextlib.suppress(ChildProcessError):
                while True:  # orphans are ours too
                    ended, status = os.waitpid(-1, 0)
                    if ended == student:
                        break
            return _code(status)
        _come_last()
        _drop_rights()
        restrict(limits)
        refuse_system_calls()
        work(pipe)
        return 0
    except BaseException:
        return 70


def _come_last() -> None:
    """Let the one who watches go before this process, and let this one go if memory is short."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")
    os.nice(10)


def _code(status: int) -> int:
    code = os.waitstatus_to_exitcode(status)
    return 128 - code if code < 0 else code


def _drop_rights() -> None:
    if os.environ.get("VOS_LAB_MAPPED") is None:
        user = int(os.environ["VOS_LAB_USER"])
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    drop_capabilities()
    assert "CapEff:\t0000000000000000" in Path("/proc/self/status").read_text()


if __name__ == "__main__":
    try:
        enter(json.loads(sys.argv[1]))
    except OSError as problem:
        print(problem.strerror or problem, file=sys.stderr)
        sys.exit(1)

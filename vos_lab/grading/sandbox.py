"""Run code that nobody has read: no network, no files but scratch, little memory, little time.

Three ways, the first that works on the machine is taken:

``namespaces``
    Linux namespaces of our own, as ``unshare`` makes them. One process, the *warm parent*, imports
    NumPy and PyTorch once. Each worker is a fork of it, with process, mount and IPC namespaces of
    its own, so that it sees no other worker, and whatever it starts dies with it.
``bubblewrap``
    The same walls, built by ``bwrap``, where the system lets only that program make them. Each
    worker imports for itself.
``subprocess``
    A process with limits and a clean environment, and no walls. :data:`NOT_ISOLATED` says what is
    missing.

The file system of the first two is a new and empty one: Python, its packages, the libraries of the
system, all read-only; a copy of this package without solutions and checks; a scratch folder. What
is not in it cannot be read: no home, no submissions, no hidden cases.

This module imports the standard library only, and is run as a script too: ``enter`` below is what
builds the walls before Python starts anew inside them.
"""

import contextlib
import ctypes
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO, cast

HOW = ("namespaces", "bubblewrap", "subprocess")
NOT_ISOLATED = (
    "this machine lets us make no namespaces, and has no bubblewrap that works. Answers run as a "
    "plain process with limits on time, memory, processes and file size, and a clean environment. "
    "NOT isolated: they can use the network, read every file that {who} may read (the solutions in "
    "the library, other submissions), and write where {who} may write."
)
COURSE = "/course"  # where the package without solutions lies, inside the walls
SCRATCH = "/scratch"
COMPILED = "compiled"  # beside the package: what Numba keeps on the disk
SYSTEM = (
    *("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/opt/hostedtoolcache"),
    *("/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/alternatives"),
    *("/etc/fonts", "/etc/localtime", "/sys/devices/system/cpu"),
)
DEVICES = ("null", "zero", "full", "random", "urandom")
START_SECONDS = 180  # for the warm parent to import PyTorch on a slow disk
LOOK_SECONDS = 0.05  # how often the memory of a worker is looked at
NOBODY = 64000  # user ids from here on are given to workers, where we are root
AS_NOBODY: dict[str, Any] = {"user": NOBODY, "group": NOBODY, "extra_groups": []}

# Linux: <sched.h>, <sys/mount.h>, <sys/prctl.h>
NEW_MOUNTS, NEW_UTS, NEW_IPC, NEW_USER = 0x00020000, 0x04000000, 0x08000000, 0x10000000
NEW_PROCESSES, NEW_NETWORK = 0x20000000, 0x40000000
READ_ONLY, NO_SUID, NO_DEVICES, REMOUNT, BIND, RECURSIVE, PRIVATE = (
    1,
    2,
    4,
    32,
    4096,
    16384,
    1 << 18,
)
DETACH = 2
DEATH_SIGNAL, DROP_CAPABILITY, NO_NEW_PRIVILEGES = 1, 24, 38


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


# --- the grader's side ------------------------------------------------------------------------


class Worker:
    """A process that runs one answer, seen from the grader.

    Attributes:
        reader: what it says.
        writer: what it hears.
        late: whether it was stopped because its time was over.
    """

    def __init__(
        self,
        reader: BinaryIO,
        writer: BinaryIO,
        kill: Callable[[], None],
        wait: Callable[[float], dict[str, Any] | None],
        seconds: float,
    ) -> None:
        self.reader, self.writer = reader, writer
        self.late = False
        self._kill, self._wait = kill, wait
        self._end: str | None = None
        self._over = False
        self._lock = threading.Lock()
        self._timer = self._clock(START_SECONDS)
        if self.reader.read(1) != b"v":  # the first letter of a worker's greeting
            raise SandboxError(f"a worker does not answer ({self.end(gone=True)})")
        self._timer.cancel()
        self._timer = self._clock(seconds)

    def _clock(self, seconds: float) -> threading.Timer:
        """Let the time run: a worker that is stopped closes its pipe, which ends our waiting."""
        timer = threading.Timer(seconds, self._expire)
        timer.daemon = True
        timer.start()
        return timer

    def _expire(self) -> None:
        with self._lock:  # a word too late would end the next worker
            if not self._over:
                self.late = True
                self._kill()

    def end(self, gone: bool = False) -> str:
        """Stop the worker with all that it started, and say how it ended.

        Args:
            gone: whether it has closed its pipe; then it gets a moment to end by itself, so that
                we hear how.

        Returns:
            ``"time"``, ``"memory"``, ``"processes"``, ``"exit 3"``, ``"signal SIGKILL"``, or
            ``"stopped"``.
        """
        if self._end is None:
            self._timer.cancel()
            found = self._wait(2) if gone else None
            with self._lock:
                self._over = True
                if found is None:
                    self._kill()
            with contextlib.suppress(OSError):
                self.reader.close()
                self.writer.close()
            found = self._wait(30) if found is None else found
            self._end = "time" if self.late else _ending(found or {"stopped": True})
        return self._end


def _ending(found: dict[str, Any]) -> str:
    for name in ("memory", "processes", "stopped"):
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
        self._settled = self._closed = False
        self._parent: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    def __enter__(self) -> "Sandbox":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def settle(self) -> str:
        """Find the first way that works.

        Raises:
            SandboxError: none does.
        """
        for how in HOW if self.how is None else (self.how,):
            if self._settled:
                break
            self.how = how
            try:
                self._start(30).end()
                self._settled = True
            except (SandboxError, OSError) as error:
                self.why[how] = str(error)
        if not self._settled:
            raise SandboxError(f"no worker can be started: {self.why}")
        assert self.how is not None
        return self.how

    def worker(self, seconds: float | None = None) -> Worker:
        """Start a worker; end it before the next.

        Args:
            seconds: how long it may run once it is there; by default those of the limits.

        Raises:
            SandboxError: that is not possible, or the sandbox is closed.
        """
        self.settle()
        seconds = (self.limits.seconds if seconds is None else seconds) * crowding()
        try:
            return self._start(seconds)
        except SandboxError:
            if self._closed:
                raise
            return self._start(seconds)  # the warm parent may have died with the worker before

    def _start(self, seconds: float) -> Worker:
        if self._closed:
            raise SandboxError("the sandbox is closed")
        return self._fork(seconds) if self.how == "namespaces" else self._spawn(seconds)

    def warning(self) -> str | None:
        """What is not isolated; None if everything is."""
        if self.settle() != "subprocess":
            return None
        return NOT_ISOLATED.format(who="a user without rights" if _can_be_nobody() else "you")

    def close(self) -> None:
        """End the warm parent; no worker is started any more."""
        self._closed = True
        self._end_parent()

    def _end_parent(self) -> None:
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._parent is not None:
            try:
                self._parent.wait(5)  # it ends with our side of the pipe
            except subprocess.TimeoutExpired:
                self._parent.kill()
                self._parent.wait()
            self._parent = None

    # a fork of the warm parent

    def _fork(self, seconds: float) -> Worker:
        if self._parent is None or self._parent.poll() is not None:
            self._end_parent()
            self._start_parent()
        control = self._control
        assert control is not None
        ours, theirs = socket.socketpair()
        try:
            request = json.dumps(asdict(self.limits)).encode()
            socket.send_fds(control, [request], [theirs.fileno()])
        except OSError:
            ours.close()
            self._end_parent()
            raise SandboxError("the warm parent of the workers is gone") from None
        finally:
            theirs.close()

        def kill() -> None:
            with contextlib.suppress(OSError):
                control.send(b"kill")

        def wait(patience: float) -> dict[str, Any] | None:
            control.settimeout(patience)
            try:
                found: dict[str, Any] = json.loads(control.recv(4096))
                control.settimeout(None)
            except (OSError, ValueError) as error:
                if isinstance(error, TimeoutError) and patience < 10:
                    return None
                self._end_parent()  # the next worker gets another
                return {"code": 128 + signal.SIGKILL}
            return found

        pipe = ours.makefile("rb"), ours.makefile("wb")
        ours.close()
        return Worker(*pipe, kill, wait, seconds)

    def _start_parent(self) -> None:
        if not sys.platform.startswith("linux"):
            raise SandboxError("namespaces are there on Linux only")
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = [sys.executable, "-m", "vos_lab.grading.worker", "parent", str(theirs.fileno())]
        plan = {"walls": _walls(self.package), "command": [*command, *self.warm]}
        plan["environment"] = _environment(COURSE, SCRATCH)
        with tempfile.TemporaryFile() as words:
            self._parent = subprocess.Popen(
                [sys.executable, "-I", __file__, json.dumps(plan)],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=words,
                env=_environment(COURSE, SCRATCH),
                start_new_session=True,
            )
            theirs.close()
            ours.settimeout(START_SECONDS)
            try:
                ready = ours.recv(64) == b"ready"
            except OSError:
                ready = False
            if not ready:
                ours.close()
                self._end_parent()
                words.seek(0)
                said = words.read()[-2000:].decode(errors="replace").strip().split("\n")
                raise SandboxError(said[-1] or "the warm parent of the workers does not start")
        ours.settimeout(None)
        self._control = ours

    # a process of its own

    def _spawn(self, seconds: float) -> Worker:
        course = COURSE if self.how == "bubblewrap" else str(self.package)
        scratch = tempfile.mkdtemp(prefix="scratch-")
        mark = uuid.uuid4().hex
        inside = SCRATCH if self.how == "bubblewrap" else scratch
        environment = {**_environment(course, inside), "VOS_LAB_WORKER": mark}
        command = [sys.executable, "-m", "vos_lab.grading.worker", "once"]
        command += [json.dumps(asdict(self.limits)), *self.warm]
        options: dict[str, Any] = {}
        if self.how == "bubblewrap":
            command = [*_bubblewrap(self.package, environment), *command]
        elif _can_be_nobody():
            options = AS_NOBODY
            os.chown(scratch, NOBODY, NOBODY)
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=environment,
                cwd=scratch,
                start_new_session=True,
                **options,
            )
        except OSError as error:
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
            return {"code": 128 - code if code < 0 else code, "stopped": stopped}

        def end_group() -> None:
            if hasattr(os, "killpg"):
                with contextlib.suppress(OSError):
                    os.killpg(process.pid, signal.SIGKILL)

        pipes = cast(BinaryIO, process.stdout), cast(BinaryIO, process.stdin)
        return Worker(*pipes, kill, wait, seconds)


def crowding() -> float:
    """How many times as long things take here as on a machine that has nothing else to do.

    Nobody shall lose points because others were using the machine, so the clock runs slower then.
    The limit on the time of the processor stays.
    """
    if not hasattr(os, "getloadavg"):
        return 1.0
    return max(1.0, 1.5 * os.getloadavg()[0] / (os.cpu_count() or 1))


@cache
def _can_be_nobody() -> bool:
    """Whether a worker without walls can be another user: we are root, others can reach Python."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return False
    try:
        return subprocess.run([sys.executable, "-c", ""], **AS_NOBODY).returncode == 0
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


def _environment(course: str, scratch: str) -> dict[str, str]:
    """All that a worker knows of the world: no secrets, one thread, the same hashes each time."""
    fixed = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": scratch,
        "TMPDIR": scratch,
        "LANG": "C.UTF-8",
        "PYTHONPATH": course,
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "2",
        "MPLBACKEND": "agg",
        "MPLCONFIGDIR": scratch,
        "NUMBA_CACHE_DIR": f"{scratch}/.numba",
        "CUDA_VISIBLE_DEVICES": "",
    }
    if os.name == "nt":  # without it no program starts there
        fixed["SYSTEMROOT"] = os.environ.get("SYSTEMROOT", "")
    return fixed


def _prefixes() -> list[str]:
    """The folders in which Python and its packages lie, none inside another."""
    found = {sys.prefix, sys.base_prefix, str(Path(sys.executable).resolve().parents[1])}
    found |= {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    found |= {path for path in sys.path if Path(path).name in ("site-packages", "dist-packages")}
    there = sorted({str(Path(path).resolve()) for path in found if path} | {sys.prefix})
    # Never the whole disk: of a Python in /bin, /usr is there anyway.
    there = [path for path in there if path not in ("/", "/usr") and Path(path).is_dir()]
    return [p for p in there if not any(p != q and Path(p).is_relative_to(q) for q in there)]


def _installed() -> str | None:
    """Where the package itself lies among the packages of Python, if it does: it is covered."""
    here = Path(__file__).resolve().parents[1]
    inside = any(here.is_relative_to(p) for p in [*_prefixes(), "/usr"])
    return str(here) if inside else None


def _walls(package: Path) -> dict[str, Any]:
    """What is seen inside: pairs of source and place, and symbolic links."""
    binds, links = [], []
    for path in SYSTEM:
        if Path(path).is_symlink() and path.count("/") == 1:
            links.append((os.readlink(path), path))
        elif Path(path).exists():
            binds.append((path, path))
    binds += [(p, p) for p in _prefixes() if not Path(p).is_relative_to("/usr")]
    binds.append((str(package.resolve()), COURSE))
    cover = _installed()
    if cover:
        binds.append((str(package.resolve() / "vos_lab"), cover))
    return {"binds": binds, "links": links}


def _bubblewrap(package: Path, environment: dict[str, str]) -> list[str]:
    program = shutil.which("bwrap")
    if program is None:
        raise SandboxError("bubblewrap (bwrap) is not installed")
    walls = _walls(package)
    words = [program, "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL"]
    for source, place in walls["binds"]:
        words += ["--ro-bind", source, place]
    for target, place in walls["links"]:
        words += ["--symlink", target, place]
    words += ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/dev/shm", "--tmpfs", SCRATCH]
    words += ["--remount-ro", "/", "--chdir", SCRATCH, "--clearenv"]
    for name, value in environment.items():
        words += ["--setenv", name, value]
    return words


# --- building the walls (Linux) ---------------------------------------------------------------


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


def serve_forks(control: socket.socket, work: Callable[[int, Limits], None]) -> None:
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


def _watch(control: socket.socket, child: int, limits: Limits) -> dict[str, Any] | None:
    """Wait for the end of a worker, or for the word to end it; None if the grader is gone."""
    handle = os.pidfd_open(child)
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    poll.register(control, select.POLLIN)
    found: dict[str, Any] = {"code": 0}
    gone = False
    while True:
        ready = {number for number, _ in poll.poll(LOOK_SECONDS * 1000)}
        if handle in ready:
            break
        if control.fileno() in ready:
            gone = not control.recv(64)
            found["stopped"] = True
            break
        others = [p for p in Path("/proc").glob("[0-9]*") if int(p.name) != os.getpid()]
        if len(others) > limits.processes // 2:
            found["processes"] = True
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
        found["code"] = max(os.waitstatus_to_exitcode(status), 0)
    return None if gone else found


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


def _in_own_space(pipe: int, limits: Limits, work: Callable[[int, Limits], None]) -> int:
    """Give a worker namespaces of its own; the exit code says how it ended."""
    try:
        _call("unshare", NEW_MOUNTS | NEW_PROCESSES | NEW_IPC)
        first = os.fork()
        if first:
            os.close(pipe)
            return _code(os.waitpid(first, 0)[1])
        # The first process of the new namespace: when it ends, the kernel ends all others there.
        _call("prctl", DEATH_SIGNAL, signal.SIGKILL)
        size = f"size={limits.scratch}m,mode=1777"
        for place in (SCRATCH, "/dev/shm"):
            _mount("none", place, "tmpfs", NO_SUID | NO_DEVICES, size)
        _mount("proc", "/proc", "proc", NO_SUID | NO_DEVICES)
        os.chdir(SCRATCH)
        with contextlib.suppress(OSError):
            Path("/proc/sys/user/max_user_namespaces").write_text("0")
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
        with contextlib.suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text("1000")
        os.nice(5)  # the one who watches comes first
        _drop_rights()
        restrict(limits)
        work(pipe, limits)
        return 0
    except BaseException:
        return 70


def _code(status: int) -> int:
    code = os.waitstatus_to_exitcode(status)
    return 128 - code if code < 0 else code


def _drop_rights() -> None:
    if os.environ.get("VOS_LAB_MAPPED") is None:
        user = NOBODY + os.getppid() % 1000
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    library = ctypes.CDLL(None)
    for number in range(64):
        library.prctl(DROP_CAPABILITY, number, 0, 0, 0)
    library.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    head = (ctypes.c_uint32 * 2)(0x20080522, 0)  # version 3 of the call, ourselves
    library.capset(head, (ctypes.c_uint32 * 6)())
    assert "CapEff:\t0000000000000000" in Path("/proc/self/status").read_text()


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
        "RLIMIT_NOFILE": 256,
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


@contextlib.contextmanager
def pipes_of_worker() -> Iterator[tuple[BinaryIO, BinaryIO]]:
    """The pipes of a worker that was started as a program: its standard input and output.

    What the answer prints goes nowhere; nothing that it reads is ours.
    """
    reader, writer = os.dup(0), os.dup(1)
    silence()
    with os.fdopen(reader, "rb") as heard, os.fdopen(writer, "wb") as said:
        yield heard, said


def silence() -> None:
    """Let standard input be empty, and standard output and error go nowhere."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)
    os.close(nothing)


if __name__ == "__main__":
    try:
        enter(json.loads(sys.argv[1]))
    except OSError as problem:
        print(problem.strerror or problem, file=sys.stderr)
        sys.exit(1)

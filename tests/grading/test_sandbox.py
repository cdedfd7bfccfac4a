"""Walls around a worker: what it can reach, and how it ends, in each kind of sandbox."""

import marshal
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from classroom import running

from vos_lab.authoring.blank import blank_package, without_bodies
from vos_lab.exercises.encoding import Reader, Writer
from vos_lab.grading.limits import Limits, SandboxError, crowding
from vos_lab.grading.sandbox import HOW, Sandbox
from vos_lab.grading.walls import _take_more_than
from vos_lab.grading.warm_parent import WarmParent
from vos_lab.metrics import masks

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs Linux")

ANSWER = "import os\nimport numpy as np\ndef jaccard(prediction, truth):\n"


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    folder = tmp_path_factory.mktemp("package")
    folder.chmod(0o755)
    blank_package(folder, [masks.jaccard], compiled=True)
    return folder


@pytest.fixture(scope="module", params=HOW)
def walls(request, package):
    warm = ["vos_lab.metrics.masks"]
    made = Sandbox(package, Limits(seconds=20, memory=300, scratch=8), warm, request.param)
    try:
        made.settle()
    except SandboxError as error:
        pytest.skip(f"not here: {error}")
    yield made
    made.close()


def ask(walls, *lines, seconds=None, memory=0):
    """Run the lines as an answer; what came back, or how the worker ended."""
    source = ANSWER + "".join(f"    {line}\n" for line in lines)
    task = {
        "do": "answer",
        "units": [{"where": "cell 1", "source": source}],
        "exercise": "vos_lab.metrics.masks.jaccard",
        "others": [],
    }
    worker = walls.worker(seconds, memory)
    gone = True
    reply, parts = None, []
    try:
        worker.channel.send(task)
        worker.channel.receive(1 << 20)
        out = Writer(trusted=True)
        tree = out.tree({"prediction": np.ones(3, bool), "truth": np.ones(3, bool)})
        worker.channel.send(tree, out.parts)
        reply, parts = worker.channel.receive(1 << 20)
        gone = False
    except (EOFError, OSError):
        pass
    how = worker.end(gone)
    if reply is None:
        return how
    return reply["failure"] or Reader(parts).value(reply["value"])


def test_an_answer_comes_back(walls):
    assert ask(walls, "return (prediction & truth).sum(), 'text', [None]") == (3, "text", [None])


def test_it_knows_nothing_of_the_world(walls, monkeypatch):
    monkeypatch.setenv("SECRET_TOKEN", "x")
    found = ask(
        walls, "return dict(os.environ), os.listdir('.'), os.environ['HOME'] == os.getcwd()"
    )
    environment, files, at_home = found
    assert "SECRET_TOKEN" not in environment
    assert environment["OMP_NUM_THREADS"] == "1"
    assert files in ([], [".numba"])
    assert at_home


def test_time_is_over_and_nothing_stays(walls):
    seconds = str(10**6 + os.getpid())  # no other run of this test has the same
    line = f"if os.fork() == 0: os.setsid(); os.execv('/bin/sleep', ['sleep', '{seconds}'])"
    assert ask(walls, line, "while True: pass", seconds=1.5) == "time"
    assert not running(seconds)


def test_the_limit_of_answers_is_not_that_of_what_the_grader_asks_for(package):
    # As of the references, which run once before any answer does.
    with Sandbox(package, Limits(seconds=1, memory=64)) as made:
        lines = (
            "import time",
            "while time.process_time() < 3: pass",
            "return np.ones(20 << 20).sum()",
        )
        assert ask(made, *lines, seconds=30, memory=400) == 20 << 20
        assert ask(made, *lines[2:], seconds=30)["kind"] == "MemoryError"


def test_memory_is_capped(walls):
    assert ask(walls, "return np.ones(100 << 20).sum()")["kind"] == "MemoryError"


def test_memory_of_several_processes_counts_together(walls):
    if walls.how == "subprocess":
        pytest.skip("there several processes together are not watched")
    lines = (
        "import time",
        "for _ in range(6):",
        "    if os.fork() == 0: break",
        "kept = np.ones(12 << 20)",
        "time.sleep(9)",
    )
    assert ask(walls, *lines) == "memory"


def group_of(process):
    try:
        return os.getpgid(int(process.name))
    except ProcessLookupError:  # it has just ended
        return None


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="no exact figures")
def test_what_processes_share_counts_once():
    # Six processes that were forked, and hold one array of 60 MB together.
    program = (
        "import os, sys, time\nkept = bytearray(os.urandom(1)) * (60 << 20)\n"
        "for _ in range(5):\n    if os.fork() == 0:\n        break\n"
        "else:\n    print('ready', flush=True)\ntime.sleep(60)"
    )
    start = [sys.executable, "-c", program]
    process = subprocess.Popen(start, stdout=subprocess.PIPE, start_new_session=True)
    try:
        assert process.stdout.readline() == b"ready\n"
        group = [p for p in Path("/proc").glob("[0-9]*") if group_of(p) == process.pid]
        assert len(group) == 6
        assert not _take_more_than(200, group)
        assert _take_more_than(50, group)
    finally:
        os.killpg(process.pid, 9)
        process.wait()


def test_how_it_ended_is_known(walls):
    assert ask(walls, "os._exit(7)") == "exit 7"


def test_walls_and_warnings(walls):
    warning = walls.warning()
    if walls.how == "subprocess":
        assert "NOT isolated" in warning
        return
    assert warning is None
    lines = (
        "assert not any(os.path.exists(p) for p in ('/home', '/etc/shadow', '/var', '/run'))",
        f"assert not os.path.exists({str(Path(__file__))!r})",
        "import socket",
        "for place in ('/course/x', '/x', np.__file__):",
        "    try: open(place, 'w')",
        "    except OSError: continue",
        "    raise AssertionError(place)",
        "try: socket.create_connection(('1.1.1.1', 53), 1)",
        "except OSError: return True",
    )
    assert ask(walls, *lines) is True


# What each must not be able to do, in any kind of sandbox. They run one after the other in one
# worker, and what succeeds is said.
DOORS = """
import ctypes, mmap, os, signal, socket, threading
library = ctypes.CDLL(None)
library.syscall.restype = ctypes.c_long
def refused(call):
    try:
        return call() in (-1, None)
    except (OSError, PermissionError):
        return True
tries = {
    "user namespace": lambda: library.unshare(0x10000000),
    "user namespace by clone": lambda: library.syscall(56, 0x10000000 | 17, 0, 0, 0, 0),
    "user namespace by clone3": lambda: library.syscall(435, ctypes.create_string_buffer(88), 88),
    "mount": lambda: library.mount(b"none", b".", b"tmpfs", 0, None),
    "mount the new way": lambda: library.syscall(430, b"tmpfs", 0),
    "memory without a process": lambda: os.memfd_create("x"),
    "system v memory": lambda: library.shmget(0, 1 << 20, 0o1666),
    "system v messages": lambda: library.msgget(0, 0o1666),
    "key": lambda: library.syscall(248, b"user", b"x", b"x", 1, -4),
    "look for a key": lambda: library.syscall(250, 11, -3, 0, 0),
    "network": lambda: socket.socket(),
    "local network": lambda: socket.socket(socket.AF_UNIX),
    "kill the parent": lambda: os.kill(os.getppid(), 0) if os.getppid() > 1 else -1,
    "trace": lambda: library.ptrace(16, os.getppid(), 0, 0),
    "memory of another": lambda: library.process_vm_readv(os.getppid(), 0, 0, 0, 0, 0),
    "write the memory of another": lambda: open(f"/proc/{os.getppid()}/mem", "r+b"),
    "ring": lambda: library.syscall(425, 8, ctypes.create_string_buffer(200)),
    "old numbers": lambda: library.syscall(0x40000000 + 39),
}
open_doors = [name for name, call in tries.items() if not refused(call)]
"""


def test_no_door_is_open(walls):
    before = Path("/proc/sys/user/max_user_namespaces").read_text()
    found = ask(walls, *(f"{line}" for line in DOORS.strip().split("\n")), "return open_doors")
    assert found == []
    assert Path("/proc/sys/user/max_user_namespaces").read_text() == before


def test_walls_that_do_not_stand_are_named():
    program = (
        "import sys; from vos_lab.grading import system_calls as calls\n"
        "if sys.argv[1:]: assert calls.refuse_system_calls()\n"
        "print('; '.join(calls.open_doors()))"
    )
    words = [sys.executable, "-c", program]
    without = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    assert "memory that no limit counts" in without
    assert "keys in the keyring" in without
    filtered = subprocess.run([*words, "x"], capture_output=True, text=True, check=True).stdout
    assert filtered.strip() == "read and write every file that {who} may"


def test_ordinary_things_still_work(walls):
    lines = (
        "import multiprocessing, socket, subprocess, threading",
        "one, other = socket.socketpair()",
        "one.send(b'x')",
        "assert other.recv(1) == b'x'",
        "assert subprocess.run(['/bin/true']).returncode == 0",
        "lock = multiprocessing.Lock()",
        "done = []",
        "threads = [threading.Thread(target=done.append, args=(n,)) for n in range(4)]",
        "[thread.start() for thread in threads]",
        "[thread.join() for thread in threads]",
        "child = os.fork()",
        "if child == 0: os._exit(3)",
        "code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])",
        "return len(done), code",
    )
    assert ask(walls, *lines) == (4, 3)


def test_small_files_without_end_are_not_written(walls):
    if walls.how != "namespaces":
        pytest.skip("there the number of files is not limited")
    lines = (
        "for number in range(20_000):",
        "    try: open(f'/scratch/{number}', 'w').close()",
        "    except OSError: return number",
    )
    assert ask(walls, *lines) < 5000


def test_many_sockets_in_many_processes_are_not_kept(walls):
    if walls.how == "subprocess":
        pytest.skip("there several processes together are not watched")
    lines = (
        "import socket, time",
        "for _ in range(6):",
        "    if os.fork() == 0: break",
        "kept = [socket.socketpair() for _ in range(100)]",
        "time.sleep(9)",
    )
    assert ask(walls, *lines) == "files"


def test_a_closed_sandbox_starts_nothing(package):
    made = Sandbox(package, how="subprocess")
    made.close()
    with pytest.raises(SandboxError):
        made.worker()


def test_what_there_is_not(package, monkeypatch):
    with pytest.raises(ValueError, match="no sandbox 'magic'"):
        Sandbox(package, how="magic")
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(SandboxError, match="not installed"):
        Sandbox(package, how="bubblewrap").settle()


def test_the_next_kind_is_taken_where_one_does_not_work(package, monkeypatch):
    def refused(self):
        raise SandboxError("Operation not permitted")

    monkeypatch.setattr(WarmParent, "_start_parent", refused)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with Sandbox(package) as made:
        assert made.settle() == "subprocess"
        assert set(made.why) == {"namespaces", "bubblewrap"}
        assert "NOT isolated" in made.warning()


def test_a_warm_parent_that_dies_is_replaced(package):
    with Sandbox(package, Limits(seconds=10), how="namespaces") as made:
        try:
            made.settle()
        except SandboxError as error:
            pytest.skip(str(error))
        made._launcher._process.kill()
        made._launcher._process.wait()
        assert ask(made, "return 5") == 5


def test_an_ordinary_user_gets_walls_too(package, tmp_path):
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("only root can become somebody else")
    reached = [Path(sys.base_prefix), *Path(sys.base_prefix).parents]
    if not all(folder.stat().st_mode & 1 for folder in reached):
        pytest.skip("other users cannot reach this Python")
    words = ["setpriv", "--reuid=12345", "--regid=12345", "--clear-groups"]
    program = (
        "import sys; from vos_lab.grading.sandbox import Sandbox\n"
        f"with Sandbox({str(package)!r}, how='namespaces') as s: print(s.settle())"
    )
    done = subprocess.run(
        [*words, sys.executable, "-c", program], capture_output=True, text=True, cwd="/"
    )
    assert done.stdout.strip() == "namespaces", done.stderr


def test_bodies_are_taken_out_and_the_rest_stays():
    source = Path(masks.__file__).read_text("utf-8")
    blank = without_bodies(source, [masks.jaccard, masks.decay])
    assert "raise NotImplementedError" in blank
    assert blank.count("@exercise(") == source.count("@exercise(")
    compile(blank, "blank", "exec")
    kept = source[source.index("def boundary_f") : source.index("def boundary_f") + 2000]
    assert kept in blank


def test_the_copy_has_no_checks(package):
    copy = package / "vos_lab"
    assert [f.name for f in (copy / "exercises" / "checks").glob("*.py")] == ["__init__.py"]
    assert not (copy / "exercises" / "quizzes").exists()


def test_no_compiled_file_holds_a_body(package):
    # A constant of the body, which is in the bytecode of the module as long as the body is.
    assert b"count_nonzero" in Path(masks.__file__).read_bytes()
    names = {file.name for file in (package / "vos_lab").rglob("*.pyc")}
    assert any(name.startswith("masks.") for name in names)
    (code,) = (package / "vos_lab" / "metrics" / "__pycache__").glob("masks.*.pyc")
    module = marshal.loads(code.read_bytes()[16:])
    (body,) = (c for c in module.co_consts if getattr(c, "co_name", "") == "jaccard")
    assert body.co_names == ("NotImplementedError",)


def test_the_clock_runs_slower_on_a_busy_machine(monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    for load, times in ((0.1, 1.0), (2.0, 1.5), (20.0, 15.0)):
        monkeypatch.setattr(os, "getloadavg", lambda load=load: (load, 0, 0))
        assert crowding() == pytest.approx(times)

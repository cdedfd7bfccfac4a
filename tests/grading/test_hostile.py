"""What a submission may try. Each costs its own exercise; the other gets full marks."""

import inspect
import json
import os
import socket
import sys
import time

import pytest
from classroom import BOUNDARY, RIGHT, Classroom, handed_in, notebook, running

from vos_lab.grading.limits import Limits, crowding
from vos_lab.metrics.masks import mask_boundary

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs Linux")


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    made = Classroom(tmp_path_factory.mktemp("room"))
    if made.sandbox.how == "subprocess":
        made.close()
        pytest.skip("this machine makes no namespaces")
    yield made
    made.close()


def body(*lines, before=""):
    """An answer with these lines as its body, behind imports."""
    head = "import os, sys, signal, time\nimport numpy as np\n" + before
    inside = "\n".join(f"    {line}" for text in lines for line in text.split("\n"))
    return f"{head}\ndef jaccard(prediction, truth, void=None):\n{inside}\n"


def right_after(*lines, before=""):
    """An answer that does something, and then what it should."""
    return body(
        *lines,
        "return right(prediction, truth, void)",
        before=RIGHT.replace("jaccard", "right") + before,
    )


# what the answer is, and a word that its first case must say
STOPPED = {
    "endless loop": (body("while True: pass"), "Time"),
    "sleeps": (body("time.sleep(1000)"), "Time"),
    "fork bomb": (
        body("while True:\n    try:\n        os.fork()\n    except OSError:\n        pass"),
        "rocess",
    ),
    "20 GB": (body("return np.ones(20 << 27).sum()"), "MemoryError"),
    "20 GB shared": (
        body("import mmap\nshared = mmap.mmap(-1, 20 << 30)\nshared.write(bytes(20 << 30))"),
        "Error",
    ),
    "leaves by the back door": (body("os._exit(3)"), "exit 3"),
    "leaves with 0": (body("os._exit(0)"), "exit 0"),
    "leaves": (body("sys.exit(0)"), "SystemExit"),
    "kills itself": (body("os.kill(os.getpid(), signal.SIGKILL)"), "SIGKILL"),
    "crashes": (body("import ctypes\nctypes.string_at(0)"), "SIGSEGV"),
    "returns too much": (body("return np.zeros(3 << 20)"), "at most 17 MB"),
    "fills the disk": (
        body(
            "with open('/scratch/x', 'wb') as f:\n    for _ in range(100):\n        "
            "f.write(bytes(1 << 20))"
        ),
        "Error",
    ),
    "writes into every pipe": (
        body(
            "for fd in range(3, 200):\n    try:\n        os.write(fd, b'vos1' + bytes(100))\n"
            "    except OSError:\n        pass\nreturn 1.0"
        ),
        "",
    ),
    "recursion": (body("return jaccard(prediction, truth, void)"), "RecursionError"),
    "borrows the library's": (
        body("from vos_lab.metrics import masks\nreturn masks.jaccard(prediction, truth, void)"),
        "RecursionError",
    ),
    "takes the reference": (
        body(
            "from vos_lab.metrics import masks\n"
            "return masks.jaccard.reference(prediction, truth, void)"
        ),
        "not attempted",
    ),
}


@pytest.mark.parametrize("name", STOPPED)
def test_what_is_stopped_costs_its_own_exercise(room, name):
    source, words = STOPPED[name]
    exercises = room.answer(source)
    assert exercises["mask_boundary"].points == 7
    found = exercises["jaccard"]
    assert found.points <= 1.5  # a case or two may be right by chance
    assert found.outcome in ("error", "failed", "not attempted")
    if words:
        text = " ".join(line for case in found.cases for line in case.lines)
        assert words in text + found.outcome


HARMLESS = {
    "kills its parent": (
        "try:\n    os.kill(os.getppid(), signal.SIGKILL)\nexcept OSError:\n    pass"
    ),
    "kills the first": "try:\n    os.kill(1, signal.SIGKILL)\nexcept OSError:\n    pass",
    "closes everything": "sys.stdout.close()\nsys.stderr.close()",
    "patches the check": (
        "import vos_lab.exercises.check as c\nc.judge = c.check = c.diagnose = None"
    ),
    "patches the comparison": (
        "import vos_lab.exercises.cases as c\nc.difference = c.changed = lambda *a: None"
    ),
    "patches NumPy": "np.isclose = np.asarray = np.array = np.save = lambda *a, **k: 1",
    "patches time": "time.time = time.perf_counter = time.monotonic = lambda: 0",
    "patches the reference": (
        "from vos_lab.metrics import masks\nmasks.jaccard.reference = lambda *a: 7\n"
        "masks.mask_boundary.adopt(lambda mask: ~mask)"
    ),
    "patches the wire": "import vos_lab.exercises.encoding as w\nw.MARK = b'xxxx'",
    "mounts": "assert os.system('mount -t tmpfs none /scratch 2> /dev/null') != 0",
    "becomes root": (
        "assert os.geteuid() != 0 or os.environ.get('VOS_LAB_MAPPED')\n"
        "try:\n    os.setuid(0)\n    os.chroot('/scratch')\nexcept OSError:\n    pass\n"
        "else:\n    raise AssertionError"
    ),
}


@pytest.mark.parametrize("name", HARMLESS)
def test_what_is_tried_in_vain_costs_nothing_and_gains_nothing(room, name):
    wrong = room.only(body(HARMLESS[name], "return 0.123"))
    assert wrong.points == 0
    # The next one, from the same warm parent, sees nothing of it.
    assert room.only(RIGHT).points == 9


def test_output_is_capped(room):
    loud = right_after(
        "if not os.path.exists('/scratch/done'):",
        "    open('/scratch/done', 'w').close()",
        "    print('x' * 9999)",
        "    full = bytes(100 << 20)",
        "    for _ in range(100):",
        "        os.write(1, full)",
    )
    assert room.only(loud).points == 9


RETURNED = {
    "equal to everything": (
        "return Liar()",
        "class Liar:\n    def __eq__(self, other): return True\n    __hash__ = None\n"
        "    def __array__(self, *a, **k): return truth\n",
    ),
    "equal number": (
        "return Liar(0.25)",
        "class Liar(float):\n    def __eq__(self, other): return True\n    __hash__ = None\n",
    ),
    "array subclass": (
        "return np.zeros(3).view(Liar)",
        "class Liar(np.ndarray):\n    def __eq__(self, other): return True\n    __hash__ = None\n",
    ),
    "nan": ("return float('nan')", ""),
    "infinite": ("return [float('inf')] * 3", ""),
    "objects": ("return np.array([object()])", ""),
    "records": ("return np.zeros(3, [('a', int)])", ""),
    "text for a number": ("return '0.5'", ""),
    "complex": ("return 1j", ""),
    "generator": ("return (x for x in [1.0])", ""),
    "function": ("return lambda: 1.0", ""),
    "itself": ("found = []\nfound.append(found)\nreturn found", ""),
    "deep": ("found = 1.0\nfor _ in range(5000):\n    found = [found]\nreturn found", ""),
    "long": ("return [0.5] * 10_000_000", ""),
    "strange dict": ("return {(1, 2): 3, None: object()}", ""),
    "huge number": ("return 10 ** 10_000", ""),
    "text": ("return 'x' * 10_000_000", ""),
    "surrogates": ("return chr(0xd800)", ""),
    "raises strangely": (
        "raise Strange",
        "class Strange(Exception):\n    def __str__(self): raise Strange\n",
    ),
    "raises the worst": ("raise KeyboardInterrupt", ""),
    "truth value": ("return True", ""),
}


@pytest.mark.parametrize("name", RETURNED)
def test_a_strange_result_is_wrong_and_no_more(room, name):
    line, before = RETURNED[name]
    found = room.only(body(line, before=before))
    assert found.points == 0
    assert found.outcome in ("failed", "error")


@pytest.mark.parametrize("kind", ["uint8", "float32", "int64"])
def test_a_wrong_dtype_is_wrong_however_right_the_numbers(room, kind):
    boundary = BOUNDARY.replace("return changes", "whole = changes")
    boundary += f"    return whole.astype(np.{kind})\n"
    exercises = room.answer(RIGHT, boundary)
    assert exercises["jaccard"].points == 9
    assert exercises["mask_boundary"].points == 0
    words = " ".join(line for case in exercises["mask_boundary"].cases for line in case.lines)
    assert kind in words


LAST = "return float(found) if found.ndim == 0 else found"


def test_a_right_result_in_strange_clothes_is_right(room):
    source = RIGHT.replace(LAST, "return found.view(Own)")
    found = room.only("class Own(np.ndarray):\n    pass\n" + source)
    assert found.points == 9, found


def test_the_memory_of_many_small_processes_counts_together(room):
    # With more time than the others have: on a busy machine filling the memory takes a while.
    source = body(
        "for _ in range(6):\n    if os.fork() == 0:\n        kept = np.ones(25 << 20)\n"
        "        time.sleep(60)\nos.wait()"
    )
    found = room.only(source, Limits(30, 1000))
    assert found.points == 0
    assert "Memory" in " ".join(line for case in found.cases for line in case.lines)


def test_torch_imports_under_the_limits_and_a_tensor_is_compared(room):
    line = "return torch.tensor(found)"
    found = room.only("import torch\n" + RIGHT.replace(LAST, line), Limits(120, 1000))
    # A number in a tensor is a number; an array in a tensor, as two of the ten cases want one, is
    # no NumPy array.
    assert found.points == 7.2, [case.lines for case in found.cases]
    assert "a tensor" in found.cases[-1].lines[-1]


def test_nothing_hidden_is_in_reach(room, tmp_path):
    secret = tmp_path / "hidden.py"
    secret.write_text("CASES = {}")
    home = str(room.folder)
    looks = right_after(
        f"for path in ({str(secret)!r}, {home!r}, '/root/.ssh', '/etc/shadow', '/home'):",
        "    assert not os.path.exists(path), path",
        "import gc, vos_lab.exercises.cases as cases, vos_lab.exercises.checks as checks",
        "inside = os.listdir(os.path.dirname(checks.__file__))",
        "assert set(inside) <= {'__init__.py', '__pycache__'}, inside",
        "kinds = (cases.Check, cases.Case, cases.Mistake)",
        "assert not [thing for thing in gc.get_objects() if isinstance(thing, kinds)]",
        "frame = sys._getframe()",
        "while frame:",
        "    assert not {'seed', 'expected', 'hidden'} & set(frame.f_locals), frame",
        "    frame = frame.f_back",
        "words = ' '.join(os.environ) + ' '.join(sys.argv)",
        "assert 'TOKEN' not in words and 'seed' not in words",
        "import inspect",
        "from vos_lab.metrics import masks",
        "body = inspect.getsource(masks.jaccard.reference)",
        "assert body.rstrip().endswith('raise NotImplementedError')",
        "assert 'count_nonzero' not in body",
    )
    found = room.answer(looks)["jaccard"]
    assert found.points == 9, [case.lines for case in found.cases]


def test_the_text_of_the_other_exercises_is_nowhere(room):
    # Their code is, as an answer may call them.
    line = inspect.getsource(mask_boundary.reference).strip().splitlines()[-1].strip()
    start, rest = line[:12], line[12:]
    looks = right_after(
        "import gc, linecache, inspect",
        "from vos_lab.metrics.masks import mask_boundary",
        f"line = {start!r} + {rest!r}",
        "assert mask_boundary(np.ones((2, 2), bool)).sum() == 0",
        "assert not [lines for _, _, lines, _ in linecache.cache.values() if line in str(lines)]",
        "for thing in gc.get_objects():",
        "    if type(thing) in (dict, list, tuple):",
        "        inside = list(thing.values()) if type(thing) is dict else thing",
        "        assert not [x for x in inside if type(x) is str and len(x) > 99 and line in x]",
        "frame = sys._getframe().f_back",
        "while frame:",
        "    assert line not in str(frame.f_locals), frame",
        "    frame = frame.f_back",
    )
    found = room.answer(looks)["jaccard"]
    assert found.points == 9, [case.lines for case in found.cases]


def test_no_network(room):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        tries = right_after(
            "import socket",
            f"for address in (('127.0.0.1', {port}), ('1.1.1.1', 53), ('10.0.0.1', 80)):",
            "    try:",
            "        socket.create_connection(address, timeout=1)",
            "    except OSError:",
            "        continue",
            "    raise AssertionError(address)",
        )
        found = room.answer(tries)["jaccard"]
    assert found.points == 9, [case.lines for case in found.cases]


def test_nothing_can_be_written_but_scratch_and_nobody_else_sees_that(room):
    writes = right_after(
        "for path in ('/course/x', '/usr/x', '/x', '/etc/x', np.__file__ + 'x', '/proc/1/comm'):",
        "    try:",
        "        open(path, 'w').write('x')",
        "    except OSError:",
        "        continue",
        "    raise AssertionError(path)",
        "assert not os.path.exists('/dev/shm/mine')",
        "open('/scratch/mine', 'a').write('x')",
    )
    found = room.answer(writes)["jaccard"]
    assert found.points == 9, [case.lines for case in found.cases]
    seen = right_after("assert not os.path.exists('/scratch/mine')", "assert os.getpid() < 9")
    assert room.answer(seen)["jaccard"].points == 9


def test_a_daemon_does_not_stay(room):
    seconds = str(10**6 + os.getpid())  # no other run of this test has the same
    daemon = right_after(
        "if os.fork() == 0:",
        "    os.setsid()",
        "    if os.fork() == 0:",
        f"        os.execv('/bin/sleep', ['sleep', '{seconds}'])",
        "    os._exit(0)",
    )
    assert room.answer(daemon)["jaccard"].points == 9
    assert not running(seconds)


def test_hidden_inputs_are_in_no_report(room):
    leak = body("raise ValueError(str(prediction.tolist()))")
    for case in room.answer(leak)["jaccard"].cases:
        if not case.public:
            assert case.lines == ("ValueError",)
            assert case.pictures is None
    echo = room.answer(BOUNDARY.replace("mask_boundary", "f") + body("return prediction"))
    hidden = [case for case in echo["jaccard"].cases if not case.public]
    assert hidden
    assert all(case.lines == ("the result is not right",) for case in hidden)


def test_hidden_inputs_are_in_no_name_of_an_exception(room):
    leak = body(
        "raise type(''.join('xy'[int(bit)] for bit in prediction.ravel()[:70]), (Exception,), {})"
    )
    found = room.answer(leak)["jaccard"]
    hidden = [case for case in found.cases if not case.public]
    assert hidden
    assert all(case.lines == ("an exception of another kind",) for case in hidden)


def test_what_an_exception_says_is_short_and_does_nothing_to_a_terminal(room):
    loud = body("raise ValueError(chr(27) + '[2J' + 'x' * 100_000)")
    found = room.only(loud)
    words = " ".join(line for case in found.cases for line in case.lines)
    assert "\\x1b[2J" in words
    assert "\x1b" not in words
    assert max(len(line) for case in found.cases for line in case.lines) < 2001


WORDS = {
    "a list that contains itself": "found = []\nfound.append(found)\nreturn found",
    "a list that is nested more than": "x = 1.0\nfor _ in range(99): x = [x]\nreturn x",
    "KeyboardInterrupt": "raise KeyboardInterrupt",
    "far too much": "return np.zeros(1 << 18)",
    "an array of shape (3,)": "return np.zeros(3, complex)",
    "a complex": "return 1j",
    "a NumPy array of object": "return np.array([object()])",
    "what it returned cannot be read: SystemExit": "return Strange()",
    "neither strings nor small integers": "return {2**40: 1}",
    "more than 10000 keys": "return dict.fromkeys(range(10_001))",
}


@pytest.mark.parametrize("words", WORDS)
def test_strange_results_have_words_of_their_own(room, words):
    strange = "class Strange(dict):\n    def items(self): raise SystemExit\n"
    found = room.only(body(WORDS[words], before=strange))
    assert words in " ".join(found.cases[0].lines)


def test_an_answer_that_returns_twice_is_judged_by_the_first(room):
    # It forks, and both processes return: the second reply is not that of the next case.
    twice = RIGHT.replace("    return float", "    os.fork()\n    return float")
    assert room.only("import os\n" + twice).points == 9


# An answer that takes over the protocol, and what it sends in place of a result.
TAKEN = """
import gc, json, struct
def message(tree, parts=(), number=None):
    from vos_lab.exercises.encoding import pack
    return b"".join(pack([channel.number if number is None else number, tree], parts))
def body_of(value):
    return {"failure": None, "value": value, "given": {"dict": []}, "shared": "", "gradients": None}
from vos_lab.grading.protocol import Channel
channel = next(thing for thing in gc.get_objects() if type(thing) is Channel)
def say(data):
    while data:
        data = data[os.write(channel.writing, data[: 1 << 20]):]
"""
MESSAGES = {
    "one hash": (
        "pairs = [[n * (2**61 - 1), 0] for n in range(100_000)]\n"
        "say(message(body_of({'dict': pairs})))"
    ),
    "many names": "say(message({str(n): 0 for n in range(300_000)}))",
    "deep": "say(message({}).replace(b'{}', b'[' * 900_000))",
    "wide": "say(message(body_of({'list': [0] * 3_000_000})))",
    "endless": "while True: say(bytes(1 << 20))",
    "endless stale": "while True: say(message({}, number=0))",
    "slow": "head = message(body_of(0))\nfor byte in head: say(bytes([byte])); time.sleep(1)",
    "one array many times": (
        "import io\nfile = io.BytesIO()\nnp.save(file, np.zeros(1_000_000))\n"
        "say(message(body_of({'list': [{'array': 0}] * 100_000}), [file.getvalue()]))"
    ),
    "calls": "while True: say(message({'call': 0, 'args': {'tuple': []}, 'kwargs': {'dict': []}}))",
    "the next one first": "say(message(body_of(1), number=channel.number + 1))",
    "not a list": "say(message(0).replace(b'[', b'{'))",
    "large number": "say(message(body_of('x')).replace(b'\"x\"', b'9' * 5000))",
    "huge head": "say(struct.pack('>4sQI', b'vos1', 1 << 60, 1 << 30))",
}


@pytest.mark.parametrize("name", MESSAGES)
def test_whoever_takes_over_the_protocol_costs_the_exercise_only(room, name):
    source = body(TAKEN + MESSAGES[name] + "\ntime.sleep(99)")
    started = time.monotonic()
    found = room.only(source, Limits(seconds=2, memory=1000, scratch=16, result=16))
    assert found.points == 0
    assert time.monotonic() - started < 60 * crowding()
    assert room.only(RIGHT).points == 9


def test_what_a_cell_does_besides_is_not_run(room):
    source = RIGHT + "\nos._exit(1)\nwhile_true = [1]\nimport nothing_of_that_name\n1 / 0\n"
    made = notebook(room.lesson, jaccard=source, mask_boundary=BOUNDARY)
    made["cells"].insert(0, {**made["cells"][1], "source": "raise SystemExit", "id": "x"})
    result, _ = room.grade(handed_in(made))
    assert result.points == 16


def test_a_broken_helper_costs_its_own_exercise(room):
    source = "import os\ntable = os._exit(5)\n" + RIGHT.replace("np.where", "table or np.where")
    exercises = room.answer(source)
    assert exercises["mask_boundary"].points == 7
    assert exercises["jaccard"].points == 0
    assert "exit 5" in exercises["jaccard"].cases[0].lines[-1]


def test_an_import_that_fails_is_named(room):
    found = room.only("import torhc\n" + RIGHT.replace("both =", "both = torhc and"))
    (line,) = [line for line in found.cases[0].lines if "torhc" in line and "NameError" in line]
    assert "as line 1 failed: ModuleNotFoundError: No module named 'torhc'" in line


def test_json_of_the_worst_kind(room):
    for data in (b"[" * 1_000_000, b'{"cells": ' + b"[" * 200_000, b'{"a": 1e999999}'):
        result, _ = room.grade(handed_in(data))
        assert result.points == 0
        assert result.error
    made = notebook(room.lesson, jaccard="-" * 100_000 + "1", mask_boundary=BOUNDARY)
    assert room.grade(handed_in(made))[0].points == 7
    made = notebook(room.lesson, jaccard="x" + ".a" * 200_000, mask_boundary=BOUNDARY)
    assert room.grade(handed_in(made))[0].points == 7
    assert json.dumps(made)


def exercise_cell(made, name):
    return next(cell for cell in made["cells"] if f"def {name}(" in "".join(cell["source"]))


def deleted(made):
    made["cells"].remove(exercise_cell(made, "mask_boundary"))


def duplicated(made):
    cell = exercise_cell(made, "jaccard")
    made["cells"].insert(0, {**cell, "source": "def jaccard(prediction, truth):\n    return 0"})


def reordered(made):
    made["cells"].reverse()


def split(made):
    cell = exercise_cell(made, "jaccard")
    helper = "def shared(a, b):\n    return (a & b).sum(axis=(-2, -1))\n"
    rest = RIGHT.replace("(prediction & truth).sum(axis=(-2, -1))", "shared(prediction, truth)")
    place = made["cells"].index(cell)
    made["cells"].insert(place + 1, {**cell, "id": "new", "metadata": {}, "source": rest})
    cell["source"] = helper


def wrong_elsewhere(made):
    made["cells"].insert(1, {**made["cells"][1], "id": "new", "source": "def plot(:\n  x = = 1"})


def wrong_here(made):
    exercise_cell(made, "mask_boundary")["source"] = "def mask_boundary(mask:\n    return mask"


DAMAGE = {deleted: 9, duplicated: 16, reordered: 16, split: 16, wrong_elsewhere: 16, wrong_here: 9}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_costs_what_is_damaged(room, damage):
    made = notebook(room.lesson, jaccard=RIGHT, mask_boundary=BOUNDARY)
    damage(made)
    result, exercises = room.grade(handed_in(made))
    assert result.error is None
    assert result.points == DAMAGE[damage]
    assert exercises["jaccard"].points == 9


def test_of_a_truncated_notebook_what_is_whole_counts(room):
    made = notebook(room.lesson, jaccard=RIGHT, mask_boundary=BOUNDARY)
    text = json.dumps(made)
    half = text[: text.index("def mask_boundary") + 60].encode()
    result, exercises = room.grade(handed_in(half))
    assert (result.points, exercises["jaccard"].points) == (9, 9)
    assert any("damaged" in note for note in result.notes)


@pytest.mark.parametrize("data", [b"", b"\x89PNG\r\n\x1a\n" + bytes(99), b"[1, 2]", b"Dear sir,"])
def test_what_is_no_notebook_gets_nothing_and_stops_nothing(room, data):
    result, _ = room.grade(handed_in(data))
    assert (result.points, bool(result.error)) == (0, True)
    whole = notebook(room.lesson, jaccard=RIGHT, mask_boundary=BOUNDARY)
    assert room.grade(handed_in(whole))[0].points == 16


def test_a_notebook_of_200_mb_is_graded(room):
    made = notebook(room.lesson, jaccard=RIGHT, mask_boundary=BOUNDARY)
    heavy = {"output_type": "stream", "name": "stdout", "text": "x" * (200 << 20)}
    made["cells"][1]["outputs"] = [heavy]
    result, _ = room.grade(handed_in(made))
    assert result.points == 16, result.error

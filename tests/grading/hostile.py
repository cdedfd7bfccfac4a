"""Submissions from a seed: hostile ones, broken ones, and honest ones whose points are known.

For ``benchmarks/grading_drill.py``, and in small for a test. The lesson is that of ``classroom``.
"""

import io
import json
import lzma
import os
import random
import textwrap
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from classroom import BOUNDARY, RIGHT, notebook

CANARY = "canary-3f7a"  # in files and names that must appear nowhere
SLEEP = "76543"  # seconds; a process that sleeps so long has escaped
SECRET = 6061  # the hidden mask holds the bits of this number, which no report may show
HIDDEN = f"""\
import numpy as np
from vos_lab.exercises.cases import Case
bits = np.array([[int(bit) for bit in format({SECRET}, "013b")]], dtype=bool)
CASES = {{"jaccard": [Case("secret", lambda rng: {{"prediction": bits, "truth": ~bits}})]}}
"""


@dataclass(frozen=True)
class Handed:
    """One submission.

    Attributes:
        name: of the student.
        kind: what it does.
        files: by their path in the student's folder.
        points: that it must get; None if only ``most`` is known.
        most: points that it must not exceed.
    """

    name: str
    kind: str
    files: dict[str, bytes]
    points: float | None = None
    most: float = 16


@dataclass(frozen=True)
class World:
    """What lies around the grader, and must stay as it is.

    Attributes:
        folder: that everybody may write to, with a secret in it.
        port: on which nobody may call.
    """

    folder: Path
    port: int


# What an answer does before it returns something wrong. $N is a number, $DIR the folder, $PORT the
# port.
PAYLOADS = {
    "endless": "while True: pass",
    "sleeps": "time.sleep(1000)",
    "forks": "while True:\n    try: os.fork()\n    except OSError: pass",
    "forks and leaves": "[os.fork() for _ in range(5)]",
    "threads": (
        "import threading\n"
        "for _ in range(1000): threading.Thread(target=time.sleep, args=(9,)).start()"
    ),
    "10 GB": "kept = np.ones($N << 27)",
    "10 GB in small pieces": "kept = [np.ones(1 << 17) for _ in range(10_000)]",
    "10 GB in files": (
        "for n in range(200):\n    with open(f'/scratch/{n}', 'wb') as f: f.write(bytes(1 << 26))"
    ),
    "10 GB in memory files": (
        "kept = [os.memfd_create(str(n)) for n in range(200)]\n"
        "for n in kept: os.write(n, bytes(50 << 20))"
    ),
    "10 GB shared": "import mmap\nkept = mmap.mmap(-1, 10 << 30)\nkept.write(bytes(10 << 30))",
    "many files": "for n in range(100_000): open(f'/scratch/{n}', 'w').close()",
    "full pipes": (
        "import fcntl\nfor _ in range(99):\n    a, b = os.pipe()\n    os.set_blocking(b, False)\n"
        "    os.write(b, bytes(1 << 16))"
    ),
    "leaves": "os._exit($N)",
    "kills itself": "os.kill(os.getpid(), signal.SIGKILL)",
    "kills all": "os.kill(-1, signal.SIGKILL)",
    "kills its parent": "os.kill(os.getppid(), signal.SIGKILL)",
    "crashes": "import ctypes\nctypes.string_at($N)",
    "overflows the stack": "import ctypes\ndef f(): return f()\nsys.setrecursionlimit(10**8)\nf()",
    "returns much": "return np.zeros($N << 20)",
    "returns a long list": "return [0.5] * 1_000_000",
    "returns a deep list": "found = 1.0\nfor _ in range(9999): found = [found]\nreturn found",
    "returns itself": "found = []\nfound.append(found)\nreturn found",
    "raises the input": "raise ValueError(str(prediction.astype(int).tolist()))",
    "raises the input by name": (
        "raise type('x' + ''.join(map(str, prediction.astype(int).ravel())), (Exception,), {})"
    ),
    "raises what cannot be said": (
        "class Strange(BaseException):\n    def __str__(self): os._exit(1)\nraise Strange"
    ),
    "interrupts": "raise KeyboardInterrupt",
    "writes into pipes": (
        "for fd in range(3, 99):\n    try: os.write(fd, os.urandom($N * 99))\n"
        "    except OSError: pass"
    ),
    "talks for the worker": (
        "import gc, json\nfrom vos_lab.grading.protocol import Channel\n"
        "line = next(x for x in gc.get_objects() if type(x) is Channel)\n"
        "pairs = [[n * (2**61 - 1), 0] for n in range(50_000)]\n"
        "line.send({'failure': None, 'value': {'dict': pairs},"
        " 'given': {'dict': []}, 'shared': '', 'gradients': None})\ntime.sleep(99)"
    ),
    "talks without end": (
        "import gc\nfrom vos_lab.grading.protocol import Channel\n"
        "line = next(x for x in gc.get_objects() if type(x) is Channel)\n"
        "while True: os.write(line.writing, bytes(1 << 16))"
    ),
    "takes names apart": (
        "import vos_lab.exercises.cases as c, vos_lab.exercises.encoding as e\n"
        "c.difference = c.changed = lambda *a: None\ne.MARK = b'xxxx'"
    ),
    "reads secrets": "raise ValueError(open('$DIR/secret').read())",
    "reads the home": "raise ValueError(open('/root/.bashrc').read() + open('/etc/shadow').read())",
    "writes outside": (
        "for place in ('$DIR/written', '/tmp/' + '$CANARY', '/usr/x', '/course/x', '/dev/shm/x'):\n"
        "    try: open(place, 'w').write('x')\n    except OSError: pass"
    ),
    "calls out": "import socket\nsocket.create_connection(('127.0.0.1', $PORT), 1)",
    "calls out by a program": (
        "os.system('exec 3<>/dev/tcp/127.0.0.1/$PORT')\nimport subprocess\n"
        "subprocess.run(['bash', '-c', 'echo x > /dev/tcp/127.0.0.1/$PORT'])"
    ),
    "stays": (
        "if os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n"
        "        os.execv('/bin/sleep', ['sleep', '$SLEEP'])\n    os._exit(0)"
    ),
    "makes a namespace": (
        "import ctypes\nlibrary = ctypes.CDLL(None)\nassert library.unshare(0x10020000) == 0\n"
        "library.mount(b'none', b'/scratch', b'tmpfs', 0, None)\n"
        "kept = [open(f'/scratch/{n}', 'wb').write(bytes(1 << 26)) for n in range(40)]"
    ),
    "leaves a key": (
        "import ctypes\nctypes.CDLL(None).syscall(248, b'user', b'$CANARY', b'x', 1, -4)"
    ),
    "traces": "import ctypes\nfor n in range(1, 999): ctypes.CDLL(None).ptrace(16, n, 0, 0)",
    "writes the memory of others": (
        "for n in range(1, 99):\n    if n != os.getpid():\n"
        "        try: open(f'/proc/{n}/mem', 'r+b')\n        except OSError: pass"
    ),
    "mounts": "os.system('mount -t tmpfs none /scratch; umount -l /proc')",
    "becomes root": "os.setuid(0)",
    "reference": (
        "from vos_lab.metrics import masks\nreturn masks.jaccard.reference(prediction, truth)"
    ),
}
# Ways to put it into an answer; {} is the payload, indented as needed.
PLACES: dict[str, Callable[[str, str], str]] = {
    "in the function": lambda lines, after: _function(f"{lines}\n{after}"),
    "in a thread": lambda lines, after: _function(
        f"import threading\ndef run():\n{_in(lines)}\nworker = threading.Thread(target=run)\n"
        f"worker.start()\nworker.join(1)\n{after}"
    ),
    "in a child": lambda lines, after: _function(
        f"if os.fork() == 0:\n    def run():\n{_in(lines, 2)}\n    run()\n    os._exit(0)\n{after}"
    ),
    "in a helper": lambda lines, after: (
        f"def helper(prediction, truth):\n{_in(lines)}\n\n\n"
        + _function(f"found = helper(prediction, truth)\n{after}")
    ),
    "at the end of the process": lambda lines, after: _function(
        f"import atexit\n@atexit.register\ndef run():\n{_in(lines)}\n{after}"
    ),
}
AFTER = ("return -1.0", "return None", "return 'x'", "raise SystemExit", "return truth")


def _in(lines: str, times: int = 1) -> str:
    return textwrap.indent(lines, "    " * times)


def _function(lines: str) -> str:
    head = "import os, sys, signal, time\nimport numpy as np\n\n\n"
    return f"{head}def jaccard(prediction, truth, void=None):\n{_in(lines)}\n"


def _broken(data: bytes, rng: random.Random) -> dict[str, Callable[[], dict[str, bytes]]]:
    """Ways to spoil a notebook."""
    place = rng.randrange(1, len(data))

    def archive(name: str, inside: bytes, method: int = zipfile.ZIP_DEFLATED) -> bytes:
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", method) as made:
            made.writestr(name, inside)
        return stream.getvalue()

    def damaged(method: int) -> bytes:
        whole = bytearray(archive("01_two.ipynb", data, method))
        for _ in range(9):
            whole[rng.randrange(40, len(whole) - 80)] ^= 1 << rng.randrange(8)
        return bytes(whole)

    def nested() -> bytes:
        inside = data
        for _ in range(rng.randrange(2, 9)):
            inside = archive("01_two.ipynb" if inside is data else "more.zip", inside)
        return inside

    def flipped() -> bytes:
        return data[:place] + bytes([data[place] ^ 1 << rng.randrange(8)]) + data[place + 1 :]

    return {
        "cut": lambda: {"01_two.ipynb": data[:place]},
        "cut and glued": lambda: {"01_two.ipynb": data[place:] + data[:place]},
        "a bit flipped": lambda: {"01_two.ipynb": flipped()},
        "noise": lambda: {"01_two.ipynb": rng.randbytes(place)},
        "nothing": lambda: {"01_two.ipynb": b""},
        "no file": dict,
        "brackets": lambda: {"01_two.ipynb": b"[" * 1_000_000},
        "cells without end": lambda: {"01_two.ipynb": b'{"cells": [' + b"{}," * 300_000 + b"1]}"},
        "other json": lambda: {
            "01_two.ipynb": json.dumps(rng.choice([1, [], {"cells": 3}])).encode()
        },
        "UTF-16": lambda: {"01_two.ipynb": data.decode().encode("utf-16")},
        "a picture": lambda: {"01_two.ipynb": b"\x89PNG\r\n\x1a\n" + rng.randbytes(999)},
        "a bomb": lambda: {"work.zip": archive("01_two.ipynb", bytes(300 << 20))},
        "damaged zip": lambda: {"work.zip": damaged(zipfile.ZIP_DEFLATED)},
        "damaged lzma": lambda: {"work.zip": damaged(zipfile.ZIP_LZMA)},
        "damaged bz2": lambda: {"work.zip": damaged(zipfile.ZIP_BZIP2)},
        "zips in zips": lambda: {"work.zip": nested()},
        "lzma": lambda: {"01_two.ipynb": lzma.compress(data)},
        "leads out": lambda: {"work.zip": archive(f"../../{CANARY}/01_two.ipynb", data)},
        "long source": lambda: {"01_two.py": b"x = 1\n" * 300_000},
        "deep source": lambda: {
            "01_two.py": b"def jaccard(a, b):\n    return " + b"-" * 90_000 + b"1"
        },
        "strange names": lambda: {f"{CANARY}\x1b[31m/01_two.ipynb": data},
    }


def handed_in(seed: int, hostile: int, honest: int, lesson: Any, world: World) -> Iterator[Handed]:
    """A class: honest students among hostile ones and accidents.

    Args:
        seed: of everything.
        hostile: number of hostile or broken submissions.
        honest: number of honest ones.
        lesson: that they answer.
        world: what the hostile ones reach for.
    """
    rng = random.Random(seed)
    right = {"jaccard": RIGHT, "mask_boundary": BOUNDARY}

    def written(**answers: str) -> bytes:
        return json.dumps(notebook(lesson, **answers)).encode()

    for number in range(honest):
        mine = {name: text for name, text in right.items() if rng.random() < 0.75}
        points = 9 * ("jaccard" in mine) + 7 * ("mask_boundary" in mine)
        letter = chr(ord("a") + number % 26)
        renamed = {name: text.replace("both", letter * 3) for name, text in mine.items()}
        files = {"01_two.ipynb": written(**renamed)}
        yield Handed(f"honest-{number:03}", "honest", files, points, points)
    payloads, whole = list(PAYLOADS), written(**right)
    for number in range(hostile):
        name = f"hostile-{number:03}"
        if number % 4 == 3:
            ways = _broken(whole, rng)
            kind = list(ways)[number // 4 % len(ways)]
            yield Handed(name, kind, ways[kind]())
            continue
        kind = payloads[(number - number // 4) % len(payloads)]
        # The first round is plain; later ones hide it.
        place = list(PLACES)[rng.randrange(len(PLACES)) if number > len(payloads) else 0]
        lines = PAYLOADS[kind].replace("$N", str(rng.randrange(2, 80)))
        lines = lines.replace("$DIR", str(world.folder)).replace("$PORT", str(world.port))
        lines = lines.replace("$CANARY", CANARY).replace("$SLEEP", SLEEP)
        source = PLACES[place](lines, rng.choice(AFTER))
        files = {"01_two.ipynb": written(jaccard=source, mask_boundary=BOUNDARY)}
        # One case of jaccard may be right by chance; the other exercise gets its points.
        yield Handed(name, f"{kind}, {place}", files, most=7 + 2)


def write(folder: Path, students: list[Handed]) -> None:
    """Write submissions as a class hands them in: a folder for each student."""
    for student in students:
        place = folder / student.name
        place.mkdir(parents=True)
        for name, data in student.files.items():
            path = place / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    if students:
        os.symlink("loop", folder / students[-1].name / "loop")

"""Workers as forks of one process, which builds walls around itself and imports only once."""

import contextlib
import json
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from vos_lab.grading.launcher import COURSE, SCRATCH, Started, environment, layout, some_user
from vos_lab.grading.limits import Limits, SandboxError

START_SECONDS = 180  # to import PyTorch on a slow disk
ROOT = Path(__file__).resolve().parents[2]


class WarmParent:
    """Linux namespaces of our own, as ``unshare`` makes them; see :mod:`vos_lab.grading.walls`.

    Args:
        package: a folder that holds ``vos_lab`` without solutions and checks.
        warm: modules to import before the first worker.
    """

    def __init__(self, package: Path, warm: Sequence[str] = ()) -> None:
        self.package, self.warm = package, list(warm)
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    def start(self, limits: Limits) -> Started:
        """Let the warm parent fork a worker; it is started first, if it is not there."""
        if self._process is None or self._process.poll() is not None:
            self.close()
            self._start_parent()
        control = self._control
        assert control is not None
        ours, theirs = socket.socketpair()
        try:
            socket.send_fds(control, [json.dumps(asdict(limits)).encode()], [theirs.fileno()])
        except OSError:
            ours.close()
            self.close()
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
                self.close()  # the next worker gets another
                return {"code": 128 + signal.SIGKILL}
            return found

        handle = ours.detach()
        return Started(handle, handle, kill, wait)

    def close(self) -> None:
        """End the warm parent; all workers end with it."""
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._process is not None:
            try:
                self._process.wait(5)  # it ends with our side of the pipe
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def _start_parent(self) -> None:
        if not sys.platform.startswith("linux"):
            raise SandboxError("namespaces are there on Linux only")
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = [sys.executable, "-m", "vos_lab.grading.worker", "parent", str(theirs.fileno())]
        plan = {"walls": layout(self.package), "command": [*command, *self.warm]}
        plan["environment"] = {**environment(COURSE, SCRATCH), "VOS_LAB_USER": str(some_user())}
        with tempfile.TemporaryFile() as words:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-s", "-m", "vos_lab.grading.walls", json.dumps(plan)],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=words,
                env=environment(str(ROOT), SCRATCH),
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
                self.close()
                words.seek(0)
                said = words.read()[-2000:].decode(errors="replace").strip().split("\n")
                raise SandboxError(said[-1] or "the warm parent of the workers does not start")
        ours.settimeout(None)
        self._control = ours

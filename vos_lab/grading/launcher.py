"""What every way of starting a worker has in common: what the worker sees, and what we hold of it.

The file system of a worker behind walls is a new and empty one: Python, its packages, the libraries
of the system, all read-only; a copy of this package without solutions and checks; a scratch folder.
What is not in it cannot be read: no home, no submissions, no hidden cases.
"""

import itertools
import os
import sys
import sysconfig
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from vos_lab.grading.limits import Limits

COURSE = "/course"  # where the package without solutions lies, inside the walls
SCRATCH = "/scratch"
COMPILED = "compiled"  # beside the package: what Numba keeps on the disk
NOBODY = 64000  # user ids from here on are given to workers, where we are root
USERS = 1500  # so many of them; from 65534 on they have other uses
SYSTEM = (
    *("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/opt/hostedtoolcache"),
    *("/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/alternatives"),
    *("/etc/fonts", "/etc/localtime", "/sys/devices/system/cpu"),
)


@dataclass(frozen=True)
class Started:
    """A process that was started.

    Attributes:
        reading: file descriptor of what it says.
        writing: file descriptor of what it hears; may be the same.
        kill: ends it, with all that it has started.
        wait: waits so many seconds for its end, and says how it ended (``code``, ``stopped``,
            ``memory``, ``processes``, ``files``); None if it goes on.
    """

    reading: int
    writing: int
    kill: Callable[[], None]
    wait: Callable[[float], dict[str, Any] | None]


COUNTER = itertools.count()


def some_user() -> int:
    """A user id for workers, where we are root: limits on processes are for each user."""
    return NOBODY + (os.getpid() * 16 + next(COUNTER)) % USERS


class Launcher(Protocol):
    """Starts worker processes, one after the other."""

    def start(self, limits: Limits) -> Started:
        """Start a worker; it is ready once it has greeted.

        Raises:
            SandboxError: that is not possible.
        """

    def close(self) -> None:
        """Start no more, and end what is still there."""


def environment(course: str, scratch: str) -> dict[str, str]:
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
        "VOS_LAB_PROGRESS": "",
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


def layout(package: Path) -> dict[str, Any]:
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

"""Which exercises have been solved, and the best scores: kept in a small file, over restarts.

``VOS_LAB_PROGRESS`` names the file; empty, nothing is kept beyond the process. Whatever is wrong
with the file, nothing fails for it: progress is a courtesy.
"""

import contextlib
import json
import os
from pathlib import Path

VARIABLE = "VOS_LAB_PROGRESS"
_PASSED: set[str] = set()  # in this process
_BEST: dict[str, float] = {}  # in this process


def file() -> Path | None:
    """Where the progress is kept; None if it is not to be kept."""
    if VARIABLE in os.environ:
        name = os.environ[VARIABLE]
        return Path(name).expanduser() if name else None
    import pooch  # takes a moment, and only those who solve something need it

    return Path(pooch.os_cache("vos_lab")) / "progress.json"


def passed() -> set[str]:
    """The names of the exercises whose check a student's version has passed, ever."""
    found = set(_PASSED)
    with contextlib.suppress(OSError, RuntimeError, ValueError, KeyError, TypeError):
        path = file()
        if path is not None:
            found |= {str(n) for n in json.loads(path.read_text(encoding="utf-8"))["passed"]}
    return found


def best() -> dict[str, float]:
    """The best score that was reached in the challenge of each lesson."""
    found: dict[str, float] = {}
    with contextlib.suppress(OSError, RuntimeError, ValueError, KeyError, TypeError):
        path = file()
        if path is not None:
            kept = dict(json.loads(path.read_text(encoding="utf-8"))["best"])
            found = {str(lesson): float(score) for lesson, score in kept.items()}
    return found | _BEST


def note(name: str) -> None:
    """Keep that an exercise has been solved.

    Args:
        name: of the function.
    """
    _PASSED.add(name)
    _keep()


def note_best(lesson: str, score: float) -> None:
    """Keep the best score in the challenge of a lesson.

    Args:
        lesson: its name.
        score: that was reached.
    """
    _BEST[lesson] = score
    _keep()


def _keep() -> None:
    with contextlib.suppress(OSError, RuntimeError):  # no home, a full disk
        path = file()
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            scores = {"best": found} if (found := best()) else {}
            text = json.dumps({"passed": sorted(passed()), **scores}, indent=1)
            part = path.with_name(f"{path.name}.{os.getpid()}")  # two notebooks may write at once
            part.write_text(text + "\n", encoding="utf-8")
            part.replace(path)

"""Grade on many machines: the same jobs on an existing dask.distributed scheduler.

Each process of the cluster prepares the lesson once, and has a sandbox of its own. A job is one
submission. Jobs of a process that dies are given to another by the scheduler.
"""

import atexit
import threading
from collections.abc import Generator, Sequence
from functools import cache

from vos_lab.authoring.lessons import Lesson
from vos_lab.grading.answer_key import Key
from vos_lab.grading.judging import Done, guarded
from vos_lab.grading.results import Settings
from vos_lab.grading.running import open_sandbox
from vos_lab.grading.submissions import Submission

RETRIES = 3  # processes that may die over one submission, before the batch gives up

LOCAL = threading.local()


def grade_on(
    address: str, todo: Sequence[Submission], lesson: Lesson, settings: Settings
) -> Generator[Done, None, None]:
    """Grade submissions on a cluster.

    Args:
        address: of the scheduler, for example ``tcp://10.0.0.1:8786``.
        todo: submissions; their files are read here.
        lesson: that they answer.
        settings: of the batch.

    Yields:
        What :func:`~vos_lab.grading.judging.guarded` returns, as soon as it is there.

    Raises:
        ImportError: dask.distributed is not installed.
        OSError: there is no scheduler at the address.
    """
    try:
        from distributed import Client, as_completed
    except ImportError:
        raise ImportError(
            "--cluster needs dask.distributed: `pip install vos-lab[cluster]`, here and on the "
            "machines of the cluster"
        ) from None
    with Client(address, timeout="20s", set_as_default=False) as client:
        futures = [
            client.submit(_job, submission.carried(), lesson, settings, pure=False, retries=RETRIES)
            for submission in todo
        ]
        known = {future.key: submission for future, submission in zip(futures, todo, strict=True)}
        for future in as_completed(futures, loop=client.loop):
            _, result, whole = future.result()
            yield known[future.key], result, whole
            future.release()


def _job(submission: Submission, lesson: Lesson, settings: Settings) -> Done:
    """What runs in a process of the cluster."""
    key = _key(lesson, settings.hidden, settings.seed)
    wanted = (key.package, settings)
    if getattr(LOCAL, "wanted", None) != wanted:
        LOCAL.sandbox = open_sandbox(key, settings)
        LOCAL.wanted = wanted
        atexit.register(LOCAL.sandbox.close)
    return guarded(submission, key, LOCAL.sandbox)


@cache
def _key(lesson: Lesson, hidden: str | None, seed: int | None) -> Key:
    key = Key(lesson, hidden, seed)
    atexit.register(key.close)
    return key

"""Grade a batch of submissions, and write down what came of each as soon as it is there.

So a batch can be interrupted, and goes on. One submission is graded by
:mod:`~vos_lab.grading.judging`, here in threads, or on a cluster.
"""

import contextlib
import hashlib
import json
import os
import signal
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict
from pathlib import Path

import vos_lab
from vos_lab.authoring.build import read_lessons
from vos_lab.course_files import COURSE_FOLDER
from vos_lab.exercise import library_versions
from vos_lab.grading import reports
from vos_lab.grading.answer_key import Key
from vos_lab.grading.judging import Done, guarded
from vos_lab.grading.results import Result, Settings
from vos_lab.grading.running import open_sandbox
from vos_lab.grading.sandbox import Sandbox
from vos_lab.grading.submissions import Submission, find_submissions, printable

FORMAT = 1  # another number lets everything be graded again


def grade(
    paths: Sequence[str | Path],
    lesson: str,
    out: str | Path,
    settings: Settings | None = None,
    jobs: int | None = None,
    cluster: str | None = None,
    say: Callable[[str], None] = print,
    root: str | Path = COURSE_FOLDER,
) -> list[Result]:
    """Grade a batch of submissions, and write what came of it.

    What was graded before with the same settings is not graded again: an interrupted batch goes
    on where it was. In ``out`` are then, for each student, ``results.json`` (Gradescope's schema)
    and ``report.html``; and for the teacher ``grades.csv``, ``summary.html``, ``summary.json``.

    Args:
        paths: notebooks, exports, folders, zips.
        lesson: name of the lesson.
        out: folder to write to.
        settings: seeds, hidden cases, limits.
        jobs: how many submissions are graded at once; by default one for each core.
        cluster: address of a dask.distributed scheduler that does the work instead.
        say: gets a line for each submission, and warnings.
        root: the folder that holds ``lessons/``.

    Returns:
        The results, sorted by student.

    Raises:
        ValueError: there are no submissions, or the hidden cases are not what they should be.
        FileNotFoundError: there is no such lesson or submission.
        SandboxError: this machine cannot run answers at all.
    """
    settings = settings or Settings()
    text = read_lessons(root, [lesson])[0]
    submissions = find_submissions(paths, lesson)
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    results: dict[str, Result] = {}
    # Whatever this process has adopted, as a notebook's has: answers are judged by the library's.
    ended = _end_like_an_interrupt()
    with ended, library_versions(), Key(text, settings.hidden, settings.seed) as key:
        marks = {s.student: _mark(s, key, settings) for s in submissions}
        todo = []
        for submission in submissions:
            before = reports.read(folder, submission.folder, marks[submission.student])
            if before is None:
                todo.append(submission)
            else:
                results[submission.student] = before
        if results:
            say(f"{len(results)} of {len(submissions)} are graded already, with these settings")
        if cluster is None:
            done = _in_threads(todo, key, settings, jobs, say)
        else:
            from vos_lab.grading.cluster import grade_on

            done = grade_on(cluster, todo, text, settings)
        with contextlib.closing(done):  # interrupted anywhere, the threads end too
            for submission, result, whole in done:
                # Without its mark, what we could not grade for a reason of our own is tried again.
                mark = marks[submission.student] if whole else ""
                reports.write(folder, submission.folder, result, text, mark)
                results[submission.student] = result
                points = f"{result.points:g} of {result.possible:g}"
                say(printable(f"{result.student}: {points}{_aside(result)}"))
        everything = [results[name] for name in sorted(results)]
        reports.write_batch(folder, everything, submissions, key, settings)
    return everything


@contextlib.contextmanager
def _end_like_an_interrupt() -> Iterator[None]:
    """Let a request to end (SIGTERM, SIGHUP) unwind as Ctrl-C does: nothing of ours stays.

    A second one is not heard: it would stop the tidying up.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, _: object) -> None:
        for other in before:
            signal.signal(other, signal.SIG_IGN)
        raise KeyboardInterrupt if number == signal.SIGINT else SystemExit(128 + number)

    names = ("SIGINT", "SIGTERM", "SIGHUP")
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in numbers}
    try:
        for number in before:
            signal.signal(number, end)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _aside(result: Result) -> str:
    """Why there are no points, if it is known: not read, or of another lesson."""
    reason = result.error or ("; ".join(result.notes) if not result.points else "")
    return f" ({reason})" if reason else ""


def _mark(submission: Submission, key: Key, settings: Settings) -> str:
    """Changes with everything that a grade depends on."""
    digest = hashlib.sha256()
    try:
        name, data = submission.content()
        digest.update(name.encode() + b"\0" + data)
    except (ValueError, OSError) as error:
        digest.update(str(error).encode())
    parts = [FORMAT, vos_lab.__version__, key.digest, asdict(settings), submission.notes]
    digest.update(json.dumps(parts).encode())
    return digest.hexdigest()[:32]


def _in_threads(
    todo: Sequence[Submission],
    key: Key,
    settings: Settings,
    jobs: int | None,
    say: Callable[[str], None],
) -> Generator[Done, None, None]:
    """Grade on this machine: threads that wait, each for the workers of its own sandbox."""
    local, lock = threading.local(), threading.Lock()
    sandboxes: list[Sandbox] = []
    warned: list[str | None] = []

    def one(submission: Submission) -> Done:
        if not hasattr(local, "sandbox"):
            local.sandbox = open_sandbox(key, settings, sandboxes.append)
            with lock:
                if not warned:
                    warned.append(local.sandbox.warning())
                    if warned[0]:
                        say(f"warning: {warned[0]}")
        return guarded(submission, key, local.sandbox)

    count = max(1, min(jobs or os.cpu_count() or 1, len(todo)))
    pool = ThreadPoolExecutor(count)
    try:
        for future in as_completed([pool.submit(one, submission) for submission in todo]):
            yield future.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for sandbox in sandboxes:
            sandbox.close()
        pool.shutdown()

"""Grading with other programs: nbgrader, and a cluster of dask.distributed.

Optional, as both have to be installed first: ``pip install -e ".[grading]"``, then
``pytest -m grading``.
"""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from classroom import BOUNDARY, RIGHT, notebook, solved, write_lesson

from vos_lab.course.build import REPOSITORY, read_lessons
from vos_lab.course.grade import grade
from vos_lab.course.lessons import as_text, read_lesson, solved_notebook
from vos_lab.course.results import Settings
from vos_lab.course.sandbox import Limits

pytestmark = pytest.mark.grading
LESSON = os.environ.get("VOS_LAB_NBGRADER_LESSON", "00_tour")


def needs(module):
    return pytest.mark.skipif(
        importlib.util.find_spec(module) is None, reason=f"{module} is not installed"
    )


# --- nbgrader ---------------------------------------------------------------------------------


@needs("nbgrader")
def test_nbgrader_generates_grades_and_gives_feedback(tmp_path, monkeypatch):
    """The solved notebook gets full marks, the released one 0."""
    from nbgrader.api import Gradebook
    from nbgrader.apps import NbGraderAPI
    from traitlets.config import Config

    # It starts `alembic` by its bare name.
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))

    lesson = read_lessons(REPOSITORY, [LESSON])[0]
    # The checks alone: nbgrader runs whole notebooks, and the rest of a lesson takes minutes.
    source = solved_notebook(lesson)
    kinds = ("exercise", "check", "show", "heading")
    source.cells = [
        cell
        for cell in source.cells
        if cell.metadata["vos_lab"]["kind"] in kinds or "import" in cell.source
    ]
    folder = tmp_path / "source" / "ps1"
    folder.mkdir(parents=True)
    (folder / f"{LESSON}.ipynb").write_text(as_text(source), encoding="utf-8")
    config = Config()
    config.CourseDirectory.root = str(tmp_path)
    config.CourseDirectory.db_url = f"sqlite:///{tmp_path}/gradebook.db"
    config.ExecutePreprocessor.timeout = 600
    api = NbGraderAPI(config=config)
    assert api.generate_assignment("ps1")["success"]
    released = json.loads((tmp_path / "release" / "ps1" / f"{LESSON}.ipynb").read_text("utf-8"))
    text = json.dumps(released)
    assert "YOUR CODE HERE" in text or "NotImplementedError" in text
    for student, made in (("ada", solved(lesson)), ("stub", released)):
        place = tmp_path / "submitted" / student / "ps1"
        place.mkdir(parents=True)
        if student == "ada":
            # What a student hands in has the released cells, with answers in them.
            answers = {
                c["metadata"]["nbgrader"]["grade_id"]: c["source"]
                for c in made["cells"]
                if c["metadata"].get("nbgrader", {}).get("solution")
            }
            made = json.loads(text)
            for cell in made["cells"]:
                name = cell["metadata"].get("nbgrader", {}).get("grade_id")
                cell["source"] = answers.get(name, cell["source"])
        (place / f"{LESSON}.ipynb").write_text(json.dumps(made), encoding="utf-8")
        outcome = api.autograde("ps1", student)
        assert outcome["success"], outcome
        outcome = api.generate_feedback("ps1", student)
        assert outcome["success"], outcome
        assert (tmp_path / "feedback" / student / "ps1" / f"{LESSON}.html").is_file()
    possible = sum(cell.points for cell in lesson.cells if cell.kind == "exercise")
    with Gradebook(f"sqlite:///{tmp_path}/gradebook.db") as book:
        ada, stub = (book.find_submission("ps1", student) for student in ("ada", "stub"))
        assert (ada.score, ada.max_score) == (possible, possible)
        assert stub.score == 0
        assert not ada.needs_manual_grade


# --- dask.distributed -------------------------------------------------------------------------


@pytest.fixture
def cluster(tmp_path):
    """A scheduler and two worker processes, as an administrator starts them."""
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    address = tmp_path / "scheduler.json"
    start = [sys.executable, "-m", "distributed.cli.dask_scheduler"]
    processes = [
        subprocess.Popen(
            [*start, "--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(address)],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    ]
    for _ in range(600):
        if address.is_file():
            break
        time.sleep(0.1)
    work = [sys.executable, "-m", "distributed.cli.dask_worker"]
    work += ["--scheduler-file", str(address), "--nthreads", "1", "--no-nanny", "--no-dashboard"]
    for _ in range(2):
        processes.append(
            subprocess.Popen(
                work, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
        )
    yield json.loads(address.read_text())["address"], processes
    for process in processes:
        process.kill()
        process.wait()


@needs("distributed")
def test_a_cluster_that_loses_a_process_grades_all_the_same(cluster, tmp_path):
    address, processes = cluster
    root = tmp_path / "course"
    lesson = read_lesson(write_lesson(root))
    slow = RIGHT.replace("def jaccard", "import time\ndef jaccard").replace(
        "    both", "    time.sleep(0.15)\n    both"
    )
    for number in range(8):
        made = notebook(lesson, jaccard=slow, mask_boundary=BOUNDARY if number % 2 else "")
        path = tmp_path / "in" / f"s{number}" / "01_two.ipynb"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(made))
    said: list[str] = []
    killed = threading.Event()

    def say(text):
        said.append(text)
        if len(said) == 2 and not killed.is_set():
            killed.set()
            processes[1].send_signal(signal.SIGKILL)

    results = grade(
        [tmp_path / "in"],
        "01_two",
        tmp_path / "out",
        Settings(seed=2, limits=Limits(seconds=60)),
        cluster=address,
        say=say,
        root=root,
    )
    assert killed.is_set()
    assert processes[1].wait(20) == -signal.SIGKILL
    assert [r.points for r in results] == [9, 16] * 4
    assert len(said) == 8

"""Grading with other programs: nbgrader, and a cluster of dask.distributed.

Optional, as both have to be installed first: ``pip install -e ".[grading]"``, then
``pytest -m grading``.
"""

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from classroom import BOUNDARY, RIGHT, notebook, write_lesson

from vos_lab.authoring.build import read_lessons
from vos_lab.authoring.lessons import read_lesson
from vos_lab.course_files import COURSE_FOLDER
from vos_lab.grading.batch import grade
from vos_lab.grading.limits import Limits
from vos_lab.grading.results import Settings

pytestmark = pytest.mark.grading
# nbgrader runs whole lessons, which takes minutes: others than these two are asked for by name.
LESSONS = os.environ.get("VOS_LAB_NBGRADER_LESSONS", "00_tour 01_metrics").split()


def needs(module):
    return pytest.mark.skipif(
        importlib.util.find_spec(module) is None, reason=f"{module} is not installed"
    )


# --- nbgrader ---------------------------------------------------------------------------------


@needs("nbgrader")
@pytest.mark.parametrize("name", LESSONS)
def test_nbgrader_generates_grades_and_gives_feedback(name, tmp_path, monkeypatch):
    """The solved notebook, whole, gets full marks, and what nbgrader makes of it for students 0."""
    from nbgrader.api import Gradebook
    from nbgrader.apps import NbGraderAPI
    from traitlets.config import Config

    # It starts `alembic` by its bare name.
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(COURSE_FOLDER))

    source = tmp_path / "source" / "ps1" / f"{name}.ipynb"
    source.parent.mkdir(parents=True)
    shutil.copy(COURSE_FOLDER / "solutions" / f"{name}.ipynb", source)
    config = Config()
    config.CourseDirectory.root = str(tmp_path)
    config.CourseDirectory.db_url = f"sqlite:///{tmp_path}/gradebook.db"
    config.ExecutePreprocessor.timeout = 600
    api = NbGraderAPI(config=config)
    assert api.generate_assignment("ps1")["success"]
    released = (tmp_path / "release" / "ps1" / f"{name}.ipynb").read_text("utf-8")
    lesson = read_lessons(COURSE_FOLDER, [name])[0]
    exercises = [cell for cell in lesson.cells if cell.kind == "exercise"]

    # What a student hands in has the released cells, with answers in them.
    solution = json.loads(source.read_text("utf-8"))
    answers = {grade_id(c): c["source"] for c in solution["cells"] if is_answer(c)}
    assert len(answers) == len(exercises)
    answered = json.loads(released)
    for cell in filter(is_answer, answered["cells"]):
        stub = "".join(cell["source"])
        assert "raise NotImplementedError" in stub
        assert "".join(answers[grade_id(cell)]).splitlines()[-1] not in stub
        cell["source"] = answers[grade_id(cell)]

    for student, text in (("ada", json.dumps(answered)), ("stub", released)):
        place = tmp_path / "submitted" / student / "ps1"
        place.mkdir(parents=True)
        (place / f"{name}.ipynb").write_text(text, encoding="utf-8")
        outcome = api.autograde("ps1", student)
        assert outcome["success"], outcome
        outcome = api.generate_feedback("ps1", student)
        assert outcome["success"], outcome
        assert (tmp_path / "feedback" / student / "ps1" / f"{name}.html").is_file()
    possible = sum(cell.points for cell in exercises)
    with Gradebook(f"sqlite:///{tmp_path}/gradebook.db") as book:
        ada, stub = (book.find_submission("ps1", student) for student in ("ada", "stub"))
        assert (ada.score, ada.max_score) == (possible, possible)
        assert (stub.score, stub.max_score) == (0, possible)
        assert not ada.needs_manual_grade
        assert not stub.needs_manual_grade


def grade_id(cell):
    return cell["metadata"].get("nbgrader", {}).get("grade_id")


def is_answer(cell):
    return bool(cell["metadata"].get("nbgrader", {}).get("solution"))


# --- dask.distributed -------------------------------------------------------------------------


@pytest.fixture
def cluster(tmp_path):
    """A scheduler and two worker processes, as an administrator starts them."""
    environment = {**os.environ, "PYTHONPATH": str(COURSE_FOLDER)}
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

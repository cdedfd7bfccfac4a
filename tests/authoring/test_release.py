"""Handing out and collecting: what is in the zip, what is not, and that it runs."""

import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import nbformat
import pytest

from vos_lab import video
from vos_lab.authoring.build import read_lessons
from vos_lab.authoring.lessons import Lesson, as_text, source_of, student_notebook
from vos_lab.authoring.release import (
    ReleaseError,
    answered,
    release,
    try_release,
    weights_of,
)
from vos_lab.course_files import COURSE_FOLDER
from vos_lab.exercise import Exercise, library_versions
from vos_lab.exercises.cases import Case, Check, run
from vos_lab.exercises.check import judge, registered
from vos_lab.exercises.recorded import read_checks, record
from vos_lab.grading.collect import collect


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return release(["01_metrics"], tmp_path_factory.mktemp("plain") / "student.zip")


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    file = tmp_path_factory.mktemp("graded") / "student.zip"
    return release(["00_tour"], file, graded=True, without=["02_optical_flow"])


def texts(file: Path) -> dict[str, str]:
    """What is in a zip, without the folder around it."""
    with zipfile.ZipFile(file) as archive:
        names = archive.namelist()
        assert len({name.split("/")[0] for name in names}) == 1
        return {
            name.partition("/")[2]: archive.read(name).decode("utf-8", "replace") for name in names
        }


def unpacked(file: Path, folder: Path) -> Path:
    with zipfile.ZipFile(file) as archive:
        archive.extractall(folder)
    (place,) = folder.iterdir()
    return place


def python(place: Path, source: str) -> str:
    """Run a program with the package of a release."""
    done = subprocess.run(
        [sys.executable, "-c", source],
        cwd=place,
        env={"PYTHONPATH": str(place), "PATH": "/usr/bin:/bin", "NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


# --- what is in it ----------------------------------------------------------------------------


def test_a_student_gets_the_notebook_and_what_it_needs_and_nothing_else(plain):
    inside = texts(plain.file)
    folders = {name.split("/")[0] for name in inside}
    assert folders <= {
        *("README.md", "Makefile", "make.py", "pyproject.toml", "release.json", "data"),
        *(
            "requirements.txt",
            "requirements-cpu.txt",
            "requirements.lock",
            "setup.py",
            "notebooks",
            "vos_lab",
        ),
    }
    assert [name for name in inside if name.startswith("notebooks/")] == [
        "notebooks/01_metrics.ipynb"
    ]
    (lesson,) = read_lessons(names=["01_metrics"])
    assert inside["notebooks/01_metrics.ipynb"] == as_text(student_notebook(lesson))
    assert "def jaccard" in inside["vos_lab/metrics/masks.py"]
    assert "vos_lab/view/widgets/player.js" in inside
    assert not [name for name in inside if "__pycache__" in name or name.endswith(".pyc")]
    assert "make.py lab" in inside["README.md"]
    assert "graded" not in inside["README.md"]
    assert json.loads(inside["release.json"])["lessons"] == ["01_metrics"]


def test_the_same_lessons_give_the_same_bytes(tmp_path):
    names = [tmp_path / "one.zip", tmp_path / "two.zip"]
    for name in names:
        release(["00_tour"], name, graded=True)
    assert names[0].read_bytes() == names[1].read_bytes()


def test_what_cannot_be_released_is_said(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no such lesson"):
        release(["99_nothing"], tmp_path / "x.zip")
    with pytest.raises(FileNotFoundError, match="no shipped weights 'nothing'"):
        release(["00_tour"], tmp_path / "x.zip", weights=["nothing"])
    with pytest.raises(FileNotFoundError, match="A zip for students has none"):
        release(["00_tour"], tmp_path / "x.zip", root=tmp_path)
    assert not (tmp_path / "x.zip").exists()


def test_weights_are_those_that_the_lesson_names(monkeypatch, tmp_path):
    from vos_lab.authoring import release as module
    from vos_lab.authoring.lessons import Cell

    package = tmp_path / "vos_lab"
    (package / "methods").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "methods" / "__init__.py").write_text("")
    (package / "methods" / "parts.py").write_text('WEIGHTS = "by-a-part"\n')
    (package / "methods" / "net.py").write_text(
        "from vos_lab.methods.parts import WEIGHTS\ndef f():\n    'of-another'\n"
        "    return 'by-a-module'\n"
    )
    (package / "methods" / "other.py").write_text("NAME = 'of-another'\n")
    monkeypatch.setattr(module.vos_lab, "__file__", str(package / "__init__.py"))
    monkeypatch.setattr(module, "METHODS", {"thing": "vos_lab.methods.net.Thing"})
    names = ["by-a-cell", "by-a-module", "by-a-part", "of-another"]
    monkeypatch.setattr(module, "shipped", lambda: names)

    def lesson(source):
        return Lesson("03_x", "X", 5, (), (Cell("a", "code", source),))

    assert weights_of(lesson("weights.load('by-a-cell')")) == ["by-a-cell"]
    assert weights_of(lesson("from vos_lab.methods import net")) == ["by-a-module", "by-a-part"]
    assert weights_of(lesson("methods.create('thing')")) == ["by-a-module", "by-a-part"]
    assert weights_of(lesson("%time\nimport vos_lab.methods.other")) == []
    assert weights_of(lesson("from vos_lab.methods import run")) == []
    exercise = Cell("a", "exercise", "", "vos_lab.methods.other.answer")
    assert weights_of(Lesson("03_x", "X", 5, (), (exercise,))) == ["of-another"]


# --- graded -----------------------------------------------------------------------------------


def code_lines(source: str) -> set[str]:
    """The lines of a function that are an answer: long enough to be no accident."""
    body = source.split('"""')[-1]
    lines = (line.strip() for line in body.split("\n"))
    return {line for line in lines if len(line) > 24 and not line.startswith("#")}


def test_no_line_of_an_answer_leaves_the_house(graded):
    assert "vos_lab.video.label_maps.overlay" in graded.graded
    assert "vos_lab.flow.warp.warp" in graded.graded  # of a later lesson
    inside = texts(graded.file)
    everything = {
        line.strip()
        for name, text in inside.items()
        if name.endswith(".py")
        for line in text.split("\n")
    }
    for check in registered().values():
        if check.exercise.name not in graded.graded:
            continue
        answer = code_lines(source_of(check.exercise))
        # The same line may stand in another function, which is nobody's answer.
        leaked = answer & everything
        assert len(leaked) <= max(1, len(answer) // 2), f"{check.name}: {leaked}"
    assert "Mistake(" not in inside["vos_lab/exercises/checks/tour.py"]
    for name, text in inside.items():  # no check borrows from one that is gone
        for other in re.findall(
            r"vos_lab\.exercises\.checks\.(\w+)", text if "/checks/" in name else ""
        ):
            assert "Mistake(" in inside[f"vos_lab/exercises/checks/{other}.py"], name
    assert "is graded" in inside["README.md"]
    assert "`overlay`" in inside["README.md"]
    assert "`warp`" not in inside["README.md"]


def test_answers_to_other_lessons_are_left_in_and_run_all_goes_on(graded):
    assert "vos_lab.metrics.masks.jaccard" not in graded.graded
    inside = texts(graded.file)
    assert source_of(registered()["jaccard"].exercise) in inside["vos_lab/metrics/masks.py"]
    notebook = nbformat.reads(inside["notebooks/00_tour.ipynb"], as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all("raises-exception" in cell.metadata.tags for cell in code)


def test_an_answer_that_is_not_written_says_so_and_one_that_is_runs(graded, tmp_path):
    place = unpacked(graded.file, tmp_path)
    said = python(
        place,
        """
import numpy as np
from vos_lab import methods, video
from vos_lab.course import check, hint
from vos_lab.methods.baseline import Baseline, first_mask_everywhere as library

frames, mask = np.zeros((2, 4, 6, 3), np.uint8), np.ones((4, 6), np.uint8)
clip = video.Video('clip', frames, [mask, None])
def attempt():
    try:
        print(len(methods.run(Baseline(), clip, progress=False)), 'masks')
    except NotImplementedError as error:
        print('not implemented:', error)

def first_mask_everywhere(first_mask, frames):
    raise NotImplementedError
def try_it():
    try:
        check(first_mask_everywhere)
    except Exception as error:
        print(type(error).__name__)

attempt()
try_it()
hint(first_mask_everywhere)
def first_mask_everywhere(first_mask, frames):
    return [first_mask] * len(frames)
try_it()
def first_mask_everywhere(first_mask, frames):
    return [first_mask.copy() for _ in frames]
try_it()
attempt()
""",
    )
    lines = said.split("\n")
    assert lines[0].startswith("not implemented: first_mask_everywhere is graded, so the library")
    assert "not attempted yet. It is graded, so the library has no" in said
    assert "NotAttempted" in said
    assert "Hint 1 of" in said
    assert "CheckFailed" in said  # one array under many names
    assert "passed. The library runs on your version now." in said
    assert lines[-2] == "2 masks"


def test_a_record_knows_right_from_wrong(tmp_path):
    checks = list(registered().values())
    assert record(checks, tmp_path / "record") == []
    for item in read_checks(tmp_path / "record"):
        reference = item.exercise.reference
        assert judge(reference, item).outcome == "passed"
        assert judge(lambda *_, **__: "wrong", item).outcome == "failed"
        item.exercise.restore()
        # Where one result is right, a mistake is found out here too.
        whole = registered()[item.name]
        if not any(whole.judge_of(case) for case in whole.cases):
            for mistake in whole.mistakes:
                version = mistake.version(whole.exercise.reference)
                assert judge(version, item).outcome != "passed", mistake.message
        item.exercise.restore()


def test_what_cannot_be_recorded_is_said(tmp_path):
    def apply(function):
        return function(1)

    own = Exercise(apply, 1, 1, 1)
    check = Check(own, [Case("a function", lambda rng: {"function": lambda x: x})], [], [])
    (note,) = record([check], tmp_path / "record")
    assert note.startswith("apply, a function: a function cannot cross")


def test_the_record_is_made_by_the_library_and_not_by_a_student(tmp_path):
    check = registered()["overlay"]
    video.overlay.adopt(lambda frame, mask, *_: frame)
    try:
        record([check], tmp_path / "record")
        assert video.overlay.adopted
    finally:
        video.overlay.restore()
    (item,) = read_checks(tmp_path / "record")
    with library_versions():
        first = run(video.overlay.reference, item.inputs(0)[0])
    assert (item.expected([])[0].value == first.value).all()


# --- trying it --------------------------------------------------------------------------------

SMALL = """\
# %% [markdown] name="title" minutes=5 needs=[]
# # Small

# %% name="imports"
import numpy as np

from vos_lab.course import check
from vos_lab.methods.baseline import Baseline

# %% exercise="vos_lab.methods.baseline.first_mask_everywhere" points=1

# %% name="use"
method = Baseline()
method.start(np.zeros((1, 2, 3), np.uint8), np.ones((1, 2), np.uint8))
print(method.step(np.zeros((1, 2, 3), np.uint8)))
"""


@pytest.fixture
def small(tmp_path):
    (tmp_path / "lessons").mkdir()
    (tmp_path / "lessons" / "05_small.py").write_text(SMALL)
    return tmp_path


def test_a_graded_release_runs_on_the_answers(small):
    early = "print(Baseline().__doc__)\nfirst_mask_everywhere(np.ones((1, 2)), [])\n"
    early = (
        "# %% name='early'\nfrom vos_lab.methods.baseline import first_mask_everywhere\n" + early
    )
    lesson = small / "lessons" / "05_small.py"
    lesson.write_text(SMALL.replace("# %% exercise", f"{early}\n# %% exercise"))
    made = release(["05_small"], small / "x.zip", graded=True, root=small)
    assert try_release(made.file, root=small) == [
        "05_small: runs on the answers, and every check passes",
        "05_small: cell early comes before first_mask_everywhere is written, and says so",
    ]


def test_untouched_graded_work_stops_at_an_exercise_and_nothing_else(small):
    early = """\
# %% name="early"
from vos_lab.methods.baseline import first_mask_everywhere
try:
    first_mask_everywhere(np.ones((1, 2)), [])
except NotImplementedError:
    raise KeyError("of that name") from None

# %% exercise"""
    lesson = small / "lessons" / "05_small.py"
    lesson.write_text(SMALL.replace("# %% exercise", early))
    made = release(["05_small"], small / "x.zip", graded=True, root=small)
    with pytest.raises(ReleaseError, match="nothing is written, and early says: KeyError"):
        try_release(made.file, root=small)


def test_a_release_that_does_not_run_is_found_out(small):
    lesson = small / "lessons" / "05_small.py"
    lesson.write_text(SMALL + "\n# %% name='broken'\nopen('weights-that-are-not-there')\n")
    made = release(["05_small"], small / "x.zip", root=small)
    with pytest.raises(ReleaseError, match=r"broken: FileNotFoundError: .*weights-that-are"):
        try_release(made.file, root=small)


SET_UP = """\
import os, sys
from pathlib import Path

assert sys.argv[1:] == ["setup"]
assert Path.cwd().name == "vos-lab-05_small"
programs = Path(os.environ["VOS_LAB_VENV"]) / "bin"
programs.mkdir(parents=True)
python = programs / "python"
python.write_text(f'#!/bin/sh\\necho "$@" >> {os.environ["SAID"]}\\nexec {sys.executable} "$@"\\n')
python.chmod(0o755)
sys.exit(Path(os.environ["SAID"]).exists())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="a program is a shell script here")
def test_a_fresh_environment_is_the_students_own(small, monkeypatch):
    monkeypatch.setenv("SAID", str(small / "said"))
    monkeypatch.setenv("VOS_LAB_VENV", str(small / "of the instructor"))
    made = release(["05_small"], small / "x.zip", root=small)
    with zipfile.ZipFile(made.file) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    # In the place of pip, which takes minutes: a Python that writes down what it is asked.
    content["vos-lab-05_small/make.py"] = SET_UP.encode()
    with zipfile.ZipFile(made.file, "w") as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    passes = ["05_small: runs on the answers, and every check passes"]
    assert try_release(made.file, fresh=True, root=small) == passes
    assert ".try.ipynb" in (small / "said").read_text()
    assert not (small / "of the instructor").exists()
    with pytest.raises(ReleaseError, match=r"vos-lab-05_small: `python make.py setup` fails"):
        try_release(made.file, fresh=True, root=small)  # "said" is there now


# --- collecting -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def handed_in(tmp_path_factory):
    """A zip as Moodle exports it."""
    (lesson,) = read_lessons(names=["01_metrics"])
    untouched = student_notebook(lesson)
    whole = answered(untouched, lesson)
    half = answered(untouched, lesson)
    half.cells = [cell for cell in half.cells if cell.metadata["vos_lab"]["name"] != "decay"]
    half.metadata["vos_lab"]["version"] = "0.0.9"
    for cell in half.cells:
        if cell.metadata["vos_lab"]["kind"] == "exercise" and "def jaccard" in cell.source:
            cell.source = "def jaccard(:"
    file = tmp_path_factory.mktemp("back") / "Abgabe 1.zip"
    with zipfile.ZipFile(file, "w") as archive:
        for student, notebook in (("Zoë Müller", whole), ("Anna B", untouched), ("Carl", half)):
            name = f"{student}_12_assignsubmission_file_/01_metrics.ipynb"
            archive.writestr(name, nbformat.writes(notebook))
        archive.writestr("Carl_12_assignsubmission_file_/.ipynb_checkpoints/01_metrics.ipynb", "x")
        archive.writestr("Dora_13_assignsubmission_file_/shopping.ipynb", "{}")
    return file


def test_one_table_of_who_handed_in_what(handed_in):
    rows = {row.student: row for row in collect([handed_in])}
    assert list(rows) == ["Anna B", "Carl", "Dora", "Zoë Müller"]
    names = ["jaccard", "mask_boundary", "boundary_f", "decay"]
    assert rows["Zoë Müller"].states == dict.fromkeys(names, "answer")
    assert (rows["Zoë Müller"].lesson, rows["Zoë Müller"].version) == ("01_metrics", "0.1.0")
    assert rows["Anna B"].states == dict.fromkeys(names, "untouched")
    assert rows["Anna B"].attempted == 0
    carl = rows["Carl"]
    assert (carl.version, carl.attempted) == ("0.0.9", 2)
    assert (carl.states["jaccard"], carl.states["decay"]) == ("broken", "missing")
    assert re.search("jaccard is broken: .*; decay is missing", "; ".join(carl.problems))
    assert (rows["Dora"].lesson, rows["Dora"].states) == ("", {})
    assert rows["Dora"].problems


def test_nothing_of_a_submission_is_run(tmp_path, handed_in):
    (lesson,) = read_lessons(names=["00_tour"])
    notebook = answered(student_notebook(lesson), lesson)
    notebook.cells.append(nbformat.v4.new_code_cell("open('/tmp/was-run', 'w')\n1 / 0"))
    (tmp_path / "eve_00_tour.ipynb").write_text(nbformat.writes(notebook), encoding="utf-8")
    (row,) = collect([tmp_path], ["00_tour"])
    assert (row.student, row.attempted) == ("eve", 2)
    assert not Path("/tmp/was-run").exists()


def test_an_empty_folder_is_said(tmp_path):
    with pytest.raises(ValueError, match="there is no notebook"):
        collect([tmp_path])
    with pytest.raises(FileNotFoundError, match="no such file"):
        collect([tmp_path / "nothing"])
    assert (COURSE_FOLDER / "lessons").is_dir()

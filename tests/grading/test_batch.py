"""A batch: every kind of submission, what is written, going on after an interruption, fairness."""

import csv
import io
import json
import os
import re
import signal
import subprocess
import sys
import threading
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from classroom import BOUNDARY, RIGHT, Classroom, handed_in, lessons, notebook, solved, write_lesson

from vos_lab.authoring.build import read_lessons
from vos_lab.authoring.lessons import as_text, read_lesson, student_notebook
from vos_lab.cli import main
from vos_lab.course_files import COURSE_FOLDER
from vos_lab.grading import gradescope, judging, pages, pictures, reports
from vos_lab.grading.answer_key import Key, hidden_cases
from vos_lab.grading.batch import grade
from vos_lab.grading.judging import grade_one
from vos_lab.grading.limits import Limits
from vos_lab.grading.results import CaseResult, ExerciseResult, Result, Settings
from vos_lab.grading.running import open_sandbox
from vos_lab.grading.similarity import REFERENCE, Answer, compare

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs Linux")

DICE = """\
def jaccard(prediction, truth, void=None):
    return 2 * (prediction & truth).sum() / (prediction.sum() + truth.sum())
"""
THICK = "def mask_boundary(mask):\n    return np.zeros_like(mask)\n"
HIDDEN = """\
import numpy as np
from vos_lab.exercises.cases import Case
CASES = {"jaccard": [Case("secret name", lambda rng: {
    "prediction": np.eye(5, dtype=bool), "truth": np.ones((5, 5), bool)})]}
"""
SETTINGS = Settings(seed=4, hidden=HIDDEN, limits=Limits(seconds=20, memory=400))


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A repository with the short lesson, and a class that handed in."""
    root = tmp_path_factory.mktemp("course")
    lesson = read_lesson(write_lesson(root))
    right = json.dumps(notebook(lesson, jaccard=RIGHT, mask_boundary=BOUNDARY))
    renamed = RIGHT.replace("both", "b").replace("either", "e").replace("found", "f")
    files = {
        "Ada Lovelace_1_assignsubmission_file_/01_two.ipynb": right,
        "Bo Ek_2_assignsubmission_file_/01_two.ipynb": json.dumps(
            notebook(lesson, jaccard=DICE, mask_boundary=THICK)
        ),
        "Cy Öz_3_assignsubmission_file_/my answers.py": f"import numpy as np\n# %%\n{renamed}",
        "Di_4_assignsubmission_file_/01_two.ipynb": json.dumps(notebook(lesson)),
        "=Ed_5_assignsubmission_file_/01_two.ipynb": "this is no notebook",
        "Flo_6_assignsubmission_file_/01_two.ipynb": right[: right.index("mask_boundary(") + 99],
    }
    path = root / "all.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return root, path


@pytest.fixture(scope="module")
def graded(course):
    root, path = course
    said = []
    results = grade([path], "01_two", root / "out", SETTINGS, 1, say=said.append, root=root)
    return {r.student: r for r in results}, root / "out", said


def exercises(result):
    return {e.name: e for e in result.exercises}


def test_points(graded):
    results, _, said = graded
    assert results["Ada Lovelace"].points == 16
    assert 0 < exercises(results["Bo Ek"])["jaccard"].points < 9
    assert exercises(results["Cy Öz"])["jaccard"].points == 9
    assert exercises(results["Cy Öz"])["mask_boundary"].outcome == "not attempted"
    assert [e.outcome for e in results["Di"].exercises] == ["not attempted"] * 2
    assert results["=Ed"].points == 0
    assert "not a notebook" in results["=Ed"].error
    assert [e.outcome for e in results["=Ed"].exercises] == ["not read"] * 2
    assert results["Flo"].points == 9
    assert len([line for line in said if " of 16" in line]) == 6


def test_the_verdict_is_that_of_check(graded):
    bo = exercises(graded[0]["Bo Ek"])["jaccard"]
    assert bo.message.startswith("This is the Dice coefficient")
    assert bo.hint.startswith("How many pixels do both masks claim")
    assert bo.cases[0].lines[-1] == "expected 0.333333   got 0.5"


def test_a_hidden_case_says_its_name_and_no_more(graded):
    results, out, _ = graded
    for result in results.values():
        for exercise in result.exercises:
            for case in exercise.cases:
                if not case.public:
                    assert case.name.startswith("hidden: ")
                    assert case.lines in ((), ("the result is not right",))
    for page in out.glob("students/*/*"):
        text = page.read_text("utf-8")
        assert "np.eye" not in text
        assert "0.2 " not in text  # the expected result of the hidden case
    names = [c.name for c in exercises(results["Bo Ek"])["jaccard"].cases]
    assert "hidden: secret name" in names
    assert "hidden: random blobs, with other numbers" in names


def test_results_are_in_gradescopes_schema(graded):
    _, out, _ = graded
    pages = list(out.glob("students/*/results.json"))
    assert len(pages) == 6
    for page in pages:
        data = json.loads(page.read_text("utf-8"))
        assert isinstance(data["score"], int | float)
        assert isinstance(data["execution_time"], int)
        assert data["visibility"] in ("visible", "hidden", "after_due_date", "after_published")
        assert data["output_format"] in ("text", "html", "simple_format", "md", "ansi")
        assert isinstance(data["output"], str)
        assert sum(test["score"] for test in data["tests"]) == pytest.approx(data["score"])
        for test in data["tests"]:
            assert 0 <= test["score"] <= test["max_score"]
            assert test["status"] in ("passed", "failed")
            assert set(test) <= {
                *("name", "number", "score", "max_score", "status", "output"),
                *("output_format", "visibility", "tags", "name_format", "extra_data"),
            }


def test_the_table_of_the_class(graded):
    _, out, _ = graded
    with open(out / "grades.csv", encoding="utf-8-sig", newline="") as file:
        rows = {row["student"]: row for row in csv.DictReader(file)}
    assert float(rows["Ada Lovelace"]["points"]) == 16
    assert rows["Di"]["jaccard: outcome"] == "not attempted"
    assert rows["'=Ed"]["jaccard: outcome"] == "not read"  # and no formula in a spreadsheet
    assert "damaged" in rows["Flo"]["notes"]


def test_the_report_of_a_student(graded):
    _, out, _ = graded
    (page,) = out.glob("students/Bo-Ek-*/report.html")
    text = page.read_text("utf-8")
    assert "This is the Dice coefficient" in text
    assert "expected 0.333333   got 0.5" in text
    assert text.count("<figure>") == 4  # of mask_boundary, in two cases: his and the expected
    assert text.count("data:image/png;base64,") == text.count('alt="mask_boundary')
    assert "<script" not in text


def test_a_report_escapes_what_students_write():
    room_result = Result(
        "<script>x</script>",
        "<b>.ipynb",
        "<i>",
        ("<u>",),
        (
            ExerciseResult(
                "jaccard",
                "failed",
                0,
                1,
                "<m>",
                "<h>",
                "<n>",
                (CaseResult("<c>", "failed", True, ("<script>alert(1)</script>",)),),
            ),
        ),
    )
    lesson = read_lessons(COURSE_FOLDER, ["01_metrics"])[0]
    page = pages.student_page(room_result, lesson)
    assert not re.search(r"<(script|b|i|u|m|h|n|c)>", page)


def test_the_summary_for_the_teacher(graded):
    _, out, _ = graded
    summary = json.loads((out / "summary.json").read_text("utf-8"))
    assert summary["submissions"] == 6
    assert summary["unreadable"] == ["=Ed"]
    figures = summary["exercises"]["jaccard"]
    assert figures["commonest"][0][0].startswith("This is the Dice")
    assert sum(figures["distribution"]) == 6
    assert figures["distribution"][-1] == 3
    pairs = {frozenset((p["one"], p["other"])) for p in summary["similar"]}
    assert frozenset(("Ada Lovelace", "Cy Öz")) in pairs  # renamed
    assert not any("Bo Ek" in pair for pair in pairs)
    assert HIDDEN not in (out / "summary.html").read_text("utf-8")


def test_what_is_graded_is_not_graded_again(course, graded):
    root, path = course
    said = []
    again = grade([path], "01_two", root / "out", SETTINGS, 1, say=said.append, root=root)
    assert said == ["6 of 6 are graded already, with these settings"]
    before = graded[0]
    for result in again:
        first = before[result.student]
        cases = [tuple(replace(c, pictures=None) for c in e.cases) for e in first.exercises]
        without = [replace(e, cases=c) for e, c in zip(first.exercises, cases, strict=True)]
        assert result == replace(first, exercises=tuple(without))


def test_an_interrupted_batch_goes_on(course, tmp_path, monkeypatch):
    root, path = course
    one, calls = judging.grade_one, []

    def interrupted(submission, *rest):
        if len(calls) == 2:
            raise KeyboardInterrupt
        calls.append(submission.student)
        return one(submission, *rest)

    monkeypatch.setattr(judging, "grade_one", interrupted)
    with pytest.raises(KeyboardInterrupt):
        grade([path], "01_two", tmp_path, SETTINGS, 1, say=lambda text: None, root=root)
    first = list(calls)
    assert len(first) == 2
    monkeypatch.setattr(judging, "grade_one", one)
    said = []
    results = grade([path], "01_two", tmp_path, SETTINGS, 1, say=said.append, root=root)
    assert said[0].startswith("2 of 6 are graded already")
    assert len(results) == 6
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("Timer")]


PROGRAM = """
import sys
from vos_lab.grading.batch import grade
from vos_lab.grading.limits import Limits
from vos_lab.grading.results import Settings
path, out, root, hidden, how = sys.argv[1:]
settings = Settings(4, hidden, Limits(seconds=20, memory=400), how or None)
grade([path], "01_two", out, settings, 1, say=lambda text: print(text, flush=True), root=root)
"""


def without_times(folder):
    """All files of a batch; how long it took is left out."""
    return {
        str(path.relative_to(folder)): re.sub(
            rb'"(execution_time|seconds)": [\d.e-]+', b"", path.read_bytes()
        )
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize(("ending", "how"), [("SIGTERM", ""), ("SIGINT", "subprocess")])
def test_terminated_in_the_middle_nothing_stays_and_going_on_gives_the_same(
    course, graded, tmp_path, ending, how
):
    root, path = course
    (tmp_path / "temporary").mkdir()
    words = [sys.executable, "-c", PROGRAM, path, tmp_path / "out", root, HIDDEN, how]
    process = subprocess.Popen(
        list(map(str, words)),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path / "temporary")},
    )
    for line in process.stdout:
        if " of 16" in line:
            assert os.listdir(tmp_path / "temporary")
            process.send_signal(getattr(signal, ending))
            break
    process.stdout.read()
    assert process.wait(60) != 0
    assert os.listdir(tmp_path / "temporary") == []
    done = list((tmp_path / "out").glob("students/*/results.json"))
    assert 1 <= len(done) < 6
    assert not (tmp_path / "out" / "grades.csv").exists()
    if not how:
        said = []
        grade([path], "01_two", tmp_path / "out", SETTINGS, 1, say=said.append, root=root)
        assert said[0].startswith(f"{len(done)} of 6 are graded already")
        assert without_times(tmp_path / "out") == without_times(graded[1])


def test_names_do_nothing_to_a_terminal(course, tmp_path):
    root, _ = course
    place = tmp_path / "in" / "Ada\x1b[2J\u202e" / "01_two.ipynb"
    place.parent.mkdir(parents=True)
    place.write_text("x\x1b[2J")
    said = []
    grade([tmp_path / "in"], "01_two", tmp_path, SETTINGS, 1, say=said.append, root=root)
    assert len(said) == 1
    assert said[0].isprintable()


def test_a_mistake_of_the_grader_stops_nothing(course, tmp_path, monkeypatch):
    root, path = course
    one = judging.grade_one

    def broken(submission, *rest):
        if submission.student == "Bo Ek":
            raise ZeroDivisionError("a bug")
        return one(submission, *rest)

    monkeypatch.setattr(judging, "grade_one", broken)
    results = grade([path], "01_two", tmp_path, SETTINGS, 1, say=lambda text: None, root=root)
    found = {r.student: r for r in results}
    assert "by hand" in found["Bo Ek"].error
    assert found["Ada Lovelace"].points == 16


@pytest.mark.parametrize("seed", [None, 8])
def test_every_run_gives_one_result(tmp_path, seed):
    room = Classroom(tmp_path, seed=seed)
    try:
        random = DICE.replace("return", "return 1e-9 * np.random.rand() + hash('a') % 7 +")
        made = handed_in(notebook(room.lesson, jaccard=random, mask_boundary=BOUNDARY))
        found = [room.grade(made)[0] for _ in range(8 if seed else 3)]
        shown = {json.dumps(reports.gradescope(replace(r, seconds=0.0))) for r in found}
        assert len(shown) == 1
    finally:
        room.close()


@pytest.mark.parametrize("name", lessons())
def test_the_reference_gets_all_and_the_untouched_nothing(name):
    lesson = read_lessons(COURSE_FOLDER, [name])[0]
    if not any(cell.kind == "exercise" for cell in lesson.cells):
        pytest.skip("no exercises")
    settings = Settings(seed=11)
    with Key(lesson, None, 11) as key, open_sandbox(key, settings) as sandbox:
        right = grade_one(handed_in(solved(lesson), name=f"{name}.ipynb"), key, sandbox)
        untouched = json.loads(as_text(student_notebook(lesson)))
        nothing = grade_one(handed_in(untouched, name=f"{name}.ipynb"), key, sandbox)
    wrong = [c for e in right.exercises for c in e.cases if c.outcome != "passed"]
    assert right.points == right.possible > 0, wrong
    assert nothing.points == 0
    assert {e.outcome for e in nothing.exercises} == {"not attempted"}


# --- parts ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("x = 1", "must define CASES"),
        ("CASES = {'nothing': []}", "no exercise 'nothing'"),
        ("CASES = {'jaccard': [1]}", "must be a list of Case"),
    ],
)
def test_hidden_cases_that_are_none(source, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        hidden_cases(source, {"jaccard"})


@pytest.mark.parametrize(
    "shape_and_type",
    [
        ((3, 4), bool),
        ((3, 4), "f4"),
        ((5, 6, 3), "u1"),
        ((5, 6, 2), "f4"),
        ((2, 3, 5, 6), "f8"),
        ((4, 1), "i8"),
        ((2, 2), "u1"),
    ],
    ids=str,
)
def test_pictures_of_anything(shape_and_type):
    shape, kind = shape_and_type
    expected = (np.arange(np.prod(shape)).reshape(shape) % 5).astype(kind)
    for got in (expected, np.zeros_like(expected)):
        (first, words), (second, _) = pictures.pair_of_pictures(got, expected)
        assert first.startswith("data:image/png;base64,")
        assert (first == second) == (got is expected)
        assert " × ".join(map(str, shape)) in words


def test_pictures_of_what_is_none():
    nothing = np.zeros((0, 3))
    assert pictures.pair_of_pictures(nothing, nothing) is None
    nan = np.full((2, 2), np.nan)
    assert pictures.pair_of_pictures(nan, nan) is not None
    assert pictures.pair_of_pictures(nan, np.ones((2, 2))) is not None


def test_short_functions_are_not_compared():
    short = {"jaccard": Answer(frozenset({1}), 10)}
    found = compare({"a": short, "b": short, REFERENCE: short})
    assert found.pairs == ()
    assert found.usual is None


# --- Gradescope -------------------------------------------------------------------------------


def test_an_autograder_for_gradescope_runs_in_its_own_layout(course, tmp_path):
    root, _ = course
    (root / "requirements.txt").write_text("numpy\njupyterlab>=4\n# For tests: more\npytest\n")
    (root / "lessons" / "pictures").mkdir()
    (root / "lessons" / "pictures" / "01_two.webp").write_bytes(b"a picture")
    path = gradescope.make_autograder("01_two", tmp_path, SETTINGS, root)
    assert path.name == "gradescope-01_two.zip"
    place = tmp_path / "autograder"
    with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as archive:
        names = archive.namelist()
        assert {"setup.sh", "run_autograder", "lessons/01_two.py"} <= set(names)
        assert "lessons/pictures/01_two.webp" in names
        assert archive.getinfo("run_autograder").external_attr >> 16 & 0o111
        assert archive.read("requirements.txt").decode() == "numpy\n"
        assert archive.read("setup.sh").startswith(b"#!/bin/sh\n")
        archive.extractall(place / "source")
    (place / "submission").mkdir(parents=True)
    lesson = read_lesson(root / "lessons" / "01_two.py")
    made = json.dumps(notebook(lesson, jaccard=RIGHT, mask_boundary=THICK))
    (place / "submission" / "whatever it is called.ipynb").write_text(made, "utf-8")
    done = subprocess.run(
        ["sh", str(place / "source" / "run_autograder")],
        env={**os.environ, "AUTOGRADER": str(place), "PYTHON": sys.executable},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    data = json.loads((place / "results" / "results.json").read_text("utf-8"))
    points = {test["name"]: test["score"] for test in data["tests"]}
    assert points["jaccard"] == 9
    assert 0 < points["mask_boundary"] < 7
    assert "secret" not in json.dumps(data).replace("hidden: secret name", "")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "say what to grade"),
        (["nowhere.zip", "--lesson", "01_metrics"], "nowhere.zip"),
        (["x", "--lesson", "99_none"], "99_none"),
        (["x", "--lesson", "01_metrics", "--hidden", "none.py"], "none.py"),
        (["x", "--lesson", "01_metrics", "--sandbox", "magic"], "magic"),
    ],
)
def test_the_command_line_says_what_is_wrong(tmp_path, monkeypatch, capsys, words, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "01_metrics.ipynb").write_text("{}")
    monkeypatch.setattr(sys, "argv", ["vos-lab", "grade", *words])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 1
    assert said in capsys.readouterr().err

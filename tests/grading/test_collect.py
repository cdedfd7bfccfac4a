"""What came back: every student is in the table, with what would be graded or why not."""

import csv
import io
import sys
import zipfile

import pytest

from vos_lab.authoring.build import read_lessons
from vos_lab.authoring.lessons import as_text, solved_notebook, student_notebook
from vos_lab.cli import main
from vos_lab.grading.collect import collect


@pytest.fixture(scope="module")
def notebooks():
    lesson, other = read_lessons(names=["01_metrics", "03_flownet"])
    solved, blank = as_text(solved_notebook(lesson)), as_text(student_notebook(lesson))
    return solved, blank, as_text(solved_notebook(other))


@pytest.fixture
def classroom(tmp_path, notebooks):
    solved, blank, other = notebooks
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("01_metrics.ipynb", solved)
    damaged = bytearray(packed.getvalue())
    damaged[200:260] = bytes(60)
    files = {
        "ann/01_metrics.ipynb": solved,
        "ann/03_flownet.ipynb": other,
        "bo/my notebook.ipynb": solved[: solved.index("def boundary_f(")],
        "cy/01_metrics.ipynb": solved.encode("utf-16"),
        "di/solutions/01_metrics.ipynb": blank,
        "ed/essay.pdf": b"%PDF",
        "flo/work.zip": bytes(damaged),
        "gus/\x1b[31mred.ipynb": solved,
        "hal/01_metrics.ipynb": "<!doctype html>",
        "ida/03_flownet.ipynb": other,
        "jo/old.ipynb": solved.replace("vos_lab.metrics.masks.", "vos_lab.course.old."),
        "01_metrics_kim.ipynb": solved,
        "lu/answers.py": "# %%\ndef jaccard(a, b):\n    return 1\n",
        "mo/shopping.py": "milk = 2",
    }
    for name, data in files.items():
        path = tmp_path / "class" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return tmp_path / "class"


def test_everybody_is_in_the_table(classroom):
    rows = {(row.student, row.lesson): row for row in collect([classroom])}
    written = {student: (lesson, row.attempted) for (student, lesson), row in rows.items()}
    assert written == {
        "ann": ("03_flownet", 3),
        "bo": ("01_metrics", 2),
        "cy": ("01_metrics", 4),
        "di": ("01_metrics", 0),
        "ed": ("", 0),
        "flo": ("01_metrics", 0),
        "gus": ("01_metrics", 4),
        "hal": ("01_metrics", 0),
        "ida": ("03_flownet", 3),
        "jo": ("01_metrics", 4),
        "kim": ("01_metrics", 4),
        "lu": ("01_metrics", 1),
        "mo": ("", 0),
    }
    assert rows["ann", "01_metrics"].attempted == 4
    words = {student: " ".join(row.problems) for (student, _), row in rows.items()}
    for student, said in {
        "bo": "damaged",
        "ed": "essay.pdf is not a notebook",
        "flo": "01_metrics.ipynb: it is damaged",
        "hal": "the page of the notebook was saved",
        "lu": "decay is missing",
        "mo": "of none of the lessons",
    }.items():
        assert said in words[student]
    assert not any(words[student] for student in ("ann", "cy", "gus", "ida", "jo", "kim"))


def test_only_one_lesson_keeps_everybody(classroom):
    rows = {row.student: row for row in collect([classroom], ["01_metrics"])}
    assert len(rows) == 13
    assert "what was handed in is of 03_flownet" in rows["ida"].problems[-1]


def test_problems_are_readable_on_80_columns(classroom, monkeypatch, capsys, tmp_path):
    deep = classroom / "bo" / ("a folder with a long name " * 3) / "another one"
    deep.mkdir(parents=True)
    (classroom / "bo" / "my notebook.ipynb").rename(deep / "01_metrics.ipynb")
    table = tmp_path / "table.csv"
    monkeypatch.setattr(sys, "argv", ["vos-lab", "collect", str(classroom), "--csv", str(table)])
    with pytest.raises(SystemExit) as done:
        main()
    assert done.value.code == 0
    said = capsys.readouterr().out
    assert "\x1b" not in said
    lines = said.splitlines()
    assert "  boundary_f is missing" in lines
    head = next(line for line in lines if line.startswith("bo, 01_metrics, bo/a folder"))
    assert head.endswith("another one/01_metrics.ipynb:")
    with open(table, encoding="utf-8", newline="") as file:
        assert {row["student"] for row in csv.DictReader(file)} >= {"ann", "bo", "gus"}

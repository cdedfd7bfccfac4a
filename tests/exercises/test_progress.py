"""Progress: what has been solved is remembered, and nothing fails for it."""

import json

import pytest
from typer.testing import CliRunner

from vos_lab.cli import app
from vos_lab.exercises import progress
from vos_lab.exercises.check import check, find, judge
from vos_lab.metrics import masks


@pytest.fixture(autouse=True)
def fresh(monkeypatch, tmp_path):
    monkeypatch.setattr(progress, "_PASSED", set())
    monkeypatch.setenv(progress.VARIABLE, str(tmp_path / "folder" / "progress.json"))
    yield tmp_path / "folder" / "progress.json"
    for exercise in (masks.jaccard, masks.decay):
        exercise.restore()


def student(exercise):
    def version(*args, **kwargs):
        return exercise.reference(*args, **kwargs)

    version.__name__ = exercise.__name__
    return version


def test_a_passed_check_counts_and_is_kept(fresh, capsys, monkeypatch):
    check(student(masks.jaccard))
    assert capsys.readouterr().out.endswith("\n  1 of 4 exercises of this lesson\n")
    check(student(masks.jaccard))
    assert capsys.readouterr().out.endswith("\n  1 of 4 exercises of this lesson\n")
    monkeypatch.setattr(progress, "_PASSED", set())  # the notebook starts again
    check(student(masks.decay))
    assert capsys.readouterr().out.endswith("\n  2 of 4 exercises of this lesson\n")
    assert json.loads(fresh.read_text()) == {"passed": ["decay", "jaccard"]}
    assert [path.name for path in fresh.parent.iterdir()] == ["progress.json"]


def test_the_librarys_own_version_and_a_wrong_one_do_not_count(fresh, capsys):
    check(masks.jaccard)
    assert "exercises of this lesson" not in capsys.readouterr().out
    assert judge(lambda values: 0.0, find(masks.decay)).outcome == "failed"
    assert not fresh.exists()


@pytest.mark.parametrize("content", ["", "[]", "{}", "null", '{"passed": 3}', "\\xff"])
def test_a_damaged_file_is_no_reason_to_fail(fresh, content):
    fresh.parent.mkdir()
    fresh.write_text(content)
    check(student(masks.jaccard))
    assert progress.passed() == {"jaccard"}


def test_a_file_that_cannot_be_written_is_no_reason_to_fail(fresh, capsys):
    fresh.mkdir(parents=True)
    check(student(masks.jaccard))
    assert "1 of 4" in capsys.readouterr().out


def test_an_empty_name_keeps_nothing(monkeypatch, fresh):
    monkeypatch.setenv(progress.VARIABLE, "")
    check(student(masks.jaccard))
    assert progress.file() is None
    assert progress.passed() == {"jaccard"}
    assert not fresh.parent.exists()


def test_the_command_shows_what_is_solved_and_what_comes_next(fresh):
    fresh.parent.mkdir()
    fresh.write_text(json.dumps({"passed": ["overlay", "first_mask_everywhere", "decay"]}))
    shown = CliRunner().invoke(app, ["progress"]).output
    assert "✓ overlay" in shown
    assert "1 of 4" in shown
    assert "Next: jaccard in 01_metrics." in shown

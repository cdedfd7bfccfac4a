"""Open challenges: a score to beat, measured on validation videos, and the best is kept."""

import json

import numpy as np
import pytest

from vos_lab.authoring.contents import lesson_files
from vos_lab.exercises import challenge, progress
from vos_lab.exercises.challenge import CHALLENGES, beat
from vos_lab.methods import create
from vos_lab.view.widgets.metrics import change_mask


@pytest.fixture(autouse=True)
def fresh(monkeypatch, tmp_path):
    monkeypatch.setattr(progress, "_PASSED", set())
    monkeypatch.setattr(progress, "_BEST", {})
    monkeypatch.setenv(progress.VARIABLE, str(tmp_path / "progress.json"))
    return tmp_path / "progress.json"


def test_every_challenge_belongs_to_a_lesson_and_was_measured():
    kept = json.loads(challenge.RECORD.read_text(encoding="utf-8"))
    assert sorted(kept) == sorted(CHALLENGES)
    assert set(CHALLENGES) <= set(lesson_files())
    for name in CHALLENGES:
        text = lesson_files()[name].read_text(encoding="utf-8")
        assert f'beat("{name}", answer)' in text


@pytest.mark.parametrize("name", ["00_tour", "01_metrics"])
def test_the_score_to_beat_is_that_of_its_holder(name):
    found = CHALLENGES[name]
    kept = json.loads(challenge.RECORD.read_text(encoding="utf-8"))
    assert found.score(found.held()) == pytest.approx(kept[name], abs=1e-3)


@pytest.mark.parametrize("name", CHALLENGES)
def test_without_an_answer_it_says_what_is_asked(name, capsys, fresh):
    beat(name)
    said = capsys.readouterr().out
    assert said.startswith("Score to beat: ")
    assert CHALLENGES[name].holder in said
    assert not fresh.exists()


def test_the_best_score_is_kept_over_a_restart(capsys, fresh, monkeypatch):
    beat("01_metrics", lambda truth: truth)
    said = capsys.readouterr().out
    assert said.startswith("✗ 1.000 does not beat ")
    assert said.endswith("Your best so far: 1.000\n")
    beat("01_metrics", lambda truth: change_mask(truth, erode=2))
    assert capsys.readouterr().out.startswith("✓ ")
    progress.note("decay")  # keeps the scores
    monkeypatch.setattr(progress, "_BEST", {})
    reached = json.loads(fresh.read_text())["best"]["01_metrics"]
    beat("01_metrics", lambda truth: truth)
    assert capsys.readouterr().out.endswith(f"Your best so far: {reached:.3f}\n")
    assert json.loads(fresh.read_text())["passed"] == ["decay"]


def test_higher_is_better_where_the_challenge_says_so(capsys):
    beat("00_tour", lambda: create("flow-propagation"))
    assert capsys.readouterr().out.startswith("✓ ")


def test_answers_that_cannot_be_measured():
    with pytest.raises(ValueError, match="99_none has no challenge; there are: 00_tour"):
        beat("99_none")
    with pytest.raises(ValueError, match=r"F of a mask is 0\.\d\d, and must be 0\.9"):
        beat("01_metrics", lambda truth: np.zeros_like(truth))
    with pytest.raises(ValueError, match="NaN or infinite"):
        beat("02_optical_flow", lambda first, second: np.full((*first.shape[:2], 2), np.nan))


@pytest.mark.parametrize("content", ["", "[]", '{"passed": []}', '{"best": 3}'])
def test_a_damaged_file_is_no_reason_to_fail(content, fresh, capsys):
    fresh.write_text(content)
    beat("01_metrics", lambda truth: truth)
    assert "Your best so far: 1.000" in capsys.readouterr().out

"""The claims of lesson 15: what they measure would come out otherwise, were they wrong."""

import numpy as np
import pytest

from vos_lab import bench
from vos_lab.claims import leaderboard


def boards(monkeypatch, **rows):
    """Let the leaderboard hold these J: by dataset, method and video."""
    monkeypatch.setattr(bench, "by_video", lambda data: rows[data.replace("-", "_")])


def suites(winner):
    """Ten videos of every suite, on which ``winner(suite)`` is ahead by 0.3."""
    return {
        suite.replace("-", "_"): {
            name: np.full(10, 0.8 if name == winner(suite) else 0.5)
            for name in leaderboard.EVERYWHERE
        }
        for suite in leaderboard.CHALLENGES
    }


def test_one_method_that_wins_everywhere_leaves_nothing_to_choose(monkeypatch):
    boards(monkeypatch, **suites(lambda suite: "object-flow"))
    assert leaderboard.WINNERS.experiment(3) == 0


def test_a_suite_with_another_winner_is_a_gain(monkeypatch):
    boards(monkeypatch, **suites(lambda s: "fusionseg" if s == "speed" else "object-flow"))
    assert leaderboard.WINNERS.experiment(3) == pytest.approx(0.3 / len(leaderboard.CHALLENGES))


def test_luck_on_the_video_itself_chooses_nothing(monkeypatch):
    rows = suites(lambda suite: "object-flow")
    rows["speed"]["fusionseg"][4] = 1.0
    boards(monkeypatch, **rows)
    assert leaderboard.WINNERS.experiment(4) == 0
    # On the other videos the lucky method is tempting, but not enough.
    assert leaderboard.WINNERS.experiment(5) == 0


def test_the_order_of_a_drawn_video_is_compared_with_real_ones(monkeypatch):
    j = np.linspace(0.1, 0.9, len(leaderboard.RANKED))
    alike = {name: np.array([x, 1 - x]) for name, x in zip(leaderboard.RANKED, j, strict=True)}
    real = {name: np.full(5, x) for name, x in zip(leaderboard.RANKED, j, strict=True)}
    boards(monkeypatch, mixed=alike, davis2016=real)
    assert leaderboard.ORDER.experiment(0) == pytest.approx(1)
    assert leaderboard.ORDER.experiment(1) == pytest.approx(-1)


def test_a_method_lives_on_the_cue_without_which_it_loses_more(monkeypatch):
    boards(
        monkeypatch,
        cues_without_motion={"flow-propagation": np.array([0.2])},
        cues_without_appearance={"flow-propagation": np.array([0.7])},
    )
    assert leaderboard.FLOW.experiment(0) == pytest.approx(0.5)


def test_everything_that_is_asked_was_measured():
    for claim in leaderboard.CLAIMS:
        assert all(np.isfinite(claim.experiment(seed)) for seed in claim.seeds)

"""The weighted leaderboard, from Python."""

import io

import numpy as np
import pytest
from PIL import Image

from vos_lab.view.figures.leaderboard import place_on_map
from vos_lab.view.figures.page import MARGIN, SHARPNESS
from vos_lab.view.widgets.leaderboard import CROP, WeightedLeaderboard, ranked

SCORES = {
    "calm": {"baseline": 0.5, "flow-propagation": 0.9, "osvos": 0.8},
    "mixed": {"baseline": 0.3, "flow-propagation": 0.4, "osvos": 0.8},
    "speed": {"baseline": 0.6, "flow-propagation": 0.2},
}
MAP = {"baseline": (0.2, 0, 0), "osvos": (0.1, 0.5, 0.1), "flow-propagation": (0.5, 0, 0.4)}
SECONDS = {"baseline": 0.0, "osvos": 60.0, "flow-propagation": 0.5}


@pytest.fixture
def explorer():
    return WeightedLeaderboard(SCORES, MAP, SECONDS)


def click(explorer, name):
    x, y = (place + MARGIN for place in place_on_map(MAP[name]))
    png = np.asarray(Image.open(io.BytesIO(explorer._pictures[0][2])))
    point = [(x - CROP[0]) / (CROP[1] - CROP[0]), y * SHARPNESS / png.shape[0]]
    explorer._pressed(explorer, {"action": "stroke", "points": [point], "other": False}, [])
    assert explorer._error == ""


def test_weights_decide_who_wins(explorer):
    assert list(explorer.ranking) == ["osvos", "flow-propagation", "baseline"]
    assert explorer._numbers[0][0] == "osvos"
    explorer.values = {"weight_1": 0.0}
    assert next(iter(explorer.ranking)) == "flow-propagation"
    assert "flow-propagation wins with J 0.90." in explorer._state
    assert "flow-propagation wins" in explorer.figure().title
    explorer.values = {"weight_1": 0.5}
    assert explorer.ranking["flow-propagation"] == pytest.approx((0.9 + 0.5 * 0.4) / 1.5)


def test_a_method_without_a_score_that_counts_is_left_out(explorer):
    explorer.values = {"weight_2": 1.0}
    assert "osvos" not in explorer.ranking
    assert explorer.left_out == {"osvos": "speed"}
    assert "among 2 methods" in repr(explorer)
    explorer.values = dict.fromkeys(("weight_0", "weight_1", "weight_2"), 0.0)
    assert explorer.ranking == {}
    assert "nobody wins" in explorer._state
    assert explorer._numbers == []
    assert "triangle" in explorer.figure().alt


def test_a_click_on_the_map_shows_that_method_at_work(explorer):
    assert explorer.chosen == "baseline"
    assert explorer.masks.shape == (16, 120, 216)
    before = explorer._pictures[0][2]
    click(explorer, "flow-propagation")
    assert explorer.chosen == "flow-propagation"
    assert explorer._pictures[0][2] != before  # the ring is around another dot
    assert all(mask for _, mask in explorer._clip)
    assert "flow-propagation on easy-test-00, whole" in explorer._alt


def test_another_video_without_a_cue(explorer):
    whole = [frame for frame, _ in explorer._clip]
    explorer.values = {"video": 1, "without": 3}
    assert [frame for frame, _ in explorer._clip] != whole
    assert "camera-test-00, without shape" in explorer._alt


def test_a_slow_method_waits_for_the_button(explorer, monkeypatch):
    click(explorer, "osvos")
    assert explorer.masks is None
    assert not any(mask for _, mask in explorer._clip)
    assert "not run yet, about 60 s" in explorer._state
    found = np.ones((16, 120, 216), np.uint8)
    monkeypatch.setattr(
        "vos_lab.view.widgets.leaderboard.run", lambda method, video, progress: found
    )
    explorer._pressed(explorer, {"action": "compute"}, [])
    assert explorer.masks is found
    assert all(mask for _, mask in explorer._clip)
    click(explorer, "baseline")
    click(explorer, "osvos")
    assert explorer.masks is found  # kept, so it need not run again


def test_what_counts_on_nothing_ranks_nobody():
    assert ranked({"calm": {"a": 0.5}}, {"calm": 0.0}) == ({}, {})


def test_a_method_that_is_not_on_the_map_is_refused():
    with pytest.raises(ValueError, match="stm is not on the map"):
        WeightedLeaderboard(SCORES, MAP, chosen="stm")
    with pytest.raises(ValueError, match="must be a challenge"):
        WeightedLeaderboard({}, MAP)

"""Pictures of a leaderboard: what is drawn where."""

import io

import numpy as np
import pytest
from PIL import Image

from vos_lab.view.figures.leaderboard import map_of_methods, place_on_map, tradeoff
from vos_lab.view.figures.page import MARGIN, SHARPNESS, object_colour

POINTS = {"slow": (9.0, 0.8), "fast": (0.1, 0.5), "worse": (5.0, 0.4)}


def pixels_of(figure):
    ground = Image.open(io.BytesIO(figure.data)).convert("RGBA")
    flat = Image.new("RGBA", ground.size, "white")
    return np.asarray(Image.alpha_composite(flat, ground).convert("RGB")).astype(int)


def near(pixels, label):
    colour = np.round(255 * np.array(object_colour(label)))
    return np.abs(pixels - colour).max(axis=-1) < 12


def test_the_front_has_another_colour_and_a_line():
    without = pixels_of(tradeoff(POINTS, "t", xlabel="s", ylabel="J", alt="a"))
    with_front = pixels_of(
        tradeoff(POINTS, "t", xlabel="s", ylabel="J", alt="a", front=["fast", "slow"])
    )
    assert not near(without, 1).any()
    assert near(without, 2).sum() > 2.5 * near(with_front, 2).sum() > 0
    assert near(with_front, 1).sum() > 1000  # two dots, and the line of steps


def test_costs_must_fit_a_logarithmic_scale():
    for points in ({}, {"free": (0.0, 1.0)}):
        with pytest.raises(ValueError, match="above 0"):
            tradeoff(points, "t", xlabel="s", ylabel="J", alt="a")
    with pytest.raises(ValueError, match="above 0"):
        tradeoff(POINTS, "t", xlabel="s", ylabel="J", alt="a", faint=[(0.0, 0.1)])


def test_a_method_stands_where_it_loses_most():
    corners = [place_on_map(corner) for corner in np.eye(3)]
    middle = place_on_map((0, 0, 0))
    assert middle == pytest.approx(np.mean(corners, axis=0), abs=1)
    assert place_on_map((0.2, 0.2, 0)) == pytest.approx(place_on_map((0.5, 0.5, 0)))
    for label, corner in enumerate(np.eye(3), 1):
        pixels = pixels_of(map_of_methods({"m": 0.9 * corner}, "t", alt="a"))
        x, y = ((place + MARGIN) * SHARPNESS for place in place_on_map(corner))
        rows, columns = np.nonzero(near(pixels, label))
        assert rows.mean() == pytest.approx(y, abs=4)
        assert columns.mean() == pytest.approx(x, abs=4)


def test_a_dot_is_as_large_as_the_loss_and_a_ring_marks_one():
    small, large = (
        pixels_of(map_of_methods({"m": (share, 0.01, 0.01)}, "t", alt="a")) for share in (0.1, 1.0)
    )
    assert near(large, 1).sum() > 2 * near(small, 1).sum()
    plain, ringed = (
        pixels_of(map_of_methods({"m": (0.5, 0.1, 0.1)}, "t", alt="a", marked=marked))
        for marked in ("", "m")
    )
    assert (plain != ringed).any()
    with pytest.raises(ValueError, match="no method"):
        map_of_methods({}, "t", alt="a")

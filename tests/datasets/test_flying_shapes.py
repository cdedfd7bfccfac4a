import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vos_lab.datasets.flying_shapes import (
    SIDE,
    SPLITS,
    _filled,
    _flow_of,
    _motion,
    _painted,
    draw_pair,
    flying_shapes,
    texture_pool,
)
from vos_lab.flow import lands_inside, warp


def test_a_pair_has_the_forms_of_the_course():
    pair = flying_shapes(0, size=(40, 60))
    for image in (pair.first, pair.second):
        assert image.shape == (40, 60, 3)
        assert image.dtype == np.uint8
    assert pair.flow.shape == (40, 60, 2)
    assert pair.flow.dtype == np.float32
    assert np.isfinite(pair.flow).all()


def test_same_number_same_bytes_and_no_split_shares_anything():
    pairs = {split: flying_shapes(3, split, (40, 60)) for split in SPLITS}
    again = flying_shapes(3, "test", (40, 60))
    assert (again.first == pairs["test"].first).all()
    assert (again.flow == pairs["test"].flow).all()
    assert not (pairs["train"].flow == pairs["val"].flow).any()
    pools = [{texture.tobytes() for texture in texture_pool(split)} for split in SPLITS]
    assert not pools[0] & pools[1] | pools[0] & pools[2] | pools[1] & pools[2]
    assert texture_pool("test").shape[1:] == (SIDE, SIDE, 3)


@pytest.mark.parametrize("number", range(6))
def test_the_flow_is_exact_where_nothing_gets_hidden(number):
    pair = flying_shapes(number, size=(160, 240), reach=20)
    left = np.abs(warp(pair.second, pair.flow).astype(float) - pair.first).mean(axis=-1)
    # Most of the image is seen again; what is hidden, or blurred by sampling twice, is not.
    assert np.median(left[lands_inside(pair.flow)]) < 6
    still = np.abs(pair.second.astype(float) - pair.first).mean(axis=-1)
    assert np.median(left) <= np.median(still)


def test_the_flow_is_that_of_the_painted_texture():
    # A texture of straight ramps is sampled without loss, so its values tell the place.
    y, x = np.mgrid[:SIDE, :SIDE]
    ramps = np.stack([x, y, np.full_like(x, 128)], axis=-1).astype(np.uint8)
    rng, box = np.random.default_rng(0), (0, 80, 0, 120)
    lies = np.array([[1, 0, -60], [0, 1, -70], [0, 0, 1.0]])
    for _ in range(10):
        moves = _motion(rng, np.array([60.0, 40.0]), 12, turn=4, zoom=0.05)
        first, second = (_painted(ramps, matrix, box) for matrix in (lies, moves @ lies))
        back = warp(second, _flow_of(moves, box))
        inside = lands_inside(_flow_of(moves, box))
        assert np.abs(back - first)[inside].max() <= 1.5  # grey levels are whole numbers


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.floats(0, 60), st.integers(33, 90), st.integers(33, 90))
def test_any_size_and_reach(seed, reach, height, width):
    pool = np.full((2, SIDE, SIDE, 3), [[[[200]]], [[[20]]]], np.uint8)
    pair = draw_pair(np.random.default_rng(seed), pool, (height, width), reach)
    assert pair.flow.shape == (height, width, 2)
    assert set(np.unique(pair.first).tolist()) <= set(range(20, 201))
    # A shift of at most reach, another of the ground, and turns and zooms about a centre.
    assert np.abs(pair.flow).max() <= 1.7 * reach + 0.8 * (height + width)


def test_without_reach_almost_nothing_moves():
    lengths = [np.abs(flying_shapes(i, size=(64, 96), reach=0).flow).mean() for i in range(5)]
    assert max(lengths) < 4  # small turns and zooms remain
    longer = [np.abs(flying_shapes(i, size=(64, 96), reach=40).flow).mean() for i in range(5)]
    assert np.mean(longer) > 2 * np.mean(lengths)


def test_a_polygon_covers_its_area():
    square = np.array([[2.0, 3.0], [7.0, 3.0], [7.0, 9.0], [2.0, 9.0]])
    cover = _filled(square, (0, 20, 0, 20))
    assert cover[6, 4] == 1
    assert cover[15, 15] == 0
    assert 5 * 6 <= cover.sum() < 6.5 * 7.5  # OpenCV paints the edge too, half a pixel of it
    assert (_filled(square, (1, 12, 1, 12)) == cover[1:12, 1:12]).all()


def test_an_unknown_split_is_refused():
    with pytest.raises(ValueError, match="no split 'tset', there are: train, val, test"):
        flying_shapes(0, "tset")

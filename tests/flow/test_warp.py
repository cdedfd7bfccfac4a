"""Warping backward and forward, and whether two flows agree."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from vos_lab.flow.warp import lands_inside, occluded, round_trip, splat, warp, warp_mask


def constant(shape, dx, dy):
    return np.tile(np.array([dx, dy], np.float32), (*shape, 1))


images = hnp.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9)))
steps = st.integers(-10, 10)


@settings(max_examples=50, deadline=None)
@given(image=images, dx=steps, dy=steps)
def test_exact_at_whole_pixels(image, dx, dy):
    height, width = image.shape
    rows = np.clip(np.arange(height) + dy, 0, height - 1)
    columns = np.clip(np.arange(width) + dx, 0, width - 1)
    flow = constant(image.shape, dx, dy)
    np.testing.assert_array_equal(warp(image, flow), image[rows][:, columns])


@settings(max_examples=40, deadline=None)
@given(
    image=hnp.arrays(np.float32, (5, 6), elements=st.floats(-100, 100, width=32)),
    flow=hnp.arrays(np.float32, (5, 6, 2), elements=st.floats(-9, 9, width=32)),
)
def test_bilinear_as_scipy_does_it(image, flow):
    rows, columns = np.mgrid[:5, :6]
    places = [rows + flow[..., 1].astype(float), columns + flow[..., 0].astype(float)]
    expected = ndimage.map_coordinates(image.astype(float), places, order=1, mode="nearest")
    np.testing.assert_allclose(warp(image, flow), expected, atol=1e-3)


def test_channels_are_warped_alike():
    rng = np.random.default_rng(0)
    image, flow = rng.integers(0, 256, (7, 8, 3), np.uint8), rng.normal(0, 2, (7, 8, 2))
    for channel in range(3):
        np.testing.assert_array_equal(
            warp(image, flow)[..., channel], warp(image[..., channel], flow)
        )


@settings(max_examples=40, deadline=None)
@given(mask=images, dx=steps, dy=steps)
def test_a_mask_keeps_its_labels_and_0_comes_in(mask, dx, dy):
    warped = warp_mask(mask, constant(mask.shape, dx, dy))
    assert warped.dtype == mask.dtype
    assert set(np.unique(warped)) <= set(np.unique(mask)) | {0}
    inside = lands_inside(constant(mask.shape, dx, dy))
    assert (warped[~inside] == 0).all()
    np.testing.assert_array_equal(warped[inside], warp(mask, constant(mask.shape, dx, dy))[inside])


@settings(max_examples=40, deadline=None)
@given(image=images, dx=steps, dy=steps)
def test_splat_undoes_warp_at_whole_pixels(image, dx, dy):
    flow = constant(image.shape, dx, dy)
    picture, landed = splat(warp(image, flow), flow)
    np.testing.assert_array_equal(picture[landed > 0], image[landed > 0])
    assert set(np.unique(landed)) <= {0, 1}
    assert landed.sum() == lands_inside(flow).sum()


def test_splat_loses_nothing_that_stays_inside():
    rng = np.random.default_rng(0)
    image = np.zeros((20, 20))
    image[5:15, 5:15] = rng.random((10, 10))
    flow = rng.uniform(-2, 2, (20, 20, 2)).astype(np.float32)
    picture, landed = splat(image, flow)
    assert (picture * landed).sum() == pytest.approx(image.sum(), rel=1e-5)


def test_where_two_land_the_heavier_wins():
    image = np.array([[10.0, 20.0]])
    flow = np.array([[[1, 0], [0, 0]]], np.float32)
    assert splat(image, flow)[0].tolist() == [[0, 15]]
    assert splat(image, flow, np.array([[1.0, 0.0]]))[0].tolist() == [[0, 10]]


def test_unknown_flow_is_refused_by_warp_and_left_out_by_splat():
    flow = constant((1, 2), 0, 0)
    flow[0, 1] = np.nan
    with pytest.raises(ValueError, match="not known at 1 of 2 pixels"):
        warp(np.zeros((1, 2)), flow)
    assert splat(np.ones((1, 2)), flow)[1].tolist() == [[1, 0]]
    assert lands_inside(flow).tolist() == [[True, False]]


def test_refusals():
    with pytest.raises(ValueError, match="warp_mask"):
        warp(np.zeros((2, 2), bool), constant((2, 2), 0, 0))
    with pytest.raises(ValueError, match="shape"):
        warp(np.zeros((2, 3)), constant((2, 2), 0, 0))
    with pytest.raises(ValueError, match="shape"):
        splat(np.zeros((2, 3)), constant((2, 2), 0, 0))


def test_a_square_hides_what_it_moves_over():
    forward, backward = np.zeros((20, 30, 2), np.float32), np.zeros((20, 30, 2), np.float32)
    forward[5:15, 5:15, 0] = 6  # the square, in the first image
    backward[5:15, 11:21, 0] = -6  # the same in the second
    expected = np.zeros((20, 30), bool)
    expected[5:15, 15:21] = True
    np.testing.assert_array_equal(occluded(forward, backward), expected)
    assert np.abs(round_trip(forward, backward))[5:15, 5:15].max() == 0

"""Flow as colour, against the reference as it is written, and against torchvision."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from torchvision.utils import flow_to_image

from vos_lab.flow.colour import (
    WHEEL,
    flow_to_rgb,
    longest_flow,
    polar,
    wheel_flow,
    wheel_image,
)


def reference(flow, max_flow):
    """computeColor of the Middlebury code, line by line, in float64."""
    u, v = (
        (flow.astype(np.float64) / max_flow)[..., 0],
        (flow.astype(np.float64) / max_flow)[..., 1],
    )
    unknown = np.isnan(u) | np.isnan(v)
    u, v = np.where(unknown, 0, u), np.where(unknown, 0, v)
    radius = np.sqrt(u * u + v * v)
    position = (np.arctan2(-v, -u) / np.pi + 1) / 2 * (len(WHEEL) - 1)
    low = np.floor(position).astype(int)
    high = (low + 1) % len(WHEEL)
    f = (position - low)[..., None]
    colour = (1 - f) * WHEEL[low] / 255 + f * WHEEL[high] / 255
    inside = radius[..., None] <= 1
    colour = np.where(inside, 1 - radius[..., None] * (1 - colour), colour * 0.75)
    return np.floor(255 * colour * ~unknown[..., None]).astype(int)


def torchvision_image(flow):
    return (
        flow_to_image(torch.from_numpy(flow).permute(2, 0, 1)).permute(1, 2, 0).numpy().astype(int)
    )


anything = hnp.arrays(
    np.float32,
    st.tuples(st.integers(1, 6), st.integers(1, 6), st.just(2)),
    elements=st.floats(-300, 300, width=32),
)


@settings(max_examples=50, deadline=None)
@given(flow=anything)
def test_within_one_grey_level_of_torchvision(flow):
    assert np.abs(torchvision_image(flow) - flow_to_rgb(flow)).max() <= 1


@settings(max_examples=50, deadline=None)
@given(flow=anything, max_flow=st.floats(0.5, 500))
def test_within_one_grey_level_of_the_reference_at_a_fixed_scale(flow, max_flow):
    length = np.linalg.norm(flow.astype(np.float64), axis=-1)
    clear = np.abs(length / max_flow - 1) > 1e-5  # at the rim itself rounding decides
    difference = np.abs(reference(flow, max_flow) - flow_to_rgb(flow, max_flow))
    assert difference[clear].max(initial=0) <= 1


def test_every_direction_and_length():
    flow = wheel_flow(301, max_flow=3.01)  # no vector is exactly 2 long
    assert np.abs(reference(flow, 2.0) - flow_to_rgb(flow, 2.0)).max() <= 1


def test_a_zero_with_a_minus_sign_is_coloured_as_in_the_reference():
    flow = np.array([[[1, -0.0], [1, 0.0], [-1, -0.0], [-1, 0.0]]], np.float32)
    assert np.abs(reference(flow, 1.0) - flow_to_rgb(flow, 1.0)).max() <= 1


def test_the_wheel_is_that_of_torchvision():
    from torchvision.utils import _make_colorwheel

    np.testing.assert_array_equal(WHEEL, _make_colorwheel().numpy())


@settings(max_examples=30, deadline=None)
@given(angle=st.floats(0, 6.28), factor=st.floats(1.1, 50))
def test_beyond_the_scale_the_hue_stays(angle, factor):
    unit = np.array([[[np.cos(angle), np.sin(angle)]]], np.float32) * 0.999
    full = flow_to_rgb(unit, max_flow=0.999 * 1.000001).astype(float)
    beyond = flow_to_rgb(unit * np.float32(factor), max_flow=0.999).astype(float)
    assert np.abs(beyond - 0.75 * full).max() <= 2


def test_a_fixed_scale_gives_the_same_motion_the_same_colour():
    slow = np.full((2, 2, 2), 1, np.float32)
    mixed = slow.copy()
    mixed[0, 0] = -20
    assert (flow_to_rgb(slow)[1, 1] != flow_to_rgb(mixed)[1, 1]).any()
    scale = longest_flow([slow, mixed])
    np.testing.assert_array_equal(flow_to_rgb(slow, scale)[1, 1], flow_to_rgb(mixed, scale)[1, 1])


def test_unknown_is_black_and_does_not_set_the_scale():
    flow = np.array([[[np.nan, np.nan], [2, 0], [1e10, 1e10], [np.inf, 0]]], np.float32)
    assert flow_to_rgb(flow)[0].tolist() == [[0] * 3, [255, 0, 0], [0] * 3, [0] * 3]
    assert longest_flow([flow]) == 2
    assert longest_flow([np.full((1, 1, 2), np.nan)]) == 1


@pytest.mark.parametrize("max_flow", [0, -1, np.nan, np.inf])
def test_a_scale_that_is_no_length_is_refused(max_flow):
    with pytest.raises(ValueError, match="max_flow"):
        flow_to_rgb(np.zeros((1, 1, 2), np.float32), max_flow)


def test_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"\(H, W, 2\)"):
        flow_to_rgb(np.zeros((2, 4, 5), np.float32))


def test_polar_goes_clockwise_from_the_right():
    _, angle, _ = polar(np.array([[[1, 0], [0, 1], [-1, 0], [0, -1]]], np.float32))
    np.testing.assert_allclose(angle[0], [0, np.pi / 2, np.pi, 1.5 * np.pi], atol=2e-4)


def test_the_legend_is_white_in_the_middle_and_around():
    image = wheel_image(51)
    assert image.shape == (51, 51, 3)
    assert image[25, 25].tolist() == image[0, 0].tolist() == [255] * 3
    assert image[25, 50].tolist() == [255, 0, 0]


@pytest.mark.parametrize("shape", [(0, 5, 2), (5, 0, 2), (0, 0, 2)])
def test_a_flow_without_pixels_is_refused(shape):
    for refuse in (polar, lambda flow: longest_flow([flow])):
        with pytest.raises(ValueError, match="has no pixel to show"):
            refuse(np.zeros(shape, np.float32))

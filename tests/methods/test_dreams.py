"""Lucid dreams: what is dreamt is true, and the ground has no streaks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from vos_lab.flow import lands_inside, warp
from vos_lab.methods.lucid_frames import Dream, mirrored


@given(
    hnp.arrays(
        np.float32,
        st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(2)),
        elements=st.floats(-40, 40, width=32),
    )
)
@settings(max_examples=50, deadline=None)
def test_a_mirrored_flow_points_inside(flow):
    inside = mirrored(flow)
    height, width = flow.shape[:2]
    there = inside + np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1)
    assert (there >= -1e-4).all()
    assert (there <= np.array([width, height]) - 1 + 1e-4).all()
    stays = lands_inside(flow)
    assert np.allclose(inside[stays], flow[stays], atol=1e-4)


@pytest.mark.parametrize("dx", [-7, 7])
def test_the_border_is_a_mirror(dx):
    row = np.arange(0, 200, 10, dtype=np.uint8)[None]
    flow = np.tile(np.float32([dx, 0]), (1, 20, 1))
    expected = np.pad(row, ((0, 0), (7, 7)), mode="reflect")[:, 7 + dx : 27 + dx]
    assert (warp(row, mirrored(flow)) == expected).all()


def test_the_ground_of_a_dream_has_no_streaks():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (48, 64, 3), dtype=np.uint8)
    labels = np.zeros((48, 64), np.uint8)
    labels[20:28, 30:40] = 1
    dream = Dream(image, labels)
    for seed in range(8):
        frame, _ = dream.frame(np.random.default_rng(seed))
        values = frame.astype(int)
        for border in (values[:3], values[-3:], values[:, :3].swapaxes(0, 1)):
            assert np.abs(np.diff(border, axis=0)).mean() > 3  # a streak repeats itself


def test_the_mask_of_a_dream_is_where_its_object_is():
    image = np.full((60, 90, 3), 40, np.uint8)
    labels = np.zeros((60, 90), np.uint8)
    labels[20:36, 36:52] = 5
    image[labels == 5] = 220
    dream = Dream(image, labels)
    for seed in range(8):
        frame, dreamt = dream.frame(np.random.default_rng(seed))
        assert set(np.unique(dreamt)) == {0, 5}
        brightness = frame.mean(axis=-1)
        middle = (brightness[dreamt == 5].mean() + brightness[dreamt == 0].mean()) / 2
        assert ((brightness > middle) == (dreamt == 5)).mean() > 0.99


def test_the_same_seed_gives_the_same_dream():
    image = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    labels = np.zeros((40, 50), np.uint8)
    labels[10:20, 10:20], labels[25:35, 30:40] = 1, 2
    one, again = (Dream(image, labels).frame(np.random.default_rng(3)) for _ in range(2))
    assert (one[0] == again[0]).all()
    assert (one[1] == again[1]).all()

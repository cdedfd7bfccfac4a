"""MaskTrack: simulated masks, windows, and how a mask is refined."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from vos_lab import weights
from vos_lab.datasets.procedural import Spec, render, suite
from vos_lab.methods import run
from vos_lab.methods.augmentation import BEND_GRID
from vos_lab.methods.lucid import Lucid
from vos_lab.methods.masktrack import (
    MaskTrack,
    crop_and_zoom,
    cut,
    magnitude_image,
    random_previous_mask,
    refine_mask,
    simulate_previous_mask,
)
from vos_lab.methods.networks import OnDevice
from vos_lab.metrics import jaccard

seeds = st.integers(0, 10_000)
STAY, STRAIGHT = np.eye(2, 3), np.zeros((BEND_GRID, BEND_GRID, 2), np.float32)

# --- simulated masks --------------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(seeds, st.tuples(st.integers(2, 30), st.integers(2, 30)))
def test_a_mask_that_nothing_happens_to_stays(seed, size):
    mask = np.random.default_rng(seed).random(size, np.float32)
    previous = simulate_previous_mask(mask, STAY, STRAIGHT, 0)
    assert previous.dtype == np.float32
    np.testing.assert_allclose(previous, mask, atol=1e-5)


@settings(max_examples=30, deadline=None)
@given(seeds, st.integers(-4, 4), st.integers(-4, 4), st.integers(0, 4))
def test_a_mask_is_moved_and_grown(seed, right, down, radius):
    rng = np.random.default_rng(seed)
    mask = np.zeros((30, 40), np.float32)
    row, column = rng.integers(9, 21), rng.integers(9, 31)
    mask[row, column] = 1
    affine = np.array([[1.0, 0, -right], [0, 1.0, -down]])  # where each new pixel comes from
    previous = simulate_previous_mask(mask, affine, STRAIGHT, radius)
    rows, columns = np.nonzero(previous > 0.5)
    assert (rows.min(), rows.max()) == (row + down - radius, row + down + radius)
    assert (columns.min(), columns.max()) == (column + right - radius, column + right + radius)
    y, x = np.mgrid[:30, :40]
    distance = np.hypot(y - row - down, x - column - right)
    assert (previous[distance > radius + 0.6] == 0).all()


@settings(max_examples=40, deadline=None)
@given(seeds)
def test_random_damage_is_a_mask_again(seed):
    mask = np.zeros((40, 60), np.float32)
    mask[10:25, 20:40] = 1
    before = mask.copy()
    previous = random_previous_mask(mask, np.random.default_rng(seed))
    assert previous.shape == mask.shape
    assert previous.dtype == np.float32
    assert 0 <= previous.min() <= previous.max() <= 1
    np.testing.assert_array_equal(mask, before)


def test_damage_leaves_most_of_most_masks_and_loses_some():
    mask = np.zeros((60, 90), np.float32)
    mask[20:40, 30:60] = 1
    scores = []
    for seed in range(200):
        previous = random_previous_mask(mask, np.random.default_rng(seed))
        scores.append(jaccard(previous > 0.5, mask > 0.5))
    assert 0.4 < np.median(scores) < 0.9  # rough, but of the object
    assert 0 < np.mean(np.array(scores) == 0) < 0.2  # some are lost
    assert (random_previous_mask(np.zeros_like(mask), np.random.default_rng(0)) == 0).all()


# --- windows ----------------------------------------------------------------------------------


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_window_is_inside_has_the_shape_of_the_frame_and_holds_the_object(data):
    height, width = data.draw(st.integers(1, 90)), data.draw(st.integers(1, 90))
    tall, wide = data.draw(st.integers(1, height)), data.draw(st.integers(1, width))
    row, column = data.draw(st.integers(0, height - tall)), data.draw(st.integers(0, width - wide))
    margin, least = data.draw(st.floats(0, 2)), data.draw(st.floats(0, 1))
    mask = np.zeros((height, width), np.float32)
    mask[row : row + tall, column : column + wide] = 1
    top, bottom, left, right = crop_and_zoom(mask, margin, least)
    assert all(type(side) is int for side in (top, bottom, left, right))
    assert 0 <= top < bottom <= height
    assert 0 <= left < right <= width
    assert mask[top:bottom, left:right].sum() == tall * wide
    # The shape of the frame, to the pixel.
    share = max((bottom - top - 0.5) / height, (right - left - 0.5) / width, 0)
    assert bottom - top >= share * height - 0.5 - 1e-9
    assert right - left >= share * width - 0.5 - 1e-9
    # The margin and the least size, where they fit.
    wanted = min(max(tall * (1 + 2 * margin) / height, wide * (1 + 2 * margin) / width, least), 1)
    assert abs(bottom - top - wanted * height) <= 0.5 + 1e-9
    assert abs(right - left - wanted * width) <= 0.5 + 1e-9


def test_without_an_object_the_window_is_the_frame():
    assert crop_and_zoom(np.full((30, 50), 0.5, np.float32), 0.5) == (0, 30, 0, 50)
    assert crop_and_zoom(np.ones((30, 50), np.float32), 0.5) == (0, 30, 0, 50)


def test_a_window_found_at_one_size_is_cut_at_another():
    large = np.arange(80 * 120).reshape(80, 120)
    np.testing.assert_array_equal(cut(large, (10, 20, 15, 30), (40, 60)), large[20:40, 30:60])
    np.testing.assert_array_equal(cut(large, (0, 40, 0, 60), (40, 60)), large)


# --- refining ---------------------------------------------------------------------------------


class Brighter(nn.Module):
    """Takes for the object what is bright, where the mask was."""

    def forward(self, x):
        assert x.shape[1] == 4
        return 10 * (x[:, :1] + x[:, 3:] - 1.5), []


def test_a_mask_is_refined_where_it_was():
    image = np.zeros((16, 20, 3), np.uint8)
    image[4:8, 4:10] = image[4:8, 12:18] = 255
    previous = np.zeros((16, 20), np.float32)
    previous[2:10, 2:11] = 1
    soft = refine_mask(Brighter(), image, previous)
    assert soft.shape == (16, 20)
    assert soft.dtype == np.float32
    expected = np.zeros((16, 20), bool)
    expected[4:8, 4:10] = True
    np.testing.assert_array_equal(soft > 0.5, expected)


def test_the_length_of_flow_shows_what_moves_by_itself():
    flow = np.zeros((20, 30, 2), np.float32) + np.float32([3, 1])  # the camera
    assert magnitude_image(flow).max() == 0
    flow[5:10, 5:10] += 4
    image = magnitude_image(flow)
    assert image.shape == (20, 30, 3)
    assert image.dtype == np.uint8
    assert (image[5:10, 5:10] > 200).all()
    assert image.sum() == image[5:10, 5:10].sum()


# --- the method -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def clip():
    return suite("easy", frames=5, size=(96, 160), length=2)[1]


@pytest.fixture(scope="module")
def small_object():
    return render(Spec(frames=4, size=(96, 160), object_size=0.15, speed=0.3), 5)


def test_learning_lowers_the_loss_and_finds_the_object_later(clip):
    losses = []
    method = MaskTrack(parent=None, steps=30, watch=lambda step, loss: losses.append(loss))
    masks = run(method, clip, progress=False)
    assert len(losses) == 30
    assert np.mean(losses[-5:]) < 0.6 * np.mean(losses[:5])
    assert jaccard(masks[-1] == 1, clip.masks[-1] == 1) > 0.7


def test_the_parent_follows_without_fine_tuning(clip):
    masks = run(MaskTrack(steps=0), clip, progress=False)
    assert jaccard(masks[-1] == 1, clip.masks[-1] == 1) > 0.6


@pytest.mark.parametrize("options", [{"zooming": False}, {"carried": True}, {"flow_stream": True}])
def test_each_part_can_be_changed(small_object, options):
    plain = run(MaskTrack(steps=0), small_object, progress=False)
    changed = run(MaskTrack(steps=0, **options), small_object, progress=False)
    assert not np.array_equal(plain, changed)
    assert jaccard(changed[-1] == 1, small_object.masks[-1] == 1) > 0.6


def test_a_window_gives_a_small_object_more_pixels(small_object):
    clip = small_object
    method = MaskTrack(parent=None, steps=0)
    method.start(clip.frames[0], clip.masks[0])
    asked = []

    class Watched(nn.Module):
        def forward(self, x):
            asked.append(x)
            return x[:, 3:] - 0.5, []

    method.network = Watched()
    method.step(clip.frames[1])
    (seen,) = asked
    share = (seen[0, 3] > 0.5).float().mean()
    assert share > 1.5 * (clip.masks[0] == 1).mean()
    assert torch.isfinite(seen).all()


def test_the_weights_ship_with_a_card():
    card = weights.card("masktrack-parent")
    last = card["held_out"][-1]
    assert last["1 - J"] < card["held_out"][0]["1 - J"]
    assert last["1 - J"] < last["1 - J, previous mask"]  # it makes masks better
    assert "train_video" in card["data"]
    assert card["parameters"] < 1_000_000


@pytest.mark.parametrize("method", [MaskTrack, Lucid])
def test_an_augmentation_that_does_not_exist(method):
    with pytest.raises(ValueError, match=r"augmentation is one of .*not 'wild'"):
        method(parent=None, steps=0, augmentation="wild")


def test_another_device_gives_the_same(monkeypatch):
    """The processor under another name stands for a graphics card."""
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 255, (2, 40, 56, 3)).astype(np.uint8)
    mask = np.zeros((40, 56), np.uint8)
    mask[10:30, 12:36] = 1
    seen, forward = [], OnDevice.forward
    monkeypatch.setattr(
        OnDevice, "forward", lambda self, x: seen.append(self.device) or forward(self, x)
    )
    found = []
    for device in ("cpu", "cpu:0"):
        method = MaskTrack(steps=2, device=device)
        method.start(frames[0], mask)
        found.append(method.step(frames[1]))
    assert seen == ["cpu", "cpu:0"]
    np.testing.assert_array_equal(*found)


class Left(nn.Module):
    """Takes the left half of what it sees for the object."""

    def forward(self, x):
        """Log-odds."""
        score = torch.full_like(x[:, :1], -5.0)
        score[..., : x.shape[-1] // 2] = 5.0
        return score, []


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_second_look_is_at_the_mirror_image(mirrored):
    frame, mask = np.zeros((24, 32, 3), np.uint8), np.zeros((24, 32), np.uint8)
    mask[8:16, 8:16] = 1
    method = MaskTrack(parent=None, steps=0, zooming=False, mirrored=mirrored)
    method.start(frame, mask)
    method.network = Left()
    method.step(frame)
    left, right = method.soft[1][:, :16], method.soft[1][:, 16:]
    if mirrored:
        np.testing.assert_allclose(left, 0.5, atol=1e-5)
        np.testing.assert_allclose(right, 0.5, atol=1e-5)
    else:
        assert left.min() > 0.9 > 0.1 > right.max()

"""Lucid data dreaming: what a dream is made of, and what it teaches."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vos_lab.datasets.procedural import suite
from vos_lab.methods import run
from vos_lab.methods.lucid import Lucid
from vos_lab.methods.lucid_frames import Dream, fill_hole, lucid_frame, mirrored
from vos_lab.metrics import jaccard
from vos_lab.video import VOID

seeds = st.integers(0, 10_000)


@pytest.fixture(scope="module")
def two():
    """A red and a blue disk before green ground, and their label map."""
    labels = np.zeros((60, 90), np.uint8)
    cv2.circle(labels, (25, 30), 9, 1, -1)
    cv2.circle(labels, (65, 30), 9, 2, -1)
    image = np.full((60, 90, 3), (50, 150, 50), np.uint8)
    image[labels == 1], image[labels == 2] = (220, 40, 40), (40, 40, 220)
    return image, labels


@settings(max_examples=30, deadline=None)
@given(seeds, st.tuples(st.integers(2, 20), st.integers(2, 20)))
def test_without_motion_a_dream_is_the_frame(seed, size):
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (*size, 3), np.uint8)
    mask = rng.random(size, np.float32)
    stay = np.zeros((*size, 2), np.float32)
    frame, moved = lucid_frame(image, image, mask, stay, stay)
    assert frame.dtype == np.uint8
    np.testing.assert_array_equal(frame, image)
    np.testing.assert_allclose(moved, mask, atol=1e-6)


@settings(max_examples=30, deadline=None)
@given(seeds, st.integers(-3, 3), st.integers(-3, 3))
def test_ground_and_object_move_each_on_its_own(seed, right, down):
    rng = np.random.default_rng(seed)
    ground, image = rng.integers(0, 256, (2, 12, 16, 3), np.uint8)
    mask = (rng.random((12, 16)) < 0.5).astype(np.float32)
    stay = np.zeros((12, 16, 2), np.float32)
    away = np.broadcast_to(np.float32([-right, -down]), stay.shape)
    frame, moved = lucid_frame(ground, image, mask, stay, away)
    for row in range(12):
        for column in range(16):
            y, x = row - down, column - right
            there = 0 <= y < 12 and 0 <= x < 16 and mask[y, x] == 1
            assert moved[row, column] == there
            expected = image[y, x] if there else ground[row, column]
            np.testing.assert_array_equal(frame[row, column], expected)


@settings(max_examples=30, deadline=None)
@given(seeds, st.tuples(st.integers(1, 12), st.integers(1, 12)))
def test_a_mirrored_flow_never_leaves_the_image_and_keeps_what_was_inside(seed, size):
    rng = np.random.default_rng(seed)
    flow = (rng.standard_normal((*size, 2)) * 8).astype(np.float32)
    here = np.stack(np.meshgrid(np.arange(size[1]), np.arange(size[0])), axis=-1)
    last = np.array([size[1], size[0]]) - 1
    there = here + mirrored(flow)
    assert (there >= -1e-4).all()
    assert (there <= last + 1e-4).all()
    inside = ((here + flow >= 0) & (here + flow <= last)).all(axis=-1)
    np.testing.assert_allclose(mirrored(flow)[inside], flow[inside], atol=1e-4)


def test_nothing_of_the_object_stays_in_the_ground(two):
    image, labels = two
    ground = fill_hole(image, labels > 0)
    assert abs(ground.astype(int) - (50, 150, 50)).max() <= 5


def test_a_dream_has_the_same_objects_with_their_own_colours(two):
    dream = Dream(*two)
    places = set()
    for seed in range(20):
        image, labels = dream.frame(np.random.default_rng(seed))
        assert image.shape == (60, 90, 3)
        assert labels.shape == (60, 90)
        assert set(np.unique(labels)) == {0, 1, 2}
        inside = {
            label: cv2.erode((labels == label).astype(np.uint8), np.ones((5, 5))) > 0
            for label in (0, 1, 2)
        }
        for label, channel in ((0, 1), (1, 0), (2, 2)):
            assert (image[inside[label]].argmax(axis=-1) == channel).all()
        places.add(tuple(np.argwhere(labels == 1).mean(axis=0).round(1)))
    assert len(places) == 20  # each dream is another


def test_any_of_two_objects_may_be_in_front():
    labels = np.zeros((60, 90), np.uint8)
    labels[20:40, 25:45], labels[20:40, 45:65] = 1, 2
    dream = Dream(np.full((60, 90, 3), 100, np.uint8), labels)
    seen = [dream.frame(np.random.default_rng(seed))[1] for seed in range(30)]
    shares = np.array([[(each == label).sum() for label in (1, 2)] for each in seen])
    assert (shares[:, 0] < shares[:, 1] / 2).any()
    assert (shares[:, 1] < shares[:, 0] / 2).any()


@pytest.mark.parametrize("labels", [np.zeros((20, 30)), np.ones((20, 30)), np.full((20, 30), VOID)])
def test_dreams_of_nothing_and_of_everything(labels):
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    dream = Dream(image, labels.astype(np.uint8))
    frame, dreamt = dream.frame(np.random.default_rng(1))
    assert frame.shape == image.shape
    assert set(np.unique(dreamt)) <= {0, 1}  # void is no object


def test_it_learns_from_dreams_and_finds_the_object_later():
    clip = suite("easy", frames=5, size=(96, 160), length=2)[1]
    losses = []
    method = Lucid(parent=None, steps=30, watch=lambda step, loss: losses.append(loss))
    masks = run(method, clip, progress=False)
    assert np.mean(losses[-5:]) < 0.6 * np.mean(losses[:5])
    assert jaccard(masks[-1] == 1, clip.masks[-1] == 1) > 0.6

"""PReMVOS that fuses: what becomes of masks, and that it is a method like others."""

import math
from functools import partial

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from vos_lab.methods import METHODS, create, run
from vos_lab.methods.premvos import Candidates, sureness
from vos_lab.methods.premvos_fused import LEAST_DOUBT, FusedPReMVOS, fuse, fuse_masks
from vos_lab.methods.space_time_memory import SpaceTimeNetwork
from vos_lab.metrics import jaccard
from vos_lab.video import Video

Quick = partial(FusedPReMVOS, steps=2, masktrack_steps=1)

several = st.integers(1, 5).flatmap(
    lambda n: st.tuples(
        arrays.arrays(np.float32, (n, 3, 4), elements=st.floats(0, 1, width=32)),
        arrays.arrays(float, n, elements=st.floats(0, 1)),
    )
)


@given(several, st.sampled_from([0.01, 0.1, 1.0, math.inf]))
def test_a_fused_mask_lies_between_those_it_is_made_of(made, temperature):
    masks, scores = made
    fused = fuse_masks(masks, scores, temperature)
    sure = np.clip(masks, LEAST_DOUBT, 1 - LEAST_DOUBT)
    assert fused.dtype == np.float32
    assert (fused >= sure.min(axis=0) - 1e-5).all()
    assert (fused <= sure.max(axis=0) + 1e-5).all()


@given(several)
def test_with_a_low_temperature_the_best_takes_all(made):
    masks, _ = made
    scores = np.linspace(0, 1, len(masks))
    fused = fuse_masks(masks, scores, 1e-3)
    np.testing.assert_allclose(fused, np.clip(masks[-1], LEAST_DOUBT, 1 - LEAST_DOUBT), atol=1e-5)


@given(several, st.floats(0, 1))
def test_with_an_infinite_one_scores_do_not_count(made, other):
    masks, scores = made
    fused = fuse_masks(masks, scores, math.inf)
    np.testing.assert_allclose(fused, fuse_masks(masks, np.full(len(masks), other), math.inf))
    np.testing.assert_allclose(fused, fuse_masks(masks[::-1], scores, math.inf), atol=1e-5)


def test_two_outvote_a_third_however_sure_it_is():
    masks = np.float32([[[1.0]], [[0.2]], [[0.1]]])
    assert fuse_masks(masks, np.ones(3), math.inf) < 0.5
    assert fuse_masks(masks[:2], np.ones(2), math.inf) > 0.5


def test_an_object_is_fused_from_its_own_masks_alone():
    masks = np.zeros((4, 6, 8), np.float32)
    masks[0::2, :3], masks[1::2, 3:] = 0.9, 0.9  # of object 0 above, of object 1 below
    candidates = Candidates(masks, np.ones(4), np.ones((4, 2)), np.zeros((6, 8, 2), np.float32))
    fused, scores = fuse(candidates, masks[:2])
    assert scores.shape == (4, 2)
    np.testing.assert_array_equal(fused > 0.5, masks[:2] > 0.5)


@pytest.fixture(scope="module")
def clip():
    """A red and a blue disk on the way to each other, before striped ground."""
    frames, masks = np.zeros((5, 48, 80, 3), np.uint8), np.zeros((5, 48, 80), np.uint8)
    frames[:] = 90 + 12 * np.arange(80)[:, None] % 48
    for t in range(5):
        for label, x, colour in ((1, 19 + t, (220, 50, 50)), (3, 60 - t, (50, 50, 220))):
            cv2.circle(masks[t], (x, 24), 10, label, -1)
            frames[t][masks[t] == label] = colour
    return Video("disks", frames, masks=masks)


def test_two_objects_each_with_its_label(clip):
    found = run(FusedPReMVOS(steps=12, masktrack_steps=4), clip, progress=False)
    for label in (1, 3):
        j = jaccard(found == label, np.stack(list(clip.masks)) == label)
        assert j[1:].mean() > 0.6


def test_three_methods_propose_a_mask_of_each_object(clip):
    method = Quick()
    method.start(clip.frames[0], clip.masks[0])
    for t in (1, 2, 3):
        method.step(clip.frames[t])
        assert method.candidates.masks.shape[0] == 3 * 2
    own = [method.masktrack.soft[label] for label in (1, 3)]
    np.testing.assert_array_equal(method.candidates.masks[-2:], np.stack(own))
    assert method.candidates.objectness[-1] == pytest.approx(sureness(own[-1]))


def test_a_memory_proposes_as_well_and_follows_objects_that_appear_later(clip):
    first = np.where(clip.masks[0] == 1, 1, 0).astype(np.uint8)
    method = Quick(memory={"network": SpaceTimeNetwork(), "window": 6.0})
    method.start(clip.frames[0], first)
    method.step(clip.frames[1])
    assert len(method.candidates.masks) == 4
    method.add(clip.frames[1], np.where(clip.masks[1] == 3, 3, 0).astype(np.uint8))
    method.step(clip.frames[2])
    assert len(method.candidates.masks) == 4 * 2
    assert sorted(method.memory.memory) == [1, 3]


def test_an_object_that_appears_later(clip):
    first = np.where(clip.masks[0] == 1, 1, 0).astype(np.uint8)
    later = np.where(clip.masks[2] == 3, 3, 0).astype(np.uint8)
    found = run(Quick(), clip, {0: first, 2: later}, progress=False)
    assert (found[:2] != 3).all()
    assert (found[2][later == 3] == 3).all()


def test_nothing_in_the_first_mask_nothing_later(clip):
    assert not run(Quick(), clip, {0: np.zeros((48, 80), np.uint8)}, progress=False).any()


def test_it_is_a_method_of_its_own_with_an_ablation():
    assert "premvos-fused" in METHODS
    assert create("premvos-fused", steps=1).name == "premvos-fused"
    assert create("premvos-fused-by-scores", steps=1).temperature < 1
    with pytest.raises(ValueError, match=r"premvos-fused: .* needs one"):
        Quick().start(np.zeros((32, 32, 3), np.uint8))

"""Flow propagation and object flow: what they compute, and what they survive."""

from itertools import product

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from vos_lab.claims.motion import whole_flow_and_object_flow
from vos_lab.datasets.procedural import Spec, render
from vos_lab.flow import warp_mask
from vos_lab.flow.warp import consistency_mask, occluded
from vos_lab.methods import create, run
from vos_lab.methods.colour_model import ColourModel
from vos_lab.methods.flow_propagation import (
    FlowPropagation,
    guided_filter,
    log_odds,
    propagate_mask,
    sigmoid,
)
from vos_lab.methods.object_flow import (
    ObjectFlow,
    contour_costs,
    minimum_cut,
    object_flow_step,
)
from vos_lab.methods.resolution import label_map, soft_masks, working_size
from vos_lab.metrics import jaccard
from vos_lab.video import Video

METHODS = ["flow-propagation", "object-flow"]


@pytest.fixture(scope="module")
def clip():
    return render(Spec(frames=6, size=(96, 160), objects=2, speed=0.3), 4)


# --- the parts --------------------------------------------------------------------------------


def test_true_flow_carries_a_mask(clip):
    soft = (clip.masks[0] == 1).astype(np.float32)
    for t in range(1, len(clip)):
        soft = propagate_mask(soft, clip.backward_flow[t - 1])
        assert soft.dtype == np.float32
    assert jaccard(soft > 0.5, clip.masks[-1] == 1) > 0.7


def test_slow_motion_adds_up_in_a_soft_mask_and_is_lost_in_a_hard_one():
    soft = np.zeros((1, 20), np.float32)
    soft[:, 2:8] = 1
    hard = soft > 0
    slowly_to_the_right = np.tile(np.float32([-0.4, 0]), (1, 20, 1))
    for _ in range(10):
        soft = propagate_mask(soft, slowly_to_the_right)
        hard = warp_mask(hard, slowly_to_the_right)
    np.testing.assert_array_equal(np.flatnonzero(soft[0] > 0.5), np.arange(6, 12))
    np.testing.assert_array_equal(np.flatnonzero(hard[0]), np.arange(2, 8))


def test_consistent_is_what_is_not_occluded(clip):
    forward, backward = clip.flow[0], clip.backward_flow[0]
    consistent = consistency_mask(forward, backward)
    np.testing.assert_array_equal(consistent, ~occluded(forward, backward))
    # The renderer knows what is hidden, and agrees but for a pixel at outlines.
    assert (consistent == ~clip.occlusion[0]).mean() > 0.97
    assert consistent[clip.occlusion[0]].mean() < 0.4


@given(st.floats(0.002, 0.998))
def test_log_odds_and_back(share):
    assert sigmoid(log_odds(np.array(share))) == pytest.approx(share)


def test_the_guided_filter_smooths_but_not_across_edges():
    guide = np.full((40, 60), 50, np.float32)
    guide[:, 30:] = 200
    rng = np.random.default_rng(0)
    soft = np.where(np.arange(60) < 30, 1.0, 0.0) + rng.normal(0, 0.2, guide.shape)
    filtered = guided_filter(guide, soft.astype(np.float32), 4, 50.0)
    assert abs(filtered[:, 28] - 1).max() < 0.25
    assert abs(filtered[:, 31]).max() < 0.25
    assert filtered[:, :20].std() < 0.2 * soft[:, :20].std()
    same = guided_filter(guide, np.full_like(guide, 0.3), 4, 50.0)
    np.testing.assert_allclose(same, 0.3, atol=1e-4)


def test_colours_tell_an_object_from_its_surroundings(clip):
    truth = clip.masks[0] == 1
    odds = ColourModel(clip.frames[0], truth.astype(np.float32)).log_odds(clip.frames[3])
    later = clip.masks[3] == 1
    assert np.median(odds[later]) > 0.5
    assert np.median(odds[~later]) < -0.5
    assert np.isfinite(odds).all()


@pytest.mark.parametrize("mask", [np.zeros((20, 30)), np.ones((20, 30))])
def test_colours_of_nothing_and_of_everything_are_finite(mask):
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    assert np.isfinite(ColourModel(image, mask.astype(np.float32)).log_odds(image)).all()


# --- the minimum cut --------------------------------------------------------------------------


def energy(mask, evidence, across, down):
    contour = (across * (mask[:, 1:] != mask[:, :-1])).sum()
    return contour + (down * (mask[1:] != mask[:-1])).sum() - evidence[mask].sum()


hundredths = st.integers(-400, 400).map(lambda n: n / 100)
costs = st.integers(0, 300).map(lambda n: n / 100)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_no_mask_is_better_than_the_minimum_cut(data):
    height, width = data.draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    evidence = data.draw(hnp.arrays(np.float32, (height, width), elements=hundredths))
    across = data.draw(hnp.arrays(np.float32, (height, width - 1), elements=costs))
    down = data.draw(hnp.arrays(np.float32, (height - 1, width), elements=costs))
    cut = energy(minimum_cut(evidence, across, down), evidence, across, down)
    every = (
        np.array(bits, bool).reshape(height, width)
        for bits in product([False, True], repeat=height * width)
    )
    assert cut == pytest.approx(min(energy(m, evidence, across, down) for m in every), abs=1e-4)


def test_the_window_of_the_cut_changes_nothing():
    rng = np.random.default_rng(3)
    evidence = np.full((30, 40), -6.9, np.float32)
    evidence[8:20, 10:25] = rng.normal(0.5, 2, (12, 15))
    costs = contour_costs(rng.integers(0, 256, (30, 40, 3), np.uint8))
    np.testing.assert_array_equal(
        minimum_cut(evidence, *costs)[8:20, 10:25],
        minimum_cut(np.maximum(evidence, -5.9), *costs)[8:20, 10:25],
    )


def test_a_contour_is_cheap_where_colour_changes():
    image = np.zeros((4, 6, 3), np.uint8)
    image[:, 3:] = 200
    across, down = contour_costs(image)
    assert across.shape == (4, 5)
    assert down.shape == (3, 6)
    assert (across[:, 2] < 0.6 * across[:, 0]).all()
    flat = contour_costs(np.full((4, 6, 3), 9, np.uint8))
    assert all(np.isfinite(part).all() for part in flat)


# --- object flow ------------------------------------------------------------------------------


def test_a_turn_finds_the_object_and_leaves_the_flow_elsewhere(clip):
    truth, last = clip.masks[1] == 1, clip.masks[0] == 1
    flow = clip.backward_flow[0]
    colour = ColourModel(clip.frames[0], last.astype(np.float32)).log_odds(clip.frames[1])
    mask, better = object_flow_step(clip.frames[1], clip.frames[0], last, flow, colour)
    assert jaccard(mask, truth) > 0.8
    np.testing.assert_array_equal(better[~mask], flow[~mask])


def test_flow_without_the_surroundings_is_better_on_the_object():
    whole, own = whole_flow_and_object_flow(0)
    assert own < whole


# --- as Segmenters ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", METHODS)
def test_it_beats_the_first_mask(name):
    video = render(Spec(frames=10, size=(120, 216), speed=0.5), 5)
    truth = np.stack(list(video.masks)) == 1
    better, copied = (
        jaccard(run(create(method), video, progress=False) == 1, truth)[1:].mean()
        for method in (name, "baseline")
    )
    assert better > copied + 0.2
    assert better > 0.6


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize(
    "options",
    [
        {"size": (32, 32)},
        {"size": (96, 40)},
        {"frames": 1},
        {"objects": 3},
        {"occlusion": 1.0, "frames": 30},
    ],
    ids=str,
)
def test_it_answers_every_video(name, options):
    video = render(Spec(**({"frames": 4, "size": (48, 80), "speed": 0.6} | options)), 1)
    masks = run(create(name), video, progress=False)
    assert masks.shape == (len(video), *video.size)
    assert set(np.unique(masks)) <= set(np.unique(video.masks[0])) | {0}
    np.testing.assert_array_equal(masks[0], video.masks[0])


def dot():
    mask = np.zeros((48, 80), np.uint8)
    mask[20, 30] = 1
    return mask


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize(
    "mask",
    [np.zeros((48, 80), np.uint8), np.ones((48, 80), np.uint8), dot()],
    ids=lambda m: m.sum(),
)
def test_it_survives_first_masks_that_are_empty_full_or_a_dot(name, mask):
    frames = render(Spec(frames=4, size=(48, 80)), 2).frames
    video = Video("odd", frames, masks=[mask, None, None, None])
    masks = run(create(name), video, progress=False)
    if not mask.any():
        assert not masks.any()
    if mask.all():
        assert (masks == 1).mean() > 0.9


def test_a_mask_goes_out_with_its_object():
    """A square goes out of the image on the right, and comes in again; nothing is left of it."""
    ground = np.random.default_rng(0).integers(60, 140, (15, 24, 3), np.uint8)
    ground = cv2.resize(ground, (96, 60), interpolation=cv2.INTER_CUBIC)
    frames, truth = [], []
    coat = cv2.resize(ground[:16, :16], (20, 20)) // 2 + np.array([100, 0, 0], np.uint8)
    for x in [*range(64, 101, 3), *range(100, 70, -3)]:
        frame, mask = ground.copy(), np.zeros((60, 96), np.uint8)
        inside = max(0, min(20, 96 - x))
        frame[20:40, x : x + 20], mask[20:40, x : x + 20] = coat[:, :inside], 1
        frames.append(frame)
        truth.append(mask)
    video = Video("gone", np.stack(frames), masks=truth)
    masks = run(ObjectFlow(), video, progress=False)
    assert jaccard(masks[2] == 1, truth[2] == 1) > 0.9
    sizes = (masks == 1).sum(axis=(1, 2))
    assert all(np.diff(sizes[5:11]) < 0)
    assert all(sizes[12:] == 0)


@pytest.mark.parametrize("name", METHODS)
def test_objects_can_come_later(name, clip):
    first, second = ((clip.masks[t] == label) * np.uint8(label) for t, label in ((0, 1), (2, 2)))
    masks = run(create(name), clip, {0: first, 2: second}, progress=False)
    assert not (masks[1] == 2).any()
    assert jaccard(masks[4] == 2, clip.masks[4] == 2) > 0.5


@pytest.mark.parametrize("name", METHODS)
def test_it_needs_a_mask(name):
    with pytest.raises(ValueError, match="so it needs one"):
        create(name).start(np.zeros((40, 40, 3), np.uint8))


@pytest.mark.parametrize("name", METHODS)
def test_a_mask_of_another_size_is_refused(name):
    frame, mask = np.zeros((40, 40, 3), np.uint8), np.eye(40, dtype=np.uint8)
    method = create(name)
    with pytest.raises(ValueError, match=rf"{name}: a mask of \(20, 40\) was given for a frame of"):
        method.start(frame, mask[:20])
    method.start(frame, mask)
    with pytest.raises(ValueError, match=r"\(40, 10\) was given"):
        method.add(frame, mask[:, :10])


@pytest.mark.parametrize("name", METHODS)
def test_large_frames_are_worked_on_small(name):
    method = create(name)
    method.start(np.zeros((1080, 1920, 3), np.uint8), np.eye(1080, 1920, dtype=np.uint8))
    assert np.prod(method.size) < 110_000
    assert method.last.shape == (*method.size, 3)


def test_options_that_do_not_exist():
    with pytest.raises(ValueError, match="unseen is 'trust', 'background' or 'colour', not 'x'"):
        FlowPropagation(unseen="x")
    with pytest.raises(ValueError, match="at least one turn, not 0"):
        ObjectFlow(turns=0)


# --- resolution -------------------------------------------------------------------------------


@given(st.integers(2, 3000), st.integers(2, 3000))
def test_the_working_size_keeps_the_shape_of_the_frame(height, width):
    h, w = working_size((height, width))
    assert 2 <= h <= height
    assert 2 <= w <= width
    if min(h, w) > 30:
        assert h / w == pytest.approx(height / width, rel=0.04)


def test_soft_masks_and_back():
    mask = np.zeros((40, 60), np.uint8)
    mask[5:20, 5:30], mask[25:38, 20:50] = 1, 7
    np.testing.assert_array_equal(label_map(soft_masks(mask, (40, 60)), (40, 60)), mask)
    again = label_map(soft_masks(mask, (20, 30)), (40, 60))
    assert (again == mask).mean() > 0.97
    assert not label_map({}, (4, 5)).any()

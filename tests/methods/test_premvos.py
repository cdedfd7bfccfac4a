"""PReMVOS: its scores, its merging, its refinement, and what it survives."""

from functools import partial

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from vos_lab.methods import METHODS, create, run
from vos_lab.methods import premvos as module
from vos_lab.methods.flow_propagation import propagate_mask
from vos_lab.methods.premvos import (
    HIDDEN_PENALTY,
    INGREDIENTS,
    PARTS,
    SCORE_WEIGHTS,
    Candidates,
    PReMVOS,
    ScoreWeights,
    carried_to,
    expand_by_flow,
    merge,
    merge_greedily,
    proposal_scores,
    refine_proposals,
    sureness,
)
from vos_lab.methods.proposals import Proposal
from vos_lab.metrics import jaccard
from vos_lab.video import Video

# A few steps: what is tested here does not depend on how good the networks are.
Quick = partial(PReMVOS, steps=2, refinement_steps=1)

tables = st.tuples(st.integers(1, 4), st.integers(1, 3)).flatmap(
    lambda shape: st.tuples(
        arrays.arrays(float, shape[:1], elements=st.floats(0, 1)),
        arrays.arrays(float, shape, elements=st.floats(0, 1)),
        arrays.arrays(float, shape, elements=st.floats(0, 1)),
    )
)
five = st.tuples(*[st.floats(0, 1)] * 5)


@given(tables, five)
def test_scores_one_by_one(scores, weights):
    objectness, reid, flow = scores
    found = proposal_scores(objectness, reid, flow, weights)
    assert found.shape == reid.shape
    for p, k in np.ndindex(*reid.shape):
        others = [i for i in range(reid.shape[1]) if i != k]
        parts = (
            objectness[p],
            reid[p, k],
            flow[p, k],
            1 - max((reid[p, i] for i in others), default=0),
            1 - max((flow[p, i] for i in others), default=0),
        )
        expected = sum(w * s for w, s in zip(weights, parts, strict=True))
        assert found[p, k] == pytest.approx(expected)


merges = st.tuples(st.integers(0, 5), st.integers(1, 3)).flatmap(
    lambda n: st.tuples(
        arrays.arrays(bool, (n[0], 3, 4)),
        arrays.arrays(float, n, elements=st.floats(0, 1)),
        st.floats(0, 1),
    )
)


@given(merges)
def test_merging_gives_each_object_one_proposal_and_each_pixel_one_object(made):
    masks, scores, least = made
    chosen, owner = merge_greedily(masks, scores, least)
    taken = chosen[chosen >= 0]
    assert len(set(taken)) == len(taken)  # no proposal twice
    assert set(np.unique(owner)) <= set(range(scores.shape[1] + 1))
    for thing, proposal in enumerate(chosen):
        if proposal >= 0:
            assert scores[proposal, thing] >= least
            assert masks[proposal][owner == thing + 1].all()
        else:
            assert (owner != thing + 1).all()
            free = [p for p in range(len(masks)) if p not in taken]
            assert all(scores[p, thing] < least for p in free)
    # Every pixel of a chosen proposal belongs to somebody.
    assert (owner[masks[taken].any(axis=0)] > 0).all()
    assert not owner[~masks[taken].any(axis=0)].any()


def test_where_two_overlap_the_higher_score_is_in_front():
    masks = np.ones((2, 1, 3), bool)
    _, owner = merge_greedily(masks, np.array([[0.4, 0.1], [0.2, 0.9]]), 0.0)
    assert (owner == 2).all()


def test_merging_changes_none_of_what_it_is_given():
    masks, scores = np.ones((2, 1, 3), bool), np.array([[0.4, 0.1], [0.2, 0.9]])
    before = masks.copy(), scores.copy()
    merge_greedily(masks, scores, 0.0)
    assert (masks == before[0]).all()
    assert (scores == before[1]).all()


class Brighter(torch.nn.Module):
    """Says that what is bright is the object, whatever the mask says."""

    def forward(self, x):
        """Log-odds."""
        return 20 * (x[:, :1] - 0.5), []


def test_refinement_looks_only_into_the_box_and_puts_the_answer_back():
    image = np.zeros((60, 100, 3), np.uint8)
    image[20:30, 40:60] = 255  # the object,
    image[5:15, 80:95] = 255  # and something else
    rough = np.zeros((60, 100), np.float32)
    rough[17:27, 43:63] = 1
    (refined,) = refine_proposals(Brighter(), image, [rough], (96, 160))
    assert refined.shape == (60, 100)
    truth = image[..., 0] > 0
    truth[:, 70:] = False
    assert jaccard(refined > 0.5, truth) > 0.9
    assert refined[:, 78:].max() == 0
    assert refine_proposals(Brighter(), image, [], (96, 160)) == []


def test_expansion_moves_the_masks_and_trusts_them_less():
    mask = np.zeros((20, 30), np.float32)
    mask[5:10, 5:10] = 1
    flow = np.zeros((20, 30, 2), np.float32)
    flow[..., 0] = -4  # things have come from four pixels to the left
    (moved,) = expand_by_flow([Proposal(mask, 0.8)], flow)
    assert moved.mask[5:10, 9:14].min() == 1
    assert moved.mask.sum() == mask.sum()
    assert moved.objectness < 0.8


@given(
    mask=arrays.arrays(np.float32, (9, 13), elements=st.sampled_from([0, 0.25, 0.5, 0.75, 1])),
    flow=arrays.arrays(np.float32, (9, 13, 2), elements=st.floats(-6, 6, width=32)),
)
def test_to_look_at_a_part_gives_what_looking_at_all_would_give(mask, flow):
    assert (carried_to(mask, flow) == (propagate_mask(mask, flow) > 0.5)).all()


def test_how_sure_a_mask_is():
    mask = np.array([[0.9, 0.7, 0.2, 0.0]], np.float32)
    assert sureness(mask) == pytest.approx(0.8)
    assert sureness(np.zeros((2, 2), np.float32)) == 0


def test_the_merge_follows_the_weights():
    masks = np.zeros((2, 8, 8), np.float32)
    masks[0, :, :4] = masks[1, :, 4:] = 1
    candidates = Candidates(
        masks,
        objectness=np.array([0.2, 0.9]),
        reid=np.array([[0.9], [0.1]]),
        flow=np.zeros((8, 8, 2), np.float32),
    )
    last = masks[:1]
    looks, _ = merge(candidates, last, ScoreWeights(0, 1, 0, 0, 0))
    whole, _ = merge(candidates, last, ScoreWeights(1, 0, 0, 0, 0))
    moves, _ = merge(candidates, last, ScoreWeights(0, 0, 1, 0, 0))
    assert (looks[0] == masks[0]).all()
    assert (whole[0] == masks[1]).all()
    assert (moves[0] == masks[0]).all()
    gone, _ = merge(candidates, last, SCORE_WEIGHTS, least=9.0)
    assert not gone.any()


def test_a_hidden_object_is_found_again_wherever_it_comes_out():
    masks = np.zeros((2, 8, 8), np.float32)
    masks[0, :, :4] = masks[1, :, 4:] = 1
    candidates = Candidates(
        masks,
        objectness=np.array([0.7, 0.7]),
        reid=np.array([[0.9], [0.6]]),
        flow=np.zeros((8, 8, 2), np.float32),
    )
    weights = ScoreWeights(0.2, 0.4, 0.4, 0, 0)
    hidden = np.zeros((1, 8, 8), np.float32)
    merged, scores = merge(candidates, hidden, weights)
    assert (merged[0] == masks[0]).all()
    # Flow says nothing, and the two others make up for it.
    assert scores[:, 0] == pytest.approx(
        [(0.14 + 0.36) / 0.6 - HIDDEN_PENALTY, (0.14 + 0.24) / 0.6 - HIDDEN_PENALTY]
    )
    # What is in sight asks flow.
    _, scores = merge(candidates, masks[1:], weights)
    assert scores[:, 0] == pytest.approx([0.14 + 0.36, 0.14 + 0.24 + 0.4])


@pytest.fixture(scope="module")
def clip():
    """A red and a blue disk on the way to each other, before striped ground."""
    frames, masks = np.zeros((4, 48, 72, 3), np.uint8), np.zeros((4, 48, 72), np.uint8)
    frames[:] = 90 + 12 * np.arange(72)[:, None] % 48
    for t in range(4):
        for label, x, colour in ((1, 17 + t, (220, 50, 50)), (3, 54 - t, (50, 50, 220))):
            cv2.circle(masks[t], (x, 24), 9, label, -1)
            frames[t][masks[t] == label] = colour
    return Video("disks", frames, masks=masks)


def test_two_objects_each_with_its_label(clip):
    found = run(PReMVOS(steps=25, refinement_steps=10), clip, progress=False)
    for label in (1, 3):
        assert jaccard(found == label, clip.masks == label)[1:].mean() > 0.7
    assert set(np.unique(found)) <= {0, 1, 3}


def test_the_same_seed_gives_the_same_masks(clip):
    one, other = (run(Quick(), clip, progress=False) for _ in range(2))
    assert (one == other).all()


@pytest.mark.parametrize("ingredient", INGREDIENTS)
def test_each_ingredient_can_be_left_out(clip, ingredient):
    found = run(Quick(without=[ingredient]), clip, progress=False)
    assert found.shape == (4, 48, 72)
    assert create(f"premvos-without-{ingredient}").name == "premvos"


def test_what_is_left_out_later_is_as_if_it_had_never_been_there(clip):
    whole = Quick()
    whole.start(clip.frames[0], clip.masks[0])
    for ingredient in INGREDIENTS:
        later, never = whole.without(ingredient), Quick(without=[ingredient])
        never.start(clip.frames[0], clip.masks[0])
        for t in (1, 2):
            assert (later.step(clip.frames[t]) == never.step(clip.frames[t])).all(), ingredient


def test_an_ingredient_that_does_not_exist():
    with pytest.raises(ValueError, match="no 'salt', it has: proposals"):
        PReMVOS(without=["salt"])


def test_nothing_proposes_nothing_is_found(clip):
    found = run(Quick(without=list(PARTS)), clip, progress=False)
    assert not found[1:].any()


@settings(max_examples=5, deadline=None)
@given(
    size=st.sampled_from([(32, 32), (64, 36), (17, 40)]),
    what=st.sampled_from(["one", "all", "none"]),
)
def test_odd_videos(size, what):
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, (3, *size, 3), np.uint8)
    mask = np.zeros(size, np.uint8)
    if what == "one":
        mask[5, 7] = 2
    if what == "all":
        mask[:] = 2
    found = run(Quick(), Video("odd", frames, masks=[mask, None, None]), progress=False)
    assert found.shape == (3, *size)
    assert set(np.unique(found)) <= {0, 2}


def test_a_single_frame(clip):
    assert (run(Quick(), clip.part(0, 1), progress=False)[0] == clip.masks[0]).all()


def test_an_object_that_appears_later(clip):
    first = np.where(clip.masks[0] == 1, 1, 0).astype(np.uint8)
    later = np.where(clip.masks[2] == 3, 3, 0).astype(np.uint8)
    found = run(Quick(), clip, {0: first, 2: later}, progress=False)
    assert (found[:2] != 3).all()
    assert (found[2][later == 3] == 3).all()


def test_without_a_mask():
    with pytest.raises(ValueError, match=r"premvos: .* needs one"):
        Quick().start(np.zeros((32, 32, 3), np.uint8))


def test_what_it_keeps_does_not_grow(clip):
    method = Quick(expansion=True)
    method.start(clip.frames[0], clip.masks[0])
    for t in (1, 2, 3) * 3:
        method.step(clip.frames[t])
    most = 2 * (2 * module.MAX_PROPOSALS + 2 * len(method.labels))  # each as it was, and refined
    assert len(method.proposals) <= module.MAX_PROPOSALS
    assert len(method.candidates.masks) <= most


def test_it_is_registered():
    assert "premvos" in METHODS
    assert create("premvos-with-expansion", steps=1).expansion


def test_the_proposals_do_not_depend_on_what_is_chosen(clip):
    """So that a widget can keep them, and merge again with other weights."""
    found = []
    for weights in (SCORE_WEIGHTS, ScoreWeights(1, 0, 0, 0, 0)):
        method = Quick(weights=weights)
        method.start(clip.frames[0], clip.masks[0])
        for t in (1, 2, 3):
            method.step(clip.frames[t])
        found.append(method.candidates)
    for one, other in zip(*found, strict=True):
        assert np.array_equal(one, other)

"""OSVOS-S: selection, propagation, the two classifiers, and what they do to an intruder."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vos_lab.datasets.procedural import suite
from vos_lab.methods import create, run
from vos_lab.methods.networks import SegmentationNetwork
from vos_lab.methods.osvos import OSVOS
from vos_lab.methods.osvos_s import (
    CLASSES,
    OSVOSS,
    ClassNetwork,
    ConditionalNetwork,
    class_scores,
    conditional_classifier,
    propagate_semantics,
    select_instances,
)
from vos_lab.methods.proposals import Proposal
from vos_lab.metrics import jaccard
from vos_lab.video import Video

SIZE = (64, 96)


def boxes(rng, count, shape=(8, 10)):
    masks = np.zeros((count, *shape), bool)
    for mask in masks:
        top, left = rng.integers(0, 5), rng.integers(0, 6)
        mask[top : top + rng.integers(2, 5), left : left + rng.integers(2, 6)] = True
    return masks


# --- selection --------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 9999), st.integers(0, 6))
def test_selection_is_that_of_a_slow_loop(seed, count):
    rng = np.random.default_rng(seed)
    masks, first = boxes(rng, count), boxes(rng, 1)[0]
    scores = rng.dirichlet(np.ones(3), count).astype(np.float32).reshape(count, 3)
    expected, union, best = np.zeros(3, int), np.zeros_like(first), 0.0
    left = list(range(count))
    while left:
        ious = [jaccard(union | masks[p], first) for p in left]
        if max(ious) <= best + 0.02:
            break
        best = max(ious)
        chosen = left.pop(int(np.argmax(ious)))
        union = union | masks[chosen]
        expected[scores[chosen].argmax()] += 1
    if best < 0.3:
        expected[:] = 0
    np.testing.assert_array_equal(select_instances(masks, scores, first, 0.02, 0.3), expected)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 9999))
def test_an_object_that_is_one_of_the_proposals_is_selected_alone(seed):
    rng = np.random.default_rng(seed)
    masks, scores = boxes(rng, 5), rng.dirichlet(np.ones(3), 5).astype(np.float32)
    wanted = select_instances(masks, scores, masks[3], 0.0, 0.5)
    assert wanted.tolist() == (np.arange(3) == scores[3].argmax()).astype(int).tolist() or any(
        np.array_equal(masks[3], masks[p]) for p in (0, 1, 2, 4)
    )


# --- propagation ------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 9999), st.integers(0, 6))
def test_the_prior_is_that_of_all_choices(seed, count):
    """Of all ways to choose, the one with the largest sum of overlaps, as in a slow search."""
    rng = np.random.default_rng(seed)
    masks = (boxes(rng, count) * rng.uniform(0.3, 1, (count, 8, 10))).astype(np.float32)
    probability = (boxes(rng, 1)[0] * rng.uniform(0.3, 1, (8, 10))).astype(np.float32)
    scores = rng.dirichlet(np.ones(2), count).astype(np.float32).reshape(count, 2)
    wanted = rng.integers(0, 3, 2)
    overlap = [np.minimum(m, probability).sum() / np.maximum(m, probability).sum() for m in masks]
    chosen: list[int] = []
    for number in (0, 1):
        able = [p for p in range(count) if scores[p].argmax() == number and overlap[p] >= 0.1]
        size = min(wanted[number], len(able))
        ways = itertools.combinations(able, size)
        chosen += max(ways, key=lambda way: sum(overlap[p] for p in way))
    expected = np.zeros((8, 10), np.float32)
    for p in chosen:
        expected = np.maximum(expected, masks[p])
    if len(chosen) < wanted.sum() or not chosen:
        expected = np.maximum(expected, 0.5)
    prior = propagate_semantics(masks, scores, wanted, probability, 0.1)
    assert prior.dtype == np.float32
    np.testing.assert_allclose(prior, expected)


# --- the classifiers --------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 9999), st.floats(0, 1))
def test_the_answer_lies_between_the_two_classifiers(seed, trust):
    rng = torch.Generator().manual_seed(seed)
    inside, outside = (torch.randn(1, 2, 3, 4, generator=rng) for _ in range(2))
    prior = torch.rand(1, 2, 3, 4, generator=rng)
    score = conditional_classifier(inside, outside, prior, trust)
    low, high = torch.minimum(inside, outside), torch.maximum(inside, outside)
    assert ((score >= low - 1e-5) & (score <= high + 1e-5)).all()
    if trust == 0:
        torch.testing.assert_close(score, (inside + outside) / 2)


def test_before_learning_half_of_both_classifiers_is_the_parent():
    torch.manual_seed(0)
    parent = SegmentationNetwork().eval()
    both = ConditionalNetwork(parent, objects=2, evidence=3.0).eval()
    images = torch.rand(1, 3, 32, 48)
    unknown = torch.full((1, 2, 32, 48), 0.5)
    with torch.inference_mode():
        expected = parent(images)[0].expand(1, 2, 32, 48)
        found = both(torch.cat([images, unknown], dim=1))[0]
        torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)
        inside, outside, _ = both.classifiers(images)
    torch.testing.assert_close(outside, torch.full_like(outside, -3.0), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(inside, 2 * expected + 3, atol=1e-3, rtol=1e-3)


# --- the method -------------------------------------------------------------------------------


class Boxes:
    """Proposes what it is told to, and remembers what it was shown."""

    def __init__(self, *masks):
        self.masks, self.seen = masks, []

    def propose(self, image):
        self.seen.append(image.shape[:2])
        return [Proposal(self._large(mask, image.shape[:2]), 0.9) for mask in self.masks]

    def _large(self, mask, size):
        rows = np.arange(size[0]) * mask.shape[0] // size[0]
        columns = np.arange(size[1]) * mask.shape[1] // size[1]
        return mask[rows][:, columns].astype(np.float32)


class ByPlace(ClassNetwork):
    """A class head that calls the darker of two things an animal, and the other one a person."""

    def forward(self, x):
        bright = ((x[:, :3] * x[:, 3:]).sum(dim=(1, 2, 3)) / x[:, 3:].sum(dim=(1, 2, 3))) > 1.5
        logits = torch.zeros(len(x), len(CLASSES) + 1)
        logits[:, CLASSES.index("animal")] = 5.0 * ~bright
        logits[:, CLASSES.index("person")] = 5.0 * bright
        return logits


def box(top, bottom, left, right):
    mask = np.zeros(SIZE, bool)
    mask[top:bottom, left:right] = True
    return mask


OBJECT, STRANGER = box(20, 44, 10, 34), box(20, 44, 60, 84)


def scene(stranger=True):
    """A dark square, and beside it perhaps a slightly brighter one, on a noisy ground."""
    image = np.random.default_rng(0).integers(180, 255, (*SIZE, 3)).astype(np.uint8)
    image[OBJECT] = 60
    if stranger:
        image[STRANGER] = (130, 130, 140)
    return image


QUICK = {"parent": None, "steps": 12, "batch": 1, "augmentation": "none"}


def started(proposer, **options):
    method = OSVOSS(classes=ByPlace(), proposer=proposer, **QUICK | options)
    method.start(scene(stranger=False), OBJECT.astype(np.uint8))
    return method


def test_the_prior_holds_what_is_of_the_class_of_the_object():
    method = started(Boxes(OBJECT, STRANGER))
    assert method.wanted[1][CLASSES.index("animal")] == 1
    assert method.wanted[1].sum() == 1
    found = method.instances(scene())
    both = (OBJECT | STRANGER)[None].astype(np.float32)
    prior = method.prior(found, both)[0]
    assert prior[OBJECT].mean() > 0.9
    assert prior[STRANGER].mean() < 0.1
    # Its edge is soft, unless it is trusted blindly.
    assert ((prior > 0.1) & (prior < 0.9)).any()
    sharp = method.version(blur=0.0).prior(found, both)[0]
    np.testing.assert_array_equal(sharp > 0.5, OBJECT)
    # If classes do not count, whatever overlaps most is in it.
    stranger_first = STRANGER[None].astype(np.float32)
    assert method.prior(found, stranger_first)[0][STRANGER].mean() == pytest.approx(0.5)
    assert method.version(any_class=True).prior(found, stranger_first)[0][STRANGER].mean() > 0.9


def test_trust_says_how_much_the_prior_counts():
    method = started(Boxes(OBJECT, STRANGER), steps=2)
    seen = method.look(scene())
    nothing, unknown = np.zeros((1, *SIZE), np.float32), np.full((1, *SIZE), 0.5, np.float32)
    np.testing.assert_allclose(
        method.answer(seen, nothing, 0.0), method.answer(seen, unknown, 1.0), atol=1e-6
    )
    assert method.answer(seen, nothing, 1.0).mean() < method.answer(seen, unknown, 1.0).mean()
    np.testing.assert_allclose(
        method.appearance(seen), method.answer(seen, unknown, 1.0), atol=1e-6
    )


def test_small_frames_are_enlarged_for_the_proposals():
    proposer = Boxes(OBJECT)
    method = started(proposer, steps=0)
    assert proposer.seen[0][0] > 3 * SIZE[0]
    assert method.instances(scene()).masks.shape == (1, *SIZE)


def test_the_prior_is_dropped_in_some_training_frames():
    for drop, shares in ((0.0, {1.0}), (1.0, {0.5}), (0.5, {0.5, 1.0})):
        method = started(Boxes(OBJECT), steps=0, drop=drop, blur=0.0)
        method.steps = 16
        priors = [inputs[0, 3].numpy() for inputs, _ in method._batches()]
        assert {float(prior.max()) for prior in priors} == shares


def test_both_learn_from_the_same_frames():
    method, plain = started(Boxes(OBJECT), steps=0), OSVOS(**QUICK | {"steps": 0})
    plain.start(scene(stranger=False), OBJECT.astype(np.uint8))
    method.steps = plain.steps = 3
    for (with_prior, truth), (images, same) in zip(
        method._batches(), plain._batches(), strict=True
    ):
        assert with_prior.shape[1] == 4
        assert torch.equal(with_prior[:, :3], images)
        assert torch.equal(truth, same)


def test_without_a_proposal_at_the_object_it_is_osvos():
    for proposer in (Boxes(), Boxes(STRANGER)):
        method, plain = started(proposer), OSVOS(**QUICK)
        plain.start(scene(stranger=False), OBJECT.astype(np.uint8))
        assert not method.wanted[1].any()
        np.testing.assert_array_equal(method.step(scene()), plain.step(scene()))
        with pytest.raises(ValueError, match="no proposal meets"):
            method.look(scene())


def test_an_empty_mask_and_objects_that_come_later():
    method = OSVOSS(classes=ByPlace(), proposer=Boxes(OBJECT, STRANGER), **QUICK | {"steps": 2})
    method.start(scene(), np.zeros(SIZE, np.uint8))
    assert not method.step(scene()).any()
    method.add(scene(), (OBJECT + 4 * STRANGER).astype(np.uint8))
    assert set(method.wanted) == {1, 4}
    assert method.wanted[4][CLASSES.index("person")] == 1
    assert set(np.unique(method.step(scene()))) <= {0, 1, 4}


def test_regions_of_an_image_have_classes_that_add_up_to_at_most_one():
    masks = np.stack([OBJECT, STRANGER, np.zeros(SIZE)]).astype(np.float32)
    scores = class_scores(ClassNetwork().eval(), scene(), masks)
    assert scores.shape == (3, len(CLASSES))
    assert (scores[:2].sum(axis=1) <= 1 + 1e-5).all()
    assert not scores[2].any()
    assert class_scores(ClassNetwork().eval(), scene(), masks[:0]).shape == (0, len(CLASSES))


def test_the_shipped_head_knows_whole_things_on_validation_videos():
    right = []
    for clip in suite("intruder", "val", length=4, frames=12, size=(160, 288)):
        image, labels = clip.frames[0], clip.masks[0]
        scores = class_scores(
            OSVOSS(steps=0).classes, image, (labels == 1)[None].astype(np.float32)
        )
        right.append(CLASSES[int(scores[0].argmax())] == clip.classes[1])
    assert np.mean(right) >= 0.75


def test_the_same_seed_gives_the_same_masks():
    video = Video("two", np.stack([scene(False), scene()]), [OBJECT.astype(np.uint8), None])
    options = {"classes": ByPlace(), "proposer": Boxes(OBJECT, STRANGER), **QUICK | {"steps": 4}}
    one, again = (run(create("osvos-s", **options), video, progress=False) for _ in range(2))
    np.testing.assert_array_equal(one, again)
    assert create("osvos-s-without-prior", steps=0).trust == 0

"""OSVOS: its loss, its contours, and what it learns from one frame."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vos_lab import weights
from vos_lab.datasets.procedural import suite
from vos_lab.methods import create, fine_tuning, run
from vos_lab.methods.fine_tuning import fine_tune, truth_of
from vos_lab.methods.networks import SegmentationNetwork, segmentation_loss
from vos_lab.methods.osvos import OSVOS, class_balanced_loss, cross_entropy
from vos_lab.metrics import jaccard
from vos_lab.video import VOID

seeds = st.integers(0, 10_000)

# --- the loss ---------------------------------------------------------------------------------


def balanced_slowly(score, truth):
    known = [(s, t) for s, t in zip(score.ravel(), truth.ravel(), strict=True) if t != VOID]
    if not known:
        return 0.0
    beta = sum(t == 0 for _, t in known) / len(known)
    total = 0.0
    for s, t in known:
        probability = 1 / (1 + math.exp(-float(s)))
        if t > 0:
            total -= beta * math.log(probability)
        else:
            total -= (1 - beta) * math.log(1 - probability)
    return total / len(known)


@settings(max_examples=60, deadline=None)
@given(seeds, st.lists(st.sampled_from([0, 1, VOID]), min_size=1, max_size=12))
def test_the_loss_is_the_equation(seed, truth):
    score = np.random.default_rng(seed).normal(0, 3, len(truth)).astype(np.float32)
    truth = np.array(truth, np.uint8)
    value = class_balanced_loss(torch.from_numpy(score), torch.from_numpy(truth))
    assert value.ndim == 0
    assert float(value) == pytest.approx(balanced_slowly(score, truth), rel=1e-4, abs=1e-6)


def test_a_small_object_counts_as_much_as_all_the_rest():
    truth = torch.zeros(100, dtype=torch.uint8)
    truth[:3] = 1
    score = torch.zeros(100, requires_grad=True)
    class_balanced_loss(score, truth).backward()
    assert float(-score.grad[:3].sum()) == pytest.approx(float(score.grad[3:].sum()), rel=1e-4)
    score.grad = None
    cross_entropy(score, truth).backward()
    assert -score.grad[:3].sum() < 0.1 * score.grad[3:].sum()


@pytest.mark.parametrize("loss", [class_balanced_loss, cross_entropy])
def test_a_loss_of_wild_scores_is_finite(loss):
    score = torch.tensor([500.0, -500.0, 500.0, -500.0], requires_grad=True)
    value = loss(score, torch.tensor([1, 1, 0, VOID], dtype=torch.uint8))
    value.backward()
    assert torch.isfinite(value)
    assert torch.isfinite(score.grad).all()
    assert score.grad[3] == 0


# --- several annotations ----------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(seeds, st.sets(st.integers(1, 4), min_size=1), st.sets(st.integers(1, 4)))
def test_what_each_output_shall_say(seed, objects, known):
    rng = np.random.default_rng(seed)
    labels = rng.choice(np.array([0, 1, 2, 3, 4, VOID], np.uint8), (5, 6))
    truth = truth_of(labels, sorted(objects), sorted(known))
    assert truth.dtype == np.uint8
    for k, label in enumerate(sorted(objects)):
        for place in np.ndindex(labels.shape):
            here = labels[place]
            if here == VOID:
                expected = VOID
            elif here == label:
                expected = 1
            elif here > 0 or label in known:
                expected = 0  # another object, or background where the object is known to be
            else:
                expected = VOID
            # An object that is not known there can only be where it is annotated by mistake.
            if not (here == label and label not in known):
                assert truth[(k, *place)] == expected


def test_a_negative_annotation_keeps_a_look_alike_out():
    frame = np.full((48, 96, 3), 90, np.uint8)
    frame[10:26, 10:26] = 220, 60, 60
    first = np.zeros((48, 96), np.uint8)
    first[10:26, 10:26] = 1
    other = np.full((48, 96, 3), 90, np.uint8)
    other[20:36, 60:76] = 220, 140, 60  # alike, but not the same
    alone, told = (
        OSVOS(parent=None, snapping=False, steps=80, more=more)
        for more in ([], [(other, np.zeros_like(first))])
    )
    for method in (alone, told):
        method.start(frame, first)
    found = [float((m.step(other)[20:36, 60:76] == 1).mean()) for m in (alone, told)]
    assert found[1] < 0.1
    assert found[0] > found[1] + 0.3
    assert jaccard(told.step(frame) == 1, first == 1) > 0.7


# --- learning ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def clip():
    return suite("easy", frames=5, size=(96, 160), length=2)[1]


@pytest.fixture(scope="module")
def learned(clip):
    losses = []
    method = OSVOS(parent=None, steps=30, watch=lambda step, loss: losses.append((step, loss)))
    method.start(clip.frames[0], clip.masks[0])
    return method, losses


def test_learning_lowers_the_loss_and_finds_the_object_later(learned, clip):
    method, losses = learned
    assert [step for step, _ in losses] == list(range(1, 31))
    values = [loss for _, loss in losses]
    assert np.mean(values[-5:]) < 0.3 * np.mean(values[:5])
    assert jaccard(method.step(clip.frames[-1]) == 1, clip.masks[-1] == 1) > 0.75


def test_each_frame_is_segmented_on_its_own(learned, clip):
    method, _ = learned
    at_once = method.step(clip.frames[3])
    method.step(np.zeros_like(clip.frames[0]))  # the object is gone
    method.step(clip.frames[1])
    np.testing.assert_array_equal(method.step(clip.frames[3]), at_once)


def test_fine_tuning_gives_the_loss_of_each_step_as_a_number():
    torch.manual_seed(0)
    network = SegmentationNetwork()
    batch = torch.rand(1, 3, 32, 32), torch.ones(1, 1, 32, 32, dtype=torch.uint8)
    watched = []
    losses = fine_tune(network, [batch] * 5, cross_entropy, 1e-2, watched.append)
    assert losses == watched
    assert all(type(loss) is float for loss in losses)
    assert losses[-1] < losses[0]
    assert not network.training


def test_balance_matters_for_what_is_learned_first():
    frame = np.full((48, 64, 3), 90, np.uint8)
    frame[20:26, 30:36] = 160, 100, 90
    mask = np.zeros((48, 64), np.uint8)
    mask[20:26, 30:36] = 1
    found = []
    for loss in ("balanced", "cross-entropy"):
        method = OSVOS(parent=None, snapping=False, steps=6, loss=loss)
        method.start(frame, mask)
        (soft,) = method.probabilities(frame).values()
        found.append((soft > 0.5)[mask == 1].mean())
    assert found[0] > found[1]


# --- options and shipped weights --------------------------------------------------------------


def test_an_augmentation_that_does_not_exist():
    with pytest.raises(ValueError, match=r"augmentation is one of .*not 'wild'"):
        OSVOS(parent=None, augmentation="wild")


def test_a_loss_that_does_not_exist():
    with pytest.raises(ValueError, match=r"no loss 'gain'; there are: cross-entropy, balanced"):
        OSVOS(parent=None, loss="gain")


def test_the_soft_jaccard_of_several_objects_counts_each_alike():
    score = torch.full((1, 2, 8, 8), -9.0)
    score[0, :, 0, 0] = 9.0
    truth = torch.zeros(1, 2, 8, 8, dtype=torch.uint8)
    truth[0, 0, 0, 0] = 1  # one object is found; the other, a large one, is not
    truth[0, 1, 2:] = 1
    alone = segmentation_loss(score[:, :1], truth[:, :1])
    missed = segmentation_loss(score[:, 1:], truth[:, 1:])
    both = segmentation_loss(score, truth)
    assert float(both) == pytest.approx(float(alone + missed) / 2, rel=1e-4)


@pytest.mark.parametrize("name", ["osvos-parent", "osvos-contours"])
def test_the_weights_ship_with_a_card(name):
    card = weights.card(name)
    assert card["held_out"][-1]["1 - J"] < card["held_out"][0]["1 - J"]
    assert "train_video" in card["data"]  # which draws from the train split alone
    assert card["parameters"] < 1_000_000


@pytest.mark.parametrize("name", ["osvos-parent", "masktrack-parent"])
def test_who_learned_longer_misses_less(name):
    short, long = (weights.card(each)["held_out"][-1]["1 - J"] for each in (name, f"{name}-long"))
    assert long < short - 0.05


def test_the_parent_sees_objects_before_it_has_seen_this_one(clip):
    knowing, random = OSVOS(steps=0, snapping=False), OSVOS(parent=None, steps=0, snapping=False)
    scores = []
    for method in (knowing, random):
        method.start(clip.frames[0], clip.masks[0])
        scores.append(jaccard(method.step(clip.frames[0]) > 0, clip.masks[0] == 1))
    assert scores[0] > 0.5
    assert scores[0] > scores[1] + 0.2


def test_it_is_made_by_name(clip):
    method = create("osvos", steps=2)
    assert run(method, clip, progress=False).shape == (5, 96, 160)


def test_the_last_steps_are_smaller(monkeypatch):
    rates = []

    def remembered(network, batches, loss, learning_rate, watch=None):
        rates.extend(learning_rate for _ in batches)

    monkeypatch.setattr(fine_tuning, "fine_tune", remembered)
    frame, mask = np.zeros((32, 48, 3), np.uint8), np.eye(32, 48, dtype=np.uint8)
    OSVOS(parent=None, steps=8).start(frame, mask)
    assert rates == pytest.approx([3e-3] * 6 + [1e-3] * 2)
    rates.clear()
    OSVOS(parent=None, steps=1).start(frame, mask)
    assert rates == pytest.approx([3e-3])

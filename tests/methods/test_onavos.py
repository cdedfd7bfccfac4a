"""OnAVOS: which pixels it learns from, and how it goes on learning."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vos_lab.datasets.procedural import suite
from vos_lab.methods import run
from vos_lab.methods.networks import SegmentationNetwork
from vos_lab.methods.onavos import FIRST_FRAME, OnAVOS, adapt, select_training_pixels
from vos_lab.methods.osvos import class_balanced_loss
from vos_lab.metrics import jaccard
from vos_lab.video import VOID


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 9), st.integers(1, 9), st.integers(0, 5))
def test_training_pixels_are_those_of_a_slow_loop(seed, height, width, far):
    rng = np.random.default_rng(seed)
    probability = rng.random((height, width), np.float32)
    last = rng.random((height, width)) < rng.choice([0.0, 0.05, 0.3])
    far += 0.25  # no two pixels are just as far from each other
    chosen = select_training_pixels(probability, last, 0.7, far)
    assert chosen.dtype == np.uint8
    for place in np.ndindex(height, width):
        distances = [math.dist(place, other) for other in np.argwhere(last)]
        if distances and min(distances) > far:
            expected = 0
        else:
            expected = 1 if probability[place] >= 0.7 else VOID
        assert chosen[place] == expected


def constant_batch(value, truth):
    return torch.full((1, 3, 32, 48), value), torch.full((1, 1, 32, 48), truth, dtype=torch.uint8)


def test_the_first_frame_keeps_it_from_learning_its_own_mistakes():
    torch.manual_seed(0)
    network = SegmentationNetwork()
    bright, dark = torch.full((1, 3, 32, 48), 0.9), torch.full((1, 3, 32, 48), 0.1)
    truth = torch.zeros(1, 1, 32, 48, dtype=torch.uint8)
    truth[..., 10:20] = 1

    def after(share):
        copy = network.for_objects(1)
        wrong = bright, 1 - truth
        adapt(copy, wrong, [(bright, truth), (dark, truth)] * 6, class_balanced_loss, 5e-3, share)
        with torch.inference_mode():
            return float(class_balanced_loss(copy(bright)[0], truth))

    assert after(0.0) < after(0.2) < after(5.0)


def test_adapting_gives_the_loss_of_each_step_as_a_number():
    torch.manual_seed(0)
    network = SegmentationNetwork()
    current, first = constant_batch(0.2, 0), constant_batch(0.8, 1)
    loss = torch.nn.functional.binary_cross_entropy_with_logits

    def plain(score, truth):
        return loss(score, truth.float())

    with torch.inference_mode():
        network.train()
        expected = 0.5 * plain(network(current[0])[0], current[1]) + plain(
            network(first[0])[0], first[1]
        )
    losses = adapt(network, current, [first] * 4, plain, 1e-3, 0.5)
    assert len(losses) == 4
    assert all(type(value) is float for value in losses)
    assert losses[0] == pytest.approx(float(expected), rel=1e-4)
    assert losses[-1] < losses[0]
    assert not network.training


# --- the method -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def clip():
    return suite("easy", frames=4, size=(96, 160), length=2)[1]


def weights_of(method):
    return torch.cat([p.detach().ravel() for p in method.network.parameters()])


def test_it_learns_finds_the_object_and_goes_on_learning(clip):
    losses = []
    method = OnAVOS(
        parent=None,
        snapping=False,
        steps=30,
        adapt_steps=2,
        watch=lambda step, loss: losses.append(loss),
    )
    method.start(clip.frames[0], clip.masks[0])
    assert len(losses) == 30
    assert np.mean(losses[-5:]) < 0.3 * np.mean(losses[:5])
    before = weights_of(method)
    masks = [method.step(frame) for frame in clip.frames[1:]]
    assert not torch.equal(before, weights_of(method))
    assert jaccard(masks[-1] == 1, clip.masks[-1] == 1) > 0.7

    # Of a frame in which nothing is sure, nothing is learned.
    before = weights_of(method)
    method.sure = 1.1
    method.step(clip.frames[1])
    assert torch.equal(before, weights_of(method))


def test_what_is_far_from_the_last_mask_is_negative_and_nothing_else(clip):
    method = OnAVOS(parent=None, snapping=False, steps=0, far=0.2)
    method.start(clip.frames[0], clip.masks[0])
    soft = {1: np.full((96, 160), 0.5, np.float32)}
    (chosen,) = method.training_pixels(soft)
    rows, columns = np.nonzero(clip.masks[0] == 1)
    assert set(np.unique(chosen)) == {0, VOID}
    assert (chosen[clip.masks[0] == 1] == VOID).all()
    far = np.argwhere(chosen == 0)
    nearest = min(
        math.dist(far[i], (r, c))
        for i in range(0, len(far), 50)
        for r, c in zip(rows[::7], columns[::7], strict=True)
    )
    assert nearest > 0.2 * math.sqrt(96 * 160) - 2  # distances are from a mask a pixel smaller
    assert nearest < 0.2 * math.sqrt(96 * 160) + 10
    method.negatives = False
    (chosen,) = method.training_pixels(soft)
    assert (chosen == VOID).all()


@pytest.mark.parametrize("options", [{"mixing": False}, {"negatives": False}, {"adapt_steps": 0}])
def test_each_part_can_be_left_out(clip, options):
    method = OnAVOS(parent=None, snapping=False, steps=3, sure=0.4, **{"adapt_steps": 1, **options})
    masks = run(method, clip, progress=False)
    assert masks.shape == (4, 96, 160)


def test_without_adapting_it_is_osvos(clip):
    from vos_lab.methods.osvos import OSVOS

    options = {**FIRST_FRAME, "parent": None, "snapping": False, "steps": 5}
    still, plain = OnAVOS(adapt_steps=0, **options), OSVOS(**options)
    np.testing.assert_array_equal(
        run(still, clip, progress=False), run(plain, clip, progress=False)
    )

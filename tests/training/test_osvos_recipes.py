"""How the parents of OSVOS and MaskTrack and the contour branch learn."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

from vos_lab.datasets.procedural import Spec, render
from vos_lab.methods.networks import SegmentationNetwork, deep_supervision
from vos_lab.methods.osvos import class_balanced_loss
from vos_lab.training import recipe, train
from vos_lab.training.recipes import contours, masktrack, osvos, pictures
from vos_lab.video import VOID

NAMES = [
    "osvos-parent",
    "osvos-parent-long",
    "osvos-closer-parent",
    "masktrack-parent",
    "masktrack-parent-long",
    "osvos-contours",
]


@pytest.fixture
def tiny(monkeypatch):
    """Two small training videos, and two of their pictures for held-out ones."""
    for module in (pictures, contours):
        monkeypatch.setattr(module, "SIZE", (48, 80))
    monkeypatch.setattr(pictures, "CROP", (32, 48))
    caches = pictures.train_picture, pictures.closer_clip, contours.train_contours
    for cache in caches:
        cache.cache_clear()
    seen = [pictures.train_picture(number, 3) for number in (0, 1)]
    edges = [contours.train_contours(number, 3) for number in (0, 1)]
    for module in (osvos, masktrack):
        monkeypatch.setattr(module, "held_out_pictures", lambda closer=False: seen)
    monkeypatch.setattr(contours, "held_out_contours", lambda: edges)
    yield
    for cache in caches:
        cache.cache_clear()


def small_batch(name):
    """The batches of a recipe, of two pictures each, from two videos. Not of photographs: the
    packages that bring them may be missing."""
    drawn = {"source": pictures.closer_picture} if "closer" in name else {}
    return partial(recipe(name).batch, batch=2, videos=2, **drawn)


@pytest.mark.parametrize("name", NAMES)
def test_each_can_be_trained_again(tiny, name):
    done = train(replace(recipe(name), batch=small_batch(name)), steps=3, progress=False)
    assert len(done.losses) == 3
    assert np.isfinite(done.losses).all()
    assert 0 <= done.held_out[-1][1]["1 - J"] <= 1


@pytest.mark.parametrize("name", NAMES)
def test_a_batch_depends_on_its_randomness_alone(tiny, name):
    one, again, other = (small_batch(name)(0.5, np.random.default_rng(s)) for s in (1, 1, 2))
    inputs, truth = one
    assert inputs.shape == (2, 4 if name.startswith("masktrack") else 3, 32, 48)
    assert truth.shape == (2, 1, 32, 48)
    assert 0 <= inputs.min() <= inputs.max() <= 1
    assert set(truth.unique().tolist()) <= {0, 1, VOID}
    assert torch.equal(inputs, again[0])
    assert torch.equal(truth, again[1])
    assert not torch.equal(inputs, other[0])


def test_nobody_is_asked_to_tell_twins_apart():
    video = render(Spec(frames=2, size=(64, 112), distractors=3), 3)
    _, labels = pictures.picture(video, 1)
    twin = (video.instances[1] > 0) & (video.masks[1] == 0)
    assert twin.any()
    assert (labels[twin] == VOID).all()
    np.testing.assert_array_equal(labels[~twin], video.masks[1][~twin])


def test_contours_are_where_one_thing_ends():
    video = render(Spec(frames=2, size=(64, 112), objects=2), 4)
    _, edge = contours.contours_of(video, 1)
    labels = video.instances[1]
    ends = np.zeros(labels.shape, bool)
    ends[:, 1:] |= labels[:, 1:] != labels[:, :-1]
    ends[1:] |= labels[1:] != labels[:-1]
    assert set(np.unique(edge)) == {0, 1}
    assert edge[ends].all()
    assert edge.mean() < 0.25


def test_the_loss_of_all_counts_the_side_outputs_less(tiny):
    torch.manual_seed(0)
    network = SegmentationNetwork()
    batch = osvos.pictures(0.0, np.random.default_rng(0))
    whole = deep_supervision(network, batch, class_balanced_loss)
    fused = class_balanced_loss(network(batch[0])[0], batch[1])
    assert whole > fused
    whole.backward()
    assert all(torch.isfinite(p.grad).all() for p in network.parameters())

"""How the space-time memory learns."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

from vos_lab import weights
from vos_lab.methods.networks import SmallBackbone
from vos_lab.training import recipe, train
from vos_lab.training.recipes import pictures
from vos_lab.training.recipes import space_time_memory as recipes
from vos_lab.video import VOID


@pytest.fixture
def tiny(monkeypatch):
    """Two small training videos, which are the held-out ones, too."""
    for name, value in (("SIZE", (64, 96)), ("CROP", (48, 80)), ("MOMENTS", (0, 2, 4))):
        monkeypatch.setattr(recipes, name, value)
    monkeypatch.setattr(pictures, "CROP", (48, 80))
    monkeypatch.setattr(recipes, "PHOTOGRAPHS", 0.0)  # their packages may be missing
    for cache in (recipes.train_picture, recipes.closer_clip):
        cache.cache_clear()
    views = [[recipes.train_picture(n, t) for t in (0, 2, 4)] for n in (0, 1)]
    monkeypatch.setattr(recipes, "held_out_clips", lambda videos, closer=False: views)
    yield
    for cache in (recipes.train_picture, recipes.closer_clip):
        cache.cache_clear()


def few(name):
    found = recipe(name)
    return replace(found, batch=partial(found.batch, videos=2, batch=2))


@pytest.mark.parametrize("name", ["stm-stills", "stm-drawn", "stm"])
def test_each_can_be_trained_again(tiny, name):
    done = train(few(name), steps=2, progress=False)
    assert np.isfinite(done.losses).all()
    assert 0 <= done.held_out[-1][1]["1 - J"] <= 1


def test_training_learns_what_it_sees(tiny):
    network = recipes.network()
    clips = recipes.videos(1.0, np.random.default_rng(0), batch=2, videos=2)
    optimiser = torch.optim.Adam((p for p in network.parameters() if p.requires_grad), 1e-3)
    losses = []
    for _ in range(12):
        loss = recipes.loss_of(network, clips)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.7 * losses[0]
    # What edges and colours are was learned before, and stays.
    learned = weights.part("osvos-parent-long", "backbone")
    stem = SmallBackbone().stages[:2]
    stem.load_state_dict(
        {
            k.removeprefix("stages."): v
            for k, v in learned.items()
            if k.startswith(("stages.0", "stages.1"))
        }
    )
    for kept, before in zip(network.stem.parameters(), stem.parameters(), strict=True):
        assert torch.equal(kept, before)
    assert network.masks.weight.abs().max() > 0  # and the masks have influence now


def test_three_views_show_the_same_objects(tiny):
    rng = np.random.default_rng(0)
    for views in (recipes.still_views(rng, videos=2), recipes.video_views(1.0, rng, videos=2)):
        assert len(views) == 3
        assert {image.shape for image, _ in views} == {(48, 80, 3)}
        labels = [set(np.unique(each)) - {0, VOID} for _, each in views]
        assert labels[1] <= labels[0] | set(range(1, 5))


def test_skips_grow(monkeypatch):
    seen = []
    monkeypatch.setattr(recipes, "train_picture", lambda number, t: t)
    monkeypatch.setattr(recipes, "moving_window", lambda frames, rng, camera: frames)
    for share in (0.0, 0.5, 1.0):
        rng = np.random.default_rng(0)
        places = [
            [recipes.MOMENTS.index(t) for t in recipes.video_views(share, rng, videos=3)]
            for _ in range(60)
        ]
        assert all(a < b < c for a, b, c in places)
        seen.append(max(max(b - a, c - b) for a, b, c in places))
    assert seen[0] == 1
    assert seen == sorted(seen)
    assert seen[-1] > seen[0]


def test_a_camera_takes_a_clip_in_the_same_places(tiny):
    plain = [recipes.train_picture(0, t) for t in (0, 2, 4)]
    drawn, taken = (
        recipes.moving_window(plain, np.random.default_rng(3), camera) for camera in (False, True)
    )
    assert any((a != b).any() for (a, _), (b, _) in zip(drawn, taken, strict=True))
    for image, labels in taken:
        assert image.shape == (48, 80, 3)
        assert image.dtype == np.uint8
        assert set(np.unique(labels)) <= {0, 1, 2, 3, 4, VOID}


def test_a_clip_holds_objects_of_its_first_frame():
    labels = np.zeros((3, 40, 60), np.uint8)
    labels[:, :10, :10], labels[:, 20:30, 20:30], labels[:, 30:, 50:] = 3, 7, VOID
    labels[1:, 20:30, 40:50] = 9  # comes later, so nobody is asked for it
    views = [(np.zeros((40, 60, 3), np.uint8), each) for each in labels]
    images, truth, objects = recipes.clip_of(views, np.random.default_rng(0))
    assert images.shape == (3, 3, 40, 60)
    assert objects == 2
    assert set(np.unique(truth)) == {0, 1, 2, VOID}
    assert (truth[1, 20:30, 40:50] == 0).all()


def test_what_nobody_knows_does_not_count():
    torch.manual_seed(0)
    network = recipes.SpaceTimeNetwork().eval()
    images = torch.rand(1, 3, 3, 32, 48)
    truth = torch.zeros(1, 3, 32, 48, dtype=torch.uint8)
    truth[:, :, 8:20, 8:20] = 1
    truth[:, 1:, :, 30:] = VOID
    with torch.inference_mode():
        before = recipes.loss_of(network, (images, truth, torch.tensor([1])))
        ((first, read),), _ = recipes.segmented(network, (images, truth, torch.tensor([1])))
    assert first.shape == (2, 32, 48)
    assert read.shape == (1, 4, 6)
    counts = truth[0, 1] != VOID
    entropy = -torch.where(truth[0, 1] == 1, first[1], first[0]).log()[counts].mean()
    assert float(before) > 0.5 * float(entropy) > 0
    perfect = torch.stack([1.0 - (truth[0, 1] == 1).float(), (truth[0, 1] == 1).float()])
    assert float(recipes.soft_js(perfect, truth[0, 1])[0]) == pytest.approx(1)


def test_cells_that_read_what_is_there_lose_nothing():
    truth = torch.zeros(16, 24, dtype=torch.uint8)
    truth[:8, :16] = 1
    truth[8:] = VOID
    right, wrong = torch.zeros(1, 2, 3), torch.ones(1, 2, 3)
    right[0, 0, :2] = 1
    (best,), (worst,) = (recipes.read_losses(each, truth) for each in (right, wrong))
    assert float(best) < 0.01 < float(worst)
    right[0, 1] = 0.5  # nobody knows what is there
    assert float(recipes.read_losses(right, truth)[0]) == pytest.approx(float(best))

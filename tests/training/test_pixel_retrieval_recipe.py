"""How the embedding of pixel retrieval learns."""

import numpy as np
import pytest
import torch

from vos_lab import weights
from vos_lab.datasets.procedural import SPLITS, Spec, render
from vos_lab.methods.augmentation import random_affine
from vos_lab.methods.pixel_retrieval import EmbeddingNetwork, places_of
from vos_lab.training import recipe, train
from vos_lab.training.recipes import pixel_retrieval as recipes
from vos_lab.video import VOID

NAMES = ["pixel-embedding", "pixel-embedding-plain"]


@pytest.fixture
def tiny(monkeypatch):
    """Two small training videos, which are the held-out ones, too."""
    for name, value in (("SIZE", (64, 96)), ("CROP", (48, 80)), ("ANCHORS", 16)):
        monkeypatch.setattr(recipes, name, value)
    recipes.train_frames.cache_clear()
    pictures = [recipes.train_frames(number) for number in (0, 1)]
    monkeypatch.setattr(recipes, "held_out_frames", lambda videos: pictures)
    monkeypatch.setattr(recipes, "VIDEOS", 2)
    yield
    recipes.train_frames.cache_clear()


@pytest.mark.parametrize("name", NAMES)
def test_each_can_be_trained_again(tiny, name):
    done = train(recipe(name), steps=3, progress=False)
    assert len(done.losses) == 3
    assert np.isfinite(done.losses).all()
    assert 0 <= done.held_out[-1][1]["wrong neighbours"] <= 1


def test_training_learns_what_it_sees(tiny):
    done = train(recipe("pixel-embedding"), steps=60, progress=False)
    assert np.mean(done.losses[-15:]) < 0.7 * np.mean(done.losses[:15])


def test_a_batch_depends_on_its_randomness_alone(tiny):
    one, again, other = (recipes.batch(0.5, np.random.default_rng(s)) for s in (1, 1, 2))
    for first, second in zip(one[0], again[0], strict=True):
        assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert not torch.equal(one[0][0][0], other[0][0][0])
    images, times, places, kinds = one[0][0]
    assert images.shape == (3, 3, 48, 80)
    assert 0 <= images.min() <= images.max() <= 1
    assert len(set(times.tolist())) == 3
    assert places.shape == (3, 2, 12, 20)
    assert set(kinds.unique().tolist()) <= {0, 1, VOID}


def test_a_window_knows_where_in_the_frame_it_is():
    whole = np.array([[1.0, 0, 0], [0, 1, 0]])
    found = recipes.places_through(whole, recipes.SIZE)
    assert np.allclose(found, places_of((60, 108)).numpy(), atol=1e-6)
    rng = np.random.default_rng(0)
    for _ in range(20):
        places = recipes.places_through(
            random_affine(rng, recipes.SIZE, (64, 96), turn=15), (64, 96)
        )
        assert np.abs(places).max() < 1.6
    shifted = recipes.places_through(np.add(whole, [[0, 0, 43.2], [0, 0, 24]]), recipes.SIZE)
    assert np.allclose(shifted - found, 0.2, atol=1e-6)


def test_cells_of_both_kinds_are_void():
    truth = np.zeros((8, 12), np.uint8)
    truth[:, 6:] = 1
    truth[:4, 8:] = VOID
    assert recipes.kinds_of(truth).tolist() == [[0, VOID, VOID], [0, VOID, 1]]


def test_a_twin_is_background():
    video = render(Spec(frames=25, size=(64, 112), distractors=2), 3)
    for t, (_, labels) in zip(recipes.MOMENTS, recipes.frames_of(video), strict=True):
        assert (labels[(video.instances[t] > 0) & (video.masks[t] == 0)] == 0).all()


def test_without_the_object_nothing_is_learned():
    network = EmbeddingNetwork()
    nothing = torch.zeros(3, 12, 20, dtype=torch.uint8)
    places = torch.zeros(3, 2, 12, 20)
    empty = torch.rand(3, 3, 48, 80), torch.arange(3.0), places, nothing
    loss = recipes.loss_of(network, ([empty], 0))
    loss.backward()
    assert float(loss.detach()) == 0


def test_it_learns_from_training_seeds_alone():
    seeds = {recipes.train_video(number).seed % 3 for number in range(5)}
    assert seeds == {SPLITS.index("train")}


@pytest.mark.parametrize(("name", "share"), [(NAMES[0], 0.6), (NAMES[1], 0.9)])
def test_the_card_says_how_it_came_about(name, share):
    card = weights.card(name)
    made = recipe(name)
    assert (card["data"], card["steps"]) == (made.data, made.steps)
    first, last = card["held_out"][0], card["held_out"][-1]
    assert last["wrong neighbours"] < share * first["wrong neighbours"]

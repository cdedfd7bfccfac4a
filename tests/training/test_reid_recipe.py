"""How re-identification learns."""

import numpy as np
import pytest
import torch

from vos_lab import weights
from vos_lab.datasets.procedural import SPLITS, Spec, render
from vos_lab.methods.reid import REGION_SIZE, ReIDNetwork, load_reid
from vos_lab.training import recipe, train
from vos_lab.training.recipes import reid as recipes


@pytest.fixture
def tiny(monkeypatch):
    """Two small training videos, which are the held-out ones, too."""
    for name, value in (("SIZE", (64, 96)), ("MOMENTS", (0, 4, 8)), ("BATCH", 8), ("VIDEOS", 2)):
        monkeypatch.setattr(recipes, name, value)
    for cached in (recipes.train_patches, recipes.first_identities):
        cached.cache_clear()
    patches = [recipes.train_patches(number) for number in (0, 1)]
    monkeypatch.setattr(recipes, "held_out_patches", lambda videos: patches)
    yield
    for cached in (recipes.train_patches, recipes.first_identities):
        cached.cache_clear()


def test_it_can_be_trained_again_and_ships_without_its_table(tiny, tmp_path):
    done = train(recipe("reid"), steps=3, progress=False, out=tmp_path)
    assert np.isfinite(done.losses).all()
    assert set(done.held_out[-1][1]) == {"wrong of all", "wrong of one video"}
    there = weights.load("reid", tmp_path)
    assert there.keys() == ReIDNetwork().state_dict().keys()
    weights.load_into(ReIDNetwork(), "reid", tmp_path)


def test_training_learns_what_it_sees(tiny):
    done = train(recipe("reid"), steps=40, progress=False)
    by_chance = np.log(recipes.first_identities(2)[-1])
    assert np.mean(done.losses[-10:]) < 0.5 * by_chance


def test_an_interrupted_training_goes_on_with_the_same_table(tiny, tmp_path):
    whole = train(recipe("reid"), steps=6, progress=False)
    made = recipe("reid")

    class Stopped(Exception):
        pass

    def batch(share, rng):
        if share >= 0.5 and not stopped:
            stopped.append(True)
            raise Stopped
        return made.batch(share, rng)

    stopped, halting = [], vars(made) | {"batch": batch}
    with pytest.raises(Stopped):
        train(type(made)(**halting), steps=6, out=tmp_path, progress=False)
    resumed = train(type(made)(**halting), steps=6, out=tmp_path, resume=True, progress=False)
    assert resumed.losses == whole.losses
    assert torch.equal(resumed.network.table, whole.network.table)
    assert whole.network.table.any()


def test_a_batch_depends_on_its_randomness_alone(tiny):
    one, again, other = (recipes.batch(0.5, np.random.default_rng(s)) for s in (1, 1, 2))
    assert all(torch.equal(a, b) for a, b in zip(one, again, strict=True))
    assert not torch.equal(one[0], other[0])
    assert one[0].shape == (8, 4, REGION_SIZE, REGION_SIZE)
    assert 0 <= one[0].min() <= one[0].max() <= 1
    assert (one[0][:, 3].amax(dim=(1, 2)) > 0.5).all()
    assert 0 <= one[1].min() <= one[1].max() < recipes.first_identities(2)[-1]


def test_every_object_and_every_ground_has_a_number_of_its_own():
    firsts = recipes.first_identities(5)
    objects = [recipes.train_video(n).spec.objects for n in range(5)]
    assert firsts == np.cumsum([0, *(1 + k for k in objects)]).tolist()


def test_a_twin_is_neither_an_object_nor_ground(monkeypatch):
    monkeypatch.setattr(recipes, "SIZE", (64, 112))
    monkeypatch.setattr(recipes, "MOMENTS", (0, 5))
    video = render(Spec(frames=6, size=(64, 112), distractors=2), 3)
    asked = []

    def watched(image, mask):
        t = next(t for t in (0, 5) if np.array_equal(image, video.frames[t]))
        asked.append((video.instances[t][mask], video.masks[t][mask]))
        return image, mask

    monkeypatch.setattr(recipes, "patch", watched)
    recipes.patches_of(video)
    for instances, labels in asked:
        assert (instances == labels).all()


def test_damage_leaves_something_to_see():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (recipes.PATCH, recipes.PATCH, 3), np.uint8)
    mask = np.zeros((recipes.PATCH, recipes.PATCH), np.uint8)
    mask[30:60, 30:60] = 1
    shares = []
    for _ in range(60):
        other, damaged = recipes.damaged(image, mask, image[::-1], rng)
        assert other.shape == image.shape
        assert set(np.unique(damaged)) == {0, 1}
        shares.append(damaged.sum() / mask.sum())
    assert min(shares) < 0.6
    assert max(shares) > 1.2


def test_it_learns_from_training_seeds_alone():
    seeds = {recipes.train_video(number).seed % 3 for number in range(5)}
    assert seeds == {SPLITS.index("train")}


def test_the_card_says_how_it_came_about():
    card, made = weights.card("reid"), recipe("reid")
    assert (card["data"], card["steps"]) == (made.data, made.steps)
    first, last = card["held_out"][0], card["held_out"][-1]
    for what in ("wrong of all", "wrong of one video"):
        assert last[what] < 0.7 * first[what]
    assert load_reid().head[1].weight.isfinite().all()

"""How the class head of OSVOS-S learns."""

import numpy as np
import pytest
import torch

from vos_lab import weights
from vos_lab.datasets.procedural import SPLITS
from vos_lab.methods.osvos_s import CLASSES, ClassNetwork, load_classes
from vos_lab.methods.reid import REGION_SIZE
from vos_lab.training import recipe, train
from vos_lab.training.recipes import osvos_s as recipes
from vos_lab.training.recipes.reid import GROUND


@pytest.fixture
def tiny(monkeypatch):
    """Two small training videos, which are the held-out ones, too."""
    for name, value in (("SIZE", (64, 96)), ("MOMENTS", (0, 4)), ("BATCH", 8), ("VIDEOS", 2)):
        monkeypatch.setattr(recipes, name, value)
    recipes.train_examples.cache_clear()
    examples = [each for n in (0, 1) for each in recipes.train_examples(n)]
    things = [each for each in examples if each[0].label != GROUND]
    monkeypatch.setattr(recipes, "held_out_examples", lambda videos: things)
    yield things
    recipes.train_examples.cache_clear()


def test_it_can_be_trained_again(tiny, tmp_path):
    done = train(recipe("osvos-s-classes"), steps=3, progress=False, out=tmp_path)
    assert np.isfinite(done.losses).all()
    assert set(done.held_out[-1][1]) == {"wrong", "wrong when damaged"}
    weights.load_into(ClassNetwork(), "osvos-s-classes", tmp_path)


def test_training_learns_what_it_sees(tiny):
    done = train(recipe("osvos-s-classes"), steps=80, progress=False)
    assert np.mean(done.losses[-5:]) < 0.5 * np.mean(done.losses[:3])
    assert recipes.validate(done.network)["wrong"] == 0


def test_a_batch_depends_on_its_randomness_alone(tiny):
    one, again, other = (recipes.batch(0.5, np.random.default_rng(s)) for s in (1, 1, 2))
    assert all(torch.equal(a, b) for a, b in zip(one, again, strict=True))
    assert not torch.equal(one[0], other[0])
    assert one[0].shape == (8, 4, REGION_SIZE, REGION_SIZE)
    assert 0 <= one[1].min() <= one[1].max() <= len(CLASSES)


def test_objects_have_the_class_that_was_drawn_and_ground_has_none(tiny):
    for number in (0, 1):
        examples = recipes.train_examples(number)
        objects = {c for patch, c in examples if patch.label != GROUND}
        assert objects == {number}  # the classes have their turns
        assert {c for patch, c in examples if patch.label == GROUND} == {len(CLASSES)}


def test_it_learns_from_training_seeds_alone(monkeypatch):
    seeds = []
    monkeypatch.setattr(recipes, "examples_of", lambda video: seeds.append(video.seed) or [])
    recipes.train_examples.cache_clear()
    for number in range(5):
        recipes.train_examples(number)
    recipes.train_examples.cache_clear()
    assert {seed % 3 for seed in seeds} == {SPLITS.index("train")}


def test_the_card_says_how_it_came_about():
    card, made = weights.card("osvos-s-classes"), recipe("osvos-s-classes")
    assert (card["data"], card["steps"]) == (made.data, made.steps)
    last = card["held_out"][-1]
    assert last["wrong"] < 0.15
    assert last["wrong"] <= last["wrong when damaged"] < 0.3
    assert all(p.isfinite().all() for p in load_classes().parameters())

"""FusionSeg: the fusion, the networks, the Segmenter, and how it was trained."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vos_lab import weights
from vos_lab.datasets.procedural import Spec, render, suite
from vos_lab.methods import create, run
from vos_lab.methods.fusionseg import (
    Fusion,
    FusionSeg,
    Stream,
    as_input,
    fuse_streams,
    motion_image,
)
from vos_lab.metrics import jaccard
from vos_lab.training import recipe, train
from vos_lab.training.recipes import fusionseg as recipes
from vos_lab.video import VOID


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_more_evidence_never_lowers_the_fused_one(seed):
    generator = torch.Generator().manual_seed(seed)
    appearance, motion = 3 * torch.randn(2, 2, 1, 3, 4, generator=generator)
    weight, bias = torch.rand(3, generator=generator), -torch.rand(3, generator=generator)
    fused = fuse_streams(appearance, motion, weight, bias)
    more = fuse_streams(appearance + 1, motion, weight, bias)
    assert fused.shape == appearance.shape
    assert (more >= fused).all()
    assert (fused >= bias.max()).all()


def test_agreement_counts_where_neither_is_sure_alone():
    weight, bias = torch.ones(3), torch.tensor([-5.0, -5.0, -3.0])
    a_little = torch.full((1, 1, 1, 1), 2.0)
    assert fuse_streams(a_little, a_little, weight, bias).item() == 1.0
    assert fuse_streams(a_little, 0 * a_little, weight, bias).item() == -3.0
    assert fuse_streams(-a_little, -a_little, weight, bias).item() == -3.0


@pytest.mark.parametrize("size", [(32, 32), (33, 47), (120, 216)])
def test_a_stream_answers_at_the_size_of_the_picture(size):
    with torch.inference_mode():
        assert Stream().eval()(torch.rand(2, 3, *size)).shape == (2, 1, *size)


def test_what_moves_has_a_colour_and_what_stands_has_none():
    rng = np.random.default_rng(0)
    last = rng.integers(0, 256, (48, 80, 3), np.uint8)
    assert (motion_image(last, last) > 250).all()
    moved = np.roll(last, 3, axis=1)
    colour = motion_image(moved, last)[10:-10, 10:-10].mean(axis=(0, 1))
    assert colour[0] > colour[1] + 50  # to the right is red
    assert colour[0] > colour[2] + 50


# --- with the shipped weights -----------------------------------------------------------------


@pytest.mark.parametrize("name", ["fusionseg-appearance", "fusionseg-motion", "fusionseg-fusion"])
def test_the_weights_ship_with_a_card(name):
    card = weights.card(name)
    assert card["name"] == name
    assert card["held_out"][-1]["1 - J"] < card["held_out"][0]["1 - J"]
    # No test seed was trained on: train_video draws from the train split alone.
    assert "train_video" in card["data"]
    assert card["parameters"] < 500_000


def test_no_mask_is_needed_and_the_object_is_found():
    clips = suite("easy", frames=5, size=(120, 216), length=3)
    scores = []
    for clip in clips:
        masks = run(create("fusionseg"), clip, progress=False)
        assert set(np.unique(masks)) <= {0, 1}
        scores.append(jaccard(masks == 1, np.stack(list(clip.masks)) == 1)[1:].mean())
    assert np.mean(scores) > 0.4


@pytest.mark.parametrize("size", [(32, 32), (160, 60), (300, 500)])
@pytest.mark.parametrize("frames", [1, 3])
def test_it_answers_every_video(size, frames):
    clip = render(Spec(frames=frames, size=size), 2)
    masks = run(create("fusionseg"), clip, progress=False)
    assert masks.shape == (frames, *size)


def test_the_first_frame_has_no_motion():
    clip = render(Spec(frames=1, size=(60, 100)), 2)
    both, appearance = (
        run(FusionSeg(name), clip, progress=False) for name in ("both", "appearance")
    )
    np.testing.assert_array_equal(both, appearance)


def test_a_stream_that_does_not_exist():
    with pytest.raises(ValueError, match="'both', 'appearance' or 'motion', not 'sound'"):
        FusionSeg("sound")


# --- training ---------------------------------------------------------------------------------


def test_each_part_can_be_trained_again(monkeypatch):
    monkeypatch.setattr(recipes, "VIDEOS", 2)
    monkeypatch.setattr(recipes, "BATCH", 2)
    monkeypatch.setattr(recipes, "SIZE", (48, 80))
    few = [recipes.train_example(number, 10) for number in (0, 1)]
    monkeypatch.setattr(recipes, "held_out_examples", lambda: few)
    for name in ("fusionseg-appearance", "fusionseg-motion", "fusionseg-fusion"):
        done = train(recipe(name), steps=3, progress=False)
        assert len(done.losses) == 3
        assert np.isfinite(done.losses).all()
        assert 0 <= done.held_out[-1][1]["1 - J"] <= 1
    recipes.train_example.cache_clear()


def test_the_loss_passes_over_what_nobody_can_know():
    truth = torch.tensor([[[[1, 0, VOID]]]])
    one, other = (torch.tensor([[[[4.0, -4.0, wild]]]]) for wild in (-9.0, 9.0))
    assert recipes.segmentation_loss(one, truth) == recipes.segmentation_loss(other, truth)
    assert recipes.mean_j(one, truth) == recipes.mean_j(other, truth) == 1.0
    right, wrong = (torch.tensor([[[[s, -s, 0.0]]]]) for s in (4.0, -4.0))
    assert recipes.segmentation_loss(right, truth) < recipes.segmentation_loss(wrong, truth)


def test_weights_of_the_fusion_are_six_numbers():
    assert sum(p.numel() for p in Fusion().parameters()) == 6
    assert as_input(np.full((2, 3, 3), 255, np.uint8)).max() == 1

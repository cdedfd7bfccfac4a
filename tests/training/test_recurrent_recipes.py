"""How the recurrent networks learn, and from what."""

from functools import partial

import numpy as np
import pytest
import torch

from vos_lab import weights
from vos_lab.datasets.procedural import SPLITS, Spec, render
from vos_lab.methods.recurrent import OBJECTS, RVOSNetwork
from vos_lab.training import recipe, train
from vos_lab.training.recipes import recurrent as recipes
from vos_lab.video import VOID


@pytest.fixture
def tiny(monkeypatch):
    """Two small clips, which are the held-out ones, too."""
    for name, value in (
        ("SIZE", (64, 96)),
        ("CROP", (48, 80)),
        ("VIDEOS", 2),
        ("LENGTHS", ((4, 2), (5, 2), (6, 1))),
        ("LONGEST", 6),
    ):
        monkeypatch.setattr(recipes, name, value)
    spec = Spec(frames=6, size=(64, 96), objects=2, object_size=0.8)
    clips = [recipes.clip_frames(render(spec, 3 * n), range(6)) for n in (1, 2)]
    monkeypatch.setattr(recipes, "train_clip", clips.__getitem__)
    monkeypatch.setattr(recipes, "held_out", lambda closer: clips[:1])
    # The packages that bring photographs may be missing.
    monkeypatch.setattr(recipes, "hidden", partial(recipes.hidden, photographs=0.0))


@pytest.mark.parametrize("name", ["s2s", "s2s-frozen", "s2s-last-mask", "rvos"])
def test_each_can_be_trained_again(tiny, name):
    done = train(recipe(name), steps=3, progress=False)
    assert np.isfinite(done.losses).all()
    errors = done.held_out[-1][1]
    assert all(0 <= errors[what] <= 1 for what in ("1 - J", "1 - J, closer"))
    # What edges and colours are was learned before, and stays.
    learned = weights.part("osvos-parent-long", "backbone")
    after = done.network.encoder.backbone.state_dict()
    kept = [key for key in learned if key.startswith(("stages.0", "stages.1", "stages.2"))]
    assert all(torch.equal(learned[key], after[key]) for key in kept)
    assert not all(torch.equal(learned[key], after[key]) for key in learned)


def test_the_controls_differ_in_what_they_carry_alone():
    one, *others = (recipe(name) for name in ("s2s", "s2s-frozen", "s2s-last-mask"))
    for other in others:
        assert (one.steps, one.batch, one.data, one.learning_rate) == (
            other.steps,
            other.batch,
            other.data,
            other.learning_rate,
        )
        assert one.loss is not other.loss


@pytest.mark.parametrize("zero_shot", [False, True])
def test_training_learns_what_it_sees(tiny, zero_shot):
    rng = np.random.default_rng(0)
    clips = recipes.batch_of([recipes.views(0.0, rng) for _ in range(2)], rng, zero_shot, own=0.5)
    network = recipes.rvos_network() if zero_shot else recipes.s2s_network()
    loss_of = recipes.rvos_loss if zero_shot else recipes.s2s_loss
    optimiser = torch.optim.Adam((p for p in network.parameters() if p.requires_grad), 1e-3)
    losses = []
    for _ in range(12):
        loss = loss_of(network, tuple(clips))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert np.mean(losses[-3:]) < 0.9 * losses[0]


def test_clips_grow_longer(tiny):
    shapes = [recipes.batch(share, np.random.default_rng(0))[0].shape for share in (0, 0.5, 0.99)]
    assert [tuple(shape[:2]) for shape in shapes] == [(2, 4), (2, 5), (1, 6)]
    assert {tuple(shape[2:]) for shape in shapes} == {(3, 48, 80)}


def test_a_batch_depends_on_its_randomness_alone(tiny):
    one, again, other = (recipes.batch_of_both(0.4, np.random.default_rng(s)) for s in (1, 1, 2))
    assert all(torch.equal(a, b) for a, b in zip(one, again, strict=True))
    assert not torch.equal(one[0], other[0])


def test_masks_go_from_true_ones_to_its_own(tiny):
    own = [
        float(recipes.batch_of_both(share, np.random.default_rng(0))[-1])
        for share in (0.0, 0.25, 0.5, 1.0)
    ]
    assert own == [0.0, 0.5, 1.0, 1.0]


def test_what_is_behind_a_board_is_not_wanted():
    image = np.full((40, 60, 3), 120, np.uint8)
    labels = np.zeros((40, 60), np.uint8)
    labels[10:20, 10:30], labels[30:, 50:] = 2, VOID
    clip = [(image, labels)] * 5
    covered = recipes.hidden(clip, 1, 3, np.random.default_rng(0))
    for t, (seen, right) in enumerate(covered):
        changed = (seen != image).any(axis=-1)
        if t in (1, 2):
            assert changed[10:20, 10:30].mean() > 0.9
            assert not (right == 2).any()
            assert (right[30:, 50:] == VOID).all()
        else:
            assert not changed.any()
            assert np.array_equal(right, labels)
    empty = [(image, np.zeros_like(labels))] * 5
    assert recipes.hidden(empty, 1, 3, np.random.default_rng(0)) is empty


def test_a_clip_asks_for_objects_of_its_first_frame():
    labels = np.zeros((3, 40, 60), np.uint8)
    labels[:, :10, :10], labels[:, 20:30, 20:30], labels[:, 30:, 50:] = 3, 7, VOID
    labels[1:, 20:30, 40:50] = 9  # comes later, so nobody is asked for it
    clip = [(np.zeros((40, 60, 3), np.uint8), each) for each in labels]
    truth, count = recipes.numbered(clip, np.random.default_rng(0), most=2)
    assert count == 2
    assert set(np.unique(truth)) == {0, 1, 2, VOID}
    assert (truth[1, 20:30, 40:50] == 0).all()


def test_a_perfect_mask_loses_nothing_and_void_does_not_count():
    truth = torch.zeros(2, 8, 8)
    truth[:, :4] = 1
    counts = torch.ones(2, 8, 8)
    counts[1, 6:] = 0
    score = 40 * (truth - 0.5)
    score[1, 6:] = 20.0  # wrong, where nobody knows
    right = recipes.frame_losses(score, truth, counts)
    assert right.shape == (2,)
    assert right.max() < 1e-3
    assert recipes.frame_losses(-score, truth, counts).min() > 5


def test_any_order_of_the_objects_is_right(tiny):
    """A network that finds both objects in the other order loses no more."""
    rng = np.random.default_rng(0)
    clips = recipes.batch_of([recipes.views(0.0, rng)], rng, zero_shot=True)
    truth, _ = recipes.by_clip(clips, OBJECTS)
    if int(clips.counts[0]) < 2:
        pytest.skip("the window shows one object only")

    class Knowing(RVOSNetwork):
        def __init__(self, order):
            super().__init__()
            self.order, self.t = order, 0

        def forward(self, look, before, masks):
            told = super().forward(look, before, masks)
            score = 20 * (truth[:, self.t, self.order] - 0.5)
            self.t += 1
            return told._replace(score=score, more=torch.zeros_like(told.more))

    order = list(range(OBJECTS))
    swapped = [1, 0, *order[2:]]
    one, other = (float(recipes.zero_shot_loss(Knowing(each), clips)) for each in (order, swapped))
    assert one == pytest.approx(other, abs=1e-4)
    assert one < 1  # what is left is that it does not know when to stop


def test_nothing_but_training_seeds_is_learned_from():
    seeds = [recipes.train_video(number, frames=1).seed for number in range(20)]
    assert {seed % 3 for seed in seeds} == {SPLITS.index("train")}

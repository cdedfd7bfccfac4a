"""How AGNN learns, and from what."""

import numpy as np
import pytest
import torch

from vos_lab.datasets.procedural import SPLITS, Spec, render
from vos_lab.training import recipe, train
from vos_lab.training.recipes import frame_sets, graph
from vos_lab.training.recipes.frame_sets import (
    CROP,
    ambiguous_set,
    as_tensor,
    clip_of,
    hard_to_see,
    in_one_light,
    pasted,
    second_thing,
)
from vos_lab.video import VOID


@pytest.fixture(scope="module")
def clips():
    spec = Spec(frames=frame_sets.MOMENTS[-1] + 1, size=frame_sets.SIZE, object_size=0.7)
    return [clip_of(render(spec, 3 * number)) for number in range(2)]


@pytest.fixture
def tiny(monkeypatch, clips):
    """Sets of two clips only, small batches, and nothing held out but one of them."""
    monkeypatch.setattr(
        graph, "ambiguous_set", lambda rng, nodes: ambiguous_set(rng, nodes, clips.__getitem__, 2)
    )
    monkeypatch.setattr(graph, "BATCH", 5)
    held_out = graph.as_tensors([ambiguous_set(np.random.default_rng(0), 3, clips.__getitem__, 2)])
    monkeypatch.setattr(graph, "held_out_sets", lambda collage: held_out)


def test_it_can_be_trained_again(tiny):
    done = train(recipe("agnn"), steps=3, progress=False)
    assert len(done.losses) == 3
    assert np.isfinite(done.losses).all()
    errors = done.held_out[-1][1]
    assert set(errors) == {f"1 - J{a}{b}" for a in ("", ", videos") for b in ("", ", one node")}
    assert all(0 <= error <= 1 for error in errors.values())


def test_a_batch_depends_on_its_randomness_alone(tiny):
    one, again, other = (graph.batch(0.5, np.random.default_rng(s)) for s in (1, 1, 2))
    assert torch.equal(one[0], again[0])
    assert torch.equal(one[1], again[1])
    assert one[2] == again[2]
    assert one[0].shape != other[0].shape or not torch.equal(one[0], other[0])
    assert one[0].shape[2:] == (3, *CROP)
    assert 0 <= one[0].min() <= one[0].max() <= 1
    assert set(one[1].unique().tolist()) <= {0, 1, VOID}


def test_a_young_training_sees_single_frames(tiny):
    batches = [graph.batch(share, np.random.default_rng(s)) for s in range(8) for share in (0, 1)]
    assert {frames.shape[1] for frames, *_ in batches[::2]} == {1}
    assert {frames.shape[1] for frames, *_ in batches[1::2]} > {3, 4}


def test_every_round_has_a_share_of_the_loss(tiny):
    network = graph.network()
    frames, truth, _ = graph.batch(1.0, np.random.default_rng(5))
    before = graph.loss(network, (frames, truth, 0))
    with torch.no_grad():
        network.update.bias.fill_(5.0)  # the rounds answer otherwise, the masks of round 0 do not
    after = graph.loss(network, (frames, truth, 0))
    assert before.item() != after.item()


def test_what_learned_before_learns_more_slowly():
    network = graph.network()
    optimiser = graph.adam(network, 1.0)
    rates = {id(p): group["lr"] for group in optimiser.param_groups for p in group["params"]}
    assert rates[id(network.edge)] == 1.0
    assert rates[id(network.base.weight)] == pytest.approx(1 / 3)
    assert len(rates) == len(list(network.parameters()))


# --- sets -------------------------------------------------------------------------------------


@pytest.mark.parametrize("collage", [0.0, 1.0])
@pytest.mark.parametrize("nodes", [1, 5])
def test_a_set_shows_an_object(clips, nodes, collage):
    found = []
    for seed in range(6):
        frames, truth = ambiguous_set(
            np.random.default_rng(seed), nodes, clips.__getitem__, 2, collage
        )
        assert frames.shape == (nodes, *CROP, 3)
        assert frames.dtype == truth.dtype == np.uint8
        assert truth.shape == (nodes, *CROP)
        found.append((truth == 1).mean())
    assert np.mean(found) > 0.01


def test_a_second_thing_is_background_in_its_frame(clips):
    frame = np.full((*CROP, 3), (7, 251, 3), np.uint8)  # a colour that no thing has
    covered = 0
    for seed in range(5):
        truth = np.ones(CROP, np.uint8)
        seen, right = second_thing(np.random.default_rng(seed), (frame, truth), clips[0])
        changed = (seen != frame).any(axis=-1)
        assert (right[~changed] == 1).all()
        covered += (right == 0).sum()
    assert covered > 100


def test_an_object_that_is_hard_to_see_keeps_its_truth(clips):
    rng = np.random.default_rng(0)
    frame = rng.integers(0, 256, (*CROP, 3), np.uint8)
    frame[40:80, 60:120] = (255, 0, 0)
    truth = np.zeros(CROP, np.uint8)
    truth[40:80, 60:120] = 1
    for seed in range(6):
        seen, right = hard_to_see(np.random.default_rng(seed), (frame.copy(), truth))
        assert right is truth
        assert (seen != frame).any()


def test_the_object_is_away_where_it_shall_be(clips):
    made = pasted(np.random.default_rng(1), clips[0], [0, 1, 2], clips.__getitem__, 2, away=[1, 2])
    assert [bool((truth == 1).any()) for _, truth in made] == [True, False, False]
    assert made[0][0].shape == (*CROP, 3)


def test_a_set_is_in_one_light():
    frames = [np.full((*CROP, 3), value, np.uint8) for value in (60, 120)]
    for seed in range(5):
        one, other = in_one_light(np.random.default_rng(seed), frames)
        assert other.mean() > one.mean()


def test_tensors_are_between_0_and_1():
    frames = np.full((2, 4, 6, 3), 255, np.uint8)
    assert as_tensor(frames).shape == (2, 3, 4, 6)
    assert as_tensor(frames).max() == 1


def test_nothing_but_training_seeds_is_learned_from():
    seeds = [frame_sets.train_video(number, frames=1).seed for number in range(20)]
    assert {seed % 3 for seed in seeds} == {SPLITS.index("train")}

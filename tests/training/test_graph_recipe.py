"""How AGNN learns, and from what."""

import numpy as np
import pytest
import torch

from vos_lab import weights
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
    monkeypatch.setattr(graph, "held_out_sets", lambda: held_out)


def test_it_can_be_trained_again(tiny):
    done = train(recipe("agnn"), steps=3, progress=False)
    assert len(done.losses) == 3
    assert np.isfinite(done.losses).all()
    errors = done.held_out[-1][1]
    assert set(errors) == {"1 - J", "1 - J, one node"}
    assert all(0 <= error <= 1 for error in errors.values())


def test_a_batch_depends_on_its_randomness_alone(tiny):
    one, again, other = (graph.batch(0.5, np.random.default_rng(s)) for s in (1, 1, 2))
    assert torch.equal(one[0], again[0])
    assert torch.equal(one[1], again[1])
    assert one[0].shape != other[0].shape or not torch.equal(one[0], other[0])
    assert one[0].shape[2:] == (3, *CROP)
    assert 0 <= one[0].min() <= one[0].max() <= 1
    assert set(one[1].unique().tolist()) <= {0, 1, VOID}


def test_what_the_cells_say_and_the_edges_have_a_share_of_the_loss(tiny, monkeypatch):
    network = graph.network()
    frames, truth = graph.as_tensors([graph.ambiguous_set(np.random.default_rng(1), 3)])
    whole = graph.loss(network, (frames, truth))
    monkeypatch.setattr(graph, "edge_loss", lambda *given: torch.zeros(()))
    assert graph.loss(network, (frames, truth)) < whole


def test_what_the_parent_knows_stays(tiny):
    before = weights.load("osvos-parent-long")
    done = train(recipe("agnn"), steps=2, progress=False)
    after = done.network.base.state_dict()
    assert all(torch.equal(before[key], after[key]) for key in before)
    assert not torch.equal(done.network.edge, graph.network().edge)


def test_the_edges_are_right_where_only_the_object_is_found_again():
    network = graph.network()
    alike = torch.tensor([[9.0, -9.0, 9.0]])  # object, another thing, ground
    messages = torch.zeros(1, 2, 2, 1, 1, 3)
    messages[:, :, 1, -1] = alike
    network.messages = lambda nodes: messages
    network.rough = lambda state: torch.tensor([[[1.0, 1.0, -1.0]]]).expand(2, -1, -1)
    nodes, cells = torch.zeros(1, 2, 1, 1, 3), torch.tensor([[[[1, 0, 0]]]]).expand(2, -1, -1, -1)
    assert graph.edge_loss(network, nodes, cells) < 0.01
    assert graph.edge_loss(network, nodes, 1 - cells) > 5
    assert graph.edge_loss(network, nodes[:, :1], cells[:1]) == 0


# --- sets -------------------------------------------------------------------------------------


@pytest.mark.parametrize("nodes", [1, 5])
def test_a_set_shows_an_object(clips, nodes):
    found = []
    for seed in range(6):
        frames, truth = ambiguous_set(np.random.default_rng(seed), nodes, clips.__getitem__, 2)
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

"""How the proposal network learns: which cell answers for which thing, and the loss."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vos_lab.datasets.procedural import suite
from vos_lab.training.recipes import proposals as recipe
from vos_lab.video import VOID


def test_the_cells_in_the_middle_of_a_thing_answer_for_it():
    labels = np.zeros((64, 96), np.uint8)
    labels[8:40, 8:40] = 3
    labels[48:60, 70:90] = 7
    labels[:, 60:62] = VOID
    cells, known = recipe.answering(labels, (8, 12))
    assert known == [3, 7]
    assert cells[2, 2] == cells[3, 3] == 1
    assert cells[6, 10] == 2
    assert cells[0, 0] == 0  # inside of no thing
    assert cells[0, 7] == VOID or 60 % 8 != 4  # the middle of this cell is void
    assert (cells == 1).sum() < 16  # not all of its cells answer, only those in the middle


def test_what_is_tiny_is_no_thing():
    labels = np.zeros((32, 32), np.uint8)
    labels[4:8, 4:8] = 1
    cells, known = recipe.answering(labels, (4, 4))
    assert known == []
    assert not cells.any()


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 9999))
def test_every_thing_has_a_cell_unless_another_is_in_front(seed):
    rng = np.random.default_rng(seed)
    labels = np.zeros((64, 96), np.uint8)
    for n in (1, 2):
        top, left = rng.integers(0, 50), rng.integers(0, 80)
        labels[top : top + 14, left : left + 16] = n
    cells, known = recipe.answering(labels, (8, 12))
    assert set(np.unique(cells)) <= {0, *range(1, len(known) + 1)}
    assert cells.any()


def test_look_alikes_are_things_and_what_stands_in_front_is_void():
    video = suite("distractors", "train", length=1, frames=2, size=(120, 216))[0]
    _, labels = recipe.things(video, 1)
    instances = np.array(video.instances[1])
    twins = (instances > 0) & (np.array(video.masks[1]) == 0)
    assert twins.any()
    front = np.asarray(video.foreground[1])
    assert (labels[twins & ~front] > 0).all()
    assert (labels[front] == VOID).all()


def test_the_loss_falls_on_one_batch():
    torch.manual_seed(0)
    network = recipe.network()
    image = torch.zeros(1, 3, 64, 96)
    image[:, 0, 16:48, 24:64] = 1.0
    labels = np.zeros((64, 96), np.uint8)
    labels[16:48, 24:64] = 1
    optimiser = torch.optim.Adam(network.parameters(), 2e-3)
    losses = []
    for _ in range(25):
        loss = recipe.loss_of(network, (image, [labels]))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]


def test_a_batch_without_things_has_a_loss_too():
    loss = recipe.loss_of(
        recipe.network(), (torch.zeros(1, 3, 64, 96), [np.zeros((64, 96), np.uint8)])
    )
    assert loss.isfinite()
    assert loss.requires_grad


def test_validation_gives_both_shares(monkeypatch):
    videos = suite("easy", "val", length=2, frames=4, size=(120, 216))
    monkeypatch.setattr(recipe, "held_out_things", lambda: [recipe.things(v, 2) for v in videos])
    errors = recipe.validate(recipe.network().eval())
    assert list(errors) == ["missed at 0.5", "missed at 0.7"]
    assert all(0 <= value <= 1 for value in errors.values())
    assert errors["missed at 0.7"] >= errors["missed at 0.5"]

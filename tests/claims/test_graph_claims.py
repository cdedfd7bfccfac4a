"""The claims of lesson 14: what they measure would come out otherwise, were they wrong."""

import pytest
import torch

from vos_lab.claims import graph
from vos_lab.methods.graph import NODES, AttentiveGraph


def test_each_claim_compares_with_its_control(monkeypatch):
    found = {"five": 0.8, "one": 0.7, "copies": 0.6, "foreign": 0.4}
    monkeypatch.setattr(graph, "measured", lambda seed: found)
    effects = [claim.experiment(0) for claim in (graph.FIVE, graph.COPIES, graph.FOREIGN)]
    assert effects == pytest.approx([0.1, 0.2, 0.3])


def test_there_are_twelve_seeds_or_more():
    assert all(len(claim.seeds) >= 12 for claim in graph.CLAIMS)


class Counting(AttentiveGraph):
    """Marks all of a frame if the other nodes are bright, and nothing if there are none."""

    def encode(self, frames):
        return frames.mean(dim=(1, 2, 3))[:, None, None, None], []

    def talk(self, state, rounds=3):
        others = state[:, 1:].sum(dim=1, keepdim=True) if state.shape[1] > 1 else -state
        return [others.expand(-1, state.shape[1], -1, -1, -1)]

    def read_out(self, nodes):
        state = nodes[0]
        return (state[:, 0, :1, :1] > 3).float().expand(-1, 4, 6) - 0.5


def test_what_is_measured_depends_on_the_other_frames(monkeypatch):
    bright, dark = torch.ones(NODES, 3, 4, 6), torch.zeros(NODES, 3, 4, 6)
    right = torch.ones(NODES, 4, 6, dtype=torch.uint8).numpy()
    monkeypatch.setattr(graph, "ambiguous_sets", lambda seed: [(bright, right), (dark, right)])
    monkeypatch.setattr(graph, "trained", Counting)
    graph.measured.cache_clear()
    found = graph.measured(0)
    graph.measured.cache_clear()  # so that nobody takes this for the truth
    # Beside its own set the bright one is found, and beside the bright one the dark one.
    assert found == {"five": 0.5, "one": 0.0, "copies": 0.5, "foreign": 0.5}


def test_sets_of_two_seeds_share_no_video(monkeypatch):
    asked = []
    monkeypatch.setattr(graph, "held_out_clip", lambda number, split: asked.append((number, split)))
    monkeypatch.setattr(
        graph,
        "ambiguous_set",
        lambda rng, nodes, source, count, **how: (
            [source(i) for i in range(count)] and (torch.zeros(1, 2, 2, 3).byte().numpy(), None)
        ),
    )
    numbers = []
    for seed in (0, 1):
        asked.clear()
        graph.ambiguous_sets(seed)
        assert {split for _, split in asked} == {"test"}
        numbers.append({number for number, _ in asked})
    assert not numbers[0] & numbers[1]

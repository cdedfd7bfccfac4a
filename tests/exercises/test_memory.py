"""Bounds on memory: what is too large is seen while it is made, also behind a wall."""

import copy

import pytest
import torch

from vos_lab.exercises.cases import run
from vos_lab.exercises.check import find, judge
from vos_lab.exercises.encoding import Reader, Writer
from vos_lab.exercises.memory import Bound, watched
from vos_lab.methods.pixel_retrieval import nearest_neighbour_labels


def test_a_bound_is_the_number_and_keeps_what_is_allowed():
    bound = copy.deepcopy(Bound(3, allowed=7))
    assert bound == 3
    assert (bound.allowed, Bound(3).allowed) == (7, 3)
    writer = Writer(trusted=True)
    arrived = Reader(writer.parts, trusted=True).value(writer.tree({"most": bound}))["most"]
    assert (arrived, arrived.allowed) == (3, 7)


def test_what_is_too_large_is_seen_where_it_is_made():
    row = torch.ones(10)
    with watched([Bound(20), "other"]):
        row[:, None].expand(10, 10)  # looks large, and takes no memory
        row.repeat(2)
        with pytest.raises(MemoryError, match="of 100 numbers was made; 20 are allowed here"):
            row[:, None] * row
    with watched([20]):
        row[:, None] * row  # a plain number bounds nothing


def test_distances_in_one_piece_are_an_error_that_says_so():
    def nearest(queries, references, labels, neighbours, most):
        distances = torch.cdist(queries, references)
        count = min(neighbours, len(references))
        return labels[distances.topk(count, largest=False).indices].mean(dim=1)

    item = find(nearest_neighbour_labels)
    verdict = judge(nearest, item)
    assert verdict.outcome == "error"
    assert "are allowed here" in verdict.text
    assert "All distances were computed at once" in verdict.text


def test_one_row_at_a_time_obeys_the_bound():
    def nearest(queries, references, labels, neighbours, most):
        found = []
        for query in queries:
            distances = (query - references).square().sum(dim=1)
            found.append(labels[distances.argsort()[:neighbours]].mean(dim=0))
        return torch.stack(found)

    item = find(nearest_neighbour_labels)
    assert judge(nearest, item).outcome == "passed"
    item.exercise.restore()
    assert run(nearest, item.inputs(3)[-1]).failure is None

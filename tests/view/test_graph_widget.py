"""The explorer of the graph, from Python."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from vos_lab.methods.graph import AttentiveGraph
from vos_lab.view.widgets.graph import GraphExplorer


@pytest.fixture(scope="module")
def network():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return AttentiveGraph().eval()


def frames(count=4):
    return np.random.default_rng(0).integers(0, 256, (count, 32, 48, 3), np.uint8)


def picture(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def test_a_place_listens_to_each_other_frame(network):
    explorer = GraphExplorer(frames(), network)
    assert [edge.shape for edge in explorer.edges] == [(4, 6)] * 3
    assert [edge.sum() for edge in explorer.edges] == pytest.approx([1, 1, 1], abs=1e-3)
    assert [picture(png).shape for *_, png in explorer._pictures] == [(32, 48, 3)] * 4


def test_a_click_asks_another_place(network):
    explorer = GraphExplorer(frames(), network)
    before = explorer.edges[0]
    explorer._pressed(
        explorer, {"action": "stroke", "points": [[0.1, 0.1], [0.9, 0.5]], "other": False}, []
    )
    assert explorer.point == (43, 16)
    assert (explorer.edges[0] != before).any()
    assert "(43, 16)" in repr(explorer)
    assert "(43, 16)" in explorer.figure().alt


def test_a_node_that_is_off_is_not_heard(network):
    explorer = GraphExplorer(frames(), network)
    explorer.values = {"node_2": False}
    assert [edge is None for edge in explorer.edges] == [False, True, False]
    without = explorer.mask
    other = frames()
    other[2] = 0
    changed = GraphExplorer(other, network)
    changed.values = {"node_2": False}
    np.testing.assert_array_equal(changed.mask, without)
    assert "off" in explorer._pictures[2][0]


def test_all_may_be_off_and_nobody_talks_in_round_0(network):
    explorer = GraphExplorer(frames(2), network)
    explorer.values = {"node_1": False}
    assert explorer.edges == [None]
    explorer.values = {"node_1": True, "rounds": 0}
    assert explorer.edges == [None]
    assert "no other frame" in explorer.figure().alt


@pytest.mark.parametrize("count", [1, 6])
def test_a_wrong_number_of_frames_is_refused(network, count):
    with pytest.raises(ValueError, match="two to 5 frames"):
        GraphExplorer(frames(count), network)


def test_a_pixel_outside_is_refused(network):
    with pytest.raises(ValueError, match="outside"):
        GraphExplorer(frames(), network, point=(48, 0))

"""FlowNet with the weights that ship."""

import copy

import numpy as np
import pytest
import torch

from vos_lab import weights
from vos_lab.datasets.flying_shapes import flying_shapes
from vos_lab.flow import estimate, flownet
from vos_lab.flow.flownet import NETWORKS, estimate_flow
from vos_lab.metrics.flow import endpoint_error


@pytest.mark.parametrize("name", NETWORKS)
def test_flow_of_images_of_any_size(name):
    for shape in ((37, 50), (64, 96), (2, 2), (130, 33)):
        image = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
        flow = estimate(image, image, name)
        assert flow.shape == (*shape, 2)
        assert flow.dtype == np.float32
        assert np.isfinite(flow).all()
    grey = estimate(image[..., 0], image[..., 0], name)
    assert grey.shape == flow.shape


@pytest.mark.parametrize("name", NETWORKS)
def test_the_shipped_weights_beat_zero_flow_clearly(name):
    pairs = [flying_shapes(number, size=(120, 216), reach=30) for number in range(8)]
    zero = np.mean([np.hypot(*np.moveaxis(p.flow, -1, 0)).mean() for p in pairs])
    errors = [endpoint_error(estimate(p.first, p.second, name), p.flow).mean() for p in pairs]
    assert np.mean(errors) < 0.6 * zero


def test_a_network_is_loaded_once_and_has_its_card():
    assert flownet.flownet("flownet-c") is flownet.flownet("flownet-c")
    assert not flownet.flownet("flownet-c").training
    steps = [weights.card(name)["steps"] for name in NETWORKS]
    assert steps[0] == steps[1]  # the comparison is fair
    for name in NETWORKS:
        errors = [row["all"] for row in weights.card(name)["held_out"]]
        assert errors[-1] < 0.6 * errors[0]


def test_a_copy_learns_and_the_shared_one_stays():
    network = copy.deepcopy(flownet.flownet("flownet-c"))
    pair = flying_shapes(0, size=(64, 96))
    before = estimate(pair.first, pair.second, "flownet-c")
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(0.5)
    assert not np.allclose(estimate_flow(network, pair.first, pair.second), before)
    assert np.array_equal(estimate(pair.first, pair.second, "flownet-c"), before)

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from vos_lab.datasets.flying_shapes import flying_shapes
from vos_lab.flow import flownet
from vos_lab.flow.flownet import NETWORKS, correlation, multiscale_epe, refine
from vos_lab.metrics.flow import endpoint_error


def by_loop(first, second, reach):
    """The definition, one displacement and one place after the other."""
    count, _, height, width = first.shape
    side = 2 * reach + 1
    scores = torch.zeros(count, side * side, height, width, dtype=first.dtype)
    for dy in range(-reach, reach + 1):
        for dx in range(-reach, reach + 1):
            for y in range(max(0, -dy), min(height, height - dy)):
                for x in range(max(0, -dx), min(width, width - dx)):
                    product = first[:, :, y, x] * second[:, :, y + dy, x + dx]
                    channel = (dy + reach) * side + dx + reach
                    scores[:, channel, y, x] = product.mean(dim=1)
    return scores


def features(seed, *shape):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


@settings(max_examples=30, deadline=None)
@given(
    st.integers(1, 2), st.integers(1, 3), st.integers(1, 6), st.integers(1, 6), st.integers(0, 4)
)
def test_the_correlation_is_that_of_a_loop(count, channels, height, width, reach):
    first, second = (features(seed, count, channels, height, width) for seed in (0, 1))
    expected = by_loop(first, second, reach)
    assert torch.allclose(correlation(first, second, reach), expected)


def test_the_correlation_has_the_gradient_of_its_values():
    pair = [features(seed, 1, 2, 3, 4).requires_grad_() for seed in (0, 1)]
    assert torch.autograd.gradcheck(lambda a, b: correlation(a, b, 2), pair)


def test_the_best_score_is_where_the_image_went():
    first = features(0, 1, 32, 12, 16)
    second = torch.roll(first, (2, -3), (2, 3))  # 2 down, 3 to the left
    unit = [functional.normalize(each, dim=1) for each in (first, second)]
    best = correlation(*unit, 4)[0, :, 4:8, 6:10].argmax(dim=0)
    assert (best == (2 + 4) * 9 + (-3 + 4)).all()


def test_refine_uses_all_three():
    deep, flow, skip = features(0, 2, 3, 4, 5), features(1, 2, 2, 4, 5), features(2, 2, 6, 8, 10)
    weight, bias = features(3, 3, 7, 4, 4), features(4, 7)
    out = refine(deep, flow, skip, weight, bias)
    assert out.shape == (2, 15, 8, 10)
    assert torch.equal(out[:, :6], skip)
    up = torch.nn.ConvTranspose2d(3, 7, 4, 2, 1).double()
    with torch.no_grad():
        up.weight.copy_(weight)
        up.bias.copy_(bias)
        assert torch.allclose(out[:, 6:13], functional.leaky_relu(up(deep), 0.1))
    constant = torch.full_like(flow, 3.5)
    assert (refine(deep, constant, skip, weight, bias)[:, 13:] == 3.5).all()  # pixels stay pixels


def test_the_loss_is_the_endpoint_error_at_each_scale():
    truth = features(0, 2, 2, 8, 12)
    flows = [features(n, 2, 2, 8 // n, 12 // n) for n in (4, 2, 1)]
    expected = 0.0
    for flow, weight in zip(flows, (0.1, 0.2, 0.7), strict=True):
        n = 8 // flow.shape[2]
        blocks = truth.reshape(2, 2, 8 // n, n, 12 // n, n).mean(dim=(3, 5))
        error = endpoint_error(flow.permute(0, 2, 3, 1).numpy(), blocks.permute(0, 2, 3, 1).numpy())
        expected += weight * error.mean()
    assert multiscale_epe(flows, truth, (0.1, 0.2, 0.7)).item() == pytest.approx(expected)
    truth.requires_grad_()
    multiscale_epe([truth], truth, [1.0]).backward()
    assert torch.isfinite(truth.grad).all()  # also where the error is 0


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_is_small_and_gives_flow_at_each_scale(name):
    network = NETWORKS[name]()
    assert 1_000_000 < sum(p.numel() for p in network.parameters()) <= 2_000_000
    flows = network(torch.rand(2, 3, 64, 96), torch.rand(2, 3, 64, 96))
    assert [tuple(flow.shape) for flow in flows] == [
        (2, 2, 64 // n, 96 // n) for n in (32, 16, 8, 4)
    ]
    multiscale_epe(flows, torch.rand(2, 2, 64, 96), flownet.WEIGHTS).backward()
    idle = [n for n, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum()]
    assert idle == []  # every part learns


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_learns_a_batch_by_heart(name):
    torch.manual_seed(0)
    network = NETWORKS[name]()
    pair = flying_shapes(0, "train", (32, 32), 8)
    first, second = (flownet.as_tensor(image) for image in (pair.first, pair.second))
    truth = torch.from_numpy(pair.flow).permute(2, 0, 1)[None]
    optimiser = torch.optim.Adam(network.parameters(), 1e-3)
    losses = []
    for _ in range(50):
        loss = multiscale_epe(network(first, second), truth, flownet.WEIGHTS)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.4 * losses[0]


def test_the_networks_run_on_the_versions_of_a_student():
    network = NETWORKS["flownet-c"]()
    images = torch.rand(1, 3, 32, 32), torch.rand(1, 3, 32, 32)
    called = []

    def watched(exercise):
        def version(*args):
            called.append(exercise.reference.__name__)
            return exercise.reference(*args)

        return version

    exercises = (correlation, refine)
    for each in exercises:
        each.adopt(watched(each))
    try:
        network(*images)
    finally:
        for each in exercises:
            each.restore()
    assert called == ["correlation", "refine", "refine", "refine"]

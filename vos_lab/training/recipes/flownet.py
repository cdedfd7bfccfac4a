"""FlowNetS and FlowNetC: the same data, loss and steps, so that only the networks differ."""

from functools import cache, partial

import numpy as np
import torch
from torch import nn

from vos_lab.datasets.flying_shapes import Pair, draw_pair, flying_shapes, texture_pool
from vos_lab.flow.flownet import (
    NETWORKS,
    WEIGHTS,
    full_size,
    multiscale_epe,
)
from vos_lab.training.loop import Recipe

SIZE = (128, 192)
PAIRS = 4  # in a batch
REACH = 40.0  # pixels, about: how far things move, at most
HELD_OUT = 32

Batch = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


def network(name: str) -> nn.Module:
    """The network, laid out in memory as a processor computes fastest."""
    return NETWORKS[name]().to(memory_format=torch.channels_last)


def reach_of(share: float) -> float:
    """The curriculum, as large motions are hard to begin with: from 8 pixels to all in 30 %."""
    return 8 + (REACH - 8) * min(1.0, share / 0.3)


def batch(share: float, rng: np.random.Generator) -> Batch:
    """New flying shapes for every step."""
    pool = texture_pool("train")
    pairs = [draw_pair(rng, pool, SIZE, reach_of(share)) for _ in range(PAIRS)]
    return photographed(stacked(pairs), rng)


def stacked(pairs: list[Pair]) -> Batch:
    """Pairs as tensors: first and second images in [0, 1], and the flow in pixels."""
    first, second, flow = (
        torch.from_numpy(np.stack([getattr(pair, what) for pair in pairs])).permute(0, 3, 1, 2)
        for what in ("first", "second", "flow")
    )
    return first.float() / 255, second.float() / 255, flow.contiguous()


def photographed(pairs: Batch, rng: np.random.Generator) -> Batch:
    """Other light and noise, most of it the same for both images, as in a video.

    Dosovitskiy et al., ICCV 2015, Section 4.3, augment contrast, colour, brightness and noise too.
    """
    first, second, flow = pairs
    count = len(flow)

    def numbers(low: float, high: float, channels: int) -> torch.Tensor:
        drawn = rng.uniform(low, high, (count, channels, 1, 1))
        return torch.from_numpy(drawn.astype(np.float32))

    contrast, colour = numbers(0.6, 1.3, 1), numbers(0.8, 1.2, 3)
    brightness, grain = numbers(-0.15, 0.15, 1), numbers(0, 0.03, 1)
    images = []
    for image in (first, second):
        light = numbers(0.95, 1.05, 1)
        noise = torch.from_numpy(rng.standard_normal(image.shape, np.float32))
        image = ((image - 0.5) * contrast + 0.5 + brightness) * colour * light + grain * noise
        images.append(image.clamp(0, 1).contiguous(memory_format=torch.channels_last))
    return images[0], images[1], flow


def loss(network: nn.Module, batch: Batch) -> torch.Tensor:
    """The endpoint error at every scale."""
    first, second, flow = batch
    return multiscale_epe(network(first, second), flow, WEIGHTS)


@cache
def held_out() -> Batch:
    """Pairs with textures and motions that no training sees."""
    return stacked([flying_shapes(number, "val", SIZE, REACH) for number in range(HELD_OUT)])


def validate(network: nn.Module) -> dict[str, float]:
    """The mean endpoint error on held-out pairs, split by how far things move."""
    first, second, flow = held_out()
    parts = zip(first.split(4), second.split(4), strict=True)
    found = torch.cat([full_size(network(*part)[-1]) for part in parts])
    error, length = (found - flow).norm(dim=1), flow.norm(dim=1)
    return {
        "all": error.mean().item(),
        "below 4 px": error[length < 4].mean().item(),
        "4 to 12 px": error[(length >= 4) & (length < 12)].mean().item(),
        "12 px and more": error[length >= 12].mean().item(),
    }


def _recipe(name: str, about: str) -> Recipe:
    return Recipe(
        name=name,
        about=about,
        data=f"Flying shapes, {PAIRS} new pairs of {SIZE[0]} x {SIZE[1]} pixels for each step; "
        f"things move by up to 8, later {REACH:g} pixels. Held out: {HELD_OUT} pairs with other "
        "textures; the error is the mean endpoint error in pixels.",
        network=partial(network, name),
        batch=batch,
        loss=loss,
        validate=validate,
        steps=16_000,
        learning_rate=5e-4,
        clip=30.0,
        half=True,
    )


FLOWNET_S = _recipe("flownet-s", "Optical flow from two images in one stack.")
FLOWNET_C = _recipe("flownet-c", "Optical flow from two images, compared in a correlation layer.")

"""How AGNN learns to listen: from sets of frames that are ambiguous one by one."""

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
import torch
from torch.nn import functional

from vos_lab import weights
from vos_lab.methods.graph import STRIDE, AttentiveGraph
from vos_lab.methods.networks import mean_j, segmentation_loss
from vos_lab.training.loop import Recipe
from vos_lab.training.recipes.frame_sets import (
    CROP,
    MOMENTS,
    VIDEOS,
    ambiguous_set,
    as_tensor,
    held_out_clip,
)
from vos_lab.video import VOID

BATCH = 12
"""Frames in a batch, in sets of one, three, four or five."""
HELD_OUT = 16

Batch = tuple[torch.Tensor, torch.Tensor]
"""Frames ``(B, n, 3, H, W)``, and truth ``(B, n, H, W)``."""


def batch(share: float, rng: np.random.Generator) -> Batch:
    """Sets of frames."""
    nodes = int(rng.choice([1, 3, 4, 5], p=[0.1, 0.3, 0.3, 0.3]))
    return as_tensors([ambiguous_set(rng, nodes) for _ in range(BATCH // nodes)])


def as_tensors(sets: list[tuple[np.ndarray, np.ndarray]]) -> Batch:
    """Sets of the same number of frames as one batch."""
    truth = torch.from_numpy(np.stack([truth for _, truth in sets]))
    return as_tensor(np.stack([frames for frames, _ in sets])), truth


def loss(network: AttentiveGraph, batch: Batch) -> torch.Tensor:
    """The loss of what the cells say after each round, of the masks, and of the edges."""
    frames, truth = batch
    state, seen = network.encode(frames.flatten(0, 1))
    nodes = state.unflatten(0, truth.shape[:2])
    states = [each.flatten(0, 1) for each in network.talk(nodes)]
    whole = truth.flatten(0, 1)[:, None]
    cells = whole[..., STRIDE // 2 :: STRIDE, STRIDE // 2 :: STRIDE]
    rough = [segmentation_loss(network.rough(each)[:, None].float(), cells) for each in states[1:]]
    masks = segmentation_loss(network.read_out((states[-1], seen))[:, None], whole)
    return masks + torch.stack(rough).mean() + edge_loss(network, nodes, cells)


def edge_loss(network: AttentiveGraph, nodes: torch.Tensor, cells: torch.Tensor) -> torch.Tensor:
    """The cross-entropy of: does what stands out here look like something in the other frames?"""
    if nodes.shape[1] == 1:
        return 0 * nodes.sum()
    alike = network.messages(nodes)[:, :, 1:, -1].mean(dim=2).flatten(0, 1)[:, None].float()
    stands_out = network.rough(nodes.flatten(0, 1)).detach()[:, None] > 0
    asked = ((cells == 1) | stands_out) & (cells != VOID)
    found = functional.binary_cross_entropy_with_logits(
        alike, (cells == 1).float(), reduction="none"
    )
    return (found * asked).sum() / asked.sum().clamp(min=1)


@lru_cache(maxsize=1)
def held_out_sets() -> Batch:
    """Sets of five frames of validation seeds."""
    rngs = [np.random.default_rng([7, i]) for i in range(HELD_OUT)]
    return as_tensors([ambiguous_set(rng, 5, held_out_clip, HELD_OUT) for rng in rngs])


def validate(network: AttentiveGraph) -> Mapping[str, float]:
    """What is missed in held-out sets, by five nodes and by one."""
    frames, truth = held_out_sets()
    together = torch.cat([network(one[None])[-1][0] for one in frames])
    alone = torch.cat([network(one[:, None])[-1][:, 0] for one in frames])
    right = truth.flatten(0, 1)[:, None]
    return {
        "1 - J": 1 - mean_j(together[:, None], right),
        "1 - J, one node": 1 - mean_j(alone[:, None], right),
    }


def network() -> AttentiveGraph:
    """Begins as the longer parent of OSVOS, whose encoder and decoder stay as they are."""
    made = AttentiveGraph()
    made.base.load_state_dict(weights.load("osvos-parent-long"))
    made.base.requires_grad_(False)
    return made


AGNN = Recipe(
    name="agnn",
    about="AGNN: from several frames of a video to the object that they have in common. Learned "
    "are the looks of cells, messages, gates and updates; the rest is osvos-parent-long.",
    data=f"sets of 1 to 5 frames of {VIDEOS} procedural training videos (train_video 0 to "
    f"{VIDEOS - 1}, {len(MOMENTS)} frames of each), in views of {CROP[0]} x {CROP[1]} pixels; held "
    f"out: {HELD_OUT} sets of five frames, mixed suite, split val",
    network=network,
    batch=batch,
    loss=loss,
    validate=validate,
    steps=400,
    learning_rate=4e-3,
    clip=1.0,
    half=True,
    validate_every=200,
    needs=("osvos-parent-long",),
)

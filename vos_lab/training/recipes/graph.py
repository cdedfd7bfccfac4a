"""How AGNN learns: first what stands out in one frame, then from sets of frames."""

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
import torch
from torch import nn

from vos_lab import weights
from vos_lab.methods.graph import ROUNDS, STRIDE, AttentiveGraph
from vos_lab.methods.networks import mean_j, segmentation_loss
from vos_lab.training.loop import Recipe
from vos_lab.training.recipes.frame_sets import (
    COLLAGES,
    CROP,
    MOMENTS,
    VIDEOS,
    ambiguous_set,
    as_tensor,
    held_out_clip,
)

STILLS = 0.2
"""The share of the training with one node: salient object detection."""
BATCH = 12
"""Frames in a batch, in sets of one, three, four or five."""
ROUGH = 0.5
"""How much what the cells say after each round counts, beside one whole mask."""
HELD_OUT = 12

Batch = tuple[torch.Tensor, torch.Tensor, int]
"""Frames ``(B, n, 3, H, W)``, truth ``(B, n, H, W)``, and the round whose masks are read out."""


def batch(share: float, rng: np.random.Generator) -> Batch:
    """Sets of frames; while the training is young, sets of one."""
    single = share < STILLS or rng.random() < 0.1
    nodes = 1 if single else int(rng.choice([3, 4, 5]))
    sets = [ambiguous_set(rng, nodes) for _ in range(BATCH // nodes)]
    rounds = ROUNDS if rng.random() < 0.6 else int(rng.integers(ROUNDS))
    return *as_tensors(sets), rounds


def as_tensors(sets: list[tuple[np.ndarray, np.ndarray]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Sets of the same number of frames as one batch."""
    truth = torch.from_numpy(np.stack([truth for _, truth in sets]))
    return as_tensor(np.stack([frames for frames, _ in sets])), truth


def loss(network: AttentiveGraph, batch: Batch) -> torch.Tensor:
    """The loss of what the cells say after each round, and of the masks of one round."""
    frames, truth, rounds = batch
    state, seen = network.encode(frames.flatten(0, 1))
    states = [each.flatten(0, 1) for each in network.talk(state.unflatten(0, truth.shape[:2]))]
    whole = truth.flatten(0, 1)[:, None]
    cells = whole[..., STRIDE // 2 :: STRIDE, STRIDE // 2 :: STRIDE]
    rough = [segmentation_loss(network.rough(each)[:, None].float(), cells) for each in states]
    masks = network.read_out((states[rounds], seen))[:, None]
    return segmentation_loss(masks, whole) + ROUGH * torch.stack(rough).mean()


@lru_cache(maxsize=2)
def held_out_sets(collage: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Sets of five frames of validation seeds."""
    return as_tensors(
        [
            ambiguous_set(
                np.random.default_rng([7, i]), 5, held_out_clip, HELD_OUT, collage, spoilt=1.0
            )
            for i in range(HELD_OUT)
        ]
    )


def validate(network: AttentiveGraph) -> Mapping[str, float]:
    """What is missed in held-out sets, by five nodes and by one."""
    errors = {}
    for collage, name in ((1.0, ""), (0.0, ", videos")):
        frames, truth = held_out_sets(collage)
        several, alone = [], []
        for one in frames:
            several.append(network(one[None])[-1][0])
            alone.append(network(one[:, None])[-1][:, 0])
        for scores, who in ((several, ""), (alone, ", one node")):
            errors[f"1 - J{name}{who}"] = 1 - mean_j(
                torch.cat(scores)[:, None], truth.flatten(0, 1)[:, None]
            )
    return errors


def network() -> AttentiveGraph:
    """Begins as the longer parent of OSVOS, which has seen many objects."""
    made = AttentiveGraph()
    made.base.load_state_dict(weights.load("osvos-parent-long"))
    # What is learned at the largest sizes, edges and colours, is good enough, and dear to change.
    stages = made.base.backbone.stages
    assert isinstance(stages, nn.ModuleList)  # it is a SmallBackbone
    stages[:2].requires_grad_(False)
    return made


def adam(network: nn.Module, learning_rate: float) -> torch.optim.Optimizer:
    """Adam; what has learned before learns on at a third of the rate."""
    old = [each for name, each in network.named_parameters() if name.startswith("base.")]
    new = [each for name, each in network.named_parameters() if not name.startswith("base.")]
    optimiser = torch.optim.Adam(new, learning_rate)
    optimiser.add_param_group({"params": old, "lr": learning_rate / 3})
    return optimiser


AGNN = Recipe(
    name="agnn",
    about="AGNN: from several frames of a video to the object that they have in common.",
    data=f"sets of 1 to 5 frames of {VIDEOS} procedural training videos (train_video 0 to "
    f"{VIDEOS - 1}, {len(MOMENTS)} frames of each), {COLLAGES:.0%} of them collages, in views "
    f"of {CROP[0]} x {CROP[1]} pixels; begins as osvos-parent-long; held out: {HELD_OUT} sets of "
    f"collages and {HELD_OUT} of videos, mixed suite, split val",
    network=network,
    batch=batch,
    loss=loss,
    validate=validate,
    steps=800,
    learning_rate=2e-3,
    optimiser=adam,
    clip=1.0,
    half=True,
    validate_every=400,
)

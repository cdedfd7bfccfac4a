"""How the parent networks of MaskTrack learn: from pictures with a simulated previous mask."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch

from vos_lab.methods.masktrack import random_previous_mask
from vos_lab.methods.networks import (
    SegmentationNetwork,
    SmallBackbone,
    as_input,
    deep_supervision,
    mean_j,
    segmentation_loss,
)
from vos_lab.training.loop import Recipe
from vos_lab.training.recipes.pictures import (
    BATCH,
    LONG,
    LONGER,
    PARENT,
    Batch,
    Picture,
    held_out_pictures,
    random_view,
)
from vos_lab.video import VOID


def example_with_mask(
    picture: Picture, rng: np.random.Generator
) -> tuple[torch.Tensor, np.ndarray]:
    """A picture with the simulated previous mask of one of its objects, and the truth."""
    image, labels = picture
    there = [int(label) for label in np.unique(labels) if 0 < label < VOID]
    chosen = int(rng.choice(there)) if there else 1
    truth = (labels == chosen).astype(np.float32)
    previous = random_previous_mask(truth, rng)
    inputs = torch.cat([as_input(image), torch.from_numpy(previous)[None, None]], dim=1)
    return inputs, np.where(labels == VOID, VOID, truth).astype(np.uint8)


def pictures_with_masks(
    share: float, rng: np.random.Generator, batch: int = BATCH, **chosen_from: Any
) -> Batch:
    """A batch for MaskTrack: pictures with a simulated previous mask, and the truth."""
    examples = [example_with_mask(random_view(rng, **chosen_from), rng) for _ in range(batch)]
    inputs = torch.cat([inputs for inputs, _ in examples])
    return inputs, torch.from_numpy(np.stack([truth for _, truth in examples]))[:, None]


def validate_with_masks(network: SegmentationNetwork) -> Mapping[str, float]:
    """What MaskTrack misses of held-out pictures, and what the simulated mask misses itself."""
    scores, truths, before = [], [], []
    for number, picture in enumerate(held_out_pictures()):
        inputs, truth = example_with_mask(picture, np.random.default_rng(number))
        scores.append(network(inputs)[0][0])
        before.append(inputs[0, 3:] - 0.5)
        truths.append(torch.from_numpy(truth)[None])
    all_truths = torch.stack(truths)
    return {
        "1 - J": 1 - mean_j(torch.stack(scores), all_truths),
        "1 - J, previous mask": 1 - mean_j(torch.stack(before), all_truths),
    }


def network_with_mask() -> SegmentationNetwork:
    """The network of MaskTrack: a fourth channel for the mask."""
    return SegmentationNetwork(SmallBackbone(inputs=4))


MASKTRACK_PARENT = Recipe(
    name="masktrack-parent",
    about="MaskTrack: from a frame and a rough mask to the mask. Learned from single pictures.",
    network=network_with_mask,
    batch=pictures_with_masks,
    loss=partial(deep_supervision, one=segmentation_loss),
    validate=validate_with_masks,
    **PARENT,
)

MASKTRACK_PARENT_LONG = replace(
    MASKTRACK_PARENT,
    name="masktrack-parent-long",
    about=f"{MASKTRACK_PARENT.about} Learned longer.",
    batch=partial(pictures_with_masks, **LONG),
    **LONGER,
)

"""How the parent networks of OSVOS learn: from pictures of procedural videos."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch

from vos_lab.methods.networks import (
    SegmentationNetwork,
    as_input,
    deep_supervision,
    mean_j,
    segmentation_loss,
)
from vos_lab.methods.osvos import class_balanced_loss
from vos_lab.training.loop import Recipe
from vos_lab.training.recipes.pictures import (
    BATCH,
    LONG,
    LONGER,
    PARENT,
    Batch,
    held_out_pictures,
    random_view,
)
from vos_lab.video import VOID


def pictures(
    share: float, rng: np.random.Generator, batch: int = BATCH, **chosen_from: Any
) -> Batch:
    """A batch for OSVOS: pictures, and where any object is."""
    views = [random_view(rng, **chosen_from) for _ in range(batch)]
    truth = np.stack([np.where(labels == VOID, VOID, labels > 0) for _, labels in views])
    inputs = torch.cat([as_input(image) for image, _ in views])
    return inputs, torch.from_numpy(truth.astype(np.uint8))[:, None]


def validate(network: SegmentationNetwork) -> Mapping[str, float]:
    """What the parent misses of held-out pictures."""
    scores, truths = [], []
    for image, labels in held_out_pictures():
        scores.append(network(as_input(image))[0][0])
        truths.append(torch.from_numpy(np.where(labels == VOID, VOID, labels > 0))[None])
    return {"1 - J": 1 - mean_j(torch.stack(scores), torch.stack(truths))}


OSVOS_PARENT = Recipe(
    name="osvos-parent",
    about="The parent network of OSVOS: from a frame to what looks like an object.",
    network=SegmentationNetwork,
    batch=pictures,
    loss=partial(deep_supervision, one=class_balanced_loss),
    validate=validate,
    **PARENT,
)

OSVOS_PARENT_LONG = replace(
    OSVOS_PARENT,
    name="osvos-parent-long",
    about=f"{OSVOS_PARENT.about} Learned longer, with the soft Jaccard loss.",
    batch=partial(pictures, **LONG),
    loss=partial(deep_supervision, one=segmentation_loss),
    **LONGER,
)

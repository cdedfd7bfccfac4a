"""How the parent networks of OSVOS learn: from pictures of procedural videos."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

from vos_lab import weights
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
    CLOSER,
    LONG,
    LONGER,
    PARENT,
    Batch,
    Picture,
    described,
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


def validate(network: SegmentationNetwork, closer: bool = False) -> Mapping[str, float]:
    """What the parent misses of held-out pictures; with ``closer`` of those closer to film too."""
    if closer:
        return {**validate(network), "1 - J, closer": _missed(network, held_out_pictures(closer))}
    return {"1 - J": _missed(network, held_out_pictures())}


def _missed(network: SegmentationNetwork, pictures: Sequence[Picture]) -> float:
    scores, truths = [], []
    for image, labels in pictures:
        scores.append(network(as_input(image))[0][0])
        truths.append(torch.from_numpy(np.where(labels == VOID, VOID, labels > 0))[None])
    return 1 - mean_j(torch.stack(scores), torch.stack(truths))


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


def long_parent() -> nn.Module:
    """The long parent, to go on from."""
    return weights.load_into(SegmentationNetwork(), "osvos-parent-long")


OSVOS_CLOSER_PARENT = replace(
    OSVOS_PARENT_LONG,
    name="osvos-closer-parent",
    about="The long parent network of OSVOS, gone on learning in a world closer to film.",
    data=described(**CLOSER),
    network=long_parent,
    batch=partial(pictures, **CLOSER),
    validate=partial(validate, closer=True),
    steps=4000,
    learning_rate=1e-3,
    validate_every=500,
    needs=("osvos-parent-long",),
)

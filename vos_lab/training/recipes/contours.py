"""How the contour branch of OSVOS learns: where one thing ends and another begins."""

from collections.abc import Mapping
from functools import lru_cache, partial
from typing import Any

import cv2
import numpy as np
import torch

from vos_lab.datasets.procedural import ProceduralVideo, suite, train_video
from vos_lab.methods.contours import contour_network
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
    DATA,
    MOMENTS,
    SIZE,
    VIDEOS,
    Batch,
    Picture,
    random_view,
)


@lru_cache(maxsize=VIDEOS * len(MOMENTS))
def train_contours(number: int, t: int) -> Picture:
    """A training picture, and where things end: 0, 1 on a contour."""
    return contours_of(train_video(number, frames=MOMENTS[-1] + 1, size=SIZE), t)


def contours_of(video: ProceduralVideo, t: int) -> Picture:
    """A frame and the contours between its things: objects, twins, what stands in front."""
    things = np.where(video.foreground[t], 255, video.instances[t]).astype(np.uint8)
    edge = cv2.dilate(things, np.ones((3, 3), np.uint8)) != cv2.erode(
        things, np.ones((3, 3), np.uint8)
    )
    return video.frames[t], edge.astype(np.uint8)


@lru_cache(maxsize=1)
def held_out_contours() -> list[Picture]:
    """Pictures of validation seeds."""
    videos = suite("mixed", "val", length=20, frames=20, size=SIZE)
    return [contours_of(video, 10) for video in videos]


def contours(
    share: float, rng: np.random.Generator, batch: int = BATCH, **chosen_from: Any
) -> Batch:
    """A batch for the contour branch."""
    inputs, truths = [], []
    for _ in range(batch):
        image, edge = random_view(rng, train_contours, **chosen_from)
        inputs.append(as_input(image))
        truths.append(torch.from_numpy(edge)[None, None])
    return torch.cat(inputs), torch.cat(truths)


def validate_contours(network: SegmentationNetwork) -> Mapping[str, float]:
    """The class-balanced loss on held-out pictures, and 1 - J of the contours."""
    scores = torch.stack([network(as_input(image))[0][0] for image, _ in held_out_contours()])
    truth = torch.stack([torch.from_numpy(edge)[None] for _, edge in held_out_contours()])
    return {
        "loss": float(class_balanced_loss(scores, truth)),
        "1 - J": 1 - mean_j(scores, truth),
    }


OSVOS_CONTOURS = Recipe(
    name="osvos-contours",
    about="The contour branch of OSVOS: from a frame to where one thing ends and another begins.",
    data=DATA.replace("random views", "random views, with the contours of all things"),
    network=contour_network,
    batch=contours,
    loss=partial(deep_supervision, one=segmentation_loss),
    validate=validate_contours,
    steps=1500,
    learning_rate=2e-3,
    half=True,
    validate_every=250,
)

"""How the parent networks of OSVOS and MaskTrack learn: from pictures of procedural videos."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any

import cv2
import numpy as np
import torch
from torch.nn import functional

from vos_lab.datasets.procedural import ProceduralVideo, suite, train_video
from vos_lab.methods.augmentation import apply_affine, colour_jitter, random_affine
from vos_lab.methods.contours import contour_network
from vos_lab.methods.masktrack import random_previous_mask
from vos_lab.methods.networks import (
    SegmentationNetwork,
    SmallBackbone,
    as_input,
    mean_j,
    segmentation_loss,
)
from vos_lab.methods.osvos import class_balanced_loss
from vos_lab.training.loop import Recipe
from vos_lab.video import VOID

SIZE = (240, 432)
CROP = (128, 224)
VIDEOS = 600
MOMENTS = (3, 14)
BATCH = 8
SIDES = 0.3
"""How much each side output counts beside the fused one."""

LONG: dict[str, Any] = {"batch": 16, "videos": 1500, "moments": (3, 7, 11, 14)}
"""What the long trainings see: five times as many pictures, and four times as many views."""

Picture = tuple[np.ndarray, np.ndarray]
Batch = tuple[torch.Tensor, torch.Tensor]


def picture(video: ProceduralVideo, t: int) -> Picture:
    """A frame and its label map, in which twins are void: nobody could tell them from objects."""
    assert video.masks is not None  # the renderer always knows
    labels = np.array(video.masks[t])
    labels[(video.instances[t] > 0) & (labels == 0)] = VOID
    return video.frames[t], labels


@lru_cache(maxsize=LONG["videos"] * len(LONG["moments"]))  # drawing takes longer than learning
def train_picture(number: int, t: int) -> Picture:
    """One of the training pictures: 0.4 MB, so 0.5 GB for a training, and 2.5 for a long one."""
    return picture(train_video(number, frames=MOMENTS[-1] + 1, size=SIZE), t)


@lru_cache(maxsize=1)
def held_out_pictures() -> list[Picture]:
    """Pictures of validation seeds."""
    videos = suite("mixed", "val", length=20, frames=20, size=SIZE)
    return [picture(video, 10) for video in videos]


def random_view(
    rng: np.random.Generator,
    source: Callable[[int, int], Picture] = train_picture,
    videos: int = VIDEOS,
    moments: tuple[int, ...] = MOMENTS,
) -> Picture:
    """A training picture, closer or farther, turned, mirrored, in another light and colour."""
    image, labels = source(int(rng.integers(videos)), int(rng.choice(moments)))
    matrix = random_affine(rng, image.shape, CROP, zoom=(0.53, 1.1), turn=15)
    image, labels = apply_affine(image, labels, matrix, CROP)
    image = colour_jitter(image, rng, 1.5)
    if rng.random() < 0.3:  # drawn colours are few, those of the world are not
        image = np.ascontiguousarray(image[..., rng.permutation(3)])
    if rng.random() < 0.3:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.5))
    if rng.random() < 0.5:
        noise = rng.standard_normal(image.shape, np.float32) * rng.uniform(0, 12)
        image = np.clip(image + noise, 0, 255).astype(np.uint8)
    return image, labels


def pictures(
    share: float, rng: np.random.Generator, batch: int = BATCH, **chosen_from: Any
) -> Batch:
    """A batch for OSVOS: pictures, and where any object is."""
    views = [random_view(rng, **chosen_from) for _ in range(batch)]
    truth = np.stack([np.where(labels == VOID, VOID, labels > 0) for _, labels in views])
    inputs = torch.cat([as_input(image) for image, _ in views])
    return inputs, torch.from_numpy(truth.astype(np.uint8))[:, None]


def loss_of_all(
    network: SegmentationNetwork,
    batch: Batch,
    one: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
) -> torch.Tensor:
    """The loss of the fused output, and less of the side outputs.

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
        loss = loss + SIDES * one(large, truth)
    return loss


def validate(network: SegmentationNetwork) -> Mapping[str, float]:
    """What the parent misses of held-out pictures."""
    scores, truths = [], []
    for image, labels in held_out_pictures():
        scores.append(network(as_input(image))[0][0])
        truths.append(torch.from_numpy(np.where(labels == VOID, VOID, labels > 0))[None])
    return {"1 - J": 1 - mean_j(torch.stack(scores), torch.stack(truths))}


# --- MaskTrack --------------------------------------------------------------------------------


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


def described(videos: int, moments: tuple[int, ...], **_: Any) -> str:
    """What a network learns from, for its card."""
    return (
        f"{videos} procedural training videos (train_video 0 to {videos - 1}), {len(moments)} "
        f"frames of each, in random views of {CROP[0]} x {CROP[1]} pixels; held out: 20 frames of "
        "the mixed suite, split val"
    )


DATA = described(VIDEOS, MOMENTS)

OSVOS_PARENT = Recipe(
    name="osvos-parent",
    about="The parent network of OSVOS: from a frame to what looks like an object.",
    data=DATA,
    network=SegmentationNetwork,
    batch=pictures,
    loss=partial(loss_of_all, one=class_balanced_loss),
    validate=validate,
    steps=4000,
    learning_rate=2e-3,
    half=True,
    validate_every=250,
)

MASKTRACK_PARENT = Recipe(
    name="masktrack-parent",
    about="MaskTrack: from a frame and a rough mask to the mask. Learned from single pictures.",
    data=DATA,
    network=network_with_mask,
    batch=pictures_with_masks,
    loss=partial(loss_of_all, one=segmentation_loss),
    validate=validate_with_masks,
    steps=4000,
    learning_rate=2e-3,
    half=True,
    validate_every=250,
)

# The same, learned longer: about three hours of one core each.
LONGER: dict[str, Any] = {"data": described(**LONG), "steps": 7800, "clip": 1.0}

OSVOS_PARENT_LONG = replace(
    OSVOS_PARENT,
    name="osvos-parent-long",
    about=f"{OSVOS_PARENT.about} Learned longer, with the soft Jaccard loss.",
    batch=partial(pictures, **LONG),
    loss=partial(loss_of_all, one=segmentation_loss),
    **LONGER,
)

MASKTRACK_PARENT_LONG = replace(
    MASKTRACK_PARENT,
    name="masktrack-parent-long",
    about=f"{MASKTRACK_PARENT.about} Learned longer.",
    batch=partial(pictures_with_masks, **LONG),
    **LONGER,
)

# --- contours ---------------------------------------------------------------------------------


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
    loss=partial(loss_of_all, one=segmentation_loss),
    validate=validate_contours,
    steps=1500,
    learning_rate=2e-3,
    half=True,
    validate_every=250,
)

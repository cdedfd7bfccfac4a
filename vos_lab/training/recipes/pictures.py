"""Training pictures that several recipes share: frames of procedural videos, in random views."""

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

import cv2
import numpy as np
import torch

from vos_lab.datasets.procedural import ProceduralVideo, render, suite, train_video
from vos_lab.datasets.procedural.camera import filmed
from vos_lab.methods.augmentation import apply_affine, colour_jitter, random_affine
from vos_lab.video import VOID

SIZE = (240, 432)
CROP = (128, 224)
VIDEOS = 600
MOMENTS = (3, 14)
BATCH = 8


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


@lru_cache(maxsize=VIDEOS)  # all frames at once: most of the time goes into the textures
def closer_clip(number: int, photographs: float = 0.0) -> dict[int, Picture]:
    """Frames of the same training video closer to film, by their moments."""
    closer = train_video(number, MOMENTS[-1] + 1, SIZE, closer=True, photographs=photographs)
    return {t: picture(closer, t) for t in LONG["moments"]}


def closer_picture(number: int, t: int, photographs: float = 0.0) -> Picture:
    """The same training picture, closer to film."""
    return closer_clip(number, photographs)[t]


PHOTOGRAPHS = 0.6
"""The chance that a texture of the closer world is cut from a photograph."""

CLOSER: dict[str, Any] = LONG | {
    "videos": VIDEOS,
    "source": partial(closer_picture, photographs=PHOTOGRAPHS),
    "camera": True,
}
"""What a training in the closer world sees."""


@lru_cache(maxsize=2)
def held_out_pictures(closer: bool = False) -> list[Picture]:
    """Pictures of validation seeds, as they are or closer to film."""
    videos = suite("mixed", "val", length=20, frames=20, size=SIZE)
    if closer:
        specs = [each.spec.closer(np.random.default_rng([each.seed, 98])) for each in videos]
        videos = [render(spec, each.seed) for spec, each in zip(specs, videos, strict=True)]
    return [picture(video, 10) for video in videos]


def random_view(
    rng: np.random.Generator,
    source: Callable[[int, int], Picture] = train_picture,
    videos: int = VIDEOS,
    moments: tuple[int, ...] = MOMENTS,
    camera: bool = False,
) -> Picture:
    """A training picture, closer or farther, turned, mirrored, in another light and colour.

    With ``camera``, one takes it; without, some views are blurred and some get noise.
    """
    image, labels = source(int(rng.integers(videos)), int(rng.choice(moments)))
    matrix = random_affine(rng, image.shape, CROP, zoom=(0.53, 1.1), turn=15)
    image, labels = apply_affine(image, labels, matrix, CROP)
    image = colour_jitter(image, rng, 0.8 if camera else 1.5)  # a camera changes the light, too
    if rng.random() < 0.3:  # drawn colours are few, those of the world are not
        image = np.ascontiguousarray(image[..., rng.permutation(3)])
    if camera:
        return filmed(image, rng), labels
    if rng.random() < 0.3:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.5))
    if rng.random() < 0.5:
        noise = rng.standard_normal(image.shape, np.float32) * rng.uniform(0, 12)
        image = np.clip(image + noise, 0, 255).astype(np.uint8)
    return image, labels


def described(videos: int, moments: tuple[int, ...], camera: bool = False, **_: Any) -> str:
    """What a network learns from, for its card."""
    which = "closer to film, with textures of photographs, as a camera takes them, "
    which = which if camera else ""
    return (
        f"{videos} procedural training videos (train_video 0 to {videos - 1}), {which}"
        f"{len(moments)} frames of each, in random views of {CROP[0]} x {CROP[1]} pixels; "
        "held out: 20 frames of the mixed suite, split val"
    )


DATA = described(VIDEOS, MOMENTS)

PARENT: dict[str, Any] = {
    "data": DATA,
    "steps": 4000,
    "learning_rate": 2e-3,
    "half": True,
    "validate_every": 250,
}
"""How both parents learn."""

# The same, learned longer: about three hours of one core each.
LONGER: dict[str, Any] = {"data": described(**LONG), "steps": 7800, "clip": 1.0}

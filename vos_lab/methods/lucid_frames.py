"""Lucid frames: from one annotated frame, endless new ones that the video might have had.

Khoreva, Benenson, Ilg, Brox and Schiele, "Lucid Data Dreaming for Video Object Segmentation",
IJCV 2019. Cut the object out, fill the hole, move object and ground each on its own, bend them,
change the light, and put them together again. The truth of each new frame is known, as we made it.

A network that is fine-tuned on such frames has seen the object in other places, sizes and poses,
before other ground, before the video shows it.
"""

from collections.abc import Mapping

import cv2
import numpy as np

from vos_lab.exercise import exercise
from vos_lab.flow import warp
from vos_lab.methods.augmentation import colour_jitter, random_deformation
from vos_lab.methods.flow_propagation import propagate_mask
from vos_lab.methods.resolution import blurred
from vos_lab.video import VOID

FEATHER = 0.003
"""How soft the edge of a pasted object is, as a share of the mean side of the image."""


def fill_hole(image: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """The ground without the object: its pixels made up from those around (Telea, 2004).

    Args:
        image: ``(H, W, 3)`` uint8.
        hole: ``(H, W)`` bool, what to fill.

    Returns:
        ``(H, W, 3)`` uint8.
    """
    # The rim of the object is a mixture of object and ground, so the hole is a little larger.
    wide = cv2.dilate(hole.astype(np.uint8), np.ones((5, 5), np.uint8))
    return cv2.inpaint(image, wide, 5, cv2.INPAINT_TELEA)


def mirrored(flow: np.ndarray) -> np.ndarray:
    """Send what points outside the image back inside, as a mirror at its border would.

    The ground of a dream has to fill the frame. With the pixels of the border repeated it would
    have streaks, which no video has.

    Args:
        flow: ``(H, W, 2)`` float32, pixels.

    Returns:
        The same, and every place that it points to is inside.

    Example:
        >>> to_the_left = np.tile(np.float32([-1, 0]), (1, 4, 1))
        >>> mirrored(to_the_left)[0, :, 0].tolist()
        [1.0, -1.0, -1.0, -1.0]
    """
    height, width = flow.shape[:2]
    here = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1).astype(np.float32)
    last = np.maximum(np.array([width, height], np.float32) - 1, 0.5)
    there = last - np.abs(np.mod(here + flow, 2 * last) - last)
    return np.clip(there, 0, [width - 1, height - 1]).astype(np.float32) - here


@exercise(minutes=20, difficulty=3, importance=5)
def lucid_frame(
    ground: np.ndarray,
    image: np.ndarray,
    mask: np.ndarray,
    ground_flow: np.ndarray,
    object_flow: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Dream up a frame: ground and object, each moved on its own (Khoreva et al., Section 3.1).

    Args:
        ground: the frame without the object, its hole filled, ``(H, W, 3)`` uint8.
        image: the frame with the object, ``(H, W, 3)`` uint8.
        mask: how much of each pixel of ``image`` is object, ``(H, W)`` float32, 0 to 1.
        ground_flow: ``(H, W, 2)`` float32, pixels: from each place of the new frame to the place
            of ``ground`` that is seen there.
        object_flow: the same for the object.

    Returns:
        The new frame, ``(H, W, 3)`` uint8, and its mask, ``(H, W)`` float32, 0 to 1.

    Example:
        >>> ground, image = np.zeros((1, 4, 3), np.uint8), np.full((1, 4, 3), 200, np.uint8)
        >>> to_the_right = np.tile(np.float32([-1, 0]), (1, 4, 1))
        >>> frame, mask = lucid_frame(
        ...     ground, image, np.float32([[0, 1, 0, 0]]), np.zeros_like(to_the_right), to_the_right
        ... )
        >>> frame[0, :, 0].tolist(), mask.tolist()
        ([0, 0, 200, 0], [[0.0, 0.0, 1.0, 0.0]])
    """
    # Step 1: move the ground. It fills the whole frame.
    behind = warp(ground, ground_flow).astype(np.float32)
    # Step 2: move the object: its pixels and its mask in the same way.
    before = warp(image, object_flow).astype(np.float32)
    moved = propagate_mask(mask, object_flow)
    # Step 3: blend. Where the mask is one half, half of the ground shines through.
    share = moved[..., None]
    frame = share * before + (1 - share) * behind
    # Step 4: make it an image again. Round before the cast.
    return np.rint(frame).astype(np.uint8), moved


class Dream:
    """What is needed to dream of a frame again and again; the hole is filled only once.

    Args:
        image: the annotated frame, ``(H, W, 3)`` uint8.
        labels: its label map, ``(H, W)`` uint8.
    """

    def __init__(self, image: np.ndarray, labels: np.ndarray) -> None:
        self.image = image
        objects = [int(label) for label in np.unique(labels) if 0 < label < VOID]
        self.masks: Mapping[int, np.ndarray] = {
            label: blurred((labels == label).astype(np.float32), FEATHER) for label in objects
        }
        self.ground = fill_hole(image, labels > 0)

    def frame(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """A new frame and its label map.

        Args:
            rng: where the randomness comes from.

        Returns:
            The image, ``(H, W, 3)`` uint8, and its label map ``(H, W)`` uint8.
        """
        shape = self.image.shape[:2]
        frame = colour_jitter(self.ground, rng, 0.3)
        lit = colour_jitter(self.image, rng, 0.3)
        labels = np.zeros(shape, np.uint8)
        # The camera moves all things, and each thing moves by itself on top of that.
        whole = np.ones(shape, np.float32)
        flow = mirrored(random_deformation(whole, rng, scale=0.15, shift=0.08, bend=0.01))
        # Whoever is painted last is in front; a shuffled order shows each hidden by the others.
        for label in rng.permutation(list(self.masks)):
            mask = self.masks[label]
            own = random_deformation(mask, rng, scale=0.7, shift=0.35, bend=0.05, turn=0.25)
            frame, moved = lucid_frame(frame, lit, mask, flow, own)
            labels[moved > 0.5] = label
            flow = np.zeros_like(flow)  # the ground has moved already
        if not self.masks:
            frame = warp(frame, flow)
        if rng.random() < 0.5:
            frame, labels = frame[:, ::-1].copy(), labels[:, ::-1].copy()
        return colour_jitter(frame, rng, 0.7), labels

"""Snap masks to contours, as the second branch of OSVOS does (Caelles et al., CVPR 2017).

A network finds where one thing ends and another begins. These contours cut the frame into small
regions, and each region decides as a whole whether it is object.
"""

import itertools

import cv2
import numpy as np
import torch
from scipy import ndimage

from vos_lab import weights
from vos_lab.exercise import exercise
from vos_lab.methods.networks import SegmentationNetwork, SmallBackbone, as_input, mixed_precision

CELL = 6
"""Pixels: a region begins in each square of this side, so it cannot be much larger."""

UNSURE = 0.1
"""Regions decide only where a soft mask is nearer than this to one half. On fifteen validation
videos to snap all of a mask costs OSVOS 0.045 in J, as the regions are not good enough: the true
mask itself, snapped, has a J of 0.86. So far from the outline the mask knows better."""


def contour_network() -> SegmentationNetwork:
    """The contour branch: the same network, narrower. It is trained once, and never fine-tuned."""
    return SegmentationNetwork(SmallBackbone(channels=(8, 16, 32, 64)))


def regions_between(contours: np.ndarray) -> np.ndarray:
    """Cut an image into small regions along its contours: a watershed (Meyer, 1992).

    Contours are mountains. Water rises from the lowest place of each square of a grid, and where
    two lakes meet, regions end. (The paper uses an ultrametric contour map.)

    Args:
        contours: how much of a contour each pixel is, ``(H, W)`` float32, 0 to 1.

    Returns:
        ``(H, W)`` int32, the number of its region for each pixel, 0 or more.
    """
    height, width = contours.shape
    heights = (np.clip(cv2.GaussianBlur(contours, (0, 0), 1.0), 0, 1) * 255).astype(np.uint8)
    wells = np.zeros((height, width), np.int32)
    corners = itertools.product(range(0, height, CELL), range(0, width, CELL))
    for number, (top, left) in enumerate(corners, start=1):
        square = heights[top : top + CELL, left : left + CELL]
        row, column = np.unravel_index(square.argmin(), square.shape)
        wells[top + row, left + column] = number
    lakes = cv2.watershed(cv2.cvtColor(heights, cv2.COLOR_GRAY2RGB), wells.copy())
    if not (lakes > 0).any():  # nothing but shores: an image of a few pixels
        return wells.max() - wells
    # The shores, and the border of the image, go to the nearest lake.
    nearest = ndimage.distance_transform_edt(
        lakes <= 0, return_distances=False, return_indices=True
    )
    return lakes[tuple(nearest)] - 1


@exercise(minutes=15, difficulty=2, importance=3)
def snap_to_contours(mask: np.ndarray, regions: np.ndarray) -> np.ndarray:
    """Let each region decide as a whole (Caelles et al., Section 3.3).

    Args:
        mask: ``(H, W)`` bool, or how much of each pixel is object, float32 from 0 to 1.
        regions: ``(H, W)`` int32, the number of its region for each pixel, 0 or more.

    Returns:
        ``(H, W)`` bool: all of a region, where more than half of it is object, else nothing of it.

    Example:
        >>> mask = np.array([[True, True, False, True, False, False]])
        >>> snap_to_contours(mask, np.array([[0, 0, 0, 1, 1, 1]])).astype(int).tolist()
        [[1, 1, 1, 0, 0, 0]]
    """
    # Step 1: how many pixels does each region have, and how many of them are object?
    pixels = np.bincount(regions.ravel())
    inside = np.bincount(regions.ravel(), mask.ravel().astype(np.float64))
    # Step 2: a region is object if more than half of it is. (A number that no pixel has: 0.)
    chosen = inside > 0.5 * pixels
    # Step 3: back to pixels: look up for each pixel what its region is.
    return chosen[regions]


class ContourBranch:
    """The contour branch with its shipped weights.

    Args:
        unsure: regions decide where a soft mask is nearer than this to one half; 0.5 is everywhere.

    Raises:
        FileNotFoundError: the weights are missing.
    """

    def __init__(self, unsure: float = UNSURE) -> None:
        self.unsure = unsure
        self.network = weights.network(contour_network, "osvos-contours")

    def regions(self, image: np.ndarray) -> np.ndarray:
        """The regions between the contours of an image ``(H, W, 3)`` uint8, ``(H, W)`` int32."""
        with torch.inference_mode(), mixed_precision("cpu"):
            fused, _ = self.network(as_input(image))
        return regions_between(fused.sigmoid()[0, 0].float().numpy())

    def snap(self, soft: np.ndarray, regions: np.ndarray) -> np.ndarray:
        """A soft mask whose half lies on contours where it is unsure; elsewhere as it was.

        Args:
            soft: ``(H, W)`` float32, 0 to 1.
            regions: from :meth:`regions`.
        """
        return snapped(soft, regions, self.unsure)


def snapped(soft: np.ndarray, regions: np.ndarray, unsure: float = 0.5) -> np.ndarray:
    """A soft mask whose half lies on contours, where it is nearer to one half than ``unsure``."""
    inside = snap_to_contours(soft > 0.5, regions)
    new = np.where(inside, np.maximum(soft, 0.51), np.minimum(soft, 0.49))
    return np.where(np.abs(soft - 0.5) <= unsure, new, soft).astype(np.float32)

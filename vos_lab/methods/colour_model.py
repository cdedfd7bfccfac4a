"""What colour says: how much more likely is this pixel on the object than around it?

A histogram of the colours of the object and one of its surroundings, both from the first frame. It
knows nothing of shape or place, and is fooled by whatever has the colours of the object.
"""

import cv2
import numpy as np
from scipy import ndimage

BINS = 24
"""For lightness and for each of the two axes of colour (CIELAB)."""

SURROUNDINGS = 0.09
"""How far the surroundings reach, as a share of the mean side of the image."""


def colour_index(image: np.ndarray) -> np.ndarray:
    """Which bin of the histogram each pixel falls into.

    Args:
        image: ``(H, W, 3)`` uint8.

    Returns:
        ``(H, W)`` int64, 0 to ``BINS`` cubed.
    """
    lab = cv2.cvtColor(image, cv2.COLOR_RGB2LAB).astype(np.int64)
    # Most colours are dull: the middle half of both axes gets all the bins.
    lab[..., 1:] = np.clip(2 * (lab[..., 1:] - 128) + 128, 0, 255)
    lightness, a, b = np.moveaxis(lab * BINS // 256, -1, 0)
    return (lightness * BINS + a) * BINS + b


class ColourModel:
    """The colours of one object and of its surroundings.

    Args:
        image: the first frame, ``(H, W, 3)`` uint8.
        mask: how much of each pixel is object, ``(H, W)`` float32, 0 to 1.

    Example:
        >>> image = np.zeros((8, 12, 3), np.uint8)
        >>> image[2:6, 3:8] = 200
        >>> odds = ColourModel(image, (image[..., 0] > 0).astype(np.float32)).log_odds(image)
        >>> bool(odds[3, 4] > 1), bool(odds[0, 0] < -1)
        (True, True)
    """

    def __init__(self, image: np.ndarray, mask: np.ndarray) -> None:
        index = colour_index(image)
        reach = 2 * max(1, round(SURROUNDINGS * (index.size**0.5))) + 1
        near = cv2.dilate((mask > 0.5).astype(np.uint8), np.ones((reach, reach), np.uint8))
        # Far away counts a little: it is better than nothing where the object fills the frame.
        around = (1 - mask) * (near + 0.001)
        self.odds = np.log(histogram(index, mask) / histogram(index, around))

    def log_odds(self, image: np.ndarray) -> np.ndarray:
        """Evidence for the object at each pixel, ``(H, W)`` float32: above 0 speaks for it."""
        return self.odds[colour_index(image)]


def histogram(index: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """The share of each colour, ``(BINS cubed,)`` float32, above 0 everywhere; sums to 1.

    Args:
        index: bin of each pixel.
        weight: how much each pixel counts, the same shape.
    """
    counts = np.bincount(index.ravel(), weight.ravel(), minlength=BINS**3).reshape([BINS] * 3)
    # Nearby colours are alike, and a colour that was never seen is rare, not impossible.
    smooth = ndimage.gaussian_filter(counts, 1.0) + (0.001 * counts.sum() + 1) / counts.size
    return (smooth / smooth.sum()).astype(np.float32).ravel()

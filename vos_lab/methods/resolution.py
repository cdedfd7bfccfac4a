"""Methods work on small images and answer at full size.

Flow, cuts and networks cost as much as there are pixels, and 240 x 432 of them show nearly all that
matters. What a method keeps from frame to frame is small too, however large the video.
"""

import cv2
import numpy as np

PIXELS = 240 * 432
"""As many as a method looks at, unless it says otherwise."""


def working_size(shape: tuple[int, ...], pixels: int = PIXELS) -> tuple[int, int]:
    """The size at which to work.

    Args:
        shape: of the frame, ``(H, W)`` or ``(H, W, 3)``.
        pixels: about how many there shall be.

    Returns:
        Height and width, in the ratio of the frame as nearly as whole pixels can be; those of the
        frame where it has no more pixels than that.

    Example:
        >>> working_size((480, 854, 3)), working_size((854, 480)), working_size((32, 32))
        ((241, 429), (429, 241), (32, 32))
    """
    height, width = shape[:2]
    factor = min(1.0, (pixels / (height * width)) ** 0.5)
    return max(2, round(height * factor)), max(2, round(width * factor))


def resized(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """An image, or a float map such as a soft mask, at another size.

    Args:
        image: ``(H, W)`` or ``(H, W, C)``, uint8 or float32.
        size: height and width.

    Returns:
        The same at that size; pixels are averaged where it gets smaller.
    """
    if image.shape[:2] == tuple(size):
        return image
    smaller = size[0] * size[1] < image.shape[0] * image.shape[1]
    how = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    return cv2.resize(image, (size[1], size[0]), interpolation=how)


def blurred(soft: np.ndarray, share: float) -> np.ndarray:
    """A soft mask, blurred alike at every size of the image.

    Args:
        soft: ``(H, W)`` float32.
        share: standard deviation of the blur, as a share of the mean side of the image.

    Returns:
        ``(H, W)`` float32.
    """
    return cv2.GaussianBlur(soft, (0, 0), max(0.5, share * soft.size**0.5))


def soft_masks(mask: np.ndarray, size: tuple[int, int]) -> dict[int, np.ndarray]:
    """Each object of a label map as a soft mask: the share of each pixel that it covers.

    Args:
        mask: label map, ``(H, W)`` uint8.
        size: height and width wanted.

    Returns:
        ``(h, w)`` float32, 0 to 1, by label.

    Example:
        >>> soft_masks(np.array([[0, 0, 2, 0]], np.uint8), (1, 2))
        {2: array([[0. , 0.5]], dtype=float32)}
    """
    labels = [int(label) for label in np.unique(mask) if label]
    return {label: resized((mask == label).astype(np.float32), size) for label in labels}


def small_labels(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A label map at another size, in which no object is lost, however small.

    Args:
        mask: label map, ``(H, W)`` uint8.
        size: height and width.

    Returns:
        ``(h, w)`` uint8.

    Example:
        >>> tiny = np.zeros((8, 8), np.uint8)
        >>> tiny[3, 5] = 7
        >>> small_labels(tiny, (2, 2)).tolist()
        [[0, 7], [0, 0]]
    """
    small = cv2.resize(mask, (size[1], size[0]), interpolation=cv2.INTER_NEAREST)
    for label in np.setdiff1d(np.unique(mask), np.unique(small)):
        rows, columns = np.nonzero(mask == label)
        middle = len(rows) // 2
        row = rows[middle] * size[0] // mask.shape[0]
        small[row, columns[middle] * size[1] // mask.shape[1]] = label
    return small


def label_map(soft: dict[int, np.ndarray], size: tuple[int, int]) -> np.ndarray:
    """The label map that soft masks stand for: the strongest object, where it has over one half.

    Args:
        soft: ``(h, w)`` float32 by label; empty where there is no object.
        size: height and width of the result. Soft masks are enlarged before they are cut at one
            half, so that contours have no stairs.

    Returns:
        ``(H, W)`` uint8.
    """
    labels = np.zeros(size, np.uint8)
    strongest = np.full(size, 0.5, np.float32)
    for label, small in soft.items():
        large = resized(small, size)
        stronger = large > strongest
        labels[stronger], strongest[stronger] = label, large[stronger]
    return labels

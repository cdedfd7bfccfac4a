"""Flow as colour: the direction is the hue, the length is how far the colour is from white.

The wheel of Baker et al., "A Database and Evaluation Methodology for Optical Flow", IJCV 2011, in
which papers on optical flow show their results.
"""

from collections.abc import Iterable
from itertools import pairwise

import cv2
import numpy as np

from vos_lab.exercise import exercise
from vos_lab.flow.files import UNKNOWN_ABOVE, known


def _wheel() -> np.ndarray:
    """The 55 hues of Baker et al.: more of them where the eye tells more apart."""
    red, yellow, green = (255, 0, 0), (255, 255, 0), (0, 255, 0)
    cyan, blue, magenta = (0, 255, 255), (0, 0, 255), (255, 0, 255)
    wheel = []
    ends = pairwise([red, yellow, green, cyan, blue, magenta, red])
    for (start, end), steps in zip(ends, (15, 6, 4, 11, 13, 6), strict=True):
        for i in range(steps):
            # From one end to the next a single channel changes, by whole grey levels.
            change = np.sign(np.subtract(end, start)) * (255 * i // steps)
            wheel.append(np.array(start) + change)
    return np.array(wheel, np.float32)


WHEEL = _wheel()
"""``(55, 3)`` float32, 0 to 255: the hues, from red (right) over yellow (down) and on clockwise."""


def _hues(between: int = 256) -> np.ndarray:
    at, hues = np.arange(54 * between + 1) / between, np.arange(55)
    return np.stack([np.interp(at, hues, c) for c in WHEEL.T]).astype(np.float32)


HUES = _hues()
"""``(3, 13825)`` float32, red, green, blue: once around the wheel in small steps, to look up."""


@exercise(minutes=15, difficulty=2, importance=3)
def flow_to_rgb(flow: np.ndarray, max_flow: float | None = None) -> np.ndarray:
    """Show flow as colour, with the wheel of Baker et al. (IJCV 2011).

    Args:
        flow: ``(H, W, 2)`` float32, pixels; NaN where it is not known.
        max_flow: the length, in pixels, that gets the full colour; above 0. None takes the longest
            vector of this flow. Give one number for a whole video, else the same motion changes its
            colour from frame to frame.

    Returns:
        ``(H, W, 3)`` uint8. No motion is white; vectors longer than ``max_flow`` keep their hue and
        are darker (3/4 of it); unknown is black. Within 1 grey level of the reference.

    Raises:
        ValueError: another shape, or ``max_flow`` is not above 0.

    Example:
        >>> flow = np.array([[[0, 0], [4, 0], [-4, 0], [2, 0]]], np.float32)
        >>> flow_to_rgb(flow)[0].tolist()
        [[255, 255, 255], [255, 0, 0], [0, 209, 255], [255, 127, 127]]
    """
    # Step 1: the length of each vector in pixels, its angle from 0 to 2 pi, and where it is not
    # known. ``polar(flow)`` gives all three.
    length, angle, unknown = polar(flow)
    # Step 2: the angle is a position in ``HUES``, which holds the wheel, once around.
    position = (angle * ((HUES.shape[1] - 1) / (2 * np.pi))).astype(np.intp)
    # Step 3: the length as a share of the longest, 0 to 1. Mind a flow that is 0 everywhere.
    share = length / (longest_of(length) if max_flow is None else checked_scale(max_flow))
    too_long = share > 1
    image = np.empty((*length.shape, 3), np.uint8)
    for channel in range(3):
        hue = HUES[channel].take(position, mode="clip")
        # Step 4: go from white (255) towards the hue: the longer the vector, the farther.
        colour = 255 + share * (hue - 255)
        # Step 5: vectors longer than ``max_flow`` get 3/4 of their hue.
        colour[too_long] = 0.75 * hue[too_long]
        # Step 6: whole grey levels; cut off the digits after the point.
        image[..., channel] = colour
    # Step 7: black where the flow is not known.
    image[unknown] = 0
    return image


def polar(flow: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Flow as lengths and angles.

    Args:
        flow: ``(H, W, 2)`` float, pixels; NaN where it is not known.

    Returns:
        ``(H, W)`` float32 lengths in pixels; ``(H, W)`` float32 angles, from 0 (right) over pi / 2
        (down) and so on to 2 pi; ``(H, W)`` bool, True where the flow is not known: length and
        angle are 0 there.

    Raises:
        ValueError: another shape, or no pixel.

    Example:
        >>> length, angle, unknown = polar(np.array([[[0.0, 2.0]]]))
        >>> length.item(), round(angle.item(), 2), unknown.item()
        (2.0, 1.57, False)
    """
    if flow.ndim != 3 or flow.shape[2] != 2:
        raise ValueError(f"flow has the shape (H, W, 2), this one {flow.shape}")
    if flow.size == 0:
        raise ValueError(f"a flow of the shape {flow.shape} has no pixel to show")
    dx, dy = (np.ascontiguousarray(flow[..., i], np.float32) for i in range(2))
    length, angle = cv2.cartToPolar(dx, dy)
    # The wheel of the reference is not closed: just above right it is pinkish, just below red.
    # There a zero with a minus sign counts as above, so it has to here.
    angle[(dy == 0) & np.signbit(dy) & (dx > 0)] = 2 * np.pi
    unknown = ~(length <= UNKNOWN_ABOVE)  # NaN is neither above nor below
    if unknown.any():
        length[unknown] = angle[unknown] = 0
    return length, angle, unknown


def longest_of(length: np.ndarray) -> float:
    """The longest length, plus the little that the reference adds, so that one can divide by it."""
    return float(length.max(initial=0)) + float(np.finfo(np.float32).eps)


def checked_scale(max_flow: float) -> float:
    """``max_flow`` itself.

    Raises:
        ValueError: it is not a number above 0.
    """
    if not (max_flow > 0 and np.isfinite(max_flow)):
        raise ValueError(f"max_flow is {max_flow}, it must be a length above 0, in pixels")
    return float(max_flow)


def longest_flow(flows: Iterable[np.ndarray], quantile: float = 1.0) -> float:
    """One scale for a whole video: what to give ``flow_to_rgb`` as ``max_flow``.

    Args:
        flows: ``(H, W, 2)`` float32 each, pixels; read one at a time.
        quantile: 1 takes the longest vector of each frame; 0.99 lets the longest 1 % be too long,
            so that a single wrong vector does not make all others pale.

    Returns:
        The length in pixels; 1 where nothing moves.

    Raises:
        ValueError: as in ``polar``.

    Example:
        >>> longest_flow([np.full((2, 2, 2), 3.0), np.full((2, 2, 2), -4.0)])
        5.656854152679443
    """
    longest = 0.0
    for flow in flows:
        length, _, unknown = polar(flow)
        if not unknown.all():
            longest = max(longest, float(np.quantile(length[~unknown], quantile)))
    return longest or 1.0


def wheel_flow(size: int = 151, max_flow: float = 1.0) -> np.ndarray:
    """The flow of the legend: in the middle 0, at the rim of a disk ``max_flow``.

    Args:
        size: height and width in pixels.
        max_flow: length at the rim, pixels.

    Returns:
        ``(size, size, 2)`` float32; NaN outside the disk.
    """
    axis = np.linspace(-max_flow, max_flow, size, dtype=np.float32)
    flow = np.stack(np.meshgrid(axis, axis), axis=-1)
    flow[np.hypot(flow[..., 0], flow[..., 1]) > max_flow] = np.nan
    return flow


def wheel_image(size: int = 151) -> np.ndarray:
    """The legend: which colour stands for which direction and length.

    Args:
        size: height and width in pixels.

    Returns:
        ``(size, size, 3)`` uint8: a disk with right to the right and down below; white around.

    Example:
        >>> wheel_image(5)[2].tolist()[::2]  # left, still, right
        [[0, 209, 255], [255, 255, 255], [255, 0, 0]]
    """
    flow = wheel_flow(size)
    image = flow_to_rgb(flow, max_flow=1.0)
    image[~known(flow)] = 255
    return image

"""Warping: move an image along a flow, and ask whether two flows agree.

Backward warping looks up, for each pixel of the first image, where the flow says it went in the
second. Forward warping throws each pixel of the first image to where it goes. Backward has no
holes, forward knows what covers what.
"""

import numpy as np

from vos_lab.exercise import exercise
from vos_lab.flow.files import known


@exercise(minutes=20, difficulty=3, importance=5)
def warp(image: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """Backward warping: bring the second image back to where the first one is.

    result(x, y) = image(x + dx, y + dy), bilinear between the four pixels around that place.

    Args:
        image: the second image, ``(H, W)`` or ``(H, W, C)``, uint8 or float.
        flow: ``(H, W, 2)`` float32, pixels, from the first image to the second.

    Returns:
        The shape and dtype of ``image``. Where the flow points outside, the nearest pixel of the
        border; ``lands_inside(flow)`` says where that is.

    Raises:
        ValueError: sizes differ, the flow is not known everywhere, or the image is a bool mask, for
            which there is ``warp_mask``.

    Example:
        >>> row = np.array([[0, 10, 20, 30]], np.uint8)
        >>> half_to_the_right = np.zeros((1, 4, 2), np.float32)
        >>> half_to_the_right[..., 0] = 0.5
        >>> warp(row, half_to_the_right).tolist()
        [[5, 15, 25, 30]]
    """
    check_warp(image, flow)
    height, width = flow.shape[:2]
    # Step 1: where does each pixel go? Its own column and row, plus the flow.
    rows, columns = np.mgrid[:height, :width]
    x = columns + flow[..., 0]
    y = rows + flow[..., 1]
    # Step 2: if that place is outside, take the nearest pixel of the border.
    x = np.clip(x, 0, width - 1)
    y = np.clip(y, 0, height - 1)
    # Step 3: the pixel to the upper left of that place, and its neighbours, inside the image too.
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    right, bottom = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    # Step 4: how far beyond the upper left pixel, 0 to 1. With channels, one more axis is needed.
    a, b = x - left, y - top
    if image.ndim == 3:
        a, b = a[..., None], b[..., None]
    # Step 5: mix the two upper pixels, the two lower ones, and then both.
    upper = (1 - a) * image[top, left] + a * image[top, right]
    lower = (1 - a) * image[bottom, left] + a * image[bottom, right]
    mixed = (1 - b) * upper + b * lower
    # Step 6: the dtype of the image again. Round before a cast to whole numbers.
    if np.issubdtype(image.dtype, np.integer):
        mixed = np.rint(mixed)
    return mixed.astype(image.dtype)


def warp_mask(mask: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """Backward warping of a label map: the nearest label, since labels cannot be mixed.

    Args:
        mask: label map of the second image, ``(H, W)`` uint8, or bool.
        flow: ``(H, W, 2)`` float32, pixels, from the first image to the second.

    Returns:
        The shape and dtype of ``mask``; 0 where the flow points outside.

    Raises:
        ValueError: sizes differ, or the flow is not known everywhere.

    Example:
        >>> to_the_right = np.tile(np.float32([1, 0]), (1, 3, 1))
        >>> warp_mask(np.array([[1, 2, 3]], np.uint8), to_the_right).tolist()
        [[2, 3, 0]]
    """
    check_flow_for(mask, flow)
    height, width = flow.shape[:2]
    rows, columns = np.mgrid[:height, :width]
    x = np.floor(columns + flow[..., 0] + 0.5)
    y = np.floor(rows + flow[..., 1] + 0.5)
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    x, y = np.where(inside, x, 0).astype(int), np.where(inside, y, 0).astype(int)
    return np.where(inside, mask[y, x], 0).astype(mask.dtype)


def lands_inside(flow: np.ndarray) -> np.ndarray:
    """Where the flow points to a place inside the image: where ``warp`` has something to look up.

    Args:
        flow: ``(H, W, 2)`` float32, pixels; NaN where it is not known.

    Returns:
        ``(H, W)`` bool; False where the flow is not known.

    Example:
        >>> lands_inside(np.tile(np.float32([1, 0]), (1, 3, 1))).tolist()
        [[True, True, False]]
    """
    height, width = flow.shape[:2]
    rows, columns = np.mgrid[:height, :width]
    x, y = columns + flow[..., 0], rows + flow[..., 1]
    return (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1) & known(flow)


def splat(
    image: np.ndarray, flow: np.ndarray, weight: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Forward warping: throw each pixel of the first image to where the flow takes it.

    Each pixel is shared out over the four pixels around the place where it lands; where several
    land, their weighted mean is taken.

    Args:
        image: the first image, ``(H, W)`` or ``(H, W, C)``, uint8 or float.
        flow: ``(H, W, 2)`` float32, pixels, from the first image to the second; NaN is left out.
        weight: ``(H, W)`` float, 0 or more: who wins where two land. None: all alike.

    Returns:
        The picture at the time of the second image, of the shape and dtype of ``image``, and
        ``(H, W)`` float32, how much landed at each pixel. Both are 0 in holes.

    Raises:
        ValueError: sizes differ.

    Example:
        >>> to_the_right = np.tile(np.float32([1, 0]), (1, 3, 1))
        >>> picture, landed = splat(np.array([[7, 8, 9]], np.uint8), to_the_right)
        >>> picture.tolist(), landed.tolist()
        ([[0, 7, 8]], [[0.0, 1.0, 1.0]])
    """
    height, width = check_sizes(image, flow)
    values = image.reshape(height * width, -1).astype(np.float64)
    rows, columns = np.mgrid[:height, :width]
    moves = known(flow)
    x = np.where(moves, columns + flow[..., 0], -9).ravel()
    y = np.where(moves, rows + flow[..., 1], -9).ravel()
    share = np.ones(height * width) if weight is None else weight.ravel().astype(np.float64)
    left, top = np.floor(x), np.floor(y)

    landed = np.zeros(height * width)
    total = np.zeros_like(values)
    for column, row in ((left, top), (left + 1, top), (left, top + 1), (left + 1, top + 1)):
        here = share * (1 - np.abs(x - column)) * (1 - np.abs(y - row))
        inside = (column >= 0) & (column < width) & (row >= 0) & (row < height) & (here > 0)
        target = (row[inside] * width + column[inside]).astype(int)
        landed += np.bincount(target, here[inside], minlength=height * width)
        for channel in range(values.shape[1]):
            parts = here[inside] * values[inside, channel]
            total[:, channel] += np.bincount(target, parts, minlength=height * width)

    mean = total / np.where(landed > 0, landed, 1)[:, None]
    if np.issubdtype(image.dtype, np.integer):
        mean = np.rint(mean)
    picture = mean.reshape(image.shape).astype(image.dtype)
    return picture, landed.reshape(height, width).astype(np.float32)


# --- do two flows agree? ----------------------------------------------------------------------


def round_trip(forward: np.ndarray, backward: np.ndarray) -> np.ndarray:
    """Go along the forward flow, and back along the backward flow from there: where is one then?

    Args:
        forward: ``(H, W, 2)`` float32, pixels, from the first image to the second.
        backward: the same, from the second to the first.

    Returns:
        ``(H, W, 2)`` float32, pixels: 0 where both flows agree.

    Raises:
        ValueError: sizes differ, or a flow is not known everywhere.

    Example:
        >>> there = np.tile(np.float32([1, 0]), (1, 3, 1))
        >>> float(np.abs(round_trip(there, -there)).max())
        0.0
    """
    return forward + warp(backward, forward)


def occluded(
    forward: np.ndarray, backward: np.ndarray, share: float = 0.01, slack: float = 0.5
) -> np.ndarray:
    """Which pixels of the first image are not seen in the second?

    A visible pixel comes back from its round trip. After Sundaram et al., "Dense Point Trajectories
    by GPU-Accelerated Large Displacement Optical Flow", ECCV 2010, Eq. 5, it does so if
    |f + b|² <= share (|f|² + |b|²) + slack, with b taken where f points to.

    Args:
        forward: ``(H, W, 2)`` float32, pixels, from the first image to the second.
        backward: the same, from the second to the first.
        share: how much of a long flow may be wrong.
        slack: in square pixels, what is allowed in any case.

    Returns:
        ``(H, W)`` bool. What leaves the image is not seen either.

    Raises:
        ValueError: sizes differ, or a flow is not known everywhere.

    Example:
        >>> to_the_right = np.tile(np.float32([1, 0]), (1, 3, 1))
        >>> occluded(to_the_right, -to_the_right).tolist()
        [[False, False, True]]
    """
    return ~consistency_mask(forward, backward, share, slack)


@exercise(minutes=15, difficulty=3, importance=4)
def consistency_mask(
    flow: np.ndarray, back: np.ndarray, share: float = 0.01, slack: float = 0.5
) -> np.ndarray:
    """Which pixels come back from a round trip? Only their flow can be trusted.

    |f + b|² <= share (|f|² + |b|²) + slack, with b taken where f points to (Sundaram et al., ECCV
    2010, Eq. 5). A pixel that is hidden in the other image cannot come back.

    Args:
        flow: ``(H, W, 2)`` float32, pixels, from one image to another.
        back: the same, from the other image back to the one.
        share: how much of a long flow may be wrong.
        slack: in square pixels, what is allowed in any case.

    Returns:
        ``(H, W)`` bool; False for what leaves the image.

    Example:
        >>> to_the_right = np.tile(np.float32([1, 0]), (1, 3, 1))
        >>> consistency_mask(to_the_right, -to_the_right).tolist()
        [[True, True, False]]
    """
    # Step 1: go along the flow, and look up there where the other flow leads.
    there = warp(back, flow)
    # Step 2: how far from the start do you arrive? Take the square, as for the lengths below.
    missed = ((flow + there) ** 2).sum(axis=-1)
    # Step 3: what is allowed grows with the lengths of both flows.
    allowed = share * ((flow**2).sum(axis=-1) + (there**2).sum(axis=-1)) + slack
    # Step 4: a pixel is consistent if it arrives near enough, and stays inside the image.
    return (missed <= allowed) & lands_inside(flow)


# --- refusing what cannot be warped -----------------------------------------------------------


def check_sizes(image: np.ndarray, flow: np.ndarray) -> tuple[int, int]:
    """Height and width of an image and its flow.

    Raises:
        ValueError: they differ.
    """
    if flow.ndim != 3 or flow.shape[2] != 2:
        raise ValueError(f"flow has the shape (H, W, 2), this one {flow.shape}")
    if image.ndim not in (2, 3) or image.shape[:2] != flow.shape[:2]:
        raise ValueError(f"the image has the shape {image.shape}, its flow {flow.shape}")
    return flow.shape[0], flow.shape[1]


def check_flow_for(image: np.ndarray, flow: np.ndarray) -> None:
    """Refuse a flow of another size, or one that is not known everywhere.

    Raises:
        ValueError: with what to do.
    """
    check_sizes(image, flow)
    unknown = np.count_nonzero(~known(flow))
    if unknown:
        raise ValueError(
            f"the flow is not known at {unknown} of {flow.shape[0] * flow.shape[1]} pixels. Fill "
            "it first, as in np.nan_to_num(flow), and leave out what is not known(flow)"
        )


def check_warp(image: np.ndarray, flow: np.ndarray) -> None:
    """Refuse what cannot be mixed, and a flow that does not fit.

    Raises:
        ValueError: with what to do.
    """
    if image.dtype == bool:
        raise ValueError("a mask cannot be mixed: 'half an object' is no label. Use warp_mask.")
    check_flow_for(image, flow)

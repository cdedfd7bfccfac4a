"""Temporal instability T of DAVIS 2016: how much does the outline of a result flicker?

Perazzi et al., "A Benchmark Dataset and Evaluation Methodology for Video Object Segmentation",
CVPR 2016, Section 5.3. The outlines of two masks in a row are aligned point by point, by what the
outline looks like from each point: its shape context (Belongie, Malik, Puzicha, "Shape Matching
and Object Recognition Using Shape Contexts", TPAMI 2002). T is the mean cost of the alignment. A
smooth change, as of a walking animal, costs little. An outline that jumps costs much.
"""

from itertools import pairwise

import cv2
import numpy as np

from vos_lab.compiled import compiled

SPACING = 3.0
"""Pixels: how far the outline may be simplified, and how far apart its points may lie."""
ANGLES = 12
RADII = np.geomspace(1 / 8, 2, 5)
"""Outer edges of the rings of a shape context, in mean distances between the points."""


def temporal_instability(masks: np.ndarray) -> float:
    """T of a video: the mean cost of aligning each outline with the next.

    The official number leaves out sequences with heavy occlusion, where T says nothing about the
    result. That choice is the caller's. Contexts, costs and alignment follow the official code.
    The outline is traced and simplified by OpenCV here, by another library there: compare values
    of this function with each other, not with published ones.

    Args:
        masks: ``(T, H, W)`` bool, the result of a method in each frame.

    Returns:
        0 (nothing changes) to 1. Pairs of frames with an empty mask are left out; NaN where that
        leaves none.

    Raises:
        ValueError: not a video of bool masks.

    Example:
        >>> disk = np.hypot(*np.ogrid[-30:31, -30:31]) < 20
        >>> round(temporal_instability(np.stack([disk, disk, disk])), 6)
        0.0
    """
    if not isinstance(masks, np.ndarray) or masks.dtype != bool or masks.ndim != 3:
        raise ValueError("temporal instability needs a video of masks, (T, H, W) bool")
    outlines = [outline(mask) for mask in masks]
    contexts = [None if points is None else shape_contexts(points) for points in outlines]
    costs = [
        alignment_cost(first, second)
        for first, second in pairwise(contexts)
        if first is not None and second is not None
    ]
    return float(np.mean(costs)) if costs else float("nan")


def outline(mask: np.ndarray) -> np.ndarray | None:
    """The longest outline of a mask, as points that lie at most 3 pixels apart.

    Args:
        mask: ``(H, W)`` bool.

    Returns:
        ``(N, 2)`` float64, x and y in pixels, in order around the object; None where the mask is
        empty.
    """
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    if not contours:
        return None
    longest = cv2.approxPolyDP(max(contours, key=len), SPACING, closed=True)
    corners = longest[:, 0].astype(np.float64)
    points = []
    for start, end in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        pieces = max(1, int(np.ceil(np.hypot(*(end - start)) / SPACING)))
        points.append(start + (end - start) * np.arange(pieces)[:, None] / pieces)
    return np.concatenate(points)


def shape_contexts(points: np.ndarray) -> np.ndarray:
    """What the outline looks like from each of its points.

    Args:
        points: ``(N, 2)`` x and y.

    Returns:
        ``(N, 60)`` float64: the share of the points in each of 12 directions and 5 rings, whose
        radii grow like 1/8, 1/4, 1/2, 1, 2 times the mean distance. Beyond, nothing counts.
    """
    # From the row's point to the column's point.
    dx, dy = (points[None] - points[:, None]).transpose(2, 0, 1)
    distance = np.hypot(dx, dy)
    mean = distance.mean()
    angle = np.arctan2(dy, dx)
    angle[angle < 0] += 2 * np.pi
    # A tiny negative angle was rounded to a full turn. Then it is 12, which is direction 0.
    direction = (angle / (2 * np.pi / ANGLES)).astype(np.int8) % ANGLES
    histogram = _histograms(distance / mean if mean > 0 else distance, direction, RADII, ANGLES)
    return histogram / histogram.sum(axis=1, keepdims=True)


@compiled
def _histograms(
    distance: np.ndarray, direction: np.ndarray, radii: np.ndarray, directions: int
) -> np.ndarray:
    """For each row of ``(N, N)``: how many lie in each direction and ring."""
    counts = np.zeros((len(distance), directions * len(radii)), np.int64)
    for i in range(len(distance)):
        for j in range(len(distance)):
            # A point is at distance 0 from itself and counts too, in the innermost ring.
            ring = 0
            while ring < len(radii) and distance[i, j] >= radii[ring]:
                ring += 1
            if ring < len(radii):
                counts[i, direction[i, j] * len(radii) + ring] += 1
    return counts


def alignment_cost(first: np.ndarray, second: np.ndarray) -> float:
    """The mean cost of aligning two outlines, given their shape contexts.

    Args:
        first: ``(N, 60)`` shape contexts.
        second: ``(M, 60)`` shape contexts.

    Returns:
        0 to 1.
    """
    cost = chi_square(first, second)
    # Where the outlines start is an accident. Align once from there, find the pair of points
    # that agrees best, and align again from that pair.
    path = shortest_path(cost)
    best = path[np.argmin(cost[path[:, 0], path[:, 1]])]
    turned = np.roll(cost, -(best + 1), axis=(0, 1))
    path = (shortest_path(turned) + best + 1) % cost.shape
    # A point that was aligned with several keeps the cheapest of them, on either side.
    costs = cost[path[:, 0], path[:, 1]]
    for side in (0, 1):
        order = np.lexsort((costs, path[:, side]))
        path, costs = path[order], costs[order]
        _, firsts = np.unique(path[:, side], return_index=True)
        path, costs = path[firsts], costs[firsts]
    return float(costs.mean())


def chi_square(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The distance of histograms: half the sum of ``(a - b)**2 / (a + b)``.

    Args:
        first: ``(N, K)``, rows with the sum 1.
        second: ``(M, K)``, rows with the sum 1.

    Returns:
        ``(N, M)``, 0 to 1.

    Example:
        >>> chi_square(np.array([[1.0, 0.0]]), np.array([[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]]))
        array([[0.        , 1.        , 0.33333333]])
    """
    # As both rows sum to 1, this is 1 - 2 * sum(a * b / (a + b)), where most terms are 0.
    return np.maximum(1 - 2 * _agreement(first, np.ascontiguousarray(second.T)), 0)


@compiled
def _agreement(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The sum of ``a * b / (a + b)``, for ``(N, K)`` and ``(K, M)``, a term of 0 / 0 being 0."""
    agreement = np.zeros((len(first), second.shape[1]))
    for i in range(len(first)):
        row = agreement[i]
        for k in range(len(second)):
            a, column = first[i, k], second[k]
            if a > 0:
                for j in range(len(row)):
                    row[j] += a * column[j] / (a + column[j])
    return agreement


@compiled
def shortest_path(cost: np.ndarray) -> np.ndarray:
    """The cheapest way through a matrix, from its first to its last element.

    Args:
        cost: ``(N, M)``: what entering an element costs.

    Returns:
        ``(L, 2)`` int: rows and columns of the way; each step goes down, right, or both.

    Example:
        >>> shortest_path(np.array([[0.0, 9.0], [1.0, 0.0]])).tolist()
        [[0, 0], [1, 1]]
    """
    height, width = cost.shape
    total = np.full((height + 1, width + 1), np.inf)
    total[0, 0] = 0
    for row in range(height):
        for column in range(width):
            before = min(total[row, column], total[row, column + 1], total[row + 1, column])
            total[row + 1, column + 1] = cost[row, column] + before
    # Back from the last element, always to where the way was the cheapest so far.
    path = np.empty((height + width - 1, 2), np.int64)
    row, column, length = height - 1, width - 1, 0
    path[0] = row, column
    while row > 0 or column > 0:
        both, up, left = total[row, column], total[row, column + 1], total[row + 1, column]
        if both <= up and both <= left:
            row, column = row - 1, column - 1
        elif up <= left:
            row -= 1
        else:
            column -= 1
        length += 1
        path[length] = row, column
    return path[length::-1].copy()

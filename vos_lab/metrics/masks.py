"""How good is a mask? Region similarity J, boundary accuracy F, and their statistics over frames.

The measures of DAVIS (Perazzi et al., "A Benchmark Dataset and Evaluation Methodology for Video
Object Segmentation", CVPR 2016, Section 5), digit for digit those of the official evaluators.
"""

import math

import numpy as np

from vos_lab.exercise import exercise
from vos_lab.metrics.pixels import box_around, count_near


@exercise(minutes=10, difficulty=2, importance=5)
def jaccard(
    prediction: np.ndarray, truth: np.ndarray, void: np.ndarray | None = None
) -> float | np.ndarray:
    """Region similarity J: the intersection of two masks over their union.

    J = |M ∩ G| / |M ∪ G| (Perazzi et al., CVPR 2016, Section 5.1), for a mask M and the truth G.

    Args:
        prediction: ``(H, W)`` bool, or ``(T, H, W)`` for a video.
        truth: the same.
        void: the same, True where the truth is not known: these pixels do not count.

    Returns:
        0 to 1: a float, or ``(T,)`` float64 for a video. Two empty masks agree: 1.

    Raises:
        ValueError: shapes differ, or something is not bool.

    Example:
        >>> jaccard(np.array([[True, True, False]]), np.array([[False, True, True]]))
        0.3333333333333333
    """
    check_masks(prediction, truth, void)
    # Step 1: a video (T, H, W) is scored frame by frame.
    if prediction.ndim == 3:
        voids = [None] * len(truth) if void is None else void
        return np.array([jaccard(*frame) for frame in zip(prediction, truth, voids, strict=True)])
    # Step 2: void pixels belong to neither mask.
    if void is not None:
        prediction, truth = prediction & ~void, truth & ~void
    # Step 3: count the pixels in both masks, and those in at least one.
    intersection = np.count_nonzero(prediction & truth)
    union = np.count_nonzero(prediction | truth)
    # Step 4: divide. Two empty masks agree.
    return float(intersection / union) if union > 0 else 1.0


@exercise(minutes=10, difficulty=2, importance=4)
def mask_boundary(mask: np.ndarray) -> np.ndarray:
    """The boundary of a mask: a line, one pixel wide, where object and background meet.

    Args:
        mask: ``(H, W)`` bool, or ``(T, H, W)`` for a video.

    Returns:
        The same shape, bool: True where a pixel differs from its right, its lower or its lower
        right neighbour. Outside the image the nearest pixel is repeated.

    Example:
        >>> mask_boundary(np.array([[0, 0, 0], [0, 1, 0], [0, 0, 0]], bool)).astype(int)
        array([[1, 1, 0],
               [1, 1, 0],
               [0, 0, 0]])
    """
    # Step 1: move each of the three neighbours to the place of the pixel. Repeat the border.
    right = right_neighbour(mask)
    lower = lower_neighbour(mask)
    lower_right = lower_neighbour(right)
    # Step 2: the boundary is where the pixel differs (^) from any of them.
    return (mask ^ right) | (mask ^ lower) | (mask ^ lower_right)


@exercise(minutes=20, difficulty=3, importance=4)
def boundary_f(
    prediction: np.ndarray,
    truth: np.ndarray,
    void: np.ndarray | None = None,
    tolerance: float = 0.008,
) -> float | np.ndarray:
    """Boundary accuracy F: how well do the boundaries of two masks lie on each other?

    F = 2 P R / (P + R) (Perazzi et al., CVPR 2016, Section 5.2). The precision P is the share of
    the predicted boundary that lies near the true one, the recall R the share of the true
    boundary that lies near the predicted one.

    Args:
        prediction: ``(H, W)`` bool, or ``(T, H, W)`` for a video.
        truth: the same.
        void: the same, True where the truth is not known: there both masks count as background.
        tolerance: how far away still counts as near: a share of the image diagonal below 1, else
            pixels.

    Returns:
        0 to 1: a float, or ``(T,)`` float64 for a video. 1 where neither mask has a boundary.

    Raises:
        ValueError: shapes differ, something is not bool, or the tolerance is negative.

    Example:
        >>> square = np.zeros((50, 50), bool)
        >>> square[10:30, 10:30] = True
        >>> boundary_f(np.roll(square, 1, axis=1), square)
        1.0
        >>> boundary_f(np.roll(square, 15, axis=1), square) < 0.5
        True
    """
    check_masks(prediction, truth, void)
    # Step 1: a video (T, H, W) is scored frame by frame.
    if prediction.ndim == 3:
        voids = [None] * len(truth) if void is None else void
        frames = zip(prediction, truth, voids, strict=True)
        return np.array([boundary_f(*frame, tolerance=tolerance) for frame in frames])
    # Step 2: the boundaries of both masks, each one pixel wide.
    predicted, true = boundaries(prediction, truth, void)
    # Step 3: how many pixels apart still counts as near.
    radius = boundary_radius(truth.shape, tolerance)
    # Step 4: precision: what share of the predicted boundary is near the true one? If the predicted
    # boundary has no pixels, this is 1.
    precision = share_near(predicted, true, radius)
    # Step 5: recall: what share of the true boundary is near the predicted one?
    recall = share_near(true, predicted, radius)
    # Step 6: make one number of the two: the harmonic mean. If both are 0, F is 0.
    if precision + recall == 0:
        return 0.0
    return 2 * precision * recall / (precision + recall)


def boundary_precision_recall(
    prediction: np.ndarray,
    truth: np.ndarray,
    void: np.ndarray | None = None,
    tolerance: float = 0.008,
) -> tuple[float, float]:
    """Precision and recall of a boundary, the two numbers that F is made of.

    Args:
        prediction: ``(H, W)`` bool.
        truth: ``(H, W)`` bool.
        void: ``(H, W)`` bool, True where nobody knows; or None.
        tolerance: as in ``boundary_f``.

    Returns:
        The share of the predicted boundary near the true one, and that of the true boundary near
        the predicted one; 0 to 1.

    Raises:
        ValueError: as in ``boundary_f``, and for videos.

    Example:
        >>> truth = np.zeros((50, 50), bool)
        >>> truth[10:30, 10:30] = True
        >>> half = truth.copy()
        >>> half[20:] = False
        >>> precision, recall = boundary_precision_recall(half, truth)
        >>> precision > recall
        True
    """
    check_masks(prediction, truth, void)
    if prediction.ndim != 2:
        raise ValueError(f"precision and recall are of one frame (H, W), not {prediction.shape}")
    predicted, true = boundaries(prediction, truth, void)
    radius = boundary_radius(truth.shape, tolerance)
    return share_near(predicted, true, radius), share_near(true, predicted, radius)


@exercise(minutes=10, difficulty=2, importance=2)
def decay(values: np.ndarray) -> float:
    """How much worse is the end of a video than its beginning?

    The mean over the first quarter of the frames minus that over the last (Perazzi et al., CVPR
    2016, Section 5). Neighbouring quarters share a frame, as in the official code. Fewer than
    four frames are allowed; then the quarters share more.

    Args:
        values: ``(T,)`` J or F of each frame, T >= 1.

    Returns:
        -1 to 1: above 0 where the end is worse than the beginning.

    Raises:
        ValueError: there is no frame.

    Example:
        >>> decay(np.array([1.0, 1.0, 0.5, 0.5, 0.25, 0.25]))
        0.75
    """
    check_values(values)
    # Step 1: five frame numbers, from 1 to T, evenly spaced: where the four quarters begin and
    # end. A half is rounded up. Then count from 0, as Python does.
    edges = np.round(np.linspace(1, len(values), 5) + 1e-10).astype(int) - 1
    # Step 2: the first and the last quarter, each with both of its ends.
    first = values[edges[0] : edges[1] + 1]
    last = values[edges[3] : edges[4] + 1]
    # Step 3: the drop from one mean to the other.
    return float(np.mean(first) - np.mean(last))


def statistics(values: np.ndarray) -> dict[str, float]:
    """The three numbers that DAVIS makes of the values of all frames.

    Args:
        values: ``(T,)`` J or F of each frame, T >= 1.

    Returns:
        ``mean``; ``recall``, the share of the frames above (not at) 0.5; ``decay``.

    Raises:
        ValueError: there is no frame, or a value is not a number.

    Example:
        >>> statistics(np.array([1.0, 0.75, 0.5, 0.25]))
        {'mean': 0.625, 'recall': 0.5, 'decay': 0.5}
    """
    check_values(values)
    return {
        "mean": float(np.mean(values)),
        "recall": float(np.mean(values > 0.5)),
        "decay": float(decay(values)),
    }


# --- what the measures are made of ------------------------------------------------------------


def right_neighbour(mask: np.ndarray) -> np.ndarray:
    """At each pixel its right neighbour; the last column is repeated.

    Example:
        >>> right_neighbour(np.array([[True, False, True]]))
        array([[False,  True,  True]])
    """
    return np.concatenate([mask[..., 1:], mask[..., -1:]], axis=-1)


def lower_neighbour(mask: np.ndarray) -> np.ndarray:
    """At each pixel its lower neighbour; the last row is repeated.

    Example:
        >>> lower_neighbour(np.array([[True], [False]])).ravel()
        array([False, False])
    """
    return np.concatenate([mask[..., 1:, :], mask[..., -1:, :]], axis=-2)


def boundary_radius(shape: tuple[int, ...], tolerance: float = 0.008) -> int:
    """How many pixels apart two boundaries may lie.

    Args:
        shape: of the mask, ``(H, W)``.
        tolerance: a share of the diagonal; from 1 up it is the radius itself, in pixels.

    Returns:
        The radius in pixels, rounded up.

    Raises:
        ValueError: the tolerance is negative or not a number.

    Example:
        >>> boundary_radius((480, 854))
        8
    """
    if not (tolerance >= 0 and math.isfinite(tolerance)):
        raise ValueError(f"tolerance is {tolerance}, it must be 0 or more")
    return math.ceil(tolerance if tolerance >= 1 else tolerance * math.hypot(*shape[-2:]))


def boundaries(
    prediction: np.ndarray, truth: np.ndarray, void: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The boundaries of two masks ``(H, W)``, void pixels being background.

    Returns:
        Two bool masks of one size, cut to the part of the image where there is a boundary.
    """
    if void is not None:
        prediction, truth = prediction & ~void, truth & ~void
    # Most of an image is background in both masks. Without it, everything goes faster.
    box = box_around(prediction, truth)
    return mask_boundary(prediction[box].copy()), mask_boundary(truth[box].copy())


def share_near(points: np.ndarray, target: np.ndarray, radius: int) -> float:
    """What share of the points has a pixel of the target near?

    Args:
        points: ``(H, W)`` bool.
        target: ``(H, W)`` bool.
        radius: pixels; near is ``x*x + y*y <= radius*radius``.

    Returns:
        0 to 1. Of no points at all, all are near: 1.

    Example:
        >>> points = np.array([[True, False, False, True]])
        >>> target = np.array([[False, True, False, False]])
        >>> share_near(points, target, radius=1)
        0.5
    """
    count = int(np.count_nonzero(points))
    return count_near(points, target, radius) / count if count > 0 else 1.0


def check_masks(prediction: np.ndarray, truth: np.ndarray, void: np.ndarray | None) -> None:
    """Refuse what is not two (or three) bool masks of one shape.

    Raises:
        ValueError: another shape or dtype, naming the mask.
    """
    for name, mask in (("prediction", prediction), ("truth", truth), ("void", void)):
        if mask is None and name == "void":
            continue
        if not isinstance(mask, np.ndarray) or mask.dtype != bool:
            kind = getattr(mask, "dtype", type(mask).__name__)
            raise ValueError(
                f"{name} is {kind}, a binary mask is a bool array. "
                "Of a label map, compare one object: mask == 1."
            )
        if mask.ndim not in (2, 3) or mask.size == 0:
            raise ValueError(f"{name} has the shape {mask.shape}, not (H, W) or (T, H, W)")
        if mask.shape != truth.shape:
            raise ValueError(f"{name} has the shape {mask.shape}, truth {truth.shape}")


def check_values(values: np.ndarray) -> None:
    """Refuse what is not one number for each of one or more frames.

    Raises:
        ValueError: no frame, several dimensions, or a value that is not a number.
    """
    if np.ndim(values) != 1 or len(values) == 0:
        raise ValueError(f"a value for each frame is needed, (T,), here {np.shape(values)}")
    if not np.isfinite(values).all():
        frame = int(np.flatnonzero(~np.isfinite(values))[0])
        raise ValueError(f"the value of frame {frame} is {values[frame]}, not a number")

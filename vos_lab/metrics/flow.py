"""How good is a flow? Endpoint error, outliers, angular error, and where the mistakes are.

Endpoint and angular error as in Baker et al., "A Database and Evaluation Methodology for Optical
Flow", IJCV 2011, Section 4.1; outliers as in KITTI 2015 (Menze and Geiger, CVPR 2015).
"""

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from vos_lab.exercise import exercise
from vos_lab.flow.files import known


@exercise(minutes=5, difficulty=1, importance=4)
def endpoint_error(flow: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """How far from the true place does the flow end, at each pixel?

    EPE = sqrt((dx - dx*)² + (dy - dy*)²) (Baker et al., IJCV 2011, Section 4.1).

    Args:
        flow: ``(H, W, 2)`` float32, pixels; or ``(T, H, W, 2)``.
        truth: the same; NaN where it is not known.

    Returns:
        ``(H, W)`` float32, pixels, 0 or more; or ``(T, H, W)``. NaN where the truth is not known.

    Raises:
        ValueError: shapes differ, or the flow is not known where the truth is.

    Example:
        >>> flow = np.array([[[3.0, 4.0], [1.0, 1.0]]], np.float32)
        >>> endpoint_error(flow, np.array([[[0.0, 0.0], [1.0, 1.0]]], np.float32)).tolist()
        [[5.0, 0.0]]
    """
    check_flows(flow, truth)
    # Step 1: the vector from where it should end to where it does, at each pixel.
    difference = flow - truth
    # Step 2: its length.
    return np.sqrt((difference**2).sum(axis=-1))


def angular_error(flow: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """The angle between two flows, in space and time: between (dx, dy, 1) and (dx*, dy*, 1).

    Args:
        flow: ``(H, W, 2)`` float32, pixels; or ``(T, H, W, 2)``.
        truth: the same; NaN where it is not known.

    Returns:
        ``(H, W)`` float32, degrees, 0 to 180; or ``(T, H, W)``. NaN where the truth is not known.

    Raises:
        ValueError: shapes differ, or the flow is not known where the truth is.

    Example:
        >>> angular_error(np.array([[[1.0, 0.0]]]), np.zeros((1, 1, 2))).round(3).tolist()
        [[45.0]]
    """
    check_flows(flow, truth)
    a, b = flow.astype(np.float64), truth.astype(np.float64)
    # The sine and the cosine together: the arc cosine alone loses half its digits near 0.
    cosine = (a * b).sum(axis=-1) + 1
    cross = a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
    sine = np.sqrt(((a - b) ** 2).sum(axis=-1) + cross**2)
    return np.degrees(np.arctan2(sine, cosine)).astype(np.float32)


def outliers(flow: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Which vectors are wrong: by more than 3 pixels, and by more than 5 % of the true length.

    Args:
        flow: ``(H, W, 2)`` float32, pixels; or ``(T, H, W, 2)``.
        truth: the same; NaN where it is not known.

    Returns:
        ``(H, W)`` bool, or ``(T, H, W)``; False where the truth is not known.

    Raises:
        ValueError: shapes differ, or the flow is not known where the truth is.
    """
    error = endpoint_error(flow, truth)
    length = np.sqrt((truth**2).sum(axis=-1))
    return (error > 3) & (error > 0.05 * length)


def fl_all(flow: np.ndarray, truth: np.ndarray) -> float:
    """Fl-all of KITTI 2015: the share of wrong vectors among those whose truth is known.

    Args:
        flow: ``(H, W, 2)`` float32, pixels; or ``(T, H, W, 2)``.
        truth: the same; NaN where it is not known.

    Returns:
        0 to 1 (KITTI prints per cent). NaN where no truth is known.

    Raises:
        ValueError: shapes differ, or the flow is not known where the truth is.

    Example:
        >>> truth = np.array([[[100.0, 0.0], [10.0, 0.0], [0.0, 0.0], [np.nan, np.nan]]])
        >>> flow = truth + np.array([4.0, 0.0])
        >>> round(fl_all(np.nan_to_num(flow), truth), 3)  # 4 pixels wrong, but of 100
        0.667
    """
    return mean_over(outliers(flow, truth), known(truth))


# --- where the mistakes are -------------------------------------------------------------------


def motion_boundaries(flow: np.ndarray) -> np.ndarray:
    """Where motion changes abruptly, judged by the flow alone.

    |∇dx|² + |∇dy|² > 0.01 |flow|² + 0.002 (Sundaram et al., ECCV 2010, Eq. 6).

    Args:
        flow: ``(H, W, 2)`` float32, pixels; best the truth. NaN has no boundary.

    Returns:
        ``(H, W)`` bool.

    Example:
        >>> step = np.zeros((1, 6, 2), np.float32)
        >>> step[:, 3:] = 5
        >>> motion_boundaries(step).astype(int).tolist()
        [[0, 0, 1, 1, 0, 0]]
    """
    change = np.zeros(flow.shape[:2])
    for part in np.moveaxis(flow.astype(np.float64), -1, 0):
        for axis in (0, 1):
            if part.shape[axis] > 1:
                change += np.gradient(part, axis=axis) ** 2
    return change > 0.01 * (flow.astype(np.float64) ** 2).sum(axis=-1) + 0.002


def near(place: np.ndarray, distance: float) -> np.ndarray:
    """The pixels within a distance of a place.

    Args:
        place: ``(H, W)`` bool.
        distance: pixels.

    Returns:
        ``(H, W)`` bool; all False where ``place`` is empty.

    Example:
        >>> near(np.array([[True, False, False]]), 1).tolist()
        [[True, True, False]]
    """
    if not place.any():
        return np.zeros(place.shape, bool)
    return ndimage.distance_transform_edt(~place) <= distance


def mean_over(values: np.ndarray, pixels: np.ndarray) -> float:
    """The mean over some pixels; NaN where there are none."""
    return float(values[pixels].mean(dtype=np.float64)) if pixels.any() else float("nan")


def evaluate_flow(
    flow: np.ndarray,
    truth: np.ndarray,
    occluded: np.ndarray | None = None,
    boundaries: np.ndarray | None = None,
    distance: float = 5,
    displacements: Sequence[float] = (2, 8),
) -> dict[str, dict[str, float]]:
    """All figures, over all known pixels and over parts of them.

    Args:
        flow: ``(H, W, 2)`` float32, pixels.
        truth: the same; NaN where it is not known.
        occluded: ``(H, W)`` bool, what is not seen in the next image. None leaves out that split.
        boundaries: ``(H, W)`` bool, motion boundaries; None finds them in the truth.
        distance: how near to a boundary is near, pixels.
        displacements: where to split by the true length, pixels.

    Returns:
        For each part (``all``, ``near boundaries``, ``away from boundaries``, ``occluded``,
        ``visible``, ``0 to 2``, ...) a dict with ``pixels`` (their number), ``epe`` (mean endpoint
        error, pixels), ``fl`` (share of outliers), ``angle`` (mean angular error, degrees). NaN in
        parts without pixels.

    Raises:
        ValueError: shapes differ, or the flow is not known where the truth is.

    Example:
        >>> truth = np.zeros((8, 8, 2), np.float32)
        >>> truth[:, 4:] = 3
        >>> report = evaluate_flow(np.zeros_like(truth), truth)
        >>> report["all"]["epe"].__round__(3), report["2 to 8"]["pixels"]
        (2.121, 32)
    """
    error, angle = endpoint_error(flow, truth), angular_error(flow, truth)
    wrong, valid = outliers(flow, truth), known(truth)
    at_boundary = near(motion_boundaries(truth) if boundaries is None else boundaries, distance)
    parts = {
        "all": np.ones_like(valid),
        "near boundaries": at_boundary,
        "away from boundaries": ~at_boundary,
    }
    if occluded is not None:
        parts |= {"occluded": occluded, "visible": ~occluded}
    length = np.sqrt((truth**2).sum(axis=-1))
    for low, high in zip((0, *displacements), (*displacements, np.inf), strict=True):
        name = f"{low:g} to {high:g}" if high < np.inf else f"{low:g} and more"
        parts[name] = (length >= low) & (length < high)
    return {
        name: {
            "pixels": int((part & valid).sum()),
            "epe": mean_over(error, part & valid),
            "fl": mean_over(wrong, part & valid),
            "angle": mean_over(angle, part & valid),
        }
        for name, part in parts.items()
    }


def check_flows(flow: np.ndarray, truth: np.ndarray) -> None:
    """Refuse what is not a flow and its truth.

    Raises:
        ValueError: shapes differ, or the flow is not known where the truth is.
    """
    if flow.shape != truth.shape or flow.ndim < 1 or flow.shape[-1] != 2:
        raise ValueError(
            f"flow and truth must both be (H, W, 2), they are {flow.shape} and {truth.shape}"
        )
    missing = np.count_nonzero(known(truth) & ~known(flow))
    if missing:
        raise ValueError(f"the flow is NaN or infinite at {missing} pixels whose truth is known")

"""Shapes: outlines, and the shaded cut-outs that the renderer moves.

Outlines are closed polygons ``(N, 2)`` of (x, y) in figure units: a figure looks to the right, is
about 1 high, stands on y = 0, and up is negative, as in an image.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from vos_lab.datasets.procedural.textures import smooth_step


def spline(points: Sequence[tuple[float, float]], steps: int = 8) -> np.ndarray:
    """A closed smooth curve (Catmull-Rom) through the points.

    Example:
        >>> spline([(0, 0), (1, 0), (1, 1), (0, 1)], steps=2).shape
        (8, 2)
    """
    p1 = np.array(points, np.float64)
    p0, p2, p3 = np.roll(p1, 1, 0), np.roll(p1, -1, 0), np.roll(p1, -2, 0)
    u = np.arange(steps)[None, :, None] / steps
    p0, p1, p2, p3 = (p[:, None] for p in (p0, p1, p2, p3))
    curve = 0.5 * (
        2 * p1
        + (p2 - p0) * u
        + (2 * p0 - 5 * p1 + 4 * p2 - p3) * u**2
        + (3 * p1 - p0 - 3 * p2 + p3) * u**3
    )
    return curve.reshape(-1, 2)


_TURN = np.linspace(0, 2 * np.pi, 40, endpoint=False)
CIRCLE = np.stack([np.cos(_TURN), np.sin(_TURN)])
"""``(2, 40)``, points on the unit circle."""


def ellipse(x: float, y: float, across: float, up: float, angle: float = 0.0) -> np.ndarray:
    """An ellipse around (x, y), radii ``across`` and ``up``, turned by ``angle`` radians."""
    dx, dy = across * CIRCLE[0], up * CIRCLE[1]
    c, s = np.cos(angle), np.sin(angle)
    return np.stack([x + c * dx - s * dy, y + s * dx + c * dy], 1)


def limb(
    start: tuple[float, float], end: tuple[float, float], wide: float, narrow: float
) -> np.ndarray:
    """A rounded, tapering limb from ``start`` (radius ``wide``) to ``end`` (radius ``narrow``)."""
    circles = np.concatenate([ellipse(*start, wide, wide), ellipse(*end, narrow, narrow)])
    return cv2.convexHull(circles.astype(np.float32))[:, 0].astype(np.float64)


def ragged(outline: np.ndarray, rng: np.random.Generator, amount: float) -> np.ndarray:
    """The outline with small bumps of about ``amount`` figure units: fur, foliage, bark."""
    if amount == 0:
        return outline
    closed = np.concatenate([outline, outline[:1]])
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(closed, axis=0), axis=1))])
    count = max(8, min(400, int(length[-1] / max(1.2 * amount, 0.008))))
    at = np.linspace(0, length[-1], count, endpoint=False)
    even = np.stack([np.interp(at, length, closed[:, i]) for i in range(2)], 1)
    return even + rng.normal(0, 0.4 * amount, even.shape)


@dataclass(frozen=True)
class Mark:
    """Something painted onto a cut: an eye, a window, a beak's line."""

    outline: np.ndarray
    colour: np.ndarray
    opacity: float = 1.0


@dataclass(frozen=True)
class Cut:
    """One rigid part of a figure, as it is described before it is painted.

    Attributes:
        name: what others call it as their parent.
        outline: ``(N, 2)`` in figure units, in the pose of rest.
        material: which of the figure's materials covers it.
        parent: the part it hangs on; None: the figure itself.
        joint: the point it turns around, figure units.
        swing: how far it swings with the stride, radians.
        phase: where in the stride, radians.
        rate: swings for each stride.
        bend: "swing" goes to both sides, "knee" to one, "spin" turns round and round (a wheel).
        shade: darkens the whole part: far legs.
        round: how puffy its shading is, 0 for flat sheets.
        side: how far in front of the figure's middle plane it lies, figure units; what is nearer
            moves against what is further when the figure turns.
        marks: painted onto it.
    """

    name: str
    outline: np.ndarray
    material: str = "coat"
    parent: str | None = None
    joint: tuple[float, float] = (0.0, 0.0)
    swing: float = 0.0
    phase: float = 0.0
    rate: float = 1.0
    bend: str = "swing"
    shade: float = 1.0
    round: float = 1.0
    side: float = 0.0
    marks: list[Mark] = field(default_factory=list)


def rasterise(
    outline: np.ndarray, origin: np.ndarray, shape: tuple[int, int], scale: float
) -> np.ndarray:
    """How much of each pixel lies inside the outline.

    Args:
        outline: ``(N, 2)`` in figure units.
        origin: the figure's units at the upper left corner of the raster.
        shape: height and width in pixels.
        scale: pixels for each figure unit.

    Returns:
        ``(H, W)`` float32 in [0, 1].

    Example:
        >>> square = np.array([[0, 0], [2, 0], [2, 1], [0, 1]])
        >>> rasterise(square, np.zeros(2), (2, 3), 1.0).round().tolist()
        [[1.0, 1.0, 0.0], [0.0, 0.0, 0.0]]
    """
    finer = 4
    height, width = shape
    fixed_point = 4
    points = (outline - origin) * scale * finer - 0.5
    canvas = np.zeros((height * finer, width * finer), np.uint8)
    cv2.fillPoly(
        canvas, [np.rint(points * 2**fixed_point).astype(np.int32)], 255, cv2.LINE_8, fixed_point
    )
    return cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA).astype(
        np.float32
    ) / np.float32(255)


def puffy_shading(alpha: np.ndarray, roundness: float) -> np.ndarray:
    """Light from above on a flat shape, as if it were a cushion: bright back, dark belly and rim.

    The distance to the outline is taken for a height, its slope for the direction the surface
    faces, and that against the light gives the shade.

    Args:
        alpha: ``(H, W)`` float32 coverage.
        roundness: 0 for a flat sheet, 1 for a round body.

    Returns:
        ``(H, W)`` float32 factors around 1.
    """
    inside = (alpha > 0.5).astype(np.uint8)
    distance = cv2.distanceTransform(np.pad(inside, 1), cv2.DIST_L2, 5)[1:-1, 1:-1]
    radius = max(float(distance.max()), 1.0)
    slope = 1 - np.clip(distance / radius, 0, 1)
    height = radius * np.sqrt(np.clip(1 - slope**2, 0, 1))
    height = cv2.GaussianBlur(height, (0, 0), max(1.0, 0.18 * radius))
    dx = cv2.Sobel(height, cv2.CV_32F, 1, 0, ksize=3) / 8
    dy = cv2.Sobel(height, cv2.CV_32F, 0, 1, ksize=3) / 8
    light = (0.3 * dx + 0.78 * dy + 0.55) / np.sqrt(1 + dx**2 + dy**2)
    rim = 1 - 0.3 * smooth_step(-distance, -max(2.0, 0.12 * radius), 0)
    return 1 + roundness * ((0.62 + 0.75 * light) * rim - 1)

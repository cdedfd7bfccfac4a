"""Motion with an exact inverse: from the pixels of a texture to those of the image, and back.

A point of a part goes through four maps. Its limb turns around its joints, the figure bends, the
bent figure is placed in the scene, and the camera looks at that:

    image = view · place · bend · limb · texture

All are affine, ``(3, 3)`` matrices, but the bend, two shears by a sine, which can be undone one
after the other. So flow is exact: go back to the texture at time t, and forth at time t + 1.
"""

from typing import NamedTuple

import numpy as np


def shift(x: float, y: float) -> np.ndarray:
    """``(3, 3)``: move by (x, y)."""
    return np.array([[1.0, 0.0, x], [0.0, 1.0, y], [0.0, 0.0, 1.0]])


def stretch(x: float, y: float) -> np.ndarray:
    """``(3, 3)``: scale by x and y."""
    return np.diag([x, y, 1.0])


def turn(angle: float, x: float = 0.0, y: float = 0.0) -> np.ndarray:
    """``(3, 3)``: turn clockwise, as seen on the screen, by ``angle`` radians around (x, y).

    Example:
        >>> (turn(np.pi / 2, 1, 0) @ [2, 0, 1]).round(6).tolist()
        [1.0, 1.0, 1.0]
    """
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s, x - c * x + s * y], [s, c, y - s * x - c * y], [0.0, 0.0, 1.0]])


def undone(matrix: np.ndarray) -> np.ndarray:
    """``(3, 3)``: the inverse of an affine map, several times as fast as ``np.linalg.inv``.

    Example:
        >>> (undone(turn(0.3, 1, 2)) @ turn(0.3, 1, 2)).round(9).tolist()
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    (a, b, c), (d, e, f), _ = matrix.tolist()
    area = a * e - b * d
    return np.array(
        [
            [e / area, -b / area, (b * f - c * e) / area],
            [-d / area, a / area, (c * d - a * f) / area],
            [0.0, 0.0, 1.0],
        ]
    )


class Bend(NamedTuple):
    """Sway and wriggle: x' = x + s y sin(k y + p), y' = y + (w + b y) sin(k x' + q).

    Attributes:
        sway: s, grows with the height above the feet.
        wriggle: w, the whole figure, like a fish.
        breathe: b, below 1, leaves the feet where they are.
        wave_number: k, radians for each figure unit.
        phase_x: p, radians.
        phase_y: q, radians.

    Example:
        >>> bend = Bend(0.1, 0.05, 0.1, 4.0, 0.3, 1.2)
        >>> x, y = bend.undo(*bend.apply(np.float64(0.4), np.float64(-0.7)))
        >>> round(float(x), 12), round(float(y), 12)
        (0.4, -0.7)
    """

    sway: float
    wriggle: float
    breathe: float
    wave_number: float
    phase_x: float
    phase_y: float

    def apply(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Bend points."""
        if self.sway:
            x = x + self.sway * y * np.sin(self.wave_number * y + self.phase_x)
        if self.wriggle or self.breathe:
            sine = np.sin(self.wave_number * x + self.phase_y)
            y = y + (self.wriggle + self.breathe * y) * sine
        return x, y

    def undo(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Straighten points: the exact inverse of ``apply``."""
        if self.wriggle or self.breathe:
            sine = np.sin(self.wave_number * x + self.phase_y)
            y = (y - self.wriggle * sine) / (1 + self.breathe * sine)
        if self.sway:
            x = x - self.sway * y * np.sin(self.wave_number * y + self.phase_x)
        return x, y


def there_and_back(q: np.ndarray) -> np.ndarray:
    """Walk to and fro between -1 and 1: like q near 0, and turning softly at the ends."""
    sharp = 0.97
    return np.arcsin(sharp * np.sin(0.5 * np.pi * q)) / np.arcsin(sharp)


def ease(u: np.ndarray) -> np.ndarray:
    """From 0 to 1 while u does, slowly at both ends."""
    u = np.clip(u, 0, 1)
    return u * u * (3 - 2 * u)

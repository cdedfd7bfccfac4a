"""What a figure is: its cuts and its materials, and the colours that it may have."""

from dataclasses import dataclass

import cv2
import numpy as np

from vos_lab.datasets.procedural.shapes import Cut
from vos_lab.datasets.procedural.textures import colour

BLACK = np.array([0.04, 0.035, 0.03], np.float32)
WHITE = np.array([0.93, 0.92, 0.88], np.float32)


@dataclass(frozen=True)
class Material:
    """What covers a cut: a coat pattern in two colours.

    Attributes:
        colours: two RGB colours in [0, 1].
        kind: one of ``textures.COATS``.
        cell: size of the pattern in figure units.
        roughness: how strong the hair or grain is.
    """

    colours: tuple[np.ndarray, np.ndarray]
    kind: str = "plain"
    cell: float = 0.1
    roughness: float = 0.1


@dataclass(frozen=True)
class Figure:
    """A thing that can be segmented.

    Attributes:
        semantic_class: "animal", "person", "vehicle", "bird", "fish", "balloon" or "ball".
        cuts: from the furthest to the nearest.
        materials: by name.
        stride: how far it goes in one cycle of its legs, figure units.
        habitat: where it lives: "ground", "air" or "water".
        wave: how it bends on the move (sway of x with height, wriggle of y along x), figure units.
        wave_length: of that bending, figure units.
        idle: cycles per frame of what moves even when the figure stays where it is.
    """

    semantic_class: str
    cuts: list[Cut]
    materials: dict[str, Material]
    stride: float = 0.8
    habitat: str = "ground"
    wave: tuple[float, float] = (0.015, 0.01)
    wave_length: float = 1.6
    idle: float = 0.0


def shade_of(rgb: np.ndarray, factor: float) -> np.ndarray:
    """A darker or lighter shade of a colour."""
    return np.clip(rgb * factor, 0, 1).astype(np.float32)


def clothes_colour(rng: np.random.Generator) -> np.ndarray:
    """A colour that people wear: mostly dark or muted, sometimes bright."""
    if rng.random() < 0.4:
        return colour(rng.uniform(0, 360), rng.uniform(0.6, 0.9), rng.uniform(0.5, 0.9))
    return colour(rng.uniform(190, 260) if rng.random() < 0.6 else rng.uniform(0, 60),
                  rng.uniform(0.05, 0.5), rng.uniform(0.12, 0.85))  # fmt: skip


def hull(points: np.ndarray) -> np.ndarray:
    """The convex hull of some points, as an outline."""
    return cv2.convexHull(points.astype(np.float32))[:, 0].astype(np.float64)

"""What the pictures share: small videos that are always the same, and a small row of images."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import NamedTuple

import cv2
import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from vos_lab.datasets.procedural import Spec, render
from vos_lab.view.figures import Figure
from vos_lab.view.figures.masks import without_paper
from vos_lab.view.figures.panels import panels

SIZE = (120, 216)


class Clip(NamedTuple):
    """The frames of a video, its label maps, and the flow to the next frame and back from it."""

    frames: list[np.ndarray]
    masks: list[np.ndarray]
    flow: list[np.ndarray]
    back: list[np.ndarray]


@cache
def walker() -> Clip:
    """One animal that walks, 9 frames."""
    return _clip(Spec(frames=9, size=SIZE, classes=("animal",)), 5)


@cache
def pair() -> Clip:
    """Two animals, one in front of the other, 9 frames."""
    return _clip(Spec(frames=9, size=SIZE, objects=2), 3)


def _clip(spec: Spec, seed: int) -> Clip:
    video = render(spec, seed)
    masks = [mask for mask in video.masks or () if mask is not None]
    return Clip(list(video.frames), masks, list(video.flow or ()), list(video.backward_flow))


def grey(values: np.ndarray) -> np.ndarray:
    """Numbers from 0 to 1 as an image: black to white."""
    levels = np.clip(np.rint(255 * values), 0, 255).astype(np.uint8)
    return np.repeat(levels[..., None], 3, axis=-1)


def row(pictures: Mapping[str, np.ndarray], title: str, alt: str, *, exact: bool = False) -> Figure:
    """Up to four small images beside each other, with their names.

    Args:
        pictures: ``(H, W, 3)`` uint8, by name.
        title: a sentence that says what to see.
        alt: what the pictures show, in words.
        exact: without loss, which is smaller where there are few colours; and white is clear.
    """
    if exact:
        pictures = {name: without_paper(picture) for name, picture in pictures.items()}
    return panels(pictures, title, alt, photographic=not exact, highest=120, most_bytes=10_000)


def score_tables(
    tables: Mapping[str, np.ndarray],
    chosen: Mapping[str, Sequence[tuple[int, int]]],
    title: str,
    alt: str,
) -> Figure:
    """Tables of numbers from 0 to 1 as images, each number in its cell, with boxes around some.

    Args:
        tables: ``(R, C)`` by name, all of one size.
        chosen: for each name the rows and columns to box.
        title: a sentence that says what to see.
        alt: what the tables show, in words.
    """
    side = 36
    images = {
        name: cv2.resize(
            grey(0.25 + 0.5 * np.clip(values, 0, 1)), None, fx=side, fy=side, interpolation=0
        )
        for name, values in tables.items()
    }

    def numbers(axes: Axes, name: str) -> None:
        for (row, column), value in np.ndenumerate(tables[name]):
            x, y = (column + 0.5) * side, (row + 0.5) * side
            colour = "black" if value > 0.5 else "white"
            axes.text(x, y, f"{value:.2f}", ha="center", va="center", color=colour)
        for row, column in chosen.get(name, ()):
            corner = column * side + 1, row * side + 1
            box = Rectangle(corner, side - 3, side - 3, fill=False, lw=3, ec="#e69f00")
            axes.add_patch(box)

    highest = side * 1.2 * len(next(iter(tables.values())))
    return panels(images, title, alt, None, False, numbers, highest)

"""What the pictures share: small videos that are always the same, and a small row of images."""

from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

import numpy as np

from vos_lab.datasets.procedural import Spec, render
from vos_lab.view.figures import Figure
from vos_lab.view.figures.panels import panels

SIZE = (120, 216)


class Clip(NamedTuple):
    """The frames of a video, its label maps, and the flow from each frame to the next."""

    frames: list[np.ndarray]
    masks: list[np.ndarray]
    flow: list[np.ndarray]


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
    return Clip(list(video.frames), masks, list(video.flow or ()))


def row(pictures: Mapping[str, np.ndarray], title: str, alt: str, *, exact: bool = False) -> Figure:
    """Images beside each other with their names: small, as they come on top of a lesson's figures.

    Args:
        pictures: ``(H, W, 3)`` uint8, by name.
        title: a sentence that says what to see.
        alt: what the pictures show, in words.
        exact: without loss, which is smaller where there are few colours.
    """
    return panels(pictures, title, alt, photographic=not exact, highest=120, most_bytes=10_000)

"""What the pictures share: small videos that are always the same, and a small row of images."""

from collections.abc import Mapping
from functools import cache

import numpy as np

from vos_lab.datasets.procedural import ProceduralVideo, Spec, render
from vos_lab.view.figures import Figure
from vos_lab.view.figures.panels import panels

SIZE = (120, 216)


@cache
def walker() -> ProceduralVideo:
    """One animal that walks, 9 frames."""
    return render(Spec(frames=9, size=SIZE, classes=("animal",)), 5)


@cache
def pair() -> ProceduralVideo:
    """Two objects side by side, 9 frames."""
    return render(Spec(frames=9, size=SIZE, objects=2), 3)


def row(pictures: Mapping[str, np.ndarray], title: str, alt: str, *, exact: bool = False) -> Figure:
    """Images beside each other with their names: small, as they come on top of a lesson's figures.

    Args:
        pictures: ``(H, W, 3)`` uint8, by name.
        title: a sentence that says what to see.
        alt: what the pictures show, in words.
        exact: without loss, which is smaller where there are few colours.
    """
    return panels(pictures, title, alt, photographic=not exact, highest=120, most_bytes=10_000)

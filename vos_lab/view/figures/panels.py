"""Pictures of one size beside each other, each with its name: the layout of many figures."""

import math
from collections.abc import Callable, Mapping

import numpy as np
from matplotlib.axes import Axes

from vos_lab.methods.resolution import resized
from vos_lab.view.figures.page import INK, WIDTH, Figure, Page, drawn, fitting

LEGEND, GAP, NAME = 122, 10, 26


def panels(
    pictures: Mapping[str, np.ndarray],
    title: str,
    alt: str = "",
    legend: Callable[[Page, float, float], None] | None = None,
    photographic: bool = True,
    over: Callable[[Axes, str], None] | None = None,
    highest: float = 320,
    most_bytes: int | None = None,
) -> Figure:
    """Pictures of one size beside each other with their names, at most 4 in a row.

    Args:
        pictures: images ``(H, W, 3)`` uint8 by what is written above them.
        title: a sentence that says what to see.
        alt: what the picture shows, in words.
        legend: draws to the right of the pictures, with the page and its own left and top.
        photographic: whether the file may lose some detail, which lines do not bear.
        over: draws over a picture, in axes that count in its pixels; takes its name too.
        highest: height of a picture in the pixels of a page, at the most.
        most_bytes: the quality is lowered until the file is no larger than this, or is lowest.

    Returns:
        The figure, a WebP.

    Raises:
        ValueError: no ``alt``, or pictures of several sizes.

    Example:
        >>> grey = np.full((20, 30, 3), 128, np.uint8)
        >>> panels({"a": grey, "b": grey}, "They are alike.", "Two grey rectangles.")
        <figure: Two grey rectangles.>
    """
    shapes = {picture.shape[:2] for picture in pictures.values()}
    if len(shapes) != 1:
        raise ValueError(f"what is shown together must have one size, not {sorted(shapes)}")
    shape = shapes.pop()
    rows = math.ceil(len(pictures) / 4)
    columns = math.ceil(len(pictures) / rows)
    width = WIDTH - (LEGEND + GAP if legend else 0)
    size = fitting(shape, (width + GAP) / columns - GAP, highest)
    names = NAME if any(pictures) else 0
    step = max(size[1], 150) + GAP  # narrow pictures keep room for the name above them
    line = size[0] + names + GAP
    least = LEGEND + 24 if legend else 0
    with Page(title, alt, max(rows * line - GAP, least)) as page:
        for i, (name, picture) in enumerate(pictures.items()):
            left, top = i % columns * step, i // columns * line
            page.text(left, top + 3, name, va="top", color=INK)
            page.picture(resized(picture, drawn(size)), left, top + names, frame=True)
            if over is not None:
                axes = page.axes(left, top + names, size[1], size[0])
                axes.set(xlim=(-0.5, shape[1] - 0.5), ylim=(shape[0] - 0.5, -0.5))
                axes.axis("off")
                axes.set_zorder(1)  # above the picture
                over(axes, name)
        if legend is not None:
            legend(page, columns * step + 4, names)
        return page.finished(photographic, most_bytes)

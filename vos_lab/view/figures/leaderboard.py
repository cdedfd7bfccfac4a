"""Pictures of a leaderboard: what is gained for how many seconds, and the map of methods."""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.patches import Circle

from vos_lab.view.figures.page import INK, WIDTH, Figure, Page, object_colour

LETTER, LINE, DOT = 7.6, 17, 6  # widths and heights on the page: a letter, a line, half a dot
CORNERS = (("motion and place", 1), ("appearance", 2), ("shape", 3))
"""The corners of the map, in the order of the cues, and the object whose colour each has."""
LEFT, TOP, SIDE = 220, 30, 430  # of the triangle
HEIGHT = SIDE * math.sqrt(3) / 2

Place = tuple[float, float]
Box = tuple[float, float, float, float]
AROUND = (
    *((13, 0, 0), (-13, 1, 0), (0, 0.5, -18), (0, 0.5, 18)),
    *(
        (side, share, sign * far)
        for far in (16, 32, 48, 64)
        for sign in (-1, 1)
        for side, share in ((10, 0), (-10, 1))
    ),
)
"""Where a name may stand: how far from its point to the right, which share of its width to the left
of that, and how far down. The first that hides nothing is taken."""


def tradeoff(
    points: Mapping[str, tuple[float, float]],
    title: str,
    *,
    xlabel: str,
    ylabel: str,
    alt: str = "",
    front: Collection[str] = (),
    faint: Sequence[tuple[float, float]] = (),
) -> Figure:
    """Methods by what they cost and what they give, and the line of those that are worth it.

    Args:
        points: for each method what it costs, which is above 0, and what it gives.
        title: a sentence that says what to see.
        xlabel: of the cost, with its unit; its scale is logarithmic.
        ylabel: of what is given.
        alt: what the picture shows, in words.
        front: the methods to connect, which no other one beats in both.
        faint: points without a name.

    Returns:
        The figure.

    Raises:
        ValueError: no ``alt``, no point, or a cost that is not above 0.

    Example:
        >>> tradeoff({"a": (1, 0.5)}, "a costs 1.", xlabel="s", ylabel="J", alt="One point.")
        <figure: One point.>
    """
    everything = [*points.values(), *faint]
    if not points or min(cost for cost, _ in everything) <= 0:
        raise ValueError("there must be a point, and every cost must be above 0")
    left, top, width, height = 66, 14, WIDTH - 66 - 130, 370
    with Page(title, alt, top + height + 46) as page:
        axes = page.axes(left, top, width, height)
        axes.set(xlabel=xlabel, ylabel=ylabel, xscale="log")
        costs, gains = np.array(everything).T
        axes.set_xlim(costs.min() / 1.6, costs.max() * 1.6)
        room = 0.06 * (np.ptp(gains) or 1)
        axes.set_ylim(gains.min() - room, gains.max() + room)
        axes.grid(axis="both")
        axes.set_axisbelow(True)
        if faint:
            axes.scatter([x for x, _ in faint], [y for _, y in faint], 26, color=INK, alpha=0.45)
        chosen = sorted(points[name] for name in front)
        if chosen:
            axes.step(*zip(*chosen, strict=True), where="post", color=object_colour(1), lw=2)
        for name, (cost, gain) in points.items():
            colour = object_colour(1 if name in front else 2)
            marker = "o" if name in front else "s"
            axes.scatter([cost], [gain], s=70, color=colour, marker=marker, zorder=3)
        low, high = np.log(axes.get_xlim())
        bottom, above = axes.get_ylim()

        def place(cost: float, gain: float) -> Place:
            across = (math.log(cost) - low) / (high - low)
            return left + width * across, top + height * (above - gain) / (above - bottom)

        steps: list[Box] = []
        for (x, y), (x_next, y_next) in pairwise(place(*point) for point in chosen):
            steps += [(x, y - 2, x_next, y + 2), (x_next - 2, y_next, x_next + 2, y)]
        dots = [(x - 4, y - 4, x + 4, y + 4) for x, y in (place(*point) for point in faint)]
        places = {name: place(*point) for name, point in points.items()}
        _label(page, places, set(front), [*steps, *dots, (0, 0, left, top + height)])
        return page.finished(photographic=False)


def place_on_map(shares: Sequence[float] | np.ndarray) -> tuple[float, float]:
    """Where a method stands on the map, in the pixels of a page.

    Args:
        shares: how much it depends on motion and place, on appearance, on shape; 0 or more. Only
            their ratio counts. One that depends on nothing stands in the middle.

    Returns:
        To the right and down.

    Example:
        >>> place_on_map([1, 0, 0])
        (220.0, 402.0)
    """
    weights = np.asarray(shares, float)
    weights = weights / weights.sum() if weights.sum() > 0 else np.full(3, 1 / 3)
    corners = np.array([(LEFT, HEIGHT), (LEFT + SIDE, HEIGHT), (LEFT + SIDE / 2, 0)])
    x, y = weights @ corners
    return float(x), float(round(y) + TOP)


def map_of_methods(
    dependence: Mapping[str, Sequence[float] | np.ndarray],
    title: str,
    *,
    alt: str = "",
    marked: str = "",
) -> Figure:
    """The map of methods: the nearer to a corner, the more of what a method loses is that cue's.

    Args:
        dependence: for each method how much it depends on motion and place, on appearance, on
            shape: shares of J, 0 to 1.
        title: a sentence that says what to see.
        alt: what the picture shows, in words.
        marked: a method to put a ring around.

    Returns:
        The figure. A dot is as large as the largest share, and has the colour of its cue.

    Raises:
        ValueError: no ``alt``, or no method.

    Example:
        >>> map_of_methods({"a": (0.9, 0.1, 0)}, "a lives on motion.", alt="One dot on the left.")
        <figure: One dot on the left.>
    """
    if not dependence:
        raise ValueError("there is no method to put on the map")
    with Page(title, alt, TOP + HEIGHT + 44) as page:
        corners = [place_on_map(corner) for corner in np.eye(3)]
        for i, start in enumerate(corners):
            page.line(start, corners[i - 1], color=INK, linewidth=1.2)
            page.line(
                start, place_on_map((1, 1, 1)), color=INK, linewidth=0.7, linestyle=(0, (2, 4))
            )
        for (name, _), (x, y), side in zip(CORNERS, corners, "ttb", strict=True):
            y += 16 if side == "t" else -12
            va = "top" if side == "t" else "bottom"
            page.text(x, y, name, ha="center", va=va, weight="bold")
        places = {name: place_on_map(shares) for name, shares in dependence.items()}
        for name, (x, y) in places.items():
            shares = list(dependence[name])
            colour = object_colour(CORNERS[shares.index(max(shares))][1])
            radius = 5 + 14 * max(shares)
            _disk(page, x, y, radius, facecolor=colour, edgecolor=INK, linewidth=0.8)
            if name == marked:
                _disk(page, x, y, radius + 6, facecolor="none", edgecolor=INK, linewidth=3)
        # Neither the sides of the triangle nor the names of its corners may be written over.
        sides = [
            (x + share * (to_x - x), y + share * (to_y - y))
            for (x, y), (to_x, to_y) in zip(corners, corners[1:] + corners[:1], strict=True)
            for share in np.linspace(0, 1, 80)
        ]
        lines = [(x - 3, y - 3, x + 3, y + 3) for x, y in sides]
        lines += [(x - 90, y + 14, x + 90, y + 34) for x, y in corners[:2]]
        _label(page, places, {marked}, lines)
        return page.finished(photographic=False)


def _disk(page: Page, x: float, y: float, radius: float, **look: Any) -> None:
    """A disk on the page; drawn in pixels, since a page is wider than high."""
    scale = page.canvas.dpi / 96
    left, bottom = page.place(x, y)
    centre = (left * page.width * scale, bottom * page.height * scale)
    page.canvas.add_artist(Circle(centre, radius * scale, transform=None, **look))


def _label(
    page: Page, places: Mapping[str, Place], bold: Collection[str], lines: Iterable[Box] = ()
) -> None:
    """Write each name beside its point, where it hides as little as possible.

    Args:
        page: to write on.
        places: of the points.
        bold: the names to write in bold.
        lines: boxes around what else should stay in sight.
    """
    taken = [*lines, *((x - DOT, y - DOT, x + DOT, y + DOT) for x, y in places.values())]
    for name, (x, y) in sorted(places.items(), key=lambda item: item[1]):
        wide = LETTER * len(name) * (1.1 if name in bold else 1)
        corners = [(x + dx - wide * share, y + dy - LINE / 2) for dx, share, dy in AROUND]
        inside = [(left, top) for left, top in corners if left > 0 and left + wide < WIDTH]

        def hidden(corner: Place, wide: float = wide) -> float:
            left, top = corner
            return sum(
                max(0.0, min(left + wide, right) - max(left, at))
                * max(0.0, min(top + LINE, below) - max(top, above))
                for at, above, right, below in taken
            )

        left, top = min(inside or corners, key=hidden)
        taken.append((left, top, left + wide, top + LINE))
        if abs(top + LINE / 2 - y) > 20:  # too far away to be seen as its own
            page.line((x, y), (min(max(x, left), left + wide), top + LINE / 2), color=INK, lw=0.7)
        weight = "bold" if name in bold else "normal"
        page.text(left, top + LINE / 2, name, va="center", weight=weight)

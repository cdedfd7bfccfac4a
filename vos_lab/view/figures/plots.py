"""Numbers: as curves over the frames, and as bars."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.ticker import MaxNLocator

from vos_lab.view.figures.frames import painted
from vos_lab.view.figures.page import (
    DARK,
    INK,
    WIDTH,
    Figure,
    Page,
    drawn,
    fitting,
    object_colour,
    seen,
)

DASHES: list[Any] = ["-", (0, (5, 1.5)), (0, (1.5, 1)), (0, (6, 1.5, 1.5, 1.5))]
ON_ANY_GROUND = (("white", 1.8), (DARK, 0.0))  # a wide line below a dark one: on bars, beside them
MOST_BARS = 384  # pixels: so high may the bars of a chart stand together


def curves(
    values: Mapping[str, Sequence[float] | np.ndarray],
    title: str,
    *,
    ylabel: str,
    alt: str = "",
    xlabel: str = "frame",
    x: Sequence[float] | np.ndarray | None = None,
    events: Mapping[float, str] | None = None,
    pictures: Mapping[float, np.ndarray] | None = None,
    bands: Mapping[str, tuple[Sequence[float] | np.ndarray, Sequence[float] | np.ndarray]]
    | None = None,
    colours: Mapping[str, int] | None = None,
    plot: float = 250,
) -> Figure:
    """Numbers over the frames, one curve for each name, with the name at the end of it.

    Args:
        values: ``{"OSVOS": [0.9, 0.8, ...]}``; nan leaves a gap.
        title: a sentence that says what to see.
        ylabel: what is counted, with its unit.
        alt: what the picture shows, in words.
        xlabel: what runs to the right.
        x: where each value stands; by default 0, 1, 2, ...
        events: what happens at which frame, ``{20: "occlusion begins"}``.
        pictures: images ``(H, W, 3)`` to show above, at their frames.
        bands: the lower and the upper end of an interval around a curve.
        colours: the object (1 to 254) whose colour a curve takes; by default in order.
        plot: height between the axes, in the pixels of a page.

    Returns:
        The figure.

    Raises:
        ValueError: no ``alt``; no curve; or values that do not fit ``x``.

    Example:
        >>> curves({"a": [1, 2]}, "It rises.", ylabel="height (m)", alt="A line from 1 to 2 m.")
        <figure: A line from 1 to 2 m.>
    """
    if not values:
        raise ValueError("there is no curve to draw")
    series = {name: np.asarray(curve, float) for name, curve in values.items()}
    positions = np.arange(max(map(len, series.values()))) if x is None else np.asarray(x)
    for name, curve in series.items():
        if x is not None and len(curve) != len(positions):
            raise ValueError(f"{name}: {len(curve)} values, but {len(positions)} places in x")
    events, pictures, bands = events or {}, pictures or {}, bands or {}
    colours = colours or {}
    first, last = (float(positions.min()), float(positions.max())) if len(positions) else (0.0, 1.0)
    span = last - first or 1.0
    left, right, below = 66, min(300, 30 + 8.6 * max(map(len, series))), 46
    width = WIDTH - left - right

    def across(at: float) -> float:
        return left + width * (at - first + 0.01 * span) / (1.02 * span)

    levels = _levels({at: across(at) for at in events}, events)
    sizes = {at: fitting(picture.shape, 126, 84) for at, picture in pictures.items()}
    thumbnails = max(size[0] for size in sizes.values()) + 14 if sizes else 0
    above = thumbnails + (22 * (1 + max(levels.values())) if events else 8)
    with Page(title, alt, above + plot + below) as page:
        axes = page.axes(left, above, width, plot)
        axes.set(xlabel=xlabel, ylabel=ylabel)
        if np.issubdtype(positions.dtype, np.integer):
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))  # there is no frame 2.5
        axes.set_xlim(first - 0.01 * span, last + 0.01 * span)
        axes.grid(axis="y")
        axes.set_axisbelow(True)
        shades = {
            name: seen(object_colour(colours.get(name, i + 1)), 0.11, 0.45)
            for i, name in enumerate(series)
        }
        for i, (name, curve) in enumerate(series.items()):
            if name in bands:
                lower, upper = (np.asarray(end, float) for end in bands[name])
                axes.fill_between(
                    positions, lower, upper, color=shades[name], alpha=0.22, linewidth=0
                )
            # The dashes differ too: colour is never the only difference.
            axes.plot(
                positions[: len(curve)],
                curve,
                color=shades[name],
                linewidth=2.4,
                linestyle=DASHES[i % len(DASHES)],
                marker="o" if len(curve) < 16 else None,
                markersize=5,
            )
        finite = np.concatenate([curve[np.isfinite(curve)] for curve in series.values()])
        if finite.size and finite.min() >= 0 and finite.max() <= 1:
            axes.set_ylim(0, 1.02)  # a share stands on its whole scale, or it looks dramatic
        low, high = axes.get_ylim()
        ends = {name: curve[np.isfinite(curve)][-1:] for name, curve in series.items()}
        heights = {n: float(plot * (high - e[0]) / (high - low)) for n, e in ends.items() if len(e)}
        for name, y in _apart(heights, 20, plot).items():
            colour = seen(shades[name], 0.175, 0.183)
            page.text(left + width + 14, above + y, name, va="center", color=colour, weight="bold")
        for at, what in events.items():
            axes.axvline(at, color=INK, linewidth=1.3, linestyle=(0, (2, 2)))
            # To the left of its line where the text would leave the page.
            side = "right" if across(at) + 8 * len(what) > WIDTH else "left"
            x_text = across(at) + (3 if side == "left" else -3)
            page.text(x_text, thumbnails + 22 * levels[at] + 3, what, va="top", ha=side)
        for at, middle in _apart({at: across(at) for at in pictures}, 132, WIDTH - 64).items():
            height, breadth = sizes[at]
            picture = painted(pictures[at], None, drawn(sizes[at]), 0)
            page.picture(picture, middle - breadth / 2, thumbnails - 14 - height)
            page.line((middle, thumbnails - 13), (across(at), above), color=INK, linewidth=0.9)
            page.line((across(at), above), (across(at), above + plot), color=INK, linewidth=0.9)
        return page.finished(photographic=bool(pictures))


def bars(
    values: Mapping[str, float | Mapping[str, float]],
    title: str,
    *,
    xlabel: str,
    alt: str = "",
    intervals: Mapping[str, Any] | None = None,
    colours: Mapping[str, int] | None = None,
    digits: int = 3,
) -> Figure:
    """Numbers side by side as lying bars, each with its value at the end.

    Args:
        values: ``{"OSVOS": 0.79}``, or several for each name: ``{"OSVOS": {"J": 0.79, "F": 0.8}}``.
        title: a sentence that says what to see.
        xlabel: what is counted, with its unit.
        alt: what the picture shows, in words.
        intervals: the lower and the upper end for each bar, in the same form as ``values``.
        colours: the object (1 to 254) whose colour a bar takes, by the inner name where there
            are several, else by the name.
        digits: after the point.

    Returns:
        The figure.

    Raises:
        ValueError: no ``alt``, or no bar.

    Example:
        >>> bars({"a": 0.5, "b": 0.7}, "b wins.", xlabel="J", alt="Two bars: a 0.5 and b 0.7.")
        <figure: Two bars: a 0.5 and b 0.7.>
    """
    if not values:
        raise ValueError("there is no bar to draw")
    intervals, colours = intervals or {}, colours or {}
    groups = {name: v if isinstance(v, Mapping) else {"": v} for name, v in values.items()}
    kinds = list(dict.fromkeys(kind for group in groups.values() for kind in group))
    thickness, gap = (24, 12) if len(kinds) > 1 else (26, 10)
    count = sum(len(group) for group in groups.values())
    room = MOST_BARS - gap * (len(groups) + 1)  # so that many bars still fit on a slide
    thickness = max(15, min(thickness, room // count))
    left = min(330, 24 + 8.2 * max(len(name) for name in groups))
    right, below, legend = 130, 46, 28 if len(kinds) > 1 else 0
    plot = sum(thickness * len(group) + gap for group in groups.values()) + gap
    with Page(title, alt, legend + plot + below) as page:
        axes = page.axes(left, legend, WIDTH - left - right, plot)
        axes.set(xlabel=xlabel, ylim=(plot, 0))
        axes.grid(axis="x")
        axes.set_axisbelow(True)
        axes.spines["left"].set_color(INK)
        top, middles, ends = float(gap), list[float](), [0.0]
        for i, (name, group) in enumerate(groups.items()):
            middles.append(top + thickness * len(group) / 2)
            for kind, value in group.items():
                number = colours.get(kind or name, kinds.index(kind) + 1 if kind else i + 1)
                y = top + thickness / 2
                axes.barh(y, value, thickness - 4, color=object_colour(number), label=kind)
                interval = intervals.get(name)
                if isinstance(interval, Mapping):
                    interval = interval.get(kind)
                end = max(value, 0.0)  # beside a bar to the left, not in it
                if interval is not None:
                    for colour, more in ON_ANY_GROUND:
                        axes.plot(interval, (y, y), color=colour, linewidth=1.6 + more, marker="|",
                                  markersize=8 + more, markeredgewidth=1 + more)  # fmt: skip
                    end = max(end, interval[1])
                ends += [end, value if interval is None else min(value, interval[0])]
                axes.annotate(
                    f"{value:.{digits}f}",
                    (end, y),
                    (6, 0),
                    textcoords="offset points",
                    va="center",
                )
                top += thickness
            top += gap
        axes.set_yticks(middles, list(groups))
        axes.tick_params(axis="y", length=0)
        seen = [e for e in ends if math.isfinite(e)]
        unit = min(seen) >= 0 and 0.3 < max(seen) <= 1
        axes.set_xlim(min(0.0, *seen) * 1.05, 1.0 if unit else max(0.0, *seen) * 1.05 or 1.0)
        if len(kinds) > 1:
            page.legend(
                {k: object_colour(colours.get(k, i + 1)) for i, k in enumerate(kinds)}, left
            )
        return page.finished(photographic=False)


def _apart(places: Mapping[Any, float], gap: float, end: float) -> dict[Any, float]:
    """Move labels on a line apart until none overlaps, as little as a few sweeps find."""
    order = sorted(places, key=lambda name: places[name])
    moved = np.array([places[name] for name in order], float)
    for i in range(1, len(moved)):
        moved[i] = max(moved[i], moved[i - 1] + gap)
    for i in range(len(moved) - 1, -1, -1):
        limit = end if i == len(moved) - 1 else moved[i + 1] - gap
        moved[i] = min(moved[i], limit)
    return dict(zip(order, moved.tolist(), strict=True))


def _levels(places: Mapping[float, float], texts: Mapping[float, str]) -> dict[float, int]:
    """The line of text that each event is written on, so that no two overlap."""
    ends: list[float] = []
    levels = {}
    for at in sorted(places):
        free = [i for i, end in enumerate(ends) if end < places[at]]
        level = free[0] if free else len(ends)
        ends[level : level + 1] = [places[at] + 8 * len(texts[at]) + 10]
        levels[at] = level
    return levels

"""Pictures for lessons: one function for each kind, the same look everywhere.

Every function asks for ``alt``: a sentence for those who cannot see the picture. An object has
the same colour (``OBJECT_COLOURS``) in its mask, its curve and its bar. A figure is drawn for 900
pixels, the width of a notebook, and its text is 11 pt or larger there.
"""

import html
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from matplotlib.ticker import MaxNLocator
from PIL import Image

from vos_lab.metrics.masks import boundary_radius, mask_boundary
from vos_lab.metrics.pixels import dilate_disk
from vos_lab.video import OBJECT_COLOURS, VOID, Video, as_label_map, overlay
from vos_lab.view.page import (
    INK,
    QUIET,
    WIDTH,
    Figure,
    Page,
    darkened,
    drawn,
    fitting,
    house_style,
    object_colour,
    require_alt,
)

# Grey for what is right; orange and dark blue differ in lightness too, so nobody mixes them up.
HIT, FALSE_ALARM, MISS = (90, 90, 90), (230, 159, 0), (0, 94, 158)
PAPER, BAND = (255, 255, 255), (205, 222, 233)
DASHES: list[Any] = ["-", (0, (5, 1.5)), (0, (1.5, 1)), (0, (6, 1.5, 1.5, 1.5))]


# --- frames -----------------------------------------------------------------------------------


def strip(
    video: Video | Sequence[np.ndarray],
    masks: Sequence[np.ndarray | None] | Mapping[str, Sequence[np.ndarray | None] | None] | None = (
        None
    ),
    at: Sequence[int] | None = None,
    titles: Sequence[str] | None = None,
    *,
    title: str,
    alt: str = "",
    opacity: float = 0.4,
) -> Figure:
    """Frames in a row, with masks over them; a row for each method.

    Args:
        video: a video, or T images ``(H, W, 3)`` uint8.
        masks: T label maps ``(H, W)``; or a row for each name, ``{"truth": ..., "OSVOS": ...}``,
            where None leaves the frames bare.
        at: numbers of the frames to show, at most 10; by default up to 6, evenly spread.
        titles: what to write over each frame; by default its number.
        title: a sentence that says what to see.
        alt: what the picture shows, in words.
        opacity: of the masks, 0 to 1.

    Returns:
        The figure, a WebP.

    Raises:
        ValueError: no ``alt``; more than 10 frames; titles or masks that do not fit the frames.

    Example:
        >>> grey = np.full((3, 40, 60, 3), 128, np.uint8)
        >>> strip(grey, title="Nothing moves.", alt="Three grey frames.")
        <figure: Three grey frames.>
    """
    require_alt(alt)
    frames = video.frames if isinstance(video, Video) else video
    if at is None:
        at = sorted({round(t) for t in np.linspace(0, len(frames) - 1, min(6, len(frames)))})
    at = [range(len(frames))[t] for t in at]  # so that -1 is the last frame, under its number
    if not 1 <= len(at) <= 10:
        raise ValueError(f"a strip shows 1 to 10 frames, not {len(at)}: choose them with at=")
    titles = [f"frame {t}" for t in at] if titles is None else titles
    if len(titles) != len(at):
        raise ValueError(f"{len(at)} frames, but {len(titles)} titles")
    rows = masks if isinstance(masks, Mapping) else {"": masks}
    for name, row in rows.items():
        if row is not None and len(row) != len(frames):
            raise ValueError(f"{name or 'masks'}: {len(frames)} frames, but {len(row)} masks")

    gap, numbers, name_height = 6, 24, 26 if any(rows) else 0
    height, width = frames[0].shape[:2]
    shown = fitting((height, width), (WIDTH + gap) / len(at) - gap, 320)
    step = max(shown[1], 76) + gap  # narrow frames keep room for the number above them
    line = name_height + shown[0] + gap
    with house_style():
        page = Page(title, numbers + line * len(rows) - gap)
        for i, (name, row) in enumerate(rows.items()):
            page.text(0, numbers + i * line + 5, name, va="top", weight="bold")
            for j, t in enumerate(at):
                if i == 0:
                    middle = j * step + (step - gap) / 2
                    page.text(middle, 4, titles[j], ha="center", va="top", color=QUIET)
                picture = _painted(
                    frames[t], None if row is None else row[t], drawn(shown), opacity
                )
                left = j * step + (step - gap - shown[1]) / 2
                page.picture(picture, left, numbers + i * line + name_height)
        return page.finished(alt, photographic=True)


def clip(
    video: Video | Sequence[np.ndarray],
    masks: Sequence[np.ndarray | None] | None = None,
    *,
    alt: str = "",
    height: int = 200,
    frames: int = 24,
    fps: float | None = None,
    opacity: float = 0.4,
    most_bytes: int = 160_000,
) -> Figure:
    """A moving picture that plays without a kernel, small enough to stay in a notebook.

    Args:
        video: a video, or T images ``(H, W, 3)`` uint8.
        masks: T label maps to show over them.
        alt: what happens in the picture, in words.
        height: of the picture, in pixels.
        frames: at most this many are kept, evenly spread over the video.
        fps: frames a second; by default so that the clip lasts as long as the video, but shows
            at least 5 a second.
        opacity: of the masks, 0 to 1.
        most_bytes: the quality is lowered until the file is no larger than this.

    Returns:
        The figure, an animated WebP (which has a tenth of the bytes of a GIF).

    Raises:
        ValueError: no ``alt``; masks that do not fit the frames; or it cannot be made so small.

    Example:
        >>> black = np.zeros((3, 40, 60, 3), np.uint8)
        >>> clip(black, alt="Darkness.").mime
        'image/webp'
    """
    require_alt(alt)
    images = video.frames if isinstance(video, Video) else video
    if masks is not None and len(masks) != len(images):
        raise ValueError(f"masks: {len(images)} frames, but {len(masks)} masks")
    rate = video.fps if isinstance(video, Video) else 12.0
    chosen = sorted({round(t) for t in np.linspace(0, len(images) - 1, min(frames, len(images)))})
    fps = fps or max(5.0, rate * len(chosen) / len(images))
    size = height, max(1, round(height * images[0].shape[1] / images[0].shape[0]))
    pictures = [
        Image.fromarray(_painted(images[t], None if masks is None else masks[t], size, opacity))
        for t in chosen
    ]
    for quality in (80, 65, 50, 35, 20):
        file = io.BytesIO()
        pictures[0].save(
            file,
            "WEBP",
            save_all=True,
            append_images=pictures[1:],
            duration=round(1000 / fps),
            loop=0,
            quality=quality,
            method=4,
        )
        if file.tell() <= most_bytes:
            return Figure(file.getvalue(), "image/webp", alt, size[1])
    raise ValueError(
        f"the clip has {file.tell():,} bytes, over {most_bytes:,}, even at the lowest quality: "
        f"take fewer than {len(chosen)} frames or less than {height} pixels of height"
    )


def _painted(
    frame: np.ndarray, mask: np.ndarray | None, size: tuple[int, int], opacity: float
) -> np.ndarray:
    """A frame at another size with its mask over it and a crisp contour around each object."""
    frame = _resized(frame, size)
    if mask is None:
        return frame
    mask = as_label_map(mask)
    labels = [label for label in np.unique(mask) if label]
    large = np.zeros(size, np.uint8)
    for label in labels:
        # Scaled smoothly, then cut at one half: a contour without the stairs of the pixels.
        large[_resized((mask == label).astype(np.float32), size) > 0.5] = label
    picture = overlay(frame, large, opacity)
    for label in labels:
        if label == VOID:
            continue
        contours = cv2.findContours(
            (large == label).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE
        )[0]
        colour = tuple(int(c) for c in OBJECT_COLOURS[label])
        if size[0] > 160:
            # A dark line under the bright one: it stands out from bright and from dark ground.
            cv2.drawContours(picture, contours, -1, (20, 20, 20), 3, cv2.LINE_AA)
        cv2.drawContours(picture, contours, -1, colour, 2, cv2.LINE_AA)
    return picture


def _resized(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    smaller = size[0] < image.shape[0]
    way = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    return cv2.resize(image, (size[1], size[0]), interpolation=way)


# --- numbers ----------------------------------------------------------------------------------


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

    Returns:
        The figure.

    Raises:
        ValueError: no ``alt``; no curve; or values that do not fit ``x``.

    Example:
        >>> curves({"a": [1, 2]}, "It rises.", ylabel="height (m)", alt="A line from 1 to 2 m.")
        <figure: A line from 1 to 2 m.>
    """
    require_alt(alt)
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
    left, right, below, plot = 66, min(300, 30 + 8.6 * max(map(len, series))), 46, 250
    width = WIDTH - left - right

    def across(at: float) -> float:
        return left + width * (at - first + 0.01 * span) / (1.02 * span)

    levels = _levels({at: across(at) for at in events}, events)
    sizes = {at: fitting(picture.shape, 126, 84) for at, picture in pictures.items()}
    thumbnails = max(size[0] for size in sizes.values()) + 14 if sizes else 0
    above = thumbnails + (22 * (1 + max(levels.values())) if events else 8)
    with house_style():
        page = Page(title, above + plot + below)
        axes = page.axes(left, above, width, plot)
        axes.set(xlabel=xlabel, ylabel=ylabel)
        if np.issubdtype(positions.dtype, np.integer):
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))  # there is no frame 2.5
        axes.set_xlim(first - 0.01 * span, last + 0.01 * span)
        axes.grid(axis="y", color="#e4e4e4", linewidth=1)
        axes.set_axisbelow(True)
        shades = {
            name: darkened(object_colour(colours.get(name, i + 1)), 0.7)
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
            colour = darkened(shades[name], 0.36)
            page.text(left + width + 14, above + y, name, va="center", color=colour, weight="bold")
        for at, what in events.items():
            axes.axvline(at, color=QUIET, linewidth=1.3, linestyle=(0, (2, 2)))
            # To the left of its line where the text would leave the page.
            side = "right" if across(at) + 8 * len(what) > WIDTH else "left"
            x_text = across(at) + (3 if side == "left" else -3)
            page.text(x_text, thumbnails + 22 * levels[at] + 3, what, va="top", ha=side)
        for at, middle in _apart({at: across(at) for at in pictures}, 132, WIDTH - 64).items():
            height, breadth = sizes[at]
            picture = _painted(pictures[at], None, drawn(sizes[at]), 0)
            page.picture(picture, middle - breadth / 2, thumbnails - 14 - height)
            page.line((middle, thumbnails - 13), (across(at), above), color=QUIET, linewidth=0.9)
            page.line((across(at), above), (across(at), above + plot), color=QUIET, linewidth=0.9)
        return page.finished(alt, photographic=bool(pictures))


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
    require_alt(alt)
    if not values:
        raise ValueError("there is no bar to draw")
    intervals, colours = intervals or {}, colours or {}
    groups = {name: v if isinstance(v, Mapping) else {"": v} for name, v in values.items()}
    kinds = list(dict.fromkeys(kind for group in groups.values() for kind in group))
    thickness, gap = (24, 12) if len(kinds) > 1 else (26, 10)
    left = min(330, 24 + 8.2 * max(len(name) for name in groups))
    right, below, legend = 130, 46, 28 if len(kinds) > 1 else 0
    plot = sum(thickness * len(group) + gap for group in groups.values()) + gap
    with house_style():
        page = Page(title, legend + plot + below)
        axes = page.axes(left, legend, WIDTH - left - right, plot)
        axes.set(xlabel=xlabel, ylim=(plot, 0))
        axes.grid(axis="x", color="#e4e4e4", linewidth=1)
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
                end = value
                if interval is not None:
                    axes.plot(interval, (y, y), color=INK, linewidth=1.6, marker="|", markersize=8)
                    end = max(value, interval[1])
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
        return page.finished(alt, photographic=False)


@dataclass(frozen=True)
class Table:
    """A table that a notebook displays and a screen reader reads out cell by cell.

    Attributes:
        header: the names of the columns.
        rows: texts, as many in each as there are columns; the first one names the row.
        caption: a sentence that says what to see.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str

    def __repr__(self) -> str:
        lines = [self.header, *self.rows]
        widths = [max(len(line[i]) for line in lines) for i in range(len(self.header))]
        return "\n".join(
            [self.caption]
            + [
                "  ".join(
                    cell.ljust(width) if i == 0 else cell.rjust(width)
                    for i, (cell, width) in enumerate(zip(line, widths, strict=True))
                ).rstrip()
                for line in lines
            ]
        )

    def _repr_html_(self) -> str:
        def row(cells: Sequence[str], head: bool) -> str:
            first = f'<th scope="{"col" if head else "row"}">{html.escape(cells[0])}</th>'
            tag = 'th scope="col"' if head else "td"
            others = (f"<{tag}>{html.escape(cell)}</{tag[:2]}>" for cell in cells[1:])
            return f"<tr>{first}{''.join(others)}</tr>"

        # A narrow table does not fold its caption.
        style = "white-space: nowrap; text-align: left"
        caption = f'<caption style="{style}"><b>{html.escape(self.caption)}</b></caption>'
        head = f"<thead>{row(self.header, head=True)}</thead>"
        body = "".join(row(cells, head=False) for cells in self.rows)
        return f"<table>{caption}{head}<tbody>{body}</tbody></table>"


def table(
    rows: Mapping[str, Mapping[str, Any]], title: str, name: str = "method", digits: int = 3
) -> Table:
    """Numbers as a table: a row for each name, a column for each kind of number.

    Args:
        rows: ``{"OSVOS": {"J": 0.798, "seconds": 9.2}}``. A tuple ``(mean, low, high)`` is shown
            with its interval; None and what is missing as a dash.
        title: a sentence that says what to see.
        name: what the rows are.
        digits: after the point.

    Returns:
        The table.

    Example:
        >>> table({"OSVOS": {"J": (0.8, 0.75, 0.85), "seconds": 9}}, "OSVOS is slow.")
        OSVOS is slow.
        method                     J  seconds
        OSVOS   0.800 [0.750, 0.850]        9
    """

    def text(value: Any) -> str:
        if value is None:
            return "–"
        if isinstance(value, tuple):
            mean, low, high = (text(v) for v in value)
            return f"{mean} [{low}, {high}]"
        return f"{value:.{digits}f}" if isinstance(value, float | np.floating) else str(value)

    columns = list(dict.fromkeys(column for row in rows.values() for column in row))
    body = tuple((str(k), *(text(row.get(c)) for c in columns)) for k, row in rows.items())
    return Table((name, *columns), body, title)


# --- right and wrong --------------------------------------------------------------------------


def comparison(
    prediction: np.ndarray, truth: np.ndarray, frame: np.ndarray | None = None
) -> np.ndarray:
    """Paint which pixels of a prediction are right and which are wrong.

    Args:
        prediction: binary mask, ``(H, W)`` bool.
        truth: the same for the true object.
        frame: image to paint over, ``(H, W, 3)`` uint8; it turns pale grey.

    Returns:
        ``(H, W, 3)`` uint8: right pixels grey (``HIT``), false alarms orange (``FALSE_ALARM``),
        missed ones blue (``MISS``).

    Example:
        >>> comparison(np.array([[True, False]]), np.array([[False, False]])).tolist()
        [[[230, 159, 0], [255, 255, 255]]]
    """
    picture = np.full((*truth.shape, 3), PAPER, np.uint8)
    opacity = 1.0
    if frame is not None:
        grey = cv2.cvtColor(np.ascontiguousarray(frame), cv2.COLOR_RGB2GRAY)
        picture, opacity = np.repeat((153 + grey[..., None] * 0.4).astype(np.uint8), 3, 2), 0.75
    for where, colour in (
        (prediction & truth, HIT),
        (prediction & ~truth, FALSE_ALARM),
        (~prediction & truth, MISS),
    ):
        picture[where] = (1 - opacity) * picture[where] + opacity * np.array(colour)
    return picture


def compare_masks(
    prediction: np.ndarray,
    truth: np.ndarray,
    frame: np.ndarray | None = None,
    *,
    title: str,
    alt: str = "",
) -> Figure:
    """Which pixels of a prediction are right, which are false alarms, which are missed.

    Args:
        prediction: binary mask, ``(H, W)`` bool; a label map counts all its objects.
        truth: the same for the true object; pixels with 255 (void) are left out.
        frame: image behind the masks, ``(H, W, 3)`` uint8.
        title: a sentence that says what to see.
        alt: what the picture shows, in words.

    Returns:
        The figure, with the number of pixels of each kind.

    Raises:
        ValueError: no ``alt``, or masks of two sizes.

    Example:
        >>> full, half = np.ones((4, 4), bool), np.eye(4, dtype=bool)
        >>> compare_masks(half, full, title="Mostly missed.", alt="A diagonal in a square.")
        <figure: A diagonal in a square.>
    """
    require_alt(alt)
    prediction, truth = _two_binary(prediction, truth)
    picture = comparison(prediction, truth, frame)
    counts = {
        f"right: {(prediction & truth).sum():,} pixels": object_colour(HIT),
        f"false alarm: {(prediction & ~truth).sum():,} pixels": object_colour(FALSE_ALARM),
        f"missed: {(~prediction & truth).sum():,} pixels": object_colour(MISS),
    }
    shown, legend = fitting(truth.shape, WIDTH, 380), 34
    with house_style():
        page = Page(title, legend + shown[0])
        page.legend(counts)
        page.picture(_enlarged(picture, drawn(shown)), 0, legend, frame=True)
        return page.finished(alt, photographic=frame is not None)


def boundary_matches(
    prediction: np.ndarray, truth: np.ndarray, tolerance: float = 0.008
) -> dict[str, np.ndarray]:
    """The two boundaries, the band around each, and where each lies in the other's band.

    Args:
        prediction: binary mask, ``(H, W)`` bool.
        truth: the same for the true object.
        tolerance: of F: below 1 a share of the diagonal, else pixels.

    Returns:
        ``(H, W)`` bool maps: ``prediction`` and ``truth`` are the boundaries,
        ``prediction_band`` and ``truth_band`` all that is near enough to them.
    """
    radius = boundary_radius(truth.shape, tolerance)
    found = {"prediction": mask_boundary(prediction), "truth": mask_boundary(truth)}
    bands = {f"{name}_band": dilate_disk(boundary, radius) for name, boundary in found.items()}
    return found | bands


def paint_boundary(
    lines: np.ndarray, band: np.ndarray, wrong: tuple[int, int, int], width: int = 1
) -> np.ndarray:
    """A boundary over the band in which it should lie: dark where it does, coloured where not.

    Args:
        lines: boundary, ``(H, W)`` bool.
        band: where it counts as matched, ``(H, W)`` bool.
        wrong: the colour of what is not matched.
        width: of the line that is drawn, in pixels.

    Returns:
        ``(H, W, 3)`` uint8.
    """
    picture = np.full((*lines.shape, 3), PAPER, np.uint8)
    picture[band] = BAND
    for part, colour in ((lines & band, HIT), (lines & ~band, wrong)):
        thick = cv2.dilate(part.astype(np.uint8), np.ones((width, width), np.uint8))
        picture[thick > 0] = colour
    return picture


def boundary_figure(
    prediction: np.ndarray,
    truth: np.ndarray,
    tolerance: float = 0.008,
    *,
    title: str,
    alt: str = "",
    zoom: tuple[int, int, int, int] | None = None,
) -> Figure:
    """How F looks at two masks: each boundary against the band around the other one.

    Args:
        prediction: binary mask, ``(H, W)`` bool; a label map counts all its objects.
        truth: the same for the true object.
        tolerance: of F: below 1 a share of the diagonal, else pixels.
        title: a sentence that says what to see.
        alt: what the picture shows, in words.
        zoom: the part to show: top, left, height, width; by default what holds both boundaries.

    Returns:
        The figure: precision on the left, recall on the right.

    Raises:
        ValueError: no ``alt``, or masks of two sizes.
    """
    require_alt(alt)
    prediction, truth = _two_binary(prediction, truth)
    found = boundary_matches(prediction, truth, tolerance)
    top, left, height, width = zoom or _around(found["truth_band"] | found["prediction_band"])
    part = np.s_[max(0, top) : top + height, max(0, left) : left + width]
    halves = [
        ("Precision: the predicted boundary", "prediction", "truth", FALSE_ALARM),
        ("Recall: the true boundary", "truth", "prediction", MISS),
    ]
    gap, legend, name = 24, 34, 44
    shown = fitting(truth[part].shape, (WIDTH - gap) / 2, 420)
    colours = {
        "near the other boundary": BAND,
        "matched": HIT,
        "false alarm": FALSE_ALARM,
        "missed": MISS,
    }
    with house_style():
        page = Page(title, legend + name + shown[0])
        page.legend({what: object_colour(colour) for what, colour in colours.items()})
        for i, (what, lines, other, wrong) in enumerate(halves):
            x = i * (WIDTH + gap) / 2
            matched = int((found[lines] & found[f"{other}_band"]).sum())
            text = f"{what}\n{matched:,} of {int(found[lines].sum()):,} pixels matched"
            page.text(x, legend, text, va="top")
            picture = paint_boundary(found[lines][part], found[f"{other}_band"][part], wrong)
            page.picture(_enlarged(picture, drawn(shown)), x, legend + name, frame=True)
        return page.finished(alt, photographic=False)


# --- where things go --------------------------------------------------------------------------


def _two_binary(prediction: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    prediction, truth = as_label_map(prediction, "prediction"), as_label_map(truth, "truth")
    if prediction.shape != truth.shape:
        raise ValueError(f"the prediction has the shape {prediction.shape}, truth {truth.shape}")
    known = truth != VOID
    return (prediction > 0) & known, (truth > 0) & known


def _enlarged(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Larger with every pixel as a square, or smaller as the mean of the pixels."""
    way = cv2.INTER_NEAREST if size[0] >= picture.shape[0] else cv2.INTER_AREA
    return cv2.resize(picture, (size[1], size[0]), interpolation=way)


def _around(where: np.ndarray) -> tuple[int, int, int, int]:
    """The box around what is set, with a margin: top, left, height, width."""
    if not where.any():
        return 0, 0, *where.shape
    rows, columns = np.flatnonzero(where.any(1)), np.flatnonzero(where.any(0))
    top, left = max(0, int(rows[0]) - 4), max(0, int(columns[0]) - 4)
    return top, left, int(rows[-1]) + 5 - top, int(columns[-1]) + 5 - left


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

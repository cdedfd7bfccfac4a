"""The correlation explorer: click a pixel, and see how well it matches the places around it."""

from collections.abc import Mapping
from typing import Any

import cv2
import matplotlib
import numpy as np
import traitlets
from matplotlib.axes import Axes

from vos_lab.view.encoding import encode_jpeg
from vos_lab.view.figures.page import (
    INK,
    Figure,
    Page,
    drawn,
    fitting,
)
from vos_lab.view.widget import Widget, source
from vos_lab.view.widgets.optical_flow import MAX_PIXELS

BEST, TRUE, EDGE = "#ffd23f", "#40e0ff", "#101010"  # rings on pictures, and what lies under them


class CorrelationExplorer(Widget):
    """Two images and a correlation volume: click a place of the first, and see its scores.

    Images and scores go to the browser once; it answers without asking the kernel. Click the first
    image, or hold the button and drag, and then: arrow keys move the place by one cell, f shows the
    next volume. Without a kernel a figure stands in its place.

    Args:
        first: image at time t, ``(H, W, 3)`` uint8.
        second: image at time t + 1, the same.
        scores: ``((2 reach + 1)², h, w)`` float, as ``correlation`` gives it, of cells of
            ``cell`` x ``cell`` pixels; or several by name. Higher is more alike.
        cell: how many pixels a cell of the scores has in each direction.
        flow: ``(H, W, 2)`` float32, pixels: the true flow, shown as a ring. NaN where nobody knows.
        point: column and row of the pixel to begin with; by default in the middle.
        title: a line above the pictures.

    Attributes:
        shown: the name of the volume that is shown.
        point: column and row of the pixel. Set it from Python, or observe it.
        best: the displacement with the best score, dx and dy in pixels.

    Raises:
        ValueError: sizes that do not fit, images that are not uint8, or scores that are not finite.

    Example:
        >>> grey = np.full((32, 48, 3), 128, np.uint8)
        >>> CorrelationExplorer(grey, grey, np.eye(9, 24).reshape(9, 4, 6), cell=8)
        CorrelationExplorer: 48 x 32 pixels, up to 8 pixels, scores
    """

    needs_kernel = False
    _esm = source("widgets/flownet.js")
    _css = source("widgets/flownet.css")

    shown = traitlets.Unicode("").tag(sync=True)
    # Without echo: it would take back where the pointer has gone meanwhile.
    point = traitlets.List(traitlets.Int(), minlen=2, maxlen=2).tag(sync=True, echo_update=False)
    best = traitlets.List(traitlets.Int(), minlen=2, maxlen=2).tag(sync=True, echo_update=False)

    _images = traitlets.List(traitlets.Bytes()).tag(sync=True)
    _scores = traitlets.List(traitlets.Bytes()).tag(sync=True)  # uint8: 0 is low, 255 is high
    _ranges = traitlets.List(traitlets.List(traitlets.Float())).tag(sync=True)
    _names = traitlets.List(traitlets.Unicode()).tag(sync=True)
    _truth = traitlets.Bytes(b"").tag(sync=True)  # int16, dx and dy of each cell; or nothing
    _size = traitlets.List(traitlets.Int()).tag(sync=True)
    _grid = traitlets.List(traitlets.Int()).tag(sync=True)  # cells down, cells across, cell, reach

    def __init__(
        self,
        first: np.ndarray,
        second: np.ndarray,
        scores: np.ndarray | Mapping[str, np.ndarray],
        cell: int = 8,
        flow: np.ndarray | None = None,
        point: tuple[int, int] | None = None,
        title: str = "Click a pixel: where does the second image look like it?",
    ) -> None:
        volumes = {
            name: np.asarray(volume, np.float32)
            for name, volume in (
                scores if isinstance(scores, Mapping) else {"scores": scores}
            ).items()
        }
        reach = _check(first, second, volumes, cell, flow)
        self._first, self._second, self._volumes = first, second, volumes
        self._cell, self._reach, self._flow = cell, reach, flow
        height, width = first.shape[:2]
        down, across = next(iter(volumes.values())).shape[1:]
        start = list(point) if point is not None else [width // 2, height // 2]
        super().__init__(
            shown=next(iter(volumes)),
            best=[0, 0],
            point=start,
            _images=[encode_jpeg(image, quality=92) for image in (first, second)],
            _scores=[_packed(volume) for volume in volumes.values()],
            _ranges=[[float(v.min()), float(v.max())] for v in volumes.values()],
            _names=list(volumes),
            _truth=b"" if flow is None else _true_cells(flow, cell, (down, across)),
            _size=[height, width],
            _grid=[down, across, cell, reach],
            _title=title,
        )
        self.best = self._best_here()

    @traitlets.validate("shown")
    def _there_is(self, proposal: Any) -> str:
        if self._names and proposal["value"] not in self._names:
            names = ", ".join(self._names)
            raise traitlets.TraitError(f"there is no {proposal['value']!r}, only {names}")
        return str(proposal["value"])

    @traitlets.validate("point")
    def _inside(self, proposal: Any) -> list[int]:
        x, y = proposal["value"]
        height, width = self._first.shape[:2]
        if not (0 <= x < width and 0 <= y < height):
            raise traitlets.TraitError(f"pixel {x}, {y} is outside of {width} x {height} pixels")
        return [int(x), int(y)]

    @traitlets.observe("point", "shown")
    def _moved(self, change: Any) -> None:
        if self._names:
            self.best = self._best_here()

    def _map_here(self) -> np.ndarray:
        """The scores of the place, ``(2 reach + 1, 2 reach + 1)``: rows are dy, columns dx."""
        volume = self._volumes[self.shown]
        row, column = (
            min(int(value) // self._cell, last - 1)
            for value, last in zip(self.point[::-1], volume.shape[1:], strict=True)
        )
        side = 2 * self._reach + 1
        return volume[:, row, column].reshape(side, side)

    def _best_here(self) -> list[int]:
        scores = self._map_here()
        dy, dx = np.unravel_index(int(scores.argmax()), scores.shape)
        return [(int(dx) - self._reach) * self._cell, (int(dy) - self._reach) * self._cell]

    def figure(self) -> Figure:
        """Both images and the scores of the place, for a page without a kernel."""
        truth = None if self._flow is None else self._flow[self.point[1], self.point[0]]
        return correlation_figure(
            self._first,
            self._second,
            self._map_here(),
            (self.point[0], self.point[1]),
            self._cell,
            truth,
            title=self._title,
            alt=f"Two images, and the matching scores of one place of the first ({self.shown}). "
            f"The best score is at a displacement of {self.best[0]} pixels to the right and "
            f"{self.best[1]} down.",
        )

    def __repr__(self) -> str:
        height, width = self._size
        most = self._reach * self._cell
        names = ", ".join(self._names)
        return f"CorrelationExplorer: {width} x {height} pixels, up to {most} pixels, {names}"


def correlation_figure(
    first: np.ndarray,
    second: np.ndarray,
    scores: np.ndarray,
    point: tuple[int, int],
    cell: int,
    truth: np.ndarray | None = None,
    *,
    title: str,
    alt: str = "",
) -> Figure:
    """How well one place of the first image matches the places around it in the second.

    Args:
        first: image at time t, ``(H, W, 3)`` uint8.
        second: image at time t + 1, the same.
        scores: of the place, ``(2 reach + 1, 2 reach + 1)``: rows are dy, columns dx.
        point: column and row of the place.
        cell: pixels from one displacement to the next.
        truth: where it really went, dx and dy in pixels; NaN if nobody knows.
        title: a sentence that says what to see.
        alt: what the picture shows, in words.

    Returns:
        The figure: the first image with the place, the second with the scores laid over it, and the
        scores as a map over the displacements.

    Raises:
        ValueError: there is no ``alt``.
    """
    reach = len(scores) // 2
    x, y = point
    row, column = np.unravel_index(int(scores.argmax()), scores.shape)
    best = np.array([column - reach, row - reach]) * cell
    height, width = fitting(first.shape, 315, 300)
    side, line, gap = 190, 26, 14
    share = (scores - scores.min()) / max(1e-9, float(np.ptp(scores)))
    heat = (matplotlib.colormaps["inferno"](share)[..., :3] * 255).astype(np.uint8)
    with Page(title, alt, line + max(height, side + 30)) as page:
        for number, (name, image) in enumerate(
            {
                "first image": first,
                "second, with the scores": _lit(second, share, point, cell),
            }.items()
        ):
            left = number * (width + gap)
            page.text(left, 3, name, va="top", color=INK)
            shown = cv2.resize(image, drawn((height, width))[::-1], interpolation=cv2.INTER_AREA)
            page.picture(shown, left, line, frame=True)
            axes = page.axes(left, line, width, height)
            axes.set(xlim=(-0.5, first.shape[1] - 0.5), ylim=(first.shape[0] - 0.5, -0.5))
            axes.axis("off")
            axes.set_zorder(1)
            if number == 0:
                _ring(axes, x, y, "#ffffff")
            else:
                _ring(axes, x + best[0], y + best[1], BEST)
                if truth is not None and np.isfinite(truth).all():
                    _ring(axes, x + float(truth[0]), y + float(truth[1]), TRUE)
        left = 2 * (width + gap)
        page.text(left, 3, "scores of all displacements", va="top", color=INK)
        large = cv2.resize(heat, drawn((side, side)), interpolation=cv2.INTER_NEAREST)
        page.picture(large, left, line, frame=True)
        axes = page.axes(left, line, side, side)
        edge = (reach + 0.5) * cell
        axes.set(xlim=(-edge, edge), ylim=(edge, -edge))
        axes.axis("off")
        axes.set_zorder(1)
        for colour, thickness in ((EDGE, 3.0), ("#ffffff", 1.2)):
            axes.plot([0], [0], "+", color=colour, markersize=11, markeredgewidth=thickness)
        _ring(axes, float(best[0]), float(best[1]), BEST)
        if truth is not None and np.isfinite(truth).all() and np.abs(truth).max() <= edge:
            _ring(axes, float(truth[0]), float(truth[1]), TRUE)
        text = "+ no motion, yellow: best score"
        page.text(left, line + side + 8, text, va="top", color=INK, fontsize=10)
        if truth is not None:
            page.text(left, line + side + 26, "blue: the truth", va="top", color=INK, fontsize=10)
        return page.finished(photographic=True)


def _ring(axes: Axes, x: float, y: float, colour: str) -> None:
    for edge, thickness in ((EDGE, 4.5), (colour, 2.2)):
        axes.plot([x], [y], "o", mfc="none", mec=edge, markersize=11, markeredgewidth=thickness)


def _lit(image: np.ndarray, share: np.ndarray, point: tuple[int, int], cell: int) -> np.ndarray:
    """The image, dark but for the cells with high scores."""
    reach = len(share) // 2
    height, width = image.shape[:2]
    light = np.full((height, width), 0.3, np.float32)
    for row in range(len(share)):
        for column in range(len(share)):
            top = point[1] + (row - reach) * cell - cell // 2
            left = point[0] + (column - reach) * cell - cell // 2
            part = np.s_[max(0, top) : max(0, top + cell), max(0, left) : max(0, left + cell)]
            light[part] = 0.3 + 0.7 * share[row, column] ** 2
    return (image * light.reshape(height, width, 1)).astype(np.uint8)


def _packed(scores: np.ndarray) -> bytes:
    """Scores as the browser reads them: one byte each, all displacements of a cell in turn."""
    low, high = float(scores.min()), float(scores.max())
    levels = np.rint((scores - low) * (255 / max(1e-9, high - low))).astype(np.uint8)
    return np.ascontiguousarray(np.moveaxis(levels, 0, -1)).tobytes()


def _true_cells(flow: np.ndarray, cell: int, grid: tuple[int, int]) -> bytes:
    """The true flow at the middle of each cell, in 64ths of a pixel; -32768 where not known."""
    rows = np.minimum(np.arange(grid[0]) * cell + cell // 2, flow.shape[0] - 1)
    columns = np.minimum(np.arange(grid[1]) * cell + cell // 2, flow.shape[1] - 1)
    at = flow[rows[:, None], columns]
    whole = np.clip(np.rint(np.nan_to_num(at) * 64), -32767, 32767)
    whole[~np.isfinite(at).all(axis=-1)] = -32768
    return whole.astype("<i2").tobytes()


def _check(
    first: np.ndarray,
    second: np.ndarray,
    volumes: Mapping[str, np.ndarray],
    cell: int,
    flow: np.ndarray | None,
) -> int:
    """Refuse what does not fit; returns the reach in cells."""
    for name, image in (("first", first), ("second", second)):
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
            raise ValueError(
                f"the {name} image is {image.dtype} {image.shape}, it must be uint8 (H, W, 3)"
            )
    if first.shape != second.shape:
        raise ValueError(f"the images have different shapes, {first.shape} and {second.shape}")
    if flow is not None and flow.shape != (*first.shape[:2], 2):
        raise ValueError(f"the flow is {flow.shape}, the images are {first.shape}")
    if first.shape[0] * first.shape[1] > MAX_PIXELS:
        raise ValueError("the images are too large to explore: make them smaller first")
    if not volumes:
        raise ValueError("there are no scores to explore")
    shapes = {volume.shape for volume in volumes.values()}
    if len(shapes) != 1:
        raise ValueError(f"all scores must have one shape, not {sorted(shapes)}")
    shape: tuple[int, ...] = shapes.pop()
    side = round(float(np.sqrt(shape[0]))) if len(shape) == 3 else 0
    if len(shape) != 3 or side % 2 == 0 or side * side != shape[0]:
        raise ValueError(
            f"the scores have the shape {shape}; they need ((2 reach + 1)², rows, columns), as "
            "correlation(...)[0] has it"
        )
    cells = tuple(-(-length // cell) for length in first.shape[:2])
    if any(not 0 <= there - needed <= 4 for there, needed in zip(shape[1:], cells, strict=True)):
        raise ValueError(
            f"{shape[1]} x {shape[2]} scores of {cell} x {cell} pixels do not cover an image of "
            f"{first.shape[0]} x {first.shape[1]} pixels"
        )
    for name, volume in volumes.items():
        if not np.isfinite(volume).all():
            raise ValueError(f"{name}: there are scores that are not finite")
    return side // 2

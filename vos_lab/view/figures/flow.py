"""Pictures of optical flow: as colour with its wheel, as arrows, and how wrong it is.

The same rules as in ``figures``: a title that says what to see, ``alt`` for those who cannot see
it. All flows of one figure share one scale, or the same motion would have two colours.
"""

import math
from collections.abc import Callable, Mapping

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Ellipse

from vos_lab.flow.colour import flow_to_rgb, longest_flow, wheel_image
from vos_lab.flow.files import known
from vos_lab.flow.warp import warp
from vos_lab.methods.resolution import resized
from vos_lab.metrics.flow import endpoint_error
from vos_lab.view.figures.page import INK, Figure, Page, drawn
from vos_lab.view.figures.panels import LEGEND, panels

ARROW, ARROW_EDGE = "#ffd23f", "#101010"  # bright over dark: seen on every ground
Flows = np.ndarray | Mapping[str, np.ndarray]


def flow_picture(
    flow: Flows,
    frame: np.ndarray | None = None,
    *,
    title: str,
    alt: str = "",
    max_flow: float | None = None,
) -> Figure:
    """Flow as colour, with the wheel beside it: the hue is the direction, white is no motion.

    Args:
        flow: ``(H, W, 2)`` float32, pixels; or several by name. NaN, unknown, is black.
        frame: the first image, ``(H, W, 3)`` uint8, shown to the left of them.
        title: a sentence that says what to see.
        alt: what the picture shows, in words.
        max_flow: the length with the full colour, pixels; None takes the longest of all, without
            the longest 1 %, which are darker.

    Returns:
        The figure.

    Raises:
        ValueError: no ``alt``, or flows of several sizes.

    Example:
        >>> right = np.tile(np.float32([2, 0]), (20, 30, 1))
        >>> flow_picture(right, title="All to the right.", alt="A red rectangle.")
        <figure: A red rectangle.>
    """
    flows = _named(flow)
    scale = longest_flow(flows.values(), quantile=0.99) if max_flow is None else max_flow
    pictures = {} if frame is None else {"frame": frame}
    pictures |= {name: flow_to_rgb(f, max_flow=scale) for name, f in flows.items()}

    def legend(page: Page, left: float, top: float) -> None:
        size = LEGEND - 14
        page.picture(resized(wheel_image(2 * size), drawn((size, size))), left, top)
        text = f"rim: {_number(scale)} px"
        page.text(left + size / 2, top + size + 4, text, ha="center", va="top", color=INK)

    return panels(pictures, title, alt, legend, photographic=True)


def quiver(
    frame: np.ndarray,
    flow: Flows,
    *,
    title: str,
    alt: str = "",
    every: int | None = None,
    longer: float | None = None,
    where: np.ndarray | None = None,
) -> Figure:
    """Flow as arrows over the first image, on a grid of its pixels.

    Args:
        frame: the first image, ``(H, W, 3)`` uint8.
        flow: ``(H, W, 2)`` float32, pixels; or several by name, each over the same frame.
        title: a sentence that says what to see.
        alt: what the picture shows, in words.
        every: an arrow at every so many pixels; None takes about 18 across.
        longer: how much longer than the motion the arrows are; None makes the longest nearly as
            long as a step of the grid.
        where: ``(H, W)`` bool: draw arrows only here.

    Returns:
        The figure. Below stands how much longer the arrows are.

    Raises:
        ValueError: no ``alt``, or sizes that differ.

    Example:
        >>> right = np.tile(np.float32([2, 0]), (20, 30, 1))
        >>> quiver(np.zeros((20, 30, 3), np.uint8), right, title="All to the right.", alt="Arrows.")
        <figure: Arrows.>
    """
    flows = _named(flow)
    height, width = frame.shape[:2]
    every = every or max(2, round(width / 18))
    rows, columns = np.mgrid[every // 2 : height : every, every // 2 : width : every]
    if where is not None:
        shown = where[rows, columns]
        rows, columns = rows[shown], columns[shown]
    if longer is None:
        shown_flows = (f[rows, columns].reshape(1, -1, 2) for f in flows.values())
        longest = longest_flow(shown_flows, quantile=0.99) if rows.size else 1.0
        longer = 0.95 * every / longest
    pale = np.repeat((90 + 0.55 * frame.mean(axis=-1, keepdims=True)).astype(np.uint8), 3, -1)

    def arrows(axes: Axes, name: str) -> None:
        dx, dy = np.moveaxis(flows[name][rows, columns], -1, 0)
        axes.quiver(
            columns,
            rows,
            dx,
            dy,
            angles="xy",
            scale_units="xy",
            scale=1 / longer,
            units="dots",
            width=3.2,
            headwidth=3.6,
            headlength=4,
            headaxislength=3.6,
            minlength=0.6,
            facecolor=ARROW,
            edgecolor=ARROW_EDGE,
            linewidth=0.9,
        )

    def legend(page: Page, left: float, top: float) -> None:
        page.text(left, top, f"arrows {_number(longer)}\ntimes as long\nas the motion", va="top",
                  color=INK)  # fmt: skip

    return panels(dict.fromkeys(flows, pale), title, alt, legend, True, arrows)


def warp_views(
    first: np.ndarray, second: np.ndarray, flow: np.ndarray, *, title: str, alt: str = ""
) -> Figure:
    """Does the flow explain the second image? It is brought back, and compared with the first.

    Args:
        first: image at time t, ``(H, W, 3)`` uint8.
        second: image at time t + 1, the same.
        flow: ``(H, W, 2)`` float32, pixels, from ``first`` to ``second``.
        title: a sentence that says what to see.
        alt: what the picture shows, in words.

    Returns:
        The figure: the second image brought back, the difference to the first before, and after.
        Both differences share one scale, in grey levels.

    Raises:
        ValueError: no ``alt``, sizes that differ, or a flow that is not known everywhere.
    """
    restored = warp(second, flow)
    before, after = (photometric_difference(first, image) for image in (second, restored))
    names = [
        "second image, brought back",
        f"difference before: {before.mean():.1f}",
        f"after: {after.mean():.1f} grey levels",
    ]
    most = max(20.0, float(np.quantile(before, 0.99)))
    pictures = dict(
        zip(names, [restored, _shaded(before, most), _shaded(after, most)], strict=True)
    )
    return panels(pictures, title, alt, _scale_legend(most, "grey\nlevels"), True)


def error_maps(
    flow: Flows,
    truth: np.ndarray,
    *,
    title: str,
    alt: str = "",
    most: float | None = None,
) -> Figure:
    """Where is a flow wrong, and by how much: its endpoint error against the truth.

    Args:
        flow: ``(H, W, 2)`` float32, pixels; or several by name.
        truth: ``(H, W, 2)`` float32, pixels; NaN where nobody knows, which stays grey.
        title: a sentence that says what to see.
        alt: what the picture shows, in words.
        most: the error with the brightest colour, pixels; None takes one that 1 % exceed.

    Returns:
        The figure, with the mean error over each map.

    Raises:
        ValueError: no ``alt``, or sizes that differ.
    """
    errors = {name: endpoint_error(f, truth) for name, f in _named(flow).items()}
    most = most or max(0.5, float(np.nanquantile(np.stack(list(errors.values())), 0.99)))
    pictures = {}
    for name, error in errors.items():
        shown = _shaded(np.nan_to_num(error), most)
        shown[~known(truth)] = 160
        pictures[f"{name}: {np.nanmean(error):.2f} px".removeprefix(": ")] = shown
    return panels(pictures, title, alt, _scale_legend(most, "px"), photographic=True)


def photometric_difference(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """How much two images differ, the mean over the channels.

    Args:
        first: ``(H, W, 3)`` uint8.
        second: the same.

    Returns:
        ``(H, W)`` float32, grey levels.

    Example:
        >>> dark = np.full((1, 1, 3), 3, np.uint8)
        >>> photometric_difference(dark, dark + 2).item()
        2.0
    """
    return np.abs(first.astype(np.float32) - second.astype(np.float32)).mean(axis=-1)


def structure_figure(
    patches: Mapping[str, tuple[np.ndarray, np.ndarray]],
    *,
    title: str,
    alt: str = "",
    noise: float = 5.0,
    reach: float = 1.0,
) -> Figure:
    """What a patch tells about motion: its structure tensor as an ellipse.

    A motion d changes the brightness of the patch by sqrt(dᵀ T d), root mean square. The ellipse
    holds all motions that change it by less than ``noise``: nobody can tell them apart.

    Args:
        patches: ``{name: (image, tensor)}``: ``(h, w)`` brightness, 0 to 255, and its structure
            tensor ``(2, 2)``, the weighted mean of [[IxIx, IxIy], [IxIy, IyIy]].
        title: a sentence that says what to see.
        alt: what the picture shows, in words.
        noise: grey levels.
        reach: the motion that is drawn as far as the rim of the patch, pixels. An ellipse that is
            larger is cut off there.

    Returns:
        The figure: each patch with its two eigenvalues and its ellipse.

    Raises:
        ValueError: no ``alt``, or patches of several sizes.
    """
    tensors, pictures = {}, {}
    for name, (image, tensor) in patches.items():
        small, large = np.linalg.eigvalsh(tensor)
        heading = f"{name}: λ = {_number(large)} and {_number(max(0.0, small))}"
        tensors[heading] = tensor
        grey = np.clip(image, 0, 255).astype(np.uint8)
        pictures[heading] = np.repeat(grey[..., None], 3, axis=-1)
    side = min(next(iter(pictures.values())).shape[:2])

    def ellipse(axes: Axes, name: str) -> None:
        values, vectors = np.linalg.eigh(tensors[name])
        radii = noise / np.sqrt(np.maximum(values, 1e-9)) * side / (2 * reach)
        width, height = 2 * np.clip(radii, 0.02 * side, 0.47 * side)
        angle = math.degrees(math.atan2(vectors[1, 0], vectors[0, 0]))
        middle = (side - 1) / 2, (side - 1) / 2
        for line, colour in ((5.0, ARROW_EDGE), (2.6, ARROW)):
            shape = Ellipse(middle, width, height, angle=angle, fill=False, lw=line, ec=colour)
            axes.add_patch(shape)

    return panels(pictures, title, alt, None, True, ellipse, highest=240)


# --- legends ----------------------------------------------------------------------------------


def _scale_legend(most: float, unit: str) -> Callable[[Page, float, float], None]:
    """A bar of the colours of ``_shaded``, from 0 below to ``most`` above."""

    def legend(page: Page, left: float, top: float) -> None:
        ramp = np.tile(np.linspace(most, 0, 200)[:, None], (1, 22))
        page.picture(resized(_shaded(ramp, most), drawn((100, 22))), left, top + 6)
        page.text(left + 30, top, f"{_number(most)} {unit}", va="top", color=INK)
        page.text(left + 30, top + 112, "0", va="bottom", color=INK)

    return legend


def _shaded(values: np.ndarray, most: float) -> np.ndarray:
    """Numbers as colours of a perceptually uniform map: dark is 0, bright is ``most``."""
    levels = np.clip(values * (255 / most), 0, 255).astype(np.uint8)
    return (matplotlib.colormaps["inferno"](levels)[..., :3] * 255).astype(np.uint8)


def _named(flow: Flows) -> dict[str, np.ndarray]:
    return dict(flow) if isinstance(flow, Mapping) else {"": flow}


def _number(value: float) -> str:
    """A number as a person would write it: two digits, and no powers of ten."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    digits = max(0, 1 - math.floor(math.log10(abs(value))))
    return f"{value:,.{min(digits, 2)}f}"

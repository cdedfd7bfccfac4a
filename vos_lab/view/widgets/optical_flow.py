"""The flow explorer: point at a pixel, and see where a flow says that it goes."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import traitlets

from vos_lab.flow.colour import flow_to_rgb, longest_flow, wheel_image
from vos_lab.flow.files import known
from vos_lab.view.encoding import encode_jpeg
from vos_lab.view.figures import flow as flow_figures
from vos_lab.view.figures.page import Figure
from vos_lab.view.widget import Widget, source

STEPS = 64  # flow travels as whole 64ths of a pixel, 16 bits each
UNKNOWN = -32768
MAX_PIXELS = 640 * 1024


class FlowExplorer(Widget):
    """Two images and the flow between them: hover, and see the vector and its match.

    Images and flow go to the browser once; it answers without asking the kernel. Hover over the
    first image, or click it, and then: arrow keys move the pixel (with shift by 10), v shows the
    next view, f the next flow, comma and full stop slide from the first image to the second.
    Without a kernel a figure stands in its place.

    Args:
        first: image at time t, ``(H, W, 3)`` uint8.
        second: image at time t + 1, the same.
        flow: ``(H, W, 2)`` float32, pixels; or several by name, as ``{"truth": ..., "DIS": ...}``.
        truth: ``(H, W, 2)`` float32, pixels: adds the endpoint error. NaN where nobody knows.
        title: a line above the pictures.
        view: ``"frames"``, ``"arrows"``, ``"colour"``, ``"warped"``, ``"difference"``, or with a
            truth ``"error"``.

    Attributes:
        view: what lies over the first image.
        shown: the name of the flow that is shown.
        point: column and row of the pixel. Set it from Python, or observe it.
        between: 0 shows the first image, 1 the second, with the match on its way.

    Raises:
        ValueError: sizes that differ, images that are not uint8, or a view that does not exist.

    Example:
        >>> grey = np.full((20, 30, 3), 128, np.uint8)
        >>> FlowExplorer(grey, grey, np.ones((20, 30, 2), np.float32))
        FlowExplorer: 30 x 20 pixels, flow
    """

    needs_kernel = False
    _esm = source("widgets/optical_flow.js")
    _css = source("widgets/optical_flow.css")

    view = traitlets.Unicode("arrows").tag(sync=True)
    shown = traitlets.Unicode("").tag(sync=True)
    # Without echo: it would take back where the pointer has gone meanwhile.
    point = traitlets.List(traitlets.Int(), minlen=2, maxlen=2).tag(sync=True, echo_update=False)
    between = traitlets.Float(0.0, min=0, max=1).tag(sync=True)

    _images = traitlets.List(traitlets.Bytes()).tag(sync=True)
    _flows = traitlets.List(traitlets.Bytes()).tag(sync=True)  # int16, little endian
    _colours = traitlets.List(traitlets.Bytes()).tag(sync=True)
    _names = traitlets.List(traitlets.Unicode()).tag(sync=True)
    _truth = traitlets.Bytes(b"").tag(sync=True)
    _wheel = traitlets.Bytes(b"").tag(sync=True)
    _scale = traitlets.Float(1.0).tag(sync=True)
    _size = traitlets.List(traitlets.Int()).tag(sync=True)
    _views = traitlets.List(traitlets.Unicode()).tag(sync=True)

    def __init__(
        self,
        first: np.ndarray,
        second: np.ndarray,
        flow: np.ndarray | Mapping[str, np.ndarray],
        truth: np.ndarray | None = None,
        title: str = "Point at a pixel: where does it go?",
        view: str = "arrows",
    ) -> None:
        flows = dict(flow) if isinstance(flow, Mapping) else {"flow": flow}
        _check(first, second, flows if truth is None else flows | {"truth": truth})
        views = ["frames", "arrows", "colour", "warped", "difference"]
        views += ["error"] if truth is not None else []
        if view not in views:
            raise ValueError(f"there is no view {view!r}, there are {', '.join(views)}")
        self._first, self._second, self._found, self._true = first, second, flows, truth
        scale = longest_flow(flows.values(), quantile=0.99)
        height, width = first.shape[:2]
        super().__init__(
            view=view,
            shown=next(iter(flows)),
            point=[width // 2, height // 2],
            # Nearly without loss, because the browser compares grey levels.
            _images=[encode_jpeg(image, quality=96) for image in (first, second)],
            _flows=[_packed(f) for f in flows.values()],
            _colours=[flow_to_rgb(f, max_flow=scale).tobytes() for f in flows.values()],
            _names=list(flows),
            _truth=b"" if truth is None else _packed(truth),
            _wheel=wheel_image(96).tobytes(),
            _scale=scale,
            _size=[height, width],
            _title=title,
            _views=views,
        )

    @traitlets.validate("view", "shown")
    def _there_is(self, proposal: Any) -> str:
        name, value = proposal["trait"].name, proposal["value"]
        there = self._views if name == "view" else self._names
        if there and value not in there:
            raise traitlets.TraitError(f"there is no {name} {value!r}, only {', '.join(there)}")
        return str(value)

    @traitlets.validate("point")
    def _inside(self, proposal: Any) -> list[int]:
        x, y = proposal["value"]
        if self._size and not (0 <= x < self._size[1] and 0 <= y < self._size[0]):
            raise traitlets.TraitError(
                f"pixel {x}, {y} is outside of {self._size[1]} x {self._size[0]} pixels"
            )
        return [int(x), int(y)]

    def figure(self) -> Figure:
        """The first image and the flow that is shown, as colour, for a page without a kernel."""
        names = " and ".join(self._found)
        return flow_figures.flow_picture(
            self._found,
            self._first,
            title=self._title,
            alt=f"An image, and beside it its flow to the second, as colour: {names}.",
        )

    def __repr__(self) -> str:
        height, width = self._size
        return f"FlowExplorer: {width} x {height} pixels, {', '.join(self._names)}"


def _packed(flow: np.ndarray) -> bytes:
    """Flow as the browser reads it: int16, little endian, dx and dy of each pixel in turn."""
    whole = np.clip(np.rint(np.nan_to_num(flow) * STEPS), UNKNOWN + 1, -UNKNOWN - 1)
    whole[~known(flow)] = UNKNOWN
    return whole.astype("<i2").tobytes()


def _check(first: np.ndarray, second: np.ndarray, flows: Mapping[str, np.ndarray]) -> None:
    for name, image in (("first", first), ("second", second)):
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
            raise ValueError(
                f"the {name} image is {image.dtype} {image.shape}, it must be uint8 (H, W, 3)"
            )
    if not flows:
        raise ValueError("there is no flow to explore")
    for name, array in {"second": second, **flows}.items():
        if array.shape[:2] != first.shape[:2]:
            raise ValueError(f"{name} is {array.shape[:2]}, the first image {first.shape[:2]}")
    for name, flow in flows.items():
        if flow.ndim != 3 or flow.shape[2] != 2:
            raise ValueError(f"{name} has the shape {flow.shape}, a flow has (H, W, 2)")
    if first.shape[0] * first.shape[1] > MAX_PIXELS:
        raise ValueError(
            f"{first.shape[1]} x {first.shape[0]} pixels are too many to explore: make the video "
            "smaller first, as in video.resized(360)"
        )

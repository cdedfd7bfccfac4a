"""How a picture of a lesson looks and how it gets onto the page: what all figures share.

JupyterLab and nbconvert know no place for a description beside an ``image/png`` output. So a
figure displays as HTML, one ``<img>`` with its ``alt``, which notebooks, exported pages and code
hosts all show.
"""

import base64
import html
import io
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from PIL import Image

from vos_lab.video import OBJECT_COLOURS
from vos_lab.view.encoding import encode_webp

WIDTH, MARGIN = 900, 12  # of a figure, in the pixels of a page (96 to the inch)
ALTS = Path(__file__).parents[1] / "alts"
SHARPNESS = 1.5  # pixels drawn for each pixel of a page, for screens that have more
TEXT = 11  # points
# Figures have no ground of their own, so that they fit a light theme and a dark one. The contrasts
# of one colour with white and with #111111 multiply to 18.9: 4.5 on white leaves 4.2 on the other.
INK, GRID = "#767676", "#76767655"
DARK = "#1a1a1a"  # on pictures and bars
STYLE: dict[str, Any] = {
    "font.family": "DejaVu Sans",  # comes with matplotlib, so it is the same on every machine
    "font.size": TEXT,
    "axes.labelsize": TEXT,
    "axes.facecolor": "none",
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": TEXT,
    "ytick.labelsize": TEXT,
    "grid.color": GRID,
    "grid.linewidth": 1,
}


@dataclass(frozen=True)
class Figure:
    """A finished picture that a notebook displays, with its description.

    Attributes:
        data: the bytes of the file.
        mime: ``image/jpeg``, ``image/png`` or ``image/webp``.
        alt: what the picture shows, in words.
        width: in the pixels of a page.
        title: a sentence above the picture, in the colour of the text around it.

    Raises:
        ValueError: there is no description.
    """

    data: bytes
    mime: str
    alt: str
    width: int
    title: str = ""

    def __post_init__(self) -> None:
        description(self.alt)

    def __repr__(self) -> str:
        return f"<figure: {self.alt}>"

    @property
    def html(self) -> str:
        """The picture with its description, below its title."""
        data = base64.b64encode(self.data).decode()
        alt = html.escape(self.alt, quote=True)
        image = f'<img alt="{alt}" width="{self.width}" src="data:{self.mime};base64,{data}">'
        return f"<div><b>{html.escape(self.title)}</b></div>{image}" if self.title else image

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return {"text/html": self.html, "text/plain": repr(self)}

    def save(self, path: str | Path) -> None:
        """Write the picture to a file, without its title.

        Args:
            path: ends in .jpg, .png, .webp or .gif; folders are made. A moving picture keeps
                moving as .webp and .gif.

        Raises:
            ValueError: another ending.
        """
        path = Path(path)
        kinds = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".webp": "WEBP", ".gif": "GIF"}
        kind = kinds.get(path.suffix.lower())
        if kind is None:
            raise ValueError(f"{path}: a figure is saved as {', '.join(kinds)}")
        path.parent.mkdir(parents=True, exist_ok=True)
        if self.mime == f"image/{kind.lower()}":
            path.write_bytes(self.data)
            return
        with Image.open(io.BytesIO(self.data)) as image:
            moves = getattr(image, "is_animated", False) and kind in ("WEBP", "GIF")
            if moves:
                image.save(path, kind, save_all=True)
            else:
                ground = Image.new("RGBA", image.size, "white")
                flat = Image.alpha_composite(ground, image.convert("RGBA"))
                flat.convert("RGB").save(path, kind)


class Page:
    """A drawing measured in the pixels of a page, from its corner, top left, within a margin.

    What is drawn with it has the style of all figures, whatever the notebook has set for its own.
    """

    def __init__(self, title: str, alt: str, height: float) -> None:
        self.title, self.alt, self.head = title, description(alt, title), MARGIN
        self.style = style.context(["default", STYLE])
        self.height = 2 * math.ceil((self.head + height + MARGIN) / 2)
        self.width = WIDTH + 2 * MARGIN

    def __enter__(self) -> "Page":
        self.style.__enter__()
        # Not from pyplot, which would keep every figure of a notebook in memory.
        size = self.width / 96, self.height / 96
        self.canvas = Canvas(size, dpi=96 * SHARPNESS, facecolor="none")
        return self

    def __exit__(self, *error: object) -> None:
        self.style.__exit__(None, None, None)

    def place(self, left: float, top: float) -> tuple[float, float]:
        """A point as matplotlib counts: shares of the whole, from the bottom left."""
        return (MARGIN + left) / self.width, 1 - (self.head + top) / self.height

    def text(self, left: float, top: float, text: str, **look: Any) -> None:
        """Write, with the words of ``matplotlib.figure.Figure.text`` for the look."""
        self.canvas.text(*self.place(left, top), text, **look)

    def line(self, start: tuple[float, float], end: tuple[float, float], **look: Any) -> None:
        """A straight line, with the words of ``matplotlib.lines.Line2D`` for the look."""
        across, up = zip(self.place(*start), self.place(*end), strict=True)
        self.canvas.add_artist(Line2D(across, up, **look))

    def axes(self, left: float, top: float, width: float, height: float) -> Axes:
        """Axes whose plotting area is exactly this rectangle."""
        corner = self.place(left, top + height)
        return self.canvas.add_axes((*corner, width / self.width, height / self.height))

    def picture(self, pixels: np.ndarray, left: float, top: float, frame: bool = False) -> None:
        """Place an image pixel by pixel, without another interpolation."""
        if frame:
            pixels = pixels.copy()
            pixels[[0, -1]] = pixels[:, [0, -1]] = 170
        bottom = SHARPNESS * (self.height - self.head - top) - len(pixels)
        across = SHARPNESS * (MARGIN + left)
        self.canvas.figimage(pixels, round(across), round(bottom), origin="upper")

    def legend(self, colours: Mapping[str, Any], left: float = 0) -> None:
        """A line of colours with their names, at the top."""
        self.canvas.legend(
            handles=[Patch(facecolor=colour, label=name) for name, colour in colours.items()],
            loc="upper left",
            bbox_to_anchor=self.place(left, 0),
            borderaxespad=0,
            borderpad=0,
            handlelength=1.1,
            handleheight=0.9,
            ncols=len(colours),
            frameon=False,
        )

    def finished(self, photographic: bool, most_bytes: int | None = None) -> Figure:
        """Draw, as a WebP without ground; lines and text alone without loss, which is smaller."""
        agg = FigureCanvasAgg(self.canvas)
        agg.draw()
        pixels = np.asarray(agg.buffer_rgba())
        for quality in (76, 60, 45, 30, 15) if photographic else (None,):
            data = encode_webp([pixels], quality)
            if most_bytes is None or len(data) <= most_bytes:
                break
        return Figure(data, "image/webp", self.alt, self.width, self.title)


@cache
def written_alts() -> dict[str, str]:
    """The descriptions of the lessons' figures by their titles, from ``view/alts/NN_name.toml``."""
    written: dict[str, str] = {}
    for path in sorted(ALTS.glob("*.toml")):
        written |= tomllib.loads(path.read_text(encoding="utf-8"))
    return written


def description(alt: str, title: str = "") -> str:
    """The description of a figure: as given, or as written down for its title.

    Raises:
        ValueError: there is none.
    """
    alt = alt or written_alts().get(title, "")
    if not alt.strip():
        raise ValueError(
            "a figure needs alt=, a sentence that says what it shows to those who cannot see it: "
            'alt="The mask covers the dog in frame 1 and the lawn in frame 40." The figures of the '
            "lessons have theirs in vos_lab/view/alts, by their titles."
        )
    return alt


def fitting(shape: tuple[int, ...], width: float, height: float) -> tuple[int, int]:
    """The largest height and width of an image in a space, with its shape kept."""
    scale = min(width / shape[1], height / shape[0])
    return max(1, int(scale * shape[0])), max(1, int(scale * shape[1]))


def drawn(shown: tuple[int, int]) -> tuple[int, int]:
    """The pixels to draw for a height and width on the page."""
    return max(1, round(SHARPNESS * shown[0])), max(1, round(SHARPNESS * shown[1]))


def object_colour(colour: int | tuple[int, int, int]) -> tuple[float, ...]:
    """The colour of an object, or a colour of 0 to 255, as matplotlib takes it."""
    values = OBJECT_COLOURS[colour] if isinstance(colour, int) else colour
    return tuple(float(c) / 255 for c in values)


def luminance(colour: tuple[float, ...]) -> float:
    """How bright a colour is, 0 to 1: the relative luminance of WCAG 2."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour[:3]]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def seen(colour: tuple[float, ...], darkest: float, brightest: float) -> tuple[float, ...]:
    """A colour of the same hue whose luminance lies between two, in steps of a hundredth.

    Text needs 0.175 to 0.183, as ``INK`` has it; lines, which are thick, 0.11 to 0.45.
    """
    for _ in range(200):
        if luminance(colour) > brightest:
            colour = tuple(0.99 * c for c in colour)
        elif luminance(colour) < darkest:
            colour = tuple(1 - 0.99 * (1 - c) for c in colour)
    return colour

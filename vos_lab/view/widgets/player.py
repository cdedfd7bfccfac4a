"""The player: a video with its masks, scrubbed in the browser without asking the kernel."""

import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import anywidget
import numpy as np
import traitlets
from PIL import Image, ImageDraw, ImageFont

from vos_lab.video import OBJECT_COLOURS, Video
from vos_lab.view.encoding import Masks, encode_frames
from vos_lab.view.figures.page import Figure

HERE = Path(__file__).parent


class Player(anywidget.AnyWidget):
    """A video with its masks: scrub, play, fade, compare.

    All frames go to the browser once, so that the kernel is not asked while you scrub. Click the
    picture, then: arrow keys, Home and End move; space plays; m shows and hides the masks, + and
    - fade them; o lays the frames before and after over the picture; c compares side by side.
    Without a kernel a strip of frames stands in its place.

    Args:
        video: a :class:`~vos_lab.video.Video`, or T images ``(H, W, 3)`` uint8.
        masks: T label maps ``(H, W)`` (None where there is none), or several results by name, as
            ``{"truth": ..., "OSVOS": ...}``. None takes the masks of the video, ``{}`` none.
        compare: True starts with the results side by side (a single one beside the plain
            frames), False with one picture; None is True where there are several results.
        opacity: of the masks, 0 to 1.
        height: of the picture on the page, in pixels; None uses the width there is.
        title: a line above the picture; None takes the name of the video.

    Attributes:
        frame: the number of the frame that is shown. Set it from Python, or observe it. Where
            only every k-th frame was sent, the one before it is shown.

    Raises:
        ValueError: another number or size of masks, or no label maps.

    Example:
        >>> player = Player(np.zeros((3, 4, 6, 3), np.uint8), np.ones((3, 4, 6), np.uint8))
        >>> player.frame = 2
        >>> player
        Player of video: 3 frames of 6 x 4 pixels, with masks
    """

    _esm = HERE / "player.js"
    _css = HERE.parent / "widget.css"

    frame = traitlets.Int(0).tag(sync=True)
    playing = traitlets.Bool(False).tag(sync=True)
    loop = traitlets.Bool(True).tag(sync=True)
    speed = traitlets.Float(1.0, min=0.05, max=16).tag(sync=True)
    show_masks = traitlets.Bool(True).tag(sync=True)
    opacity = traitlets.Float(0.5, min=0, max=1).tag(sync=True)
    onion = traitlets.Int(0, min=0).tag(sync=True)  # how many frames apart the ghosts are
    compare = traitlets.Bool(False).tag(sync=True)
    result = traitlets.Int(0, min=0).tag(sync=True)  # which one is shown where not compared

    _images = traitlets.List(traitlets.Bytes()).tag(sync=True)
    _masks: Any = traitlets.List().tag(sync=True)
    _names = traitlets.List(traitlets.Unicode()).tag(sync=True)
    _indices = traitlets.List(traitlets.Int()).tag(sync=True)
    _size = traitlets.List(traitlets.Int()).tag(sync=True)
    _fps = traitlets.Float(24.0).tag(sync=True)
    _title = traitlets.Unicode("").tag(sync=True)
    _note = traitlets.Unicode("").tag(sync=True)
    _height = traitlets.Int(None, allow_none=True).tag(sync=True)

    def __init__(
        self,
        video: Video | Sequence[np.ndarray] | np.ndarray,
        masks: Masks | Mapping[str, Masks] | None = None,
        compare: bool | None = None,
        opacity: float = 0.5,
        height: int | None = None,
        title: str | None = None,
    ) -> None:
        if not isinstance(video, Video):
            video = Video("video", list(video) if isinstance(video, np.ndarray) else video)
        if masks is None:
            masks = video.masks if video.masks is not None else {}
        results = masks if isinstance(masks, Mapping) else {"masks": masks}
        encoded = encode_frames(video, results)
        self._video_name, self._length, self._results = video.name, len(video), list(results)
        self._video_size = video.size
        super().__init__(
            opacity=opacity,
            compare=len(results) > 1 if compare is None else compare,
            _images=encoded.images,
            _masks=list(encoded.masks.values()),
            _names=list(encoded.masks),
            _indices=encoded.indices,
            _size=list(encoded.size),
            _fps=video.fps,
            _title=video.name if title is None else title,
            _note=encoded.note,
            _height=height,
        )

    @traitlets.validate("frame")
    def _frame_exists(self, proposal: Any) -> int:
        if not 0 <= proposal["value"] < self._length:
            raise traitlets.TraitError(
                f"{self._video_name}: there is no frame {proposal['value']}, "
                f"they go from 0 to {self._length - 1}"
            )
        return int(proposal["value"])

    def __repr__(self) -> str:
        height, width = self._video_size
        return (
            f"Player of {self._video_name}: {self._length} frames of {width} x {height} pixels, "
            f"with {' and '.join(self._results) or 'no masks'}"
        )

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict, dict] | None:
        bundle = super()._repr_mimebundle_(**kwargs)
        return bundle and with_picture(bundle, self._strip(), self._alt())

    def _strip(self) -> Image.Image:
        """Five frames with their masks; a row for each result."""
        chosen = np.unique(np.linspace(0, len(self._images) - 1, 5).round().astype(int))
        rows = list(self._strip_rows(chosen))
        names = self._names if len(self._names) > 1 else [""]
        return picture_strip(rows, [f"frame {self._indices[i]}" for i in chosen], names)

    def _strip_rows(self, chosen: np.ndarray) -> Iterator[list[Image.Image]]:
        for files in self._masks or [[b""] * len(self._images)]:
            row = []
            for i in chosen:
                picture = Image.open(io.BytesIO(self._images[i])).convert("RGB")
                if files[i] and self.show_masks:
                    mask = np.array(Image.open(io.BytesIO(files[i])))
                    picture = overlaid(picture, mask, self.opacity)
                row.append(picture)
            yield row

    def _alt(self) -> str:
        shown = f"Frames of {self._video_name}, from the first to the last"
        if not self._names:
            return f"{shown}."
        if len(self._names) == 1:
            return f"{shown}, with the objects coloured by their masks."
        return f"{shown}; a row each for {', '.join(self._names)}, objects coloured."


def overlaid(picture: Image.Image, mask: np.ndarray, opacity: float = 0.5) -> Image.Image:
    """Lay the colours of the objects over a picture.

    Not :func:`vos_lab.video.label_maps.overlay`: that one is an exercise, and a widget must
    show the truth while a student is still at work on it.

    Args:
        picture: in mode RGB.
        mask: label map ``(H, W)`` uint8 of the same size.
        opacity: of the colours, 0 to 1.

    Returns:
        A new picture.
    """
    painted = Image.fromarray(OBJECT_COLOURS[mask])
    alpha = Image.fromarray(np.where(mask > 0, round(255 * opacity), 0).astype(np.uint8))
    return Image.composite(painted, picture, alpha)


def picture_strip(
    rows: Sequence[Sequence[Image.Image]], captions: Sequence[str], names: Sequence[str]
) -> Image.Image:
    """Lay pictures out in rows, for the static figure beneath a widget.

    Args:
        rows: pictures, all of one size.
        captions: what to write under each column.
        names: what to write over each row; an empty name takes no room.

    Returns:
        One picture, at most 1000 pixels wide.
    """
    width = min(rows[0][0].width, 1000 // len(rows[0]) - 4)
    height = max(1, round(rows[0][0].height * width / rows[0][0].width))
    head = 20 if any(names) else 0
    font = ImageFont.load_default(size=14)
    sheet = Image.new(
        "RGB", (len(rows[0]) * (width + 4) - 4, len(rows) * (height + head + 4) + 18), "white"
    )
    draw = ImageDraw.Draw(sheet)
    for y, (row, name) in enumerate(zip(rows, names, strict=True)):
        top = y * (height + head + 4)
        draw.text((2, top + 1), name, "black", font)
        for x, picture in enumerate(row):
            sheet.paste(
                picture.resize((width, height), Image.Resampling.BOX), (x * (width + 4), top + head)
            )
    for x, caption in enumerate(captions):
        draw.text((x * (width + 4) + 2, sheet.height - 18), caption, "black", font)
    return sheet


def with_picture(bundle: tuple[dict, dict], picture: Image.Image, alt: str) -> tuple[dict, dict]:
    """Add a static picture to what a widget shows, for pages where no kernel runs.

    Args:
        bundle: data and metadata by mimetype, as ``_repr_mimebundle_`` returns them.
        picture: what to show instead of the widget.
        alt: what the picture shows, for those who cannot see it.

    Returns:
        Data and metadata with the picture as ``text/html``, its JPEG below 40 KB.
    """
    data, metadata = bundle
    quality = 80
    while len(jpeg := _jpeg(picture, quality)) > 40_000:
        if quality > 50:
            quality -= 15
        else:
            picture = picture.resize((picture.width * 3 // 4, picture.height * 3 // 4))
    figure = Figure(jpeg, "image/jpeg", alt, picture.width)
    return {**data, **figure._repr_mimebundle_()}, metadata


def _jpeg(picture: Image.Image, quality: int) -> bytes:
    file = io.BytesIO()
    picture.save(file, format="JPEG", quality=quality)
    return file.getvalue()

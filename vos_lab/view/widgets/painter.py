"""The painter: give the first mask by hand, with a brush or a polygon."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import traitlets

from vos_lab.video import OBJECT_COLOURS, VOID, Video, as_label_map
from vos_lab.view import figures
from vos_lab.view.encoding import encode_jpeg
from vos_lab.view.figures import Figure
from vos_lab.view.widget import Widget, source


def encode_runs(mask: np.ndarray) -> bytes:
    """A label map as runs of equal labels, row after row: exact, and small.

    Args:
        mask: label map, ``(H, W)`` uint8.

    Returns:
        For each run its label and its length, as two little-endian 32-bit numbers.

    Example:
        >>> np.frombuffer(encode_runs(np.array([[0, 0, 2], [2, 1, 1]], np.uint8)), "<u4").tolist()
        [0, 2, 2, 2, 1, 2]
    """
    labels = mask.ravel()
    starts = np.flatnonzero(np.append(True, labels[1:] != labels[:-1]))
    lengths = np.diff(starts, append=labels.size)
    return np.stack([labels[starts], lengths], axis=1).astype("<u4").tobytes()


def decode_runs(runs: bytes, size: tuple[int, int]) -> np.ndarray:
    """The label map that :func:`encode_runs` has encoded.

    Args:
        runs: its bytes.
        size: height and width.

    Returns:
        ``(H, W)`` uint8.

    Raises:
        ValueError: the runs do not fill the size.

    Example:
        >>> decode_runs(encode_runs(np.eye(2, dtype=np.uint8)), (2, 2)).tolist()
        [[1, 0], [0, 1]]
    """
    labels, lengths = np.frombuffer(runs, "<u4").reshape(-1, 2).T
    if lengths.sum() != size[0] * size[1]:
        raise ValueError(f"{lengths.sum()} pixels of a mask for {size[1]} x {size[0]} pixels")
    return np.repeat(labels.astype(np.uint8), lengths).reshape(size)


class Painter(Widget):
    """Paint the objects of an image, or of any frame of a video; ``.mask`` is what you painted.

    Choose an object by its number key. b is the brush ([ and ] change its size), p the polygon
    (click its corners; Enter or a double click closes it, Escape gives it up), e the eraser;
    Ctrl+Z and Ctrl+Shift+Z undo and redo. Without a mouse: arrow keys move, space paints.
    Without a kernel a picture of the mask stands in its place.

    Args:
        video: a :class:`~vos_lab.video.Video`, T images, or one image ``(H, W, 3)`` uint8.
        mask: label map ``(H, W)`` to begin with, of the frame that is shown first.
        objects: how many there are to choose from; more can be added on the page.
        frame: which frame of a video is shown first.
        title: a line above the picture; None takes the name of the video.

    Attributes:
        frame: the number of the frame that is painted. Set it from Python, or observe it.
        objects: how many objects there are to choose from.

    Raises:
        ValueError: the mask has another size than the image, or is no label map.

    Example:
        >>> painter = Painter(np.zeros((2, 3, 3), np.uint8))
        >>> painter.mask = np.array([[0, 1, 1], [0, 0, 2]], np.uint8)
        >>> painter.mask.tolist(), painter.objects
        ([[0, 1, 1], [0, 0, 2]], 2)
    """

    _esm = source("widgets/painter.js")
    _css = source("widgets/painter.css")

    frame = traitlets.Int(0).tag(sync=True)
    objects = traitlets.Int(1, min=1, max=VOID - 1).tag(sync=True)

    _length = traitlets.Int(1).tag(sync=True)
    _size: Any = traitlets.List(traitlets.Int()).tag(sync=True)
    _picture: Any = traitlets.Dict().tag(sync=True)  # the frame that is shown: number and JPEG
    _painted: Any = traitlets.Dict().tag(sync=True)  # number of a frame (as text) -> runs
    _colours = traitlets.Bytes(OBJECT_COLOURS.tobytes()).tag(sync=True)

    def __init__(
        self,
        video: Video | Sequence[np.ndarray] | np.ndarray,
        mask: np.ndarray | None = None,
        objects: int = 1,
        frame: int = 0,
        title: str | None = None,
    ) -> None:
        if isinstance(video, np.ndarray) and video.ndim == 3:
            video = Video("image", [video])
        elif not isinstance(video, Video):
            video = Video("video", list(video) if isinstance(video, np.ndarray) else video)
        self._video = video
        super().__init__(
            objects=objects,
            frame=frame,
            _length=len(video),
            _size=list(video.size),
            _title=video.name if title is None else title,
        )
        self._show_frame()
        if mask is not None:
            self.mask = mask

    @property
    def mask(self) -> np.ndarray:
        """The label map ``(H, W)`` uint8 of the frame that is shown. Can be set."""
        return self.masks.get(self.frame, np.zeros(self._video.size, np.uint8))

    @mask.setter
    def mask(self, mask: np.ndarray) -> None:
        labels, (height, width) = as_label_map(mask), self._video.size
        if labels.shape != (height, width):
            raise ValueError(
                f"mask: is {labels.shape[1]} x {labels.shape[0]} pixels, but {self._video.name} "
                f"is {width} x {height}. Resize it with nearest neighbour, so that labels stay."
            )
        self.objects = max(self.objects, int(labels[labels != VOID].max(initial=0)))
        self._painted = {**self._painted, str(self.frame): encode_runs(labels)}

    @property
    def masks(self) -> dict[int, np.ndarray]:
        """The label map ``(H, W)`` uint8 of each frame that has been painted, by its number."""
        painted = {
            int(t): decode_runs(bytes(runs), self._video.size) for t, runs in self._painted.items()
        }
        return {t: painted[t] for t in sorted(painted) if painted[t].any()}

    @traitlets.validate("frame")
    def _frame_exists(self, proposal: Any) -> int:
        if not 0 <= proposal["value"] < len(self._video):
            raise traitlets.TraitError(
                f"{self._video.name}: there is no frame {proposal['value']}, "
                f"they go from 0 to {len(self._video) - 1}"
            )
        return int(proposal["value"])

    @traitlets.observe("frame")
    def _show_frame(self, change: Any = None) -> None:
        jpeg = encode_jpeg(self._video.frames[self.frame], quality=92)
        self._picture = {"frame": self.frame, "jpeg": jpeg}

    def __repr__(self) -> str:
        height, width = self._video.size
        return f"Painter of {self._video.name}: frame {self.frame}, {width} x {height} pixels"

    def figure(self) -> Figure:
        """The frame that is shown, with what has been painted."""
        mask, name = self.mask, f"Frame {self.frame} of {self._video.name}"
        count = len(np.unique(mask[(mask > 0) & (mask < VOID)]))
        painted = f"with {count} painted object{'s' * (count > 1)}" if count else "not yet painted"
        return figures.strip(
            [self._video.frames[self.frame]],
            [mask],
            titles=[f"frame {self.frame}"],
            title=self._title or name,
            alt=f"{name}, {painted}.",
            opacity=0.5,
            most_bytes=40_000,
        )

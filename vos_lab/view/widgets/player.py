"""The player: a video with its masks, scrubbed in the browser without asking the kernel."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import traitlets

from vos_lab.video import Video
from vos_lab.view import figures
from vos_lab.view.encoding import Masks, decode, encode_frames
from vos_lab.view.figures.page import Figure
from vos_lab.view.widget import Widget, source


class Player(Widget):
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

    needs_kernel = False
    _esm = source("widgets/player.js")
    _css = source("widgets/player.css")

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

    def figure(self) -> Figure:
        """Five frames with their masks; a row for each result."""
        last = len(self._images) - 1
        chosen = sorted({round(last * share / 4) for share in range(5)})
        frames = [decode(self._images[i]) for i in chosen]
        rows: dict[str, Any] = {
            name: [decode(files[i]) if files[i] and self.show_masks else None for i in chosen]
            for name, files in zip(self._names, self._masks, strict=True)
        }
        masks = rows if len(rows) > 1 else next(iter(rows.values()), None)
        return figures.strip(
            frames,
            masks,
            titles=[f"frame {self._indices[i]}" for i in chosen],
            title=self._title or self._video_name,
            alt=self._alt(),
            opacity=self.opacity,
            most_bytes=40_000,
        )

    def _alt(self) -> str:
        shown = f"Frames of {self._video_name}, from the first to the last"
        if not self._names:
            return f"{shown}."
        if len(self._names) == 1:
            return f"{shown}, with the objects coloured by their masks."
        return f"{shown}; a row each for {', '.join(self._names)}, objects coloured."

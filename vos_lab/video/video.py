"""A video: frames, with what is known about them.

An image is ``(H, W, 3)`` uint8 RGB. Flow is ``(H, W, 2)`` float32 in pixels, ``[..., 0]`` to the
right and ``[..., 1]`` down. Frames are read when they are asked for, so a long video opens at once.
"""

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from vos_lab.video.files import (
    IMAGE_SUFFIXES,
    Item,
    Lazy,
    image_frames,
    mask_files,
    numbered_files,
    write_frames,
)
from vos_lab.video.label_maps import overlay
from vos_lab.video.names import files_in, files_named


@dataclass(frozen=True)
class Video:
    """A video, with what is known about it.

    Attributes:
        name: what to call it.
        frames: T images, ``(H, W, 3)`` uint8.
        masks: T label maps, ``(H, W)`` uint8; None for a frame that nobody annotated.
        flow: T - 1 arrays ``(H, W, 2)`` float32, from frame t to t + 1, in pixels.
        fps: frames per second.
        frame_names: T names, as of the files in a data set, without their ending; by default the
            frames are numbered: 00000, 00001, ... Masks are stored under these names.

    Example:
        >>> video = Video("grey", np.full((3, 4, 6, 3), 128, np.uint8))
        >>> len(video), video.size
        (3, (4, 6))
        >>> video.frame_names[1]
        '00001'
    """

    name: str
    frames: Sequence[np.ndarray] = field(repr=False)
    masks: Sequence[np.ndarray | None] | None = field(default=None, repr=False)
    flow: Sequence[np.ndarray] | None = field(default=None, repr=False)
    fps: float = 24.0
    frame_names: Sequence[str] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        if len(self.frames) == 0:
            raise ValueError(f"{self.name}: a video needs at least one frame")
        if not self.frame_names:
            numbered = Lazy(len(self.frames), "{:05d}".format)
            object.__setattr__(self, "frame_names", numbered)  # the class is frozen
        for what, there, due in (
            ("masks", self.masks, len(self.frames)),
            ("flow", self.flow, len(self.frames) - 1),
            ("names", self.frame_names, len(self.frames)),
        ):
            if there is not None and len(there) != due:
                raise ValueError(
                    f"{self.name}: {len(self.frames)} frames need {due} {what}, not {len(there)}"
                )

    def __len__(self) -> int:
        return len(self.frames)

    def __iter__(self) -> Iterator[np.ndarray]:
        return iter(self.frames)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        height, width = self.frames[0].shape[:2]
        return height, width

    @property
    def first_mask(self) -> np.ndarray:
        """The label map of the first frame: what a one-shot method is given.

        Raises:
            ValueError: the video has none.
        """
        mask = self.masks[0] if self.masks is not None else None
        if mask is None:
            raise ValueError(
                f"{self.name}: has no mask for its first frame. Paint one with "
                "vos_lab.view.widgets.painter.Painter(video), or give a folder of masks."
            )
        return mask

    @staticmethod
    def read(
        path: str | Path,
        masks: str | Path | None = None,
        name: str | None = None,
        threshold: float | None = None,
    ) -> "Video":
        """Open a video file or a folder of images; frames are decoded when they are asked for.

        Args:
            path: mp4, avi, mov, GIF and what else FFmpeg reads; or a folder of images, in the
                order of the numbers in their names.
            masks: a folder of label maps named like the frames (a folder), or numbered from 0
                (a video file). Frames without a file are not annotated.
            name: what to call it; by default the name of the file or folder.
            threshold: read masks that are grey as probabilities, as in
                :func:`~vos_lab.video.read_mask`; then they may be JPEG.

        Returns:
            The video. It warns where a video file does not say how long it should be, as an MPEG
            stream does not, and where a mask belongs to no frame.

        Raises:
            FileNotFoundError: there is nothing at ``path``, or no mask for any frame.
            ValueError: it cannot be decoded, is cut off, or holds no frame; a numbered frame is
                missing, or the order of the frames cannot be told.
        """
        path = Path(path).expanduser()
        files: list[Path] = []
        if path.is_dir():
            files = numbered_files(path, IMAGE_SUFFIXES)
            frames: Sequence[np.ndarray] = image_frames(files)
            stems, fps = [file.stem for file in files], 24.0
        elif path.is_file():
            from vos_lab.video.decoder import Decoder  # with PyAV, which takes a moment

            decoder = Decoder(path)
            frames, fps = Lazy(decoder.length, decoder.read), decoder.fps
            stems = [f"{t:05d}" for t in range(len(frames))]
        else:
            raise FileNotFoundError(f"{path}: there is no such video file or folder of images")
        video = Video(name or path.stem, frames, fps=fps, frame_names=stems)
        if masks is None:
            return video
        kinds = (".png",) if threshold is None else (".png", ".jpg", ".jpeg")
        folder = Path(masks).expanduser()
        annotations = files_named(folder, stems, kinds)
        read = mask_files(annotations, video.size, threshold=threshold, frames=files)
        if strays := sorted({*files_in(folder, kinds)} - {*annotations}):
            warnings.warn(
                f"{strays[0]}: belongs to no frame of {path}"
                f"{f', nor {len(strays) - 1} more' if strays[1:] else ''}, and is not read.",
                stacklevel=2,
            )
        return replace(video, masks=read)

    def write(
        self,
        path: str | Path,
        masks: Sequence[np.ndarray | None] | None = None,
        opacity: float = 0.5,
    ) -> None:
        """Write the frames as mp4 or GIF, with the masks over them.

        Args:
            path: ends in .mp4 or .gif.
            masks: T label maps to paint over the frames; None writes the frames alone.
            opacity: of the masks, 0 to 1.

        Raises:
            ValueError: another ending, or another number or size of masks.
        """
        if masks is None:
            write_frames(path, self.frames, self.fps)
            return
        if len(masks) != len(self):
            raise ValueError(f"{self.name}: {len(self)} frames, but {len(masks)} masks")

        def painted() -> Iterator[np.ndarray]:
            for t, frame in enumerate(self.frames):
                mask = masks[t]
                if mask is not None and mask.shape != frame.shape[:2]:
                    raise ValueError(
                        f"{self.name}: mask {t} has the shape {mask.shape}, "
                        f"its frame {frame.shape[:2]}"
                    )
                yield frame if mask is None else overlay(frame, mask, opacity)

        write_frames(path, painted(), self.fps)

    def part(self, start: int = 0, stop: int | None = None) -> "Video":
        """The frames from ``start`` up to, and without, ``stop``, still read when asked for."""
        chosen = range(len(self))[start:stop]
        return replace(
            self,
            frames=Lazy(len(chosen), lambda t: self.frames[chosen[t]]),
            masks=_chosen(self.masks, chosen),
            flow=_chosen(self.flow, chosen[:-1]),
            frame_names=[self.frame_names[t] for t in chosen],
        )

    def resized(self, height: int) -> "Video":
        """The same video at another height, with its shape kept; still read when asked for.

        Labels stay exact (nearest neighbour); flow is scaled with the picture.

        Args:
            height: in pixels.
        """
        if height < 1:
            raise ValueError(f"{self.name}: a height of {height} pixels is no picture")
        old_height, old_width = self.size
        width = max(1, round(old_width * height / old_height))
        scale = np.array([width / old_width, height / old_height], np.float32)
        smooth = cv2.INTER_AREA if height < old_height else cv2.INTER_LINEAR

        def mapped(
            items: Sequence[Any] | None, resize: Callable[[np.ndarray], np.ndarray]
        ) -> Lazy[Any] | None:
            if items is None:
                return None

            def get(t: int) -> np.ndarray | None:
                item = items[t]
                return None if item is None else resize(item)

            return Lazy(len(items), get)

        size = (width, height)
        frames = mapped(self.frames, lambda x: cv2.resize(x, size, interpolation=smooth))
        masks = mapped(self.masks, lambda x: cv2.resize(x, size, interpolation=cv2.INTER_NEAREST))
        flow = mapped(self.flow, lambda x: cv2.resize(x, size, interpolation=smooth) * scale)
        assert frames is not None  # because self.frames is not None
        return replace(self, frames=frames, masks=masks, flow=flow)


def _chosen(items: Sequence[Item] | None, chosen: range) -> Lazy[Item] | None:
    return None if items is None else Lazy(len(chosen), lambda t: items[chosen[t]])

"""Files of frames: folders of images and video files, read when asked for, and written."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Generic, TypeVar, overload

import numpy as np
from PIL import Image

from vos_lab.video.label_maps import read_mask
from vos_lab.video.names import files_in, gap, in_order
from vos_lab.video.pictures import is_turned, read_picture

VIDEO_SUFFIXES = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v", ".gif")
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")

Item = TypeVar("Item")


class Lazy(Sequence[Item], Generic[Item]):
    """A sequence whose items are made when they are asked for, and not kept.

    Example:
        >>> squares = Lazy(4, lambda t: t * t)
        >>> squares[-1], list(squares[1:3])
        (9, [1, 4])
    """

    def __init__(self, length: int, get: Callable[[int], Item]) -> None:
        self._length = length
        self._get = get

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, index: int) -> Item: ...
    @overload
    def __getitem__(self, index: slice) -> "Lazy[Item]": ...
    def __getitem__(self, index: int | slice) -> "Item | Lazy[Item]":
        """The item at an index, or a lazy part of the sequence for a slice."""
        if isinstance(index, slice):
            chosen = range(self._length)[index]
            return Lazy(len(chosen), lambda t: self._get(chosen[t]))
        try:
            position = range(self._length)[index]
        except IndexError:
            raise IndexError(f"index {index} in a sequence of {self._length}") from None
        return self._get(position)

    def __iter__(self) -> Iterator[Item]:
        """Item by item."""
        # Not inherited: that of Sequence takes an IndexError of ``get`` for the end.
        return (self._get(position) for position in range(self._length))


def numbered_files(folder: Path, suffixes: Sequence[str]) -> list[Path]:
    """The files of a folder in the order of the numbers in their names, see ``names.in_order``.

    Args:
        folder: where to look.
        suffixes: the endings to take, in lower case, with the dot; files may have them in any case.

    Returns:
        The files, in order.

    Raises:
        ValueError: there is none, one is missing between two others, or the order cannot be told.
    """
    files = files_in(folder, suffixes)
    if not files:
        raise ValueError(
            f"{folder}: holds no file that ends in {', '.join(suffixes)}{_deeper(folder, suffixes)}"
        )
    frames = in_order(files)
    if (missing := gap(frames)) is not None:
        before, after = missing
        raise ValueError(f"{folder}: a frame is missing between {before.name} and {after.name}")
    return list(frames)


def _deeper(folder: Path, suffixes: Sequence[str]) -> str:
    """A hint where the files lie in a folder of the folder."""
    for inner in sorted(path for path in folder.iterdir() if path.is_dir()):
        if files_in(inner, suffixes):
            return f", but {inner} does: name that folder"
    return ""


def image_frames(files: Sequence[Path]) -> Lazy[np.ndarray]:
    """Images read from files when asked for, all of one size.

    Args:
        files: one for each frame.

    Returns:
        A lazy sequence of ``(H, W, 3)`` uint8. Reading an item raises ValueError, with the
        file's name, where it is no image or has another size than the first.
    """
    size: list[tuple[int, ...]] = []

    def get(t: int) -> np.ndarray:
        frame = read_picture(files[t])
        if not size:
            size.append(frame.shape if t == 0 else read_picture(files[0]).shape)
        if frame.shape != size[0]:
            raise ValueError(
                f"{files[t]}: is {frame.shape[1]} x {frame.shape[0]} pixels, but the first frame "
                f"{files[0].name} is {size[0][1]} x {size[0][0]}"
                + (_turned(files[t]) or _turned(files[0]))
            )
        return frame

    return Lazy(len(files), get)


def mask_files(
    files: Sequence[Path],
    size: tuple[int, int],
    binary: bool | None = None,
    threshold: float | None = None,
    frames: Sequence[Path] = (),
) -> Lazy[np.ndarray | None]:
    """Label maps read from files when asked for.

    Args:
        files: one for each frame; a file that is not there means that nobody annotated the frame.
        size: height and width that each must have.
        binary: as in :func:`read_mask`.
        threshold: as in :func:`read_mask`.
        frames: the files of the frames, if there are, to see why a size is another.

    Returns:
        A lazy sequence of ``(H, W)`` uint8 or None. Reading an item raises ValueError, with the
        file's name, where the size is another.

    Raises:
        FileNotFoundError: none of the files is there.
    """
    if not any(file.is_file() for file in files):
        folder = files[0].parent
        if not folder.is_dir():
            raise FileNotFoundError(f"{folder}: there is no such folder of masks")
        others = files_in(folder, IMAGE_SUFFIXES)
        raise FileNotFoundError(
            f"{folder}: holds no mask named like {files[0].name}"
            f"{f'; it holds {others[0].name}' if others else _deeper(folder, ('.png',))}"
        )

    def get(t: int) -> np.ndarray | None:
        if not files[t].is_file():
            return None
        mask = read_mask(files[t], binary, threshold)
        if mask.shape != size:
            raise ValueError(
                f"{files[t]}: the mask is {mask.shape[1]} x {mask.shape[0]} pixels, "
                f"its frame {size[1]} x {size[0]}" + _why(mask.shape, size, frames[t : t + 1])
            )
        return mask

    return Lazy(len(files), get)


def _turned(file: Path) -> str:
    return f" ({file.name} is turned, as its EXIF tag says)" if is_turned(file) else ""


def _why(mask: tuple[int, ...], size: tuple[int, int], frame: Sequence[Path]) -> str:
    """A note where a mask fits its frame before that was turned, or after turning it once more."""
    if mask != size[::-1]:
        return ""
    if frame and is_turned(frame[0]):
        return (
            f". {frame[0].name} is turned, as its EXIF tag says, its mask is not: turn the mask "
            "too, or take the tag out of the photos"
        )
    return (
        ". They agree where one is turned by a quarter: a phone lays a standing picture down, with "
        "a note to turn it, and the masks may have been made with or without that"
    )


def write_frames(path: str | Path, frames: Iterable[np.ndarray], fps: float = 24.0) -> None:
    """Write images as a video that browsers play: mp4 (H.264) or GIF.

    Args:
        path: ends in .mp4 or .gif; folders are made. An odd width or height grows by one in mp4;
            equal neighbours are one longer frame in GIF.
        frames: ``(H, W, 3)`` uint8, all of one size; read one at a time.
        fps: frames per second.

    Raises:
        ValueError: another ending, no frame, or frames of several sizes.
    """
    path = Path(path)
    writers = {".mp4": _write_mp4, ".gif": _write_gif}
    if path.suffix.lower() not in writers:
        raise ValueError(f"{path}: can write .mp4 and .gif, not {path.suffix or 'a bare name'}")
    path.parent.mkdir(parents=True, exist_ok=True)
    writers[path.suffix.lower()](path, _of_one_size(path, frames), fps)


def _of_one_size(path: Path, frames: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    shape = None
    for t, frame in enumerate(frames):
        shape = shape or frame.shape
        if frame.shape != shape:
            raise ValueError(f"{path}: frame {t} has the shape {frame.shape}, the first {shape}")
        yield frame
    if shape is None:
        raise ValueError(f"{path}: there is no frame to write")


def _write_mp4(path: Path, frames: Iterator[np.ndarray], fps: float) -> None:
    import av  # takes a moment, and most never write a video

    from vos_lab.video.decoder import local_name

    with av.open(local_name(path), "w") as container:
        stream: av.VideoStream | None = None
        for frame in frames:
            # H.264 with the chroma that browsers play needs even sides: repeat the last pixels.
            height, width = frame.shape[:2]
            even = np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
            if stream is None:
                stream = container.add_stream("h264", rate=Fraction(fps).limit_denominator(1001))
                stream.height, stream.width = even.shape[:2]
                stream.pix_fmt = "yuv420p"
                stream.options = {"crf": "20"}
            container.mux(stream.encode(av.VideoFrame.from_ndarray(even, format="rgb24")))
        assert stream is not None  # because _of_one_size raises where there is no frame
        container.mux(stream.encode())


def _write_gif(path: Path, frames: Iterator[np.ndarray], fps: float) -> None:
    # 256 colours for each frame. An octree finds them 20 to 40 times as fast as the median cut.
    first, *others = (
        Image.fromarray(frame).quantize(method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
        for frame in frames
    )
    # GIF counts time in hundredths of a second, and browsers slow down what is below two.
    duration = max(20, round(1000 / fps))
    first.save(path, save_all=True, append_images=others, duration=duration, loop=0)

"""Files of frames: folders of images and video files, read when asked for, and written."""

import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Generic, TypeVar, overload

import av
import cv2
import numpy as np
from PIL import Image

from vos_lab.video.label_maps import read_mask

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


# --- label maps as PNG ------------------------------------------------------------------------


def numbered_files(folder: Path, suffixes: Sequence[str]) -> list[Path]:
    """The files of a folder in the order of the last number in their names.

    Args:
        folder: where to look.
        suffixes: the endings to take, in lower case, with the dot.

    Returns:
        The files, in order.

    Raises:
        ValueError: there is none, two have one number, or one is missing or has no number.
    """
    files = [f for f in folder.iterdir() if f.suffix.lower() in suffixes and f.name[0] != "."]
    if not files:
        raise ValueError(f"{folder}: holds no file that ends in {', '.join(suffixes)}")
    numbers = {f: re.findall(r"\d+", f.stem) for f in files}
    if not any(numbers.values()):
        return sorted(files)  # names without numbers: the alphabet is all the order there is
    for file in sorted(files):
        if not numbers[file]:
            raise ValueError(f"{file}: has no number in its name, unlike the others of its folder")
    by_number: dict[int, Path] = {}
    for file in sorted(files):
        number = int(numbers[file][-1])
        if number in by_number:
            raise ValueError(
                f"{folder}: {by_number[number].name} and {file.name} have the same number"
            )
        by_number[number] = file
    ordered = sorted(by_number)
    # Frames may be numbered in steps (YouTube-VOS: 0, 5, 10), so a gap is an uneven step.
    step = min((b - a for a, b in itertools.pairwise(ordered)), default=1)
    for before, after in itertools.pairwise(ordered):
        if after - before != step:
            raise ValueError(
                f"{folder}: a frame is missing between {by_number[before].name} and "
                f"{by_number[after].name}"
            )
    return [by_number[number] for number in ordered]


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
        frame = _read_image(files[t])
        if not size:
            size.append(frame.shape if t == 0 else _read_image(files[0]).shape)
        if frame.shape != size[0]:
            raise ValueError(
                f"{files[t]}: is {frame.shape[1]} x {frame.shape[0]} pixels, but the first frame "
                f"{files[0].name} is {size[0][1]} x {size[0][0]}"
            )
        return frame

    return Lazy(len(files), get)


def _read_image(file: Path) -> np.ndarray:
    # From bytes, as OpenCV cannot open names that are not ASCII on Windows.
    data = np.frombuffer(file.read_bytes(), np.uint8)
    image = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    if image is None:
        raise ValueError(f"{file}: cannot be read as an image")
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def mask_files(
    files: Sequence[Path], size: tuple[int, int], binary: bool | None = None
) -> Lazy[np.ndarray | None]:
    """Label maps read from files when asked for.

    Args:
        files: one for each frame; a file that is not there means that nobody annotated the frame.
        size: height and width that each must have.
        binary: as in :func:`read_mask`.

    Returns:
        A lazy sequence of ``(H, W)`` uint8 or None. Reading an item raises ValueError, with the
        file's name, where the size is another.

    Raises:
        FileNotFoundError: none of the files is there.
    """
    if not any(file.is_file() for file in files):
        raise FileNotFoundError(f"{files[0].parent}: holds no mask named like {files[0].name}")

    def get(t: int) -> np.ndarray | None:
        if not files[t].is_file():
            return None
        mask = read_mask(files[t], binary)
        if mask.shape != size:
            raise ValueError(
                f"{files[t]}: the mask is {mask.shape[1]} x {mask.shape[0]} pixels, "
                f"its frame {size[1]} x {size[0]}"
            )
        return mask

    return Lazy(len(files), get)


class Decoder:
    """Exact access to the frames of a video file by number.

    In MP4, Matroska and GIF each packet states the time of its frame, so the packets are listed
    once, without decoding, and a frame is reached by seeking to the key frame before it, or by
    decoding on from the last one. Elsewhere (AVI, MPEG) those times are guesses, and so frames are
    counted from the beginning.
    """

    TIMED = ("mov", "matroska", "gif")

    def __init__(self, path: Path) -> None:
        self.path = path
        self.number_of: dict[int, int] = {}  # time stamp -> number; empty where we count
        try:
            self._open()
            if self.container.format.name.split(",")[0] in self.TIMED:
                times = self._listed()
                self.number_of = {time: t for t, time in enumerate(times)}
                self.times, self.length = times, len(times)
            else:
                self.length = sum(1 for _ in self.decoded)
            self._open()
        except (av.FFmpegError, IndexError) as error:
            reason = getattr(error, "strerror", None) or "it has no picture"
            raise ValueError(
                f"{path}: cannot be decoded as a video ({reason}). If it plays elsewhere, convert "
                "it to mp4 (H.264)."
            ) from None
        if not self.length:
            raise ValueError(f"{path}: holds no video frame")
        self.fps = float(self.stream.average_rate or 24)

    def _open(self) -> None:
        self.container = av.open(str(self.path))
        self.stream = self.container.streams.video[0]
        self.decoded: Iterator[av.VideoFrame] = self.container.decode(self.stream)
        self.at = -1  # number of the last decoded frame
        self.last: np.ndarray | None = None

    def _listed(self) -> list[int]:
        times: set[int] = set()
        for packet in self.container.demux():  # sound too, as the cut may fall into it
            if packet.is_corrupt:
                raise ValueError(f"{self.path}: is cut off. Copy or download it again.")
            # An editor's cut leaves packets that are decoded but not shown.
            if packet.pts is None or packet.is_discard:
                continue
            if packet.stream.index == self.stream.index:
                times.add(packet.pts)
        return sorted(times)

    def read(self, t: int) -> np.ndarray:
        """Frame t."""
        if t == self.at and self.last is not None:
            return self.last.copy()
        # Decoding 24 frames is about as long as one seek to the key frame before.
        on = self.at < t and (t <= self.at + 24 or not self.number_of)
        problem = ""
        for start in ["here"] * on + ["key frame"] * bool(self.number_of) + ["beginning"]:
            try:
                if start == "key frame":
                    self.container.seek(self.times[t], stream=self.stream)
                    self.decoded, self.at = self.container.decode(self.stream), -1
                elif start == "beginning":
                    self._open()
                if self._decode_on(t) and self.last is not None:
                    return self.last.copy()
            except av.FFmpegError as error:
                problem = f" ({error})"
        raise ValueError(
            f"{self.path}: frame {t} of {self.length} cannot be decoded{problem}; is it truncated?"
        )

    def _decode_on(self, t: int) -> bool:
        for frame in self.decoded:
            self.last = None
            if self.number_of:
                if frame.pts not in self.number_of:
                    continue
                self.at = self.number_of[frame.pts]
            else:
                self.at += 1
            if self.at == t:
                image = frame.to_ndarray(format="rgb24")
                # Phones store portrait videos lying down, with a note to turn them.
                self.last = np.ascontiguousarray(np.rot90(image, round(frame.rotation / 90)))
            if self.at >= t:
                break
        return self.at == t


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
    with av.open(str(path), "w") as container:
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

"""Videos, frames and label maps: the vocabulary that everything else speaks.

An image is ``(H, W, 3)`` uint8 RGB. A mask is a label map ``(H, W)`` uint8: 0 background, 1 to 254
objects, 255 void. Flow is ``(H, W, 2)`` float32 in pixels, ``[..., 0]`` to the right and
``[..., 1]`` down. Frames are read when they are asked for, so a long video opens at once.
"""

import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Generic, TypeVar, overload

import av
import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

from vos_lab.exercise import exercise
from vos_lab.png import decode

VOID = 255
VIDEO_SUFFIXES = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v", ".gif")
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")

Item = TypeVar("Item")


def _davis_palette() -> np.ndarray:
    """The 256 colours of PASCAL VOC and DAVIS: the bits of the label, spread over R, G and B."""
    labels = np.arange(256)
    palette = np.zeros((256, 3), np.uint8)
    for bit in range(8):
        for channel in range(3):
            palette[:, channel] |= (((labels >> (3 * bit + channel)) & 1) << (7 - bit)).astype(
                np.uint8
            )
    return palette


PALETTE = _davis_palette()
"""``(256, 3)`` uint8: the colours that label maps are *stored* with, those of DAVIS."""

# Okabe and Ito's colours, which colour-blind people can tell apart, the strongest first.
_OKABE_ITO = [
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (204, 121, 167),
    (240, 228, 66),
    (0, 114, 178),
    (213, 94, 0),
]
OBJECT_COLOURS = np.array(
    [(0, 0, 0)] + [_OKABE_ITO[i % 7] for i in range(254)] + [(128, 128, 128)], np.uint8
)
"""``(256, 3)`` uint8: the colours that objects are *shown* with, in every figure and widget."""


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


def read_mask(path: str | Path, binary: bool | None = None) -> np.ndarray:
    """Read a label map from a PNG file, exactly as stored.

    Args:
        path: a palette PNG (its indices are the labels), or a grey PNG.
        binary: True: everything above 0 is object 1 (DAVIS 2016). False: the values are labels.
            None: a grey image that holds nothing but 0 and 255 is binary, anything else labels.

    Returns:
        ``(H, W)`` uint8 label map.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is no image, has 16 bits a pixel, or was saved as RGB, which loses
            the labels.
    """
    path = Path(path)
    try:
        decoded = decode(path.read_bytes())
        if decoded is not None:
            mode, values = decoded
        else:
            with Image.open(path) as image:
                mode = image.mode
                if mode == "1":
                    return np.array(image, np.uint8)
                values = np.array(image)
    except FileNotFoundError:
        raise FileNotFoundError(f"{path}: there is no such mask") from None
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise ValueError(f"{path}: cannot be read as an image ({error})") from None
    if mode in ("RGB", "RGBA", "LA"):
        colours = values[..., : 1 if mode == "LA" else 3]
        grey = colours[..., 0]
        black_and_white = np.isin(grey, (0, 255)).all() and (colours == grey[..., None]).all()
        if not black_and_white or binary is False:
            raise ValueError(
                f"{path}: is saved as {mode} colours, a label map must be a palette PNG (mode P) "
                "or grey (mode L). Save it again with vos_lab.video.write_mask, from the labels."
            )
        mode, values = "L", grey
    if mode not in ("P", "L"):
        raise ValueError(f"{path}: has mode {mode}, a label map has 8 bits (mode P or L)")
    if binary is None:
        # As int8, black and white are 0 and -1, and nothing else is between.
        signed = values.view(np.int8)
        binary = mode == "L" and signed.max(initial=0) <= 0 and signed.min(initial=0) >= -1
    values = values.astype(np.uint8, copy=False)
    return np.greater(values, 0, out=values.view(bool)).view(np.uint8) if binary else values


def write_mask(path: str | Path, mask: np.ndarray) -> None:
    """Write a label map as a palette PNG with the colours of DAVIS.

    Args:
        path: where to; folders are made.
        mask: ``(H, W)`` uint8 label map, or bool.

    Raises:
        ValueError: the mask is not two-dimensional, or holds values that uint8 cannot.
    """
    labels = as_label_map(mask, name=str(path))
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(labels)
    image.putpalette(PALETTE.tobytes())
    image.save(path, format="PNG")


def as_label_map(mask: np.ndarray, name: str = "mask") -> np.ndarray:
    """Check that an array is a label map, and return it as ``(H, W)`` uint8.

    Args:
        mask: ``(H, W)``, bool or whole numbers from 0 to 255.
        name: what to call it in an error.

    Returns:
        ``(H, W)`` uint8.

    Raises:
        ValueError: another shape, or values that are no labels.

    Example:
        >>> as_label_map(np.array([[True, False]]))
        array([[1, 0]], dtype=uint8)
    """
    mask = np.asarray(mask)
    if mask.ndim != 2:
        raise ValueError(f"{name}: a label map has the shape (H, W), this one {mask.shape}")
    if mask.dtype == np.uint8:
        return mask
    if not (mask.dtype == bool or np.issubdtype(mask.dtype, np.integer)):
        raise ValueError(f"{name}: a label map holds whole numbers, this one {mask.dtype}")
    if mask.size and (mask.min() < 0 or mask.max() > 255):
        raise ValueError(f"{name}: labels go from 0 to 255, here {mask.min()} to {mask.max()}")
    return mask.astype(np.uint8)


@exercise(minutes=10, difficulty=2, importance=3)
def overlay(
    frame: np.ndarray,
    mask: np.ndarray,
    opacity: float = 0.5,
    colours: np.ndarray = OBJECT_COLOURS,
) -> np.ndarray:
    """Paint the objects of a mask over a frame, so that both can be seen.

    Args:
        frame: image, ``(H, W, 3)`` uint8.
        mask: label map, ``(H, W)`` uint8; 0 is background.
        opacity: 0 leaves the frame as it is, 1 hides it under the colours.
        colours: ``(256, 3)`` uint8, a colour for each label.

    Returns:
        A new image, ``(H, W, 3)`` uint8. The background is exactly that of ``frame``.

    Example:
        >>> grey = np.full((1, 2, 3), 100, np.uint8)
        >>> overlay(grey, np.array([[0, 1]], np.uint8), opacity=1.0)[0].tolist()
        [[100, 100, 100], [230, 159, 0]]
    """
    # Step 1: give each pixel the colour of its label. One indexing does the whole image.
    painted = colours[mask]
    # Step 2: mix frame and colour. In float: 200 + 100 does not fit into uint8.
    mixed = (1 - opacity) * frame.astype(np.float32) + opacity * painted.astype(np.float32)
    # Step 3: round back to uint8, and keep the background as it was.
    return np.where(mask[..., None] > 0, np.rint(mixed).astype(np.uint8), frame)


# --- videos -----------------------------------------------------------------------------------


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
                "vos_lab.view.painter.Painter(video), or give a folder of masks."
            )
        return mask

    @staticmethod
    def read(path: str | Path, masks: str | Path | None = None, name: str | None = None) -> "Video":
        """Open a video file or a folder of images; frames are decoded when they are asked for.

        Args:
            path: mp4, avi, mov, GIF and what else FFmpeg reads; or a folder of images, in the
                order of the numbers in their names.
            masks: a folder of label maps named like the frames (a folder), or numbered from 0
                (a video file). Frames without a file are not annotated.
            name: what to call it; by default the name of the file or folder.

        Returns:
            The video.

        Raises:
            FileNotFoundError: there is nothing at ``path``.
            ValueError: it cannot be decoded, holds no frame, or a numbered frame is missing.
        """
        path = Path(path).expanduser()
        if path.is_dir():
            files = numbered_files(path, IMAGE_SUFFIXES)
            frames: Sequence[np.ndarray] = image_frames(files)
            stems, fps = [file.stem for file in files], 24.0
        elif path.is_file():
            decoder = _Decoder(path)
            frames, fps = Lazy(decoder.length, decoder.read), decoder.fps
            stems = [f"{t:05d}" for t in range(len(frames))]
        else:
            raise FileNotFoundError(f"{path}: there is no such video file or folder of images")
        video = Video(name or path.stem, frames, fps=fps, frame_names=stems)
        if masks is None:
            return video
        files = [Path(masks) / f"{stem}.png" for stem in stems]
        return replace(video, masks=mask_files(files, video.size))

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


class _Decoder:
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

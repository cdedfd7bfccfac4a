"""Frames and masks as files that a browser decodes: JPEG for frames, PNG for what must be exact."""

import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

from vos_lab.video import OBJECT_COLOURS, Video, as_label_map

MAX_HEIGHT = 480
MAX_FRAMES = 400
MAX_BYTES = 40_000_000

Masks = Sequence[np.ndarray | None] | np.ndarray


@dataclass(frozen=True)
class EncodedFrames:
    """Frames and masks of a video in the form that a browser decodes.

    Attributes:
        images: a JPEG for each frame that is kept.
        masks: for each result, a PNG for each frame that is kept; empty bytes: no mask there.
        indices: the number of each kept frame in the whole video.
        size: height and width of the pictures, in pixels.
        note: what was left out, in a sentence; empty where nothing was.
    """

    images: list[bytes]
    masks: dict[str, list[bytes]]
    indices: list[int]
    size: tuple[int, int]
    note: str


def encode_jpeg(image: np.ndarray, quality: int = 85) -> bytes:
    """An image as JPEG.

    Args:
        image: ``(H, W, 3)`` uint8 RGB.
        quality: 1 to 100.

    Returns:
        The bytes of the file.

    Example:
        >>> encode_jpeg(np.zeros((4, 4, 3), np.uint8))[:2].hex()
        'ffd8'
    """
    options = [cv2.IMWRITE_JPEG_QUALITY, quality]
    return cv2.imencode(".jpg", np.ascontiguousarray(image[..., ::-1]), options)[1].tobytes()


def encode_png(image: np.ndarray) -> bytes:
    """An image ``(H, W, 3)`` uint8 as PNG, packed lightly: it is sent with every turn."""
    options = [cv2.IMWRITE_PNG_COMPRESSION, 1]
    return cv2.imencode(".png", np.ascontiguousarray(image[..., ::-1]), options)[1].tobytes()


def encode_webp(
    images: Sequence[np.ndarray], quality: int | None = None, milliseconds: int = 0
) -> bytes:
    """An image, or several that move, as WebP: a third smaller than JPEG, and it may be clear.

    Args:
        images: ``(H, W, 3)`` uint8, or ``(H, W, 4)`` with opacity.
        quality: 1 to 100; None is without loss, and small where there are few colours.
        milliseconds: that each of several images stays.

    Returns:
        The bytes of the file.

    Example:
        >>> encode_webp([np.zeros((4, 4, 3), np.uint8)])[8:12]
        b'WEBP'
    """
    first, *others = (Image.fromarray(np.ascontiguousarray(image)) for image in images)
    moving = {"save_all": True, "append_images": others, "duration": milliseconds, "loop": 0}
    file = io.BytesIO()
    first.save(
        file,
        "WEBP",
        lossless=quality is None,
        quality=100 if quality is None else quality,
        method=4,  # 6 takes a second for each figure, most of it for the opacity, and saves 1 %
        **(moving if others else {}),
    )
    return file.getvalue()


def encode_palette(
    indices: np.ndarray, colours: np.ndarray, opacity: int | bytes, level: int = 3
) -> bytes:
    """A palette PNG.

    Args:
        indices: ``(H, W)`` uint8.
        colours: ``(256, 3)`` uint8.
        opacity: the one index that is clear, or 0 to 255 for each index.
        level: how hard to pack, 0 to 9.

    Returns:
        The bytes of the file.
    """
    image = Image.fromarray(np.ascontiguousarray(indices))
    image.putpalette(colours.tobytes())
    file = io.BytesIO()
    image.save(file, format="PNG", transparency=opacity, compress_level=level)
    return file.getvalue()


def encode_mask(mask: np.ndarray) -> bytes:
    """A label map as a PNG in the colours of the objects, with a transparent background.

    The browser only has to lay it over the frame: no pixel is touched there.

    Args:
        mask: label map, ``(H, W)`` uint8.

    Returns:
        The bytes of the file, a palette PNG whose indices are the labels.

    Example:
        >>> decode(encode_mask(np.array([[0, 1], [2, 255]], np.uint8))).tolist()
        [[0, 1], [2, 255]]
    """
    return encode_palette(mask, OBJECT_COLOURS, 0)


def decode(file: bytes) -> np.ndarray:
    """The pixels of a file: ``(H, W, 3)`` uint8, or ``(H, W)`` of one with a palette."""
    return np.asarray(Image.open(io.BytesIO(file)))


def encode_frames(
    video: Video,
    masks: Mapping[str, Masks] | None = None,
    max_height: int = MAX_HEIGHT,
    max_frames: int = MAX_FRAMES,
    max_bytes: int = MAX_BYTES,
) -> EncodedFrames:
    """Encode a video and its masks for the browser, within a budget.

    Args:
        video: T frames; they are read one at a time.
        masks: for each result T label maps of the size of the frames, or None where there is none.
        max_height: frames above are made smaller, in pixels.
        max_frames: of more, every k-th is kept.
        max_bytes: of all files together; where they are more, every k-th frame is kept.

    Returns:
        The files, and which frames they are.

    Raises:
        ValueError: another number or size of masks, or no label maps.
    """
    masks = masks or {}
    for name, maps in masks.items():
        if len(maps) != len(video):
            raise ValueError(f"{name}: {len(maps)} masks for the {len(video)} frames of the video")
    height, width = video.size
    scale = min(1.0, max_height / height)
    size = (max(1, round(height * scale)), max(1, round(width * scale)))
    step = math.ceil(len(video) / max_frames)
    kept: list[tuple[int, bytes, list[bytes]]] = []
    total = 0
    for t in range(0, len(video), step):
        if t % step:  # the step has grown since
            continue
        image = encode_jpeg(_resize(video.frames[t], size, cv2.INTER_AREA))
        overlays = [
            b""
            if (mask := maps[t]) is None
            else _encoded_mask(mask, name, t, (height, width), size)
            for name, maps in masks.items()
        ]
        kept.append((t, image, overlays))
        total += len(image) + sum(map(len, overlays))
        while total > max_bytes and len(kept) > 1:
            # Too much: go on with every second frame, and drop every second of those there are.
            step *= 2
            kept = [entry for entry in kept if entry[0] % step == 0]
            total = sum(len(image) + sum(map(len, overlays)) for _, image, overlays in kept)
    notes = []
    if step > 1:
        notes.append(f"Shows every {_ordinal(step)} of {len(video)} frames.")
    if scale < 1:
        notes.append(f"Shown at {size[1]} x {size[0]}; the video is {width} x {height} pixels.")
    return EncodedFrames(
        images=[image for _, image, _ in kept],
        masks={name: [entry[2][i] for entry in kept] for i, name in enumerate(masks)},
        indices=[t for t, _, _ in kept],
        size=size,
        note=" ".join(notes),
    )


def _encoded_mask(
    mask: np.ndarray, name: str, t: int, due: tuple[int, int], size: tuple[int, int]
) -> bytes:
    labels = as_label_map(mask, f"{name}, frame {t}")
    if labels.shape != due:
        raise ValueError(
            f"{name}, frame {t}: the mask is {labels.shape[1]} x {labels.shape[0]} pixels, "
            f"its frame {due[1]} x {due[0]}"
        )
    return encode_mask(_resize(labels, size, cv2.INTER_NEAREST))


def _resize(image: np.ndarray, size: tuple[int, int], interpolation: int) -> np.ndarray:
    if image.shape[:2] == size:
        return image
    return cv2.resize(image, size[::-1], interpolation=interpolation)


def _ordinal(number: int) -> str:
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{'th' if 10 < number % 100 < 14 else ending}"

"""Frames: a strip of them with masks over them, and a clip that moves."""

import math
from collections.abc import Mapping, Sequence

import cv2
import numpy as np

from vos_lab.methods.resolution import resized
from vos_lab.video import OBJECT_COLOURS, VOID, Video, as_label_map, overlay
from vos_lab.view.encoding import encode_webp
from vos_lab.view.figures.page import (
    WIDTH,
    Figure,
    Page,
    description,
    drawn,
    fitting,
)

ACROSS = 5  # frames in a line of a strip


def strip(
    video: Video | Sequence[np.ndarray],
    masks: Sequence[np.ndarray | None] | Mapping[str, Sequence[np.ndarray | None] | None] | None = (
        None
    ),
    at: Sequence[int] | None = None,
    titles: Sequence[str] | None = None,
    *,
    title: str,
    alt: str = "",
    opacity: float = 0.4,
    most_bytes: int | None = None,
) -> Figure:
    """Frames in a row, with masks over them; a row for each method.

    Args:
        video: a video, or T images ``(H, W, 3)`` uint8.
        masks: T label maps ``(H, W)``; or a row for each name, ``{"truth": ..., "OSVOS": ...}``,
            where None leaves the frames bare.
        at: numbers of the frames to show, at most 10, five in a line; by default as many as there
            are titles, else up to 5, evenly spread.
        titles: what to write over each frame; by default its number.
        title: a sentence that says what to see.
        alt: what the picture shows, in words.
        opacity: of the masks, 0 to 1.
        most_bytes: the quality is lowered until the file is no larger than this, or is lowest.

    Returns:
        The figure, a WebP.

    Raises:
        ValueError: no ``alt``; more than 10 frames; titles or masks that do not fit the frames.

    Example:
        >>> grey = np.full((3, 40, 60, 3), 128, np.uint8)
        >>> strip(grey, title="Nothing moves.", alt="Three grey frames.")
        <figure: Three grey frames.>
    """
    frames = video.frames if isinstance(video, Video) else video
    if at is None:
        many = min(ACROSS if titles is None else len(titles), len(frames))
        at = sorted({round(t) for t in np.linspace(0, len(frames) - 1, many)})
    at = [range(len(frames))[t] for t in at]  # so that -1 is the last frame, under its number
    if not 1 <= len(at) <= 10:
        raise ValueError(f"a strip shows 1 to 10 frames, not {len(at)}: choose them with at=")
    titles = [f"frame {t}" for t in at] if titles is None else titles
    if len(titles) != len(at):
        raise ValueError(f"{len(at)} frames, but {len(titles)} titles")
    rows = masks if isinstance(masks, Mapping) else {"": masks}
    for name, row in rows.items():
        if row is not None and len(row) != len(frames):
            raise ValueError(f"{name or 'masks'}: {len(frames)} frames, but {len(row)} masks")

    gap, numbers, name_height = 6, 24, 26 if any(rows) else 0
    height, width = frames[0].shape[:2]
    lines = math.ceil(len(at) / ACROSS)
    across = math.ceil(len(at) / lines)
    # Frames that go over several lines are no larger than a quarter of the page.
    shown = fitting((height, width), (WIDTH + gap) / max(across, 4 * (lines > 1)) - gap, 320)
    step = max(shown[1], 76) + gap  # narrow frames keep room for the number above them
    below = name_height + shown[0] + gap
    whole = numbers + below * len(rows)
    with Page(title, alt, lines * whole - gap) as page:
        for j, t in enumerate(at):
            top, left = j // across * whole, j % across * step
            middle = left + (step - gap) / 2
            page.text(middle, top + 4, titles[j], ha="center", va="top")
            for i, (name, row) in enumerate(rows.items()):
                under = top + numbers + i * below
                if left == 0:
                    page.text(0, under + 5, name, va="top", weight="bold")
                picture = painted(frames[t], None if row is None else row[t], drawn(shown), opacity)
                page.picture(picture, middle - shown[1] / 2, under + name_height)
        return page.finished(photographic=True, most_bytes=most_bytes)


def clip(
    video: Video | Sequence[np.ndarray],
    masks: Sequence[np.ndarray | None] | None = None,
    *,
    alt: str = "",
    height: int = 200,
    frames: int = 24,
    fps: float | None = None,
    opacity: float = 0.4,
    most_bytes: int = 160_000,
) -> Figure:
    """A moving picture that plays without a kernel, small enough to stay in a notebook.

    Args:
        video: a video, or T images ``(H, W, 3)`` uint8.
        masks: T label maps to show over them.
        alt: what happens in the picture, in words.
        height: of the picture, in pixels.
        frames: at most this many are kept, evenly spread over the video.
        fps: frames a second; by default so that the clip lasts as long as the video, but shows
            at least 5 a second.
        opacity: of the masks, 0 to 1.
        most_bytes: the quality is lowered until the file is no larger than this.

    Returns:
        The figure, an animated WebP (which has a tenth of the bytes of a GIF).

    Raises:
        ValueError: no ``alt``; masks that do not fit the frames; or it cannot be made so small.

    Example:
        >>> black = np.zeros((3, 40, 60, 3), np.uint8)
        >>> clip(black, alt="Darkness.").mime
        'image/webp'
    """
    description(alt)
    images = video.frames if isinstance(video, Video) else video
    if masks is not None and len(masks) != len(images):
        raise ValueError(f"masks: {len(images)} frames, but {len(masks)} masks")
    rate = video.fps if isinstance(video, Video) else 12.0
    chosen = sorted({round(t) for t in np.linspace(0, len(images) - 1, min(frames, len(images)))})
    fps = fps or max(5.0, rate * len(chosen) / len(images))
    size = height, max(1, round(height * images[0].shape[1] / images[0].shape[0]))
    pictures = [
        painted(images[t], None if masks is None else masks[t], size, opacity) for t in chosen
    ]
    for quality in (80, 65, 50, 35, 20):
        data = encode_webp(pictures, quality, round(1000 / fps))
        if len(data) <= most_bytes:
            return Figure(data, "image/webp", alt, size[1])
    raise ValueError(
        f"the clip has {len(data):,} bytes, over {most_bytes:,}, even at the lowest quality: "
        f"take fewer than {len(chosen)} frames or less than {height} pixels of height"
    )


def painted(
    frame: np.ndarray, mask: np.ndarray | None, size: tuple[int, int], opacity: float
) -> np.ndarray:
    """A frame at another size with its mask over it and a crisp contour around each object."""
    frame = resized(frame, size)
    if mask is None:
        return frame
    mask = as_label_map(mask)
    labels = [label for label in np.unique(mask) if label]
    large = np.zeros(size, np.uint8)
    for label in labels:
        # Scaled smoothly, then cut at one half: a contour without the stairs of the pixels.
        large[resized((mask == label).astype(np.float32), size) > 0.5] = label
    picture = overlay(frame, large, opacity)
    for label in labels:
        if label == VOID:
            continue
        contours = cv2.findContours(
            (large == label).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE
        )[0]
        colour = tuple(int(c) for c in OBJECT_COLOURS[label])
        if size[0] > 160:
            # A dark line under the bright one: it stands out from bright and from dark ground.
            cv2.drawContours(picture, contours, -1, (20, 20, 20), 3, cv2.LINE_AA)
        cv2.drawContours(picture, contours, -1, colour, 2, cv2.LINE_AA)
    return picture

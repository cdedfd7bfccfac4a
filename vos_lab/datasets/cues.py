"""Videos in which one cue is destroyed: motion and place, appearance, or shape.

A method finds an object by some cues, and by which of them can be measured: destroy one, and see
how much worse the method gets. Each function here destroys one cue in any annotated video and
leaves the others as they are as far as it can. The masks stay exact.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from scipy import ndimage

from vos_lab.datasets.procedural import suite
from vos_lab.video import VOID, Lazy, Video

GOLDEN = 2.399963  # radians; steps of the golden angle never come back to a hue that was there
WAVES = 4  # of the outline of a blob


def mirrored(video: Video) -> Video:
    """Mirror every other frame, so that neither the motion nor the last place tells anything.

    Args:
        video: with or without masks.

    Returns:
        The same frames and masks, those with odd numbers mirrored; without flow, as that was of
        another video.

    Example:
        >>> frames = np.arange(12, dtype=np.uint8).reshape(2, 1, 2, 3)
        >>> mirrored(Video("two frames", frames)).frames[1].tolist()
        [[[9, 10, 11], [6, 7, 8]]]
    """

    def turned(items: Sequence[Any]) -> Lazy[Any]:
        def get(t: int) -> Any:
            item = items[t]
            return item if item is None or t % 2 == 0 else np.ascontiguousarray(item[:, ::-1])

        return Lazy(len(items), get)

    masks = None if video.masks is None else turned(video.masks)
    return _changed(video, "mirrored", turned(video.frames), masks)


def recoloured(video: Video) -> Video:
    """Give every frame another hue, so that what an object looked like tells little.

    The colours of the whole frame turn around grey. How bright a pixel is stays, and so does the
    motion that methods read from it.

    Args:
        video: with or without masks.

    Returns:
        The same masks, and frames of which only the first has its own colours.

    Example:
        >>> grey = Video("two grey frames", np.full((2, 1, 2, 3), 90, np.uint8))
        >>> recoloured(grey).frames[1].tolist()
        [[[90, 90, 90], [90, 90, 90]]]
    """

    def get(t: int) -> np.ndarray:
        luma, *chroma = cv2.split(cv2.cvtColor(video.frames[t], cv2.COLOR_RGB2YCrCb))
        red, blue = (plane.astype(np.float32) - 128 for plane in chroma)
        cos, sin = np.cos(t * GOLDEN), np.sin(t * GOLDEN)
        turned = (red * cos - blue * sin, red * sin + blue * cos)
        planes = [np.clip(np.rint(plane + 128), 0, 255).astype(np.uint8) for plane in turned]
        return cv2.cvtColor(cv2.merge([luma, *planes]), cv2.COLOR_YCrCb2RGB)

    return _changed(video, "recoloured", Lazy(len(video), get), video.masks)


def blobbed(video: Video, seed: int = 0) -> Video:
    """Redraw every object as a blob, another one in each frame, so that its shape tells nothing.

    A blob has the place, the size and the colours of its object. Where the object showed and the
    blob does not, the colours of the background around are filled in.

    Args:
        video: with a mask for every frame.
        seed: of the outlines.

    Returns:
        Frames with blobs, and their masks.

    Raises:
        ValueError: a frame has no mask.
    """
    masks = video.masks
    if masks is None or any(mask is None for mask in masks):
        raise ValueError(f"{video.name}: a blob takes the place of an object, so every frame "
                         "needs a mask")  # fmt: skip

    @lru_cache(maxsize=2)  # a frame and its mask are asked for one after the other
    def redrawn(t: int) -> tuple[np.ndarray, np.ndarray]:
        frame, mask = video.frames[t], np.asarray(masks[t])
        labels = [int(label) for label in np.unique(mask) if label not in (0, VOID)]
        blobs = np.where(mask == VOID, VOID, 0).astype(np.uint8)
        there = np.isin(mask, labels)
        # The edge of an object is mixed with its colours, so one pixel more is filled in.
        hole = cv2.dilate(there.astype(np.uint8), np.ones((3, 3), np.uint8))
        image = cv2.inpaint(frame, hole, 3, cv2.INPAINT_TELEA)
        for label in labels:
            blob = _blob(mask == label, np.random.default_rng([seed, label, t]))
            # Away from the edge, unless the object is so thin that nothing would be left.
            inner = ndimage.binary_erosion(mask == label)
            known = inner if inner.any() else mask == label
            nearest = ndimage.distance_transform_edt(
                ~known, return_distances=False, return_indices=True
            )
            image[blob] = frame[tuple(nearest)][blob]
            blobs[blob] = label
        return image, blobs

    frames = Lazy(len(video), lambda t: redrawn(t)[0])
    return _changed(video, "blobs", frames, Lazy(len(video), lambda t: redrawn(t)[1]))


def _blob(where: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A wavy outline around the middle of an object, with as many pixels, ``(H, W)`` bool."""
    y, x = np.nonzero(where)
    rows, columns = np.indices(where.shape)
    angle = np.arctan2(rows - y.mean(), columns - x.mean())
    radius = np.ones(where.shape)
    for wave in range(2, 2 + WAVES):
        radius += rng.uniform(0, 0.5) / wave * np.cos(wave * angle + rng.uniform(0, 2 * np.pi))
    far = np.hypot(rows - y.mean(), columns - x.mean()) / radius
    chosen = np.argpartition(far, len(y) - 1, axis=None)[: len(y)]
    blob = np.zeros(where.shape, bool)
    blob.flat[chosen] = True
    return blob


def _changed(video: Video, how: str, frames: Any, masks: Any) -> Video:
    return Video(f"{video.name}-{how}", frames, masks, fps=video.fps, frame_names=video.frame_names)


# --- test beds --------------------------------------------------------------------------------

WITHOUT: dict[str, Callable[[Video], Video]] = {
    "motion": mirrored,
    "appearance": recoloured,
    "shape": blobbed,
}
"""How each cue is destroyed."""

CUES = {"cues": "", **{f"cues-without-{cue}": cue for cue in WITHOUT}}
"""Test beds by name, with the cue that is destroyed in each; the first is whole."""

SUITES = ("easy", "camera", "viewpoint", "scale", "lighting")
FRAMES, SIZE = 16, (120, 216)


def cue_videos(name: str = "cues") -> list[Video]:
    """The first test video of each of five suites, whole or with a cue destroyed.

    Args:
        name: one of :data:`CUES`.

    Returns:
        Videos of one object, of 16 frames and 120 x 216 pixels. They have the same names in all
        test beds, as each is compared with itself.

    Raises:
        ValueError: there is no such test bed.

    Example:
        >>> [video.name for video in cue_videos("cues-without-shape")[:2]]
        ['easy-test-00', 'camera-test-00']
    """
    if name not in CUES:
        raise ValueError(f"there is no test bed {name!r}, there are: {', '.join(CUES)}")
    whole = [suite(each, length=1, frames=FRAMES, size=SIZE)[0] for each in SUITES]
    if not CUES[name]:
        return list(whole)
    return [replace(WITHOUT[CUES[name]](video), name=video.name) for video in whole]

"""What a method is, and how it is run over a video.

A method starts on the first frame, with its mask in one-shot segmentation and without one in
zero-shot segmentation. Then it gets the frames one by one, and answers each with a mask. It never
looks ahead, unless it says so (``preview``). The leaderboard, the widgets and the command line all
speak to this one interface.
"""

from collections.abc import Iterator, Mapping
from typing import Protocol, runtime_checkable

import numpy as np
from tqdm.auto import tqdm

from vos_lab.video import VOID, Video, as_label_map


@runtime_checkable
class Segmenter(Protocol):
    """A method for video object segmentation.

    A zero-shot method, which needs no first mask, says so with an attribute ``zero_shot = True``;
    one that finds several objects in an order of its own with ``proposals = True`` too, and then
    they are matched with the true ones, as DAVIS 2017 does in its unsupervised task. A method that
    can take up objects in the middle of a video, as YouTube-VOS asks, has a method
    ``add(frame, mask)`` too: it is called before ``step`` with the same frame and a label map of
    the new objects. A method that goes through a video in both directions has a method
    ``preview(frames)``: it is called before ``start`` with all frames, which are read only when
    they are asked for. Where frames come one by one, as from a camera, nobody calls it, and the
    method must do without.
    """

    def start(self, frame: np.ndarray, mask: np.ndarray | None = None) -> None:
        """Begin a video.

        Args:
            frame: the first frame, ``(H, W, 3)`` uint8 RGB.
            mask: its label map, ``(H, W)`` uint8; None for zero-shot methods.
        """
        ...

    def step(self, frame: np.ndarray) -> np.ndarray:
        """Segment the next frame.

        Args:
            frame: ``(H, W, 3)`` uint8 RGB, of the size of the first.

        Returns:
            Label map, ``(H, W)`` uint8.
        """
        ...


def segment(
    segmenter: Segmenter, video: Video, given: Mapping[int, np.ndarray] | None = None
) -> Iterator[np.ndarray]:
    """Run a method over a video, one mask at a time, so that a long video needs no memory.

    Args:
        segmenter: the method.
        video: the video.
        given: annotated label maps by frame; frame 0 starts the method, the objects of later
            frames are added there. By default, the first mask of the video. Not for zero-shot
            methods.

    Yields:
        A label map ``(H, W)`` uint8 for each frame. For the first frame of a one-shot method that
        is the given mask itself.

    Raises:
        ValueError: the first mask is missing or of another size, the method cannot take up
            objects later, or it answers with something else than a label map of the frame's size.
    """
    method = method_name(segmenter)
    zero_shot = getattr(segmenter, "zero_shot", False)
    if given is None:
        given = {} if zero_shot else {0: video.first_mask}
    if not zero_shot and 0 not in given:
        raise ValueError(f"{video.name}: {method} needs a mask for frame 0")
    if any(t > 0 for t in given) and not hasattr(segmenter, "add"):
        raise ValueError(f"{video.name}: {method} cannot take up objects after the first frame")

    if hasattr(segmenter, "preview"):
        segmenter.preview(video.frames)
    for t, frame in enumerate(video.frames):
        annotated = given.get(t)
        if annotated is not None:
            annotated = _checked(annotated, frame, f"{video.name}: the mask given for frame {t}")
            annotated = np.where(annotated == VOID, 0, annotated)  # void is no object to follow
        if t == 0:
            segmenter.start(frame, annotated)
        elif annotated is not None:
            segmenter.add(frame, annotated)  # type: ignore[attr-defined]  # looked for above
        if t == 0 and annotated is not None:
            yield annotated.copy()
            continue
        name = f"{video.name}: what {method}.step gave for frame {t}"
        mask = _checked(segmenter.step(frame), frame, name)
        yield mask if annotated is None else np.where(annotated > 0, annotated, mask)


def run(
    segmenter: Segmenter,
    video: Video,
    given: Mapping[int, np.ndarray] | None = None,
    progress: bool = True,
) -> np.ndarray:
    """Run a method over a video, with a progress bar.

    Args:
        segmenter: the method.
        video: the video.
        given: as in :func:`segment`.
        progress: whether to show the bar.

    Returns:
        Label maps, ``(T, H, W)`` uint8.

    Raises:
        ValueError: as in :func:`segment`.

    Example:
        >>> from vos_lab.methods.baseline import Baseline
        >>> mask = np.array([[0, 1]], np.uint8)
        >>> video = Video("two frames", np.zeros((2, 1, 2, 3), np.uint8), masks=[mask, None])
        >>> run(Baseline(), video, progress=False).tolist()
        [[[0, 1]], [[0, 1]]]
    """
    masks = segment(segmenter, video, given)
    description = f"{method_name(segmenter)} on {video.name}"
    bar = tqdm(masks, desc=description, total=len(video), unit="frame", disable=not progress)
    return np.stack(list(bar))


def method_name(segmenter: Segmenter) -> str:
    """What to call a method in a message: its ``name`` where it has one, else its class."""
    return str(getattr(segmenter, "name", type(segmenter).__name__))


def check_mask(name: str, frame: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
    """Refuse to start without a mask, or with one that is not of its frame's size.

    Args:
        name: of the method, for the message.
        frame: ``(H, W, 3)`` uint8.
        mask: what was given for it.

    Returns:
        The mask.

    Raises:
        ValueError: there is no mask, or it is of another size.
    """
    if mask is None:
        raise ValueError(f"{name}: starts from the first mask, so it needs one")
    if mask.shape != frame.shape[:2]:
        raise ValueError(
            f"{name}: a mask of {mask.shape} was given for a frame of {frame.shape[:2]}"
        )
    return mask


def _checked(mask: np.ndarray, frame: np.ndarray, name: str) -> np.ndarray:
    labels = as_label_map(mask, name)
    if labels.shape != frame.shape[:2]:
        raise ValueError(f"{name} has the shape {labels.shape}, the frame {frame.shape[:2]}")
    return labels

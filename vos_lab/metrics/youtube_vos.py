"""The score of YouTube-VOS: J and F over classes that were seen in training, and over unseen ones.

Xu et al., "YouTube-VOS: A Large-Scale Video Object Segmentation Benchmark", arXiv:1809.03327,
Section 4. The evaluation runs on a server, whose code is not public. Taken as documented: every
object counts from the frame where it first appears, on the annotated frames (every fifth); J and
F are averaged over the frames of an object, then over the objects of a group. Not documented is
whether the frame of the first appearance, whose mask is given, counts; here it does not, unless
``with_first`` says so.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from vos_lab.metrics.masks import boundary_f, jaccard
from vos_lab.metrics.videos import void_pixels


@dataclass(frozen=True)
class ObjectScore:
    """The score of one object of one video.

    Attributes:
        video: its name.
        label: of the object in the label maps.
        seen: whether its class occurs in the training set.
        j: mean J over the scored frames.
        f: mean F over the scored frames.
        frames: how many were scored.
    """

    video: str
    label: int
    seen: bool
    j: float
    f: float
    frames: int


def score_video(
    video: str,
    prediction: Sequence[np.ndarray],
    truth: Sequence[np.ndarray | None],
    seen: dict[int, bool],
    with_first: bool = False,
) -> list[ObjectScore]:
    """Score each object of a video from its first appearance on.

    Args:
        video: its name.
        prediction: T label maps, ``(H, W)`` uint8.
        truth: T label maps of the same size; None for a frame that nobody annotated.
        seen: for each object that is to be scored whether its class is seen in training.
        with_first: score the frame of the first appearance too, whose mask a method is given.

    Returns:
        One score for each object that has a frame to score, in the order of ``seen``.

    Raises:
        ValueError: numbers of frames or sizes differ, or an object never appears.

    Example:
        >>> truth = [np.array([[0, 0]], np.uint8), None, np.array([[0, 1]], np.uint8)] * 2
        >>> prediction = [np.array([[0, 1]], np.uint8)] * 6
        >>> [score] = score_video("v", prediction, truth, {1: True})
        >>> score.j, score.frames
        (0.5, 2)
    """
    if len(prediction) != len(truth):
        raise ValueError(f"{video}: {len(prediction)} predicted masks for {len(truth)} frames")
    annotated = [(t, mask) for t, mask in enumerate(truth) if mask is not None]
    scores = []
    for label, is_seen in seen.items():
        appears = next((i for i, (_, mask) in enumerate(annotated) if (mask == label).any()), None)
        if appears is None:
            raise ValueError(f"{video}: object {label} appears in no annotated frame")
        of_j, of_f = [], []
        for t, mask in annotated[appears if with_first else appears + 1 :]:
            pair, void = (prediction[t] == label, mask == label), void_pixels(mask)
            of_j.append(float(jaccard(*pair, void)))
            of_f.append(float(boundary_f(*pair, void)))
        # An object that first appears in the last annotated frame leaves nothing to score.
        if of_j:
            j, f = float(np.mean(of_j)), float(np.mean(of_f))
            scores.append(ObjectScore(video, label, is_seen, j, f, len(of_j)))
    return scores


def summarise_youtube_vos(scores: Iterable[ObjectScore]) -> dict[str, float]:
    """The five numbers of YouTube-VOS.

    Args:
        scores: of all objects of all videos.

    Returns:
        ``J_seen``, ``J_unseen``, ``F_seen``, ``F_unseen``, the means over the objects of each
        group; ``G``, the mean of the four.

    Raises:
        ValueError: one of the groups has no object, so that G is not defined.

    Example:
        >>> seen = ObjectScore("a", 1, True, 0.8, 0.9, 5)
        >>> unseen = ObjectScore("b", 1, False, 0.6, 0.7, 5)
        >>> summarise_youtube_vos([seen, unseen])["G"]
        0.75
    """
    scores = list(scores)
    result = {}
    for group, is_seen in (("seen", True), ("unseen", False)):
        members = [score for score in scores if score.seen == is_seen]
        if not members:
            raise ValueError(f"no object of {group} classes, so G is not defined")
        result[f"J_{group}"] = float(np.mean([score.j for score in members]))
        result[f"F_{group}"] = float(np.mean([score.f for score in members]))
    return {**result, "G": float(np.mean(list(result.values())))}

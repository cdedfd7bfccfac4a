"""From the masks of a video to its score: objects, frames, and their averages.

One object (DAVIS 2016), several objects that are known from the first frame (DAVIS 2017,
semi-supervised; Pont-Tuset et al., arXiv:1704.00675), or proposals that must first be matched to
the objects (DAVIS 2017, unsupervised; Caelles et al., arXiv:1905.00737).
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from vos_lab.metrics import packed
from vos_lab.metrics.masks import (
    boundary_f,
    boundary_radius,
    jaccard,
    mask_boundary,
    statistics,
)
from vos_lab.metrics.pixels import box_around
from vos_lab.video import VOID

MAX_PROPOSALS = 20
"""How many proposals the unsupervised task of DAVIS 2017 allows for a video."""


def score_objects(
    prediction: np.ndarray, truth: np.ndarray, objects: int, tolerance: float = 0.008
) -> np.ndarray:
    """J and F of each object in one frame.

    Args:
        prediction: label map, ``(H, W)`` uint8.
        truth: label map of the same size; where it is 255 (void) nothing counts.
        objects: how many there are: labels 1 to ``objects``.
        tolerance: as in ``boundary_f``.

    Returns:
        ``(2, objects)`` float64: J in the first row, F in the second.

    Raises:
        ValueError: the sizes differ.

    Example:
        >>> truth = np.array([[0, 1], [2, 2]], np.uint8)
        >>> score_objects(truth, truth, objects=2).tolist()
        [[1.0, 1.0], [1.0, 1.0]]
    """
    prediction, truth, tolerance = _cut(prediction, truth, tolerance)
    void = void_pixels(truth)
    scores = np.empty((2, objects))
    for label in range(1, objects + 1):
        pair = prediction == label, truth == label
        scores[:, label - 1] = _j_and_f(*pair, void, tolerance)
    return scores


def score_proposals(
    prediction: np.ndarray, truth: np.ndarray, objects: int, tolerance: float = 0.008
) -> np.ndarray:
    """J and F of each proposal for each object in one frame.

    Args:
        prediction: ``(H, W)`` uint8; label p is proposal p, at most 20.
        truth: label map of the same size; where it is 255 (void) nothing counts.
        objects: how many there are: labels 1 to ``objects``.
        tolerance: as in ``boundary_f``.

    Returns:
        ``(2, 20, objects)`` float64.

    Raises:
        ValueError: the sizes differ, or there are more proposals than 20.
    """
    present = np.flatnonzero(np.bincount(prediction.ravel(), minlength=256))
    if present[-1] > MAX_PROPOSALS:
        raise ValueError(f"proposal {present[-1]}: at most {MAX_PROPOSALS} are allowed")
    prediction, truth, tolerance = _cut(prediction, truth, tolerance)
    void = void_pixels(truth)
    scores = np.empty((2, MAX_PROPOSALS, objects))
    for label in range(1, objects + 1):
        mask = truth == label
        # Most proposals are absent from most frames, and all absent ones score the same.
        nothing = np.zeros_like(mask)
        scores[:, :, label - 1] = np.reshape(_j_and_f(nothing, mask, void, tolerance), (2, 1))
        for proposal in present[present > 0]:
            pair = prediction == proposal, mask
            scores[:, proposal - 1, label - 1] = _j_and_f(*pair, void, tolerance)
    return scores


def _cut(
    prediction: np.ndarray, truth: np.ndarray, tolerance: float
) -> tuple[np.ndarray, np.ndarray, float]:
    """The part of two label maps that is not background, and the tolerance in pixels."""
    if _adopted() or prediction.shape != truth.shape or truth.size == 0:
        return prediction, truth, tolerance
    box = box_around(prediction, truth)
    return prediction[box], truth[box], boundary_radius(truth.shape, tolerance)


def _adopted() -> bool:
    """Whether a student's function is to run here."""
    return any(each.adopted for each in (jaccard, boundary_f, mask_boundary))


def _j_and_f(
    prediction: np.ndarray, truth: np.ndarray, void: np.ndarray | None, tolerance: float
) -> tuple[float, float]:
    """J and F of two masks: by the functions of a student who has adopted one, else fast."""
    if _adopted():
        f = boundary_f(prediction, truth, void, tolerance=tolerance)
        return float(jaccard(prediction, truth, void)), float(f)
    return packed.j_and_f(prediction, truth, void, tolerance)


def match_proposals(scores: np.ndarray) -> np.ndarray:
    """Which proposal stands for which object: the assignment with the largest sum of J and F.

    Each object gets one proposal and no proposal serves two objects (the Hungarian method). What
    counts is the mean of J and F over all frames. A proposal that is left over costs nothing.

    Args:
        scores: ``(2, P, N, T)``: J and F of P proposals for N objects in T frames, P >= N.

    Returns:
        ``(N,)``: for each object the index of its proposal, from 0.

    Example:
        >>> j = np.array([[[0.2], [0.9]], [[0.7], [0.8]]])
        >>> match_proposals(np.stack([j, j])).tolist()
        [1, 0]
    """
    of_objects = scores.mean(axis=(0, 3)).T
    from scipy.optimize import linear_sum_assignment  # takes half a second

    return np.asarray(linear_sum_assignment(of_objects, maximize=True)[1])


def count_objects(first_truth: np.ndarray) -> int:
    """The number of objects of a video as DAVIS counts them: the largest label of frame 1.

    Args:
        first_truth: label map of the first frame.

    Example:
        >>> count_objects(np.array([[0, 3, 255]], np.uint8))
        3
    """
    largest = int(first_truth.max(initial=0))
    if largest == VOID:
        largest = int(first_truth[first_truth != VOID].max(initial=0))
    return largest


def evaluate_video(
    prediction: Sequence[np.ndarray],
    truth: Sequence[np.ndarray],
    unsupervised: bool = False,
    all_frames: bool = False,
    tolerance: float = 0.008,
) -> dict[str, Any]:
    """Score one video whose label maps are in memory.

    Args:
        prediction: T label maps, ``(H, W)`` uint8.
        truth: T label maps of the same size.
        unsupervised: match proposals to objects, instead of trusting their labels.
        all_frames: score the first and the last frame too. (DAVIS leaves them out, except in
            the unsupervised task, where this changes nothing.)
        tolerance: as in ``boundary_f``.

    Returns:
        As in ``summarise``.

    Raises:
        ValueError: sizes or numbers of frames differ, or there are surplus objects.

    Example:
        >>> truth = np.zeros((5, 8, 8), np.uint8)
        >>> truth[:, 2:6, 2:6] = 1
        >>> evaluate_video(truth, truth)["JF"]
        1.0
    """
    if len(prediction) != len(truth) or len(truth) == 0:
        raise ValueError(f"{len(prediction)} predicted masks for {len(truth)} true ones")
    objects = max(1, count_objects(truth[0]))
    chosen, notes = scored_frames(len(truth), all_frames or unsupervised)
    score = score_proposals if unsupervised else score_objects
    parts = []
    for t in chosen:
        surplus = int(prediction[t].max(initial=0))
        if surplus > (MAX_PROPOSALS if unsupervised else objects):
            raise ValueError(
                f"frame {t}: there is an object {surplus}, but the truth has {objects}"
            )
        parts.append(score(prediction[t], truth[t], objects, tolerance))
    scores = np.stack(parts, axis=-1)
    if unsupervised:
        proposals = max(int(np.max(prediction[t])) for t in chosen)
        scores = take_matched(scores, proposals)
    return summarise(scores, [str(t) for t in chosen], notes)


def take_matched(scores: np.ndarray, proposals: int) -> np.ndarray:
    """From the scores of all proposals, those of the proposal that is matched to each object.

    Args:
        scores: ``(2, 20, N, T)``, from ``score_proposals`` for each frame.
        proposals: how many there are in the whole video; missing ones up to N are empty.

    Returns:
        ``(2, N, T)``.
    """
    objects = scores.shape[2]
    if objects > MAX_PROPOSALS:
        raise ValueError(f"{objects} objects, but only {MAX_PROPOSALS} proposals are allowed")
    scores = scores[:, : max(proposals, objects)]
    return scores[:, match_proposals(scores), np.arange(objects)]


def scored_frames(count: int, all_frames: bool) -> tuple[range, list[str]]:
    """Which frames of a video count: all but the first, which is given, and the last.

    Args:
        count: of the video's frames.
        all_frames: take the first and the last too.

    Returns:
        The frame numbers from 0, and notes on what is unusual about them.

    Example:
        >>> scored_frames(9, all_frames=False)
        (range(1, 8), [])
    """
    notes = []
    chosen = range(count) if all_frames else range(1, count - 1)
    if len(chosen) == 0:
        chosen = range(count)
        notes.append(f"only {count} frames: the first and the last are scored too")
    if len(chosen) < 4:
        notes.append(f"only {len(chosen)} scored frames: decay compares quarters that overlap")
    return chosen, notes


def summarise(scores: np.ndarray, frames: Sequence[str], notes: Sequence[str]) -> dict[str, Any]:
    """The summary of one video.

    Args:
        scores: ``(2, N, T)``: J and F of N objects in T frames.
        frames: the names of the T frames.
        notes: what a reader should know about these numbers.

    Returns:
        ``J`` and ``F`` (each ``mean``, ``recall``, ``decay``, averaged over the objects), ``JF``
        (the mean of both means), ``objects`` (the same for each, and ``values`` for each frame),
        ``frames`` and ``notes``. It can be written as JSON.
    """
    objects = {}
    for label, of_object in enumerate(scores.transpose(1, 0, 2), start=1):
        of_j, of_f = (statistics(values) for values in of_object)
        objects[str(label)] = {
            "J": of_j,
            "F": of_f,
            "JF": (of_j["mean"] + of_f["mean"]) / 2,
            "values": {"J": of_object[0].tolist(), "F": of_object[1].tolist()},
        }
    return {
        **average(objects.values()),
        "objects": objects,
        "frames": list(frames),
        "notes": list(notes),
    }


def average(parts: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """The average of several results, each with ``J`` and ``F``.

    Example:
        >>> one = {"mean": 1.0, "recall": 1.0, "decay": 0.0}
        >>> half = {"mean": 0.5, "recall": 0.0, "decay": 0.0}
        >>> average([{"J": one, "F": one}, {"J": half, "F": half}])["JF"]
        0.75
    """
    parts = list(parts)
    result: dict[str, Any] = {
        measure: {
            key: float(np.mean([part[measure][key] for part in parts]))
            for key in ("mean", "recall", "decay")
        }
        for measure in ("J", "F")
    }
    result["JF"] = (result["J"]["mean"] + result["F"]["mean"]) / 2
    return result


def void_pixels(truth: np.ndarray) -> np.ndarray | None:
    """Where nobody knows (label 255), ``(H, W)`` bool; None where there is no such pixel."""
    return truth == VOID if truth.max(initial=0) == VOID else None

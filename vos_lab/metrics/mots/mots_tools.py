"""MOTSA, MOTSP and sMOTSA as ``mots_tools`` computes them, the code of the authors of MOTS.

Voigtlaender et al., "MOTS: Multi-Object Tracking and Segmentation", CVPR 2019, Section 4.
"""

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from vos_lab.exercise import exercise
from vos_lab.metrics.mots import identity
from vos_lab.metrics.mots.overlap import Overlaps

Figures = dict[str, Any]


@exercise(minutes=10, difficulty=2, importance=5)
def match_masks(
    shared: np.ndarray, truth_area: np.ndarray, result_area: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Which mask of the result is which object, in one frame?

    A pair matches where its IoU is above 0.5 (Section 4 of the paper). Masks of one frame never
    overlap, so each mask finds at most one such partner, and nothing has to be chosen.

    Args:
        shared: ``(N, M)`` whole numbers: how many pixels each of N true masks shares with each of
            M masks of the result.
        truth_area: ``(N,)``: how many pixels each true mask has.
        result_area: ``(M,)``: the same for the result.

    Returns:
        Three arrays ``(K,)``, for the K pairs that match: the true masks and the masks of the
        result, both int64 and counted from 0, in the order of the true masks; and the IoU, float64.

    Example:
        >>> truth, result, iou = match_masks(np.array([[0, 60], [40, 0]]), [80, 90], [50, 70])
        >>> truth.tolist(), result.tolist(), iou.round(3).tolist()
        ([0], [1], [0.667])
    """
    # Step 1: the union of a pair. The sum of their areas counts the shared pixels twice.
    union = np.add.outer(truth_area, result_area) - shared
    # Step 2: intersection over union. Two empty masks have no union; 1 avoids a division by 0.
    iou = shared / np.maximum(union, 1)
    # Step 3: a pair matches if this is above one half. Exactly one half is not enough.
    truth, result = np.nonzero(iou > 0.5)
    return truth, result, iou[truth, result]


@exercise(minutes=5, difficulty=1, importance=5)
def smotsa(ious: np.ndarray, false_positives: int, id_switches: int, truth_masks: int) -> float:
    """Soft multi-object tracking and segmentation accuracy (Section 4 of the paper).

    sMOTSA = (sum of the IoU of all matches - false positives - identity switches) / true masks.
    It asks three things at once: was everything found, was nothing invented, and were all objects
    told apart?

    Args:
        ious: ``(K,)`` the IoU of each match.
        false_positives: masks of the result that match nothing.
        id_switches: how often an object is matched by another track than before.
        truth_masks: how many masks the truth has, over all frames.

    Returns:
        At most 1. Below 0 where there are more mistakes than matches. Minus infinity where the
        truth has no mask, and so there is nothing to be found.

    Example:
        >>> smotsa([0.75, 0.5, 1.0], false_positives=1, id_switches=0, truth_masks=5)
        0.25
    """
    # Step 1: if the truth has no mask, there is nothing to divide by.
    if truth_masks == 0:
        return -math.inf
    # Step 2: the soft number of matches: each counts as much as its masks agree.
    found = float(np.sum(ious))
    # Step 3: subtract the mistakes, and divide by the number of true masks.
    return (found - false_positives - id_switches) / truth_masks


def sequence_figures(overlaps: Overlaps, frames: int) -> Figures:
    """What is counted in one sequence, in one category.

    Args:
        overlaps: what meets what.
        frames: how many frames count; mots_tools counts from frame 0 on, whatever the first is.

    Returns:
        Counts that can be added up over sequences, ``MODSP`` and ``MT``, ``PT``, ``ML`` being sums
        too; and ``ious``, a list with an array of the IoU of the matches.
    """
    # For each true mask the track that matches it in this frame, or -1.
    tracks = np.full(len(overlaps.truth_id), -1)
    matched = np.zeros(len(overlaps.result_id), bool)
    ious: list[np.ndarray] = []
    frame_means = 0.0
    for frame, (here, there, _) in overlaps.rows.items():
        shared = overlaps.matrix(frame, overlaps.shared)
        truth, result, iou = match_masks(
            shared, overlaps.truth_area[here], overlaps.result_area[there]
        )
        tracks[here][truth] = overlaps.result_id[there][result]
        matched[there][result] = True
        ious.append(iou)
        frame_means += float(iou.mean()) if len(iou) else 1.0
    # Of the others, those that lie mostly in a region to ignore are not held against anybody.
    ignored = int(np.count_nonzero(~matched & (overlaps.ignored > 0.5)))
    all_ious = np.concatenate(ious) if ious else np.empty(0)
    return {
        "n_gt_trajectories": overlaps.objects,
        "n_tr_trajectories": overlaps.tracks,
        "total_num_frames": frames,
        "n_gt": len(tracks),
        "n_tr": len(matched),
        "n_itr": ignored,
        "tp": len(all_ious),
        "fp": len(matched) - len(all_ious) - ignored,
        "fn": len(tracks) - len(all_ious),
        # A frame without a match counts as perfect.
        "MODSP": frame_means + frames - len(overlaps.rows),
        **_trajectory_figures(overlaps, tracks),
        # Here regions to ignore play no part.
        "IDTP": identity.sequence_figures(overlaps)["IDTP"],
        "ious": [all_ious],
    }


def _trajectory_figures(overlaps: Overlaps, tracks: np.ndarray) -> dict[str, int]:
    """Identity switches, fragments, and how many objects are mostly, partly or hardly tracked."""
    counts = dict.fromkeys(("fragments", "id_switches", "MT", "PT", "ML"), 0)
    by_object = np.argsort(overlaps.truth_id, kind="stable")  # of one object, frame by frame
    lengths = np.bincount(overlaps.truth_id)
    for path in np.split(tracks[by_object], np.cumsum(lengths)[:-1]) if len(tracks) else []:
        tracked = path >= 0
        followers = path[tracked]
        counts["id_switches"] += int(np.count_nonzero(followers[1:] != followers[:-1]))
        # A fragment begins where the track is another than in the frame before, or none was there,
        # if the object was tracked earlier, and is tracked in the next frame too. In its last
        # frame, neither is asked.
        begins = tracked[1:] & (path[1:] != path[:-1])
        earlier = np.maximum.accumulate(tracked)[:-1]
        next_too = np.append(tracked[2:], True)
        earlier[-1:] = True
        counts["fragments"] += int(np.count_nonzero(begins & earlier & next_too))
        share = len(followers) / len(path)
        counts["MT" if share > 0.8 else "ML" if share < 0.2 else "PT"] += 1
    return counts


def final_figures(sequences: Iterable[Figures]) -> Figures:
    """The measures of one or more sequences together.

    Args:
        sequences: from ``sequence_figures``.

    Returns:
        The names are those of mots_tools; IDF1 is in its later versions. Without a true mask,
        MOTSA, sMOTSA, MOTSAL and MODSA are minus infinity; without a match, MOTSP is infinity.
    """
    total: Figures = {}
    for each in sequences:
        total = {key: total[key] + each[key] if total else each[key] for key in each}
    ious = np.concatenate(total.pop("ious"))
    truth, found, frames = total["n_gt"], total["tp"], total["total_num_frames"]
    false, missed, switches = total["fp"], total["fn"], total["id_switches"]
    objects = max(1, total["n_gt_trajectories"])

    def accuracy(mistakes: float) -> float:
        return 1 - mistakes / truth if truth else -math.inf

    both = found + false > 0 and found + missed > 0
    recall = found / (found + missed) if both else 0.0
    precision = found / (found + false) if both else 0.0
    return {
        **total,
        "MOTSA": accuracy(missed + false + switches),
        "sMOTSA": smotsa(ious, false, switches, truth),
        "MOTSP": float(np.sum(ious)) / found if found else math.inf,
        # L: the logarithm makes many switches count little more than few.
        "MOTSAL": accuracy(missed + false + (math.log10(switches) if switches else 0)),
        "MODSA": accuracy(missed + false),
        "MODSP": total["MODSP"] / frames,
        "recall": recall,
        "precision": precision,
        "F1": 2 * precision * recall / (precision + recall) if precision + recall else 0.0,
        "FAR": false / frames,
        "IDF1": 2 * total["IDTP"] / (truth + total["n_tr"]) if truth else 0.0,
        "total_cost": float(np.sum(ious)),
        **{key: total[key] / objects for key in ("MT", "PT", "ML")},
    }

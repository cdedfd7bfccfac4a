"""HOTA as TrackEval computes it: detection and association, each as important as the other.

Luiten et al., "HOTA: A Higher Order Metric for Evaluating Multi-Object Tracking", IJCV 2020. A pair
of masks matches where its IoU is at least alpha, and everything is measured at 19 values of alpha:

    HOTA = sqrt(DetA * AssA)

DetA is the share of masks that are found, of all that are found, missed or invented. AssA asks the
same for every found mask about the tracks that it connects: in what share of the frames of this
object or of this track do the two go together?
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from vos_lab.metrics.mots.overlap import Overlaps

Figures = dict[str, Any]

ALPHAS = np.arange(0.05, 0.99, 0.05)
COUNTS = ("HOTA_TP", "HOTA_FN", "HOTA_FP")
ASSOCIATION = ("AssA", "AssRe", "AssPr")


def sequence_figures(overlaps: Overlaps) -> Figures:
    """HOTA of one sequence, in one category.

    Args:
        overlaps: what meets what; masks in regions to ignore are gone already.

    Returns:
        The names are those of TrackEval: ``(19,)`` float64 for each measure, a value for each
        alpha; and ``HOTA(0)``, ``LocA(0)``, ``HOTALocA(0)`` at the smallest.
    """
    truth, result = len(overlaps.truth_id), len(overlaps.result_id)
    in_truth = np.bincount(overlaps.truth_id)[:, None]  # frames of each object
    in_result = np.bincount(overlaps.result_id)[None, :]  # frames of each track
    pairs = _matches(overlaps, in_truth + in_result)
    objects, tracks = overlaps.truth_id[overlaps.truth], overlaps.result_id[overlaps.result]
    counts = {key: np.zeros(len(ALPHAS)) for key in COUNTS}
    association = {key: np.zeros(len(ALPHAS)) for key in ASSOCIATION}
    location = np.ones(len(ALPHAS))  # where nothing is found, nothing is misplaced
    for a, alpha in enumerate(ALPHAS):
        kept = pairs[overlaps.iou[pairs] >= alpha - np.finfo(float).eps]
        found = len(kept)
        counts["HOTA_TP"][a] = found
        counts["HOTA_FN"][a] = truth - found
        counts["HOTA_FP"][a] = result - found
        if not found:
            continue
        location[a] = np.mean(overlaps.iou[kept])
        # In how many frames does each object match each track? Each of these matches is worth the
        # share of these frames.
        cells, together = np.unique(
            objects[kept] * overlaps.tracks + tracks[kept], return_counts=True
        )
        own, other = in_truth[cells // overlaps.tracks, 0], in_result[0, cells % overlaps.tracks]
        association["AssA"][a] = np.sum(together * together / (own + other - together)) / found
        association["AssRe"][a] = np.sum(together * together / own) / found
        association["AssPr"][a] = np.sum(together * together / other) / found
    figures = {**counts, **association, "LocA": location}
    return {**figures, **_measures(figures)}


def combined_figures(sequences: Iterable[Figures]) -> Figures:
    """HOTA of several sequences together, each as ``sequence_figures`` gives it."""
    sequences = list(sequences)
    total = {key: np.sum([each[key] for each in sequences], axis=0) for key in COUNTS}
    found = total["HOTA_TP"]
    # A mean over all matches of all sequences.
    sums = {
        key: np.sum([each[key] * each["HOTA_TP"] for each in sequences], axis=0)
        for key in (*ASSOCIATION, "LocA")
    }
    for key in ASSOCIATION:
        total[key] = sums[key] / np.maximum(1, found)
    total["LocA"] = np.where(found > 0, sums["LocA"] / np.maximum(1, found), 1.0)
    return {**total, **_measures(total)}


def _matches(overlaps: Overlaps, frames_of_both: np.ndarray) -> np.ndarray:
    """The pairs that go together at every alpha that their IoU reaches.

    One matching serves all alphas: in each frame, the pairs with the largest sum of IoU, each
    weighted by how well its object and its track go together over the whole video (Section 4.2).
    """
    cells = overlaps.truth_id[overlaps.truth], overlaps.result_id[overlaps.result]
    everything = np.ones(len(overlaps.iou), bool)
    ambiguous = overlaps.ambiguous_frames(everything)
    # Of all that a pair of masks overlaps in this frame, how much does it overlap each other? A
    # pair that overlaps nothing else: all.
    alone = np.ones(len(overlaps.iou))
    for frame in ambiguous:
        _, _, pairs = overlaps.rows(frame)
        iou = overlaps.matrix(frame, overlaps.iou)
        of_all = iou.sum(0)[None, :] + iou.sum(1)[:, None] - iou
        share = np.divide(iou, of_all, out=np.zeros_like(iou), where=of_all > np.finfo(float).eps)
        truth, result, _ = overlaps.rows(frame)
        alone[pairs] = share[
            overlaps.truth[pairs] - truth.start, overlaps.result[pairs] - result.start
        ]
    together = np.zeros(frames_of_both.shape)
    np.add.at(together, cells, alone)
    alignment = together / (frames_of_both - together)

    chosen = everything
    scores = alignment[cells] * overlaps.iou
    for frame in ambiguous:
        truth, result, pairs = overlaps.rows(frame)
        matrix = overlaps.matrix(frame, scores)
        best = np.zeros(matrix.shape, bool)
        best[linear_sum_assignment(-matrix)] = True
        chosen[pairs] = best[
            overlaps.truth[pairs] - truth.start, overlaps.result[pairs] - result.start
        ]
    return np.flatnonzero(chosen)


def _measures(figures: Figures) -> Figures:
    found, missed, false = (figures[key] for key in COUNTS)
    recall = found / np.maximum(1, found + missed)
    detection = found / np.maximum(1, found + missed + false)
    hota = np.sqrt(detection * figures["AssA"])
    return {
        "HOTA": hota,
        "DetA": detection,
        "DetRe": recall,
        "DetPr": found / np.maximum(1, found + false),
        "OWTA": np.sqrt(recall * figures["AssA"]),
        "HOTA(0)": float(hota[0]),
        "LocA(0)": float(figures["LocA"][0]),
        "HOTALocA(0)": float(hota[0] * figures["LocA"][0]),
    }

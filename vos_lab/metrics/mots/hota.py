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
    objects = overlaps.truth_id[overlaps.truth[pairs]]
    tracks = overlaps.result_id[overlaps.result[pairs]]
    # From here on a row for each alpha. Which of the pairs match, (19, pairs)?
    iou = overlaps.iou[pairs]
    matching = iou >= ALPHAS[:, None] - np.finfo(float).eps
    found = np.count_nonzero(matching, axis=1).astype(float)
    # In how many frames does each object match each track? Only those that ever meet, (19, cells).
    cells, cell = np.unique(objects * overlaps.tracks + tracks, return_inverse=True)
    row, pair = np.nonzero(matching)
    together = np.bincount(row * len(cells) + cell[pair], minlength=len(ALPHAS) * len(cells))
    together = together.reshape(len(ALPHAS), len(cells))
    own, other = in_truth[cells // overlaps.tracks, 0], in_result[0, cells % overlaps.tracks]

    def mean_over_matches(share: np.ndarray) -> np.ndarray:
        return (together * share).sum(axis=1) / np.maximum(1, found)

    figures = {
        "HOTA_TP": found,
        "HOTA_FN": truth - found,
        "HOTA_FP": result - found,
        "AssA": mean_over_matches(together / (own + other - together)),
        "AssRe": mean_over_matches(together / own),
        "AssPr": mean_over_matches(together / other),
        # Where nothing is found, nothing is misplaced.
        "LocA": np.where(found > 0, (matching * iou).sum(axis=1) / np.maximum(1, found), 1.0),
    }
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
    weighted by how well its object and its track go together over the whole video.
    """
    cells = overlaps.truth_id[overlaps.truth], overlaps.result_id[overlaps.result]
    everything = np.ones(len(overlaps.iou), bool)
    ambiguous = overlaps.ambiguous_frames(everything)
    # Of all that a pair of masks overlaps in this frame, how much does it overlap each other? A
    # pair that overlaps nothing else: all.
    alone = np.ones(len(overlaps.iou))
    for frame in ambiguous:
        _, _, pairs = overlaps.rows[frame]
        iou = overlaps.matrix(frame, overlaps.iou)
        of_all = iou.sum(0)[None, :] + iou.sum(1)[:, None] - iou
        share = np.divide(iou, of_all, out=np.zeros_like(iou), where=of_all > np.finfo(float).eps)
        truth, result, _ = overlaps.rows[frame]
        alone[pairs] = share[
            overlaps.truth[pairs] - truth.start, overlaps.result[pairs] - result.start
        ]
    place = cells[0] * overlaps.tracks + cells[1]
    together = np.bincount(place, alone, frames_of_both.size).reshape(frames_of_both.shape)
    alignment = together / (frames_of_both - together)

    chosen = everything
    scores = alignment[cells] * overlaps.iou
    for frame in ambiguous:
        truth, result, pairs = overlaps.rows[frame]
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

"""The CLEAR measures as TrackEval computes them: MOTA, MOTP, sMOTA and what they are made of.

Bernardin and Stiefelhagen, "Evaluating Multiple Object Tracking Performance: The CLEAR MOT
Metrics", EURASIP 2008. With masks, MOTA is what the paper of MOTS calls MOTSA.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from vos_lab.metrics.mots.mots_tools import smotsa
from vos_lab.metrics.mots.overlap import Overlaps

Figures = dict[str, Any]

THRESHOLD = 0.5 - np.finfo(float).eps
"""From here on a pair matches. mots_tools asks for more than 0.5."""
SUMS = ("CLR_TP", "CLR_FN", "CLR_FP", "IDSW", "MT", "PT", "ML", "Frag", "CLR_Frames", "MOTP_sum")


def sequence_figures(overlaps: Overlaps) -> Figures:
    """The CLEAR measures of one sequence, in one category.

    Args:
        overlaps: what meets what; masks in regions to ignore are gone already.

    Returns:
        The names are those of TrackEval. Where truth or result is empty, TrackEval counts the
        frames as 0 and the share of lost objects (MLR) as 1, and every other measure is 0.
    """
    truth, result = len(overlaps.truth_id), len(overlaps.result_id)
    if truth == 0 or result == 0:
        sums: Figures = dict.fromkeys(SUMS, 0)
        # Without result, all objects are lost; without truth, there are none.
        sums |= {"CLR_FN": truth, "CLR_FP": result, "ML": overlaps.objects}
        return {**sums, **dict.fromkeys(_measures(sums), 0.0), "MLR": 1.0}

    objects = overlaps.truth_id[overlaps.truth].tolist()  # of each pair
    tracks = overlaps.result_id[overlaps.result].tolist()
    possible = overlaps.iou >= THRESHOLD
    # Masks of a frame do not overlap, so above one half a mask has one partner. Exactly at one half
    # it can have two, and then one must be chosen.
    ambiguous = set(overlaps.ambiguous_frames(possible))

    matches: list[int] = []  # all pairs that match
    previous: dict[int, int] = {}  # by object: its track in the frame before
    last_track: dict[int, int] = {}  # the same, however long ago
    switches, begun = 0, Counter[int]()  # by object: how often tracking begins
    for frame, pairs in _by_frame(overlaps, np.flatnonzero(possible)):
        if frame in ambiguous:
            goes_on = [previous.get(objects[pair]) == tracks[pair] for pair in pairs]
            pairs = _choose(overlaps, frame, pairs, goes_on)
        now = {objects[pair]: tracks[pair] for pair in pairs}
        switches += sum(last_track.get(each, track) != track for each, track in now.items())
        begun.update(each for each in now if each not in previous)
        matches += pairs
        previous = now
        last_track |= now
    found = len(matches)
    matched = np.bincount(overlaps.truth_id[overlaps.truth[matches]], minlength=overlaps.objects)
    share = matched / np.bincount(overlaps.truth_id)
    mostly = int(np.count_nonzero(share > 0.8))
    partly = int(np.count_nonzero(share >= 0.2)) - mostly
    sums = {
        "CLR_TP": found,
        "CLR_FN": truth - found,
        "CLR_FP": result - found,
        "IDSW": switches,
        "MT": mostly,
        "PT": partly,
        "ML": overlaps.objects - mostly - partly,
        # Tracking that begins once is whole; each further time it was broken.
        "Frag": sum(times - 1 for times in begun.values()),
        "CLR_Frames": overlaps.frames,
        "MOTP_sum": float(overlaps.iou[matches].sum()),
    }
    return {**sums, **_measures(sums)}


def combined_figures(sequences: Iterable[Figures]) -> Figures:
    """The CLEAR measures of several sequences together, each as ``sequence_figures`` gives it."""
    sequences = list(sequences)
    sums = {key: sum(each[key] for each in sequences) for key in SUMS}
    return {**sums, **_measures(sums)}


def _by_frame(overlaps: Overlaps, chosen: np.ndarray) -> Iterator[tuple[int, list[int]]]:
    """The chosen pairs of each frame, without frames in which truth or result is empty."""
    frames = np.intersect1d(overlaps.truth_frame, overlaps.result_frame)
    of_pairs = overlaps.pair_frame[chosen]
    starts = np.searchsorted(of_pairs, frames).tolist()
    stops = np.searchsorted(of_pairs, frames, side="right").tolist()
    pairs = chosen.tolist()
    for frame, start, stop in zip(frames.tolist(), starts, stops, strict=True):
        yield frame, pairs[start:stop]


def _choose(overlaps: Overlaps, frame: int, pairs: list[int], goes_on: list[bool]) -> list[int]:
    """Of these pairs of a frame, those that let most tracks go on, and then have the largest IoU.

    Args:
        overlaps: what meets what.
        frame: its number.
        pairs: the pairs that may match.
        goes_on: for each, whether the object had this track in the frame before.
    """
    scores = np.zeros(len(overlaps.iou))
    scores[pairs] = 1000 * np.array(goes_on) + overlaps.iou[pairs]
    matrix = overlaps.matrix(frame, scores)
    best = np.zeros(matrix.shape, bool)
    best[linear_sum_assignment(-matrix)] = True
    truth, result, _ = overlaps.rows[frame]
    return [
        pair
        for pair in pairs
        if best[overlaps.truth[pair] - truth.start, overlaps.result[pair] - result.start]
    ]


def _measures(sums: Figures) -> Figures:
    found, missed, false = sums["CLR_TP"], sums["CLR_FN"], sums["CLR_FP"]
    switches, objects = sums["IDSW"], max(1, sums["MT"] + sums["PT"] + sums["ML"])
    truth = max(1, found + missed)
    return {
        "MOTA": (found - false - switches) / truth,
        "MOTP": sums["MOTP_sum"] / max(1, found),
        "MODA": (found - false) / truth,
        "CLR_Re": found / truth,
        "CLR_Pr": found / max(1, found + false),
        "MTR": sums["MT"] / objects,
        "PTR": sums["PT"] / objects,
        "MLR": sums["ML"] / objects,
        "sMOTA": smotsa(np.array([sums["MOTP_sum"]]), false, switches, truth),
        "CLR_F1": found / max(1, found + missed / 2 + false / 2),
        "FP_per_frame": false / max(1, sums["CLR_Frames"]),
        "MOTAL": (found - false - (math.log10(switches) if switches else 0)) / truth,
    }

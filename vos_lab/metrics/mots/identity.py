"""IDF1 as TrackEval computes it: how long does one track stay with one object?

Ristani et al., "Performance Measures and a Data Set for Multi-Target, Multi-Camera Tracking",
ECCV 2016 workshops. Each object gets one track for the whole video; only masks where the two match
count as found.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from vos_lab.metrics.mots.overlap import Overlaps

Figures = dict[str, Any]

SUMS = ("IDTP", "IDFN", "IDFP")


def sequence_figures(overlaps: Overlaps) -> Figures:
    """IDF1 of one sequence, in one category.

    Args:
        overlaps: what meets what; masks in regions to ignore are gone already.

    Returns:
        ``IDF1``, ``IDR`` (recall), ``IDP`` (precision), and the counts behind them.
    """
    matching = overlaps.iou >= 0.5
    objects = overlaps.truth_id[overlaps.truth[matching]]
    tracks = overlaps.result_id[overlaps.result[matching]]
    # In how many frames does each object match each track?
    shape = overlaps.objects, overlaps.tracks
    together = np.bincount(objects * shape[1] + tracks, minlength=shape[0] * shape[1])
    together = together.reshape(shape)
    found = int(together[linear_sum_assignment(together, maximize=True)].sum())
    sums = {
        "IDTP": found,
        "IDFN": len(overlaps.truth_id) - found,
        "IDFP": len(overlaps.result_id) - found,
    }
    return {**sums, **_measures(sums)}


def combined_figures(sequences: Iterable[Figures]) -> Figures:
    """IDF1 of several sequences together, each as ``sequence_figures`` gives it."""
    sequences = list(sequences)
    sums = {key: sum(each[key] for each in sequences) for key in SUMS}
    return {**sums, **_measures(sums)}


def _measures(sums: Figures) -> Figures:
    found, missed, false = (sums[key] for key in SUMS)
    return {
        "IDF1": found / max(1, found + false / 2 + missed / 2),
        "IDR": found / max(1, found + missed),
        "IDP": found / max(1, found + false),
    }

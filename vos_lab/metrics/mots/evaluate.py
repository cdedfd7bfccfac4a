"""Evaluate MOTS results: one sequence or many, in the manner of mots_tools or of TrackEval."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from vos_lab.datasets.mots import CATEGORIES, MotsSequence
from vos_lab.metrics.mots import clear, hota, identity, mots_tools
from vos_lab.metrics.mots.overlap import Overlaps, find_overlaps

LIKE = ("mots_tools", "trackeval")
ALL = "ALL"
"""The name under which all sequences stand together."""

Figures = dict[str, Any]


def evaluate_mots(
    truth: MotsSequence | Mapping[str, MotsSequence],
    result: MotsSequence | Mapping[str, MotsSequence],
    like: str = "trackeval",
) -> dict[str, dict[str, Figures]]:
    """Score the objects that a tracker found against the true ones.

    Both modes agree with the program that they are named after, to the last digits of a float. They
    differ: mots_tools matches above an IoU of 0.5, TrackEval from 0.5 on; they count fragments
    differently; and where there is nothing to find, mots_tools says minus infinity, TrackEval 0.

    Args:
        truth: the true objects of a sequence, or of several, by name.
        result: those of the tracker, in the same frames.
        like: "mots_tools" or "trackeval".

    Returns:
        ``{"car": {SEQUENCE: figures, ..., "ALL": figures}, "pedestrian": {...}}``, with the names
        of the program that it agrees with. mots_tools: ``sMOTSA``, ``MOTSA``, ``MOTSP``,
        ``id_switches``, ``fragments``, ``MT``, ``PT``, ``ML``, ...; trackeval: ``{"HOTA": {...},
        "CLEAR": {...}, "Identity": {...}}``, where a measure of HOTA is a list with a value for
        each of 19 alphas.

    Raises:
        ValueError: there is no such mode, or frames or sizes differ.
        KeyError: the result lacks a sequence.

    Example:
        >>> from vos_lab.datasets.mots import MotsObject
        >>> mask = np.array([[0, 1, 1], [0, 1, 0]], bool)
        >>> truth = MotsSequence.of("street", [[MotsObject.of(1001, 1, mask)]] * 3)
        >>> result = MotsSequence.of("street", [[MotsObject.of(k, 1, mask)] for k in (7, 7, 8)])
        >>> evaluate_mots(truth, result, like="mots_tools")["car"]["ALL"]["id_switches"]
        1
        >>> evaluate_mots(truth, result)["car"]["street"]["Identity"]["IDF1"]
        0.6666666666666666
    """
    if isinstance(truth, MotsSequence):
        truth = {truth.name: truth}
    if isinstance(result, MotsSequence):
        result = {next(iter(truth)): result}
    if not truth:
        raise ValueError("there is no sequence to evaluate")
    parts = {name: sequence_parts(truth[name], result[name], like) for name in truth}
    return combined(parts, like)


def check_mode(like: str) -> None:
    """Refuse a mode that there is not.

    Raises:
        ValueError: it is neither "mots_tools" nor "trackeval".
    """
    if like not in LIKE:
        raise ValueError(f"there is no mode {like!r}; there are {' and '.join(LIKE)}")


def sequence_parts(truth: MotsSequence, result: MotsSequence, like: str) -> dict[str, Figures]:
    """What one sequence adds to the figures, for each category.

    Raises:
        ValueError: there is no such mode, or frames or sizes differ.
    """
    check_mode(like)
    if len(truth) == 0:
        raise ValueError(f"{truth.source}: has no frame")
    parts = {}
    for category, overlaps in find_overlaps(truth, result, CATEGORIES).items():
        if like == "mots_tools":
            # It counts frames from 0 on, even where the first is number 1.
            parts[category] = mots_tools.sequence_figures(overlaps, truth.numbers.stop)
        else:
            counted = without_ignored(overlaps)
            parts[category] = {
                "HOTA": hota.sequence_figures(counted),
                "CLEAR": clear.sequence_figures(counted),
                "Identity": identity.sequence_figures(counted),
            }
    return parts


def combined(parts: Mapping[str, dict[str, Figures]], like: str) -> dict[str, dict[str, Figures]]:
    """The figures of each sequence and of all, from their parts."""
    combine = _like_mots_tools if like == "mots_tools" else _like_trackeval
    return {
        category: combine({n: part[category] for n, part in parts.items()})
        for category in CATEGORIES
    }


def _like_mots_tools(parts: dict[str, Figures]) -> dict[str, Figures]:
    figures = {name: mots_tools.final_figures([part]) for name, part in parts.items()}
    return {**figures, ALL: mots_tools.final_figures(parts.values())}


def _like_trackeval(parts: dict[str, Figures]) -> dict[str, Figures]:
    metrics = {"HOTA": hota, "CLEAR": clear, "Identity": identity}
    everything = {
        name: metric.combined_figures([part[name] for part in parts.values()])
        for name, metric in metrics.items()
    }
    return {
        sequence: {metric: _plain(figures) for metric, figures in each.items()}
        for sequence, each in {**parts, ALL: everything}.items()
    }


def _plain(figures: Figures) -> Figures:
    return {
        key: value.tolist() if isinstance(value, np.ndarray) else value
        for key, value in figures.items()
    }


def without_ignored(overlaps: Overlaps) -> Overlaps:
    """Take away what lies in regions to ignore, as TrackEval does.

    Gone are the masks of the result that match nothing and have more than half of their pixels in
    such a region.
    """
    mostly_inside = overlaps.ignored > 0.5 + np.finfo(float).eps
    if not mostly_inside.any():
        return overlaps
    possible = overlaps.iou >= clear.THRESHOLD
    matched = np.zeros(len(overlaps.result_id), bool)
    matched[overlaps.result[possible]] = True
    # Exactly at one half a mask can have two partners, and one of them goes without.
    for frame in overlaps.ambiguous_frames(possible):
        _, there, _ = overlaps.rows[frame]
        iou = overlaps.matrix(frame, overlaps.iou)
        rows, columns = linear_sum_assignment(-np.where(iou < clear.THRESHOLD, -10000, iou))
        matched[there] = False
        matched[there][columns[iou[rows, columns] >= clear.THRESHOLD]] = True
    return overlaps.without(mostly_inside & ~matched)

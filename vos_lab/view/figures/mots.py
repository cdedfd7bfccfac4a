"""Pictures of how well many objects are tracked."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from vos_lab.metrics.mots.hota import ALPHAS
from vos_lab.view.encoding import decode, encode_webp
from vos_lab.view.figures import curves
from vos_lab.view.figures.page import Figure

MEASURES = ("HOTA", "DetA", "AssA", "LocA")


def hota_figure(result: Mapping[str, Mapping[str, Any]], sequence: str = "ALL") -> Figure:
    """HOTA and its parts over alpha, the IoU from which on two masks match.

    Args:
        result: from ``evaluate_mots`` with ``like="trackeval"``.
        sequence: which one; by default all together.

    Returns:
        The figure, with a part for each category that has any mask.

    Raises:
        KeyError: there is no such sequence.
        ValueError: the result was made like mots_tools, which has no HOTA, or has no mask at all.

    Example:
        >>> from vos_lab.datasets.mots import MotsObject, MotsSequence
        >>> from vos_lab.metrics.mots import evaluate_mots
        >>> car = MotsObject.of(1001, 1, np.ones((4, 4), bool))
        >>> video = MotsSequence.of("street", [[car], [car]])
        >>> hota_figure(evaluate_mots(video, video))
        <figure: Curves over alpha, 0.05 to 0.95. car: HOTA goes from 100 % to 100 %, mean 100 %.>
    """
    figures = []
    for category, sequences in result.items():
        hota = sequences[sequence].get("HOTA")
        if hota is None:
            raise ValueError("mots_tools has no HOTA: evaluate with like='trackeval'")
        if not np.any([hota[f"HOTA_{key}"] for key in ("TP", "FP", "FN")]):
            continue
        first, last, mean = (
            f"{100 * value:.0f} %"
            for value in (hota["HOTA"][0], hota["HOTA"][-1], np.mean(hota["HOTA"]))
        )
        figures.append(
            curves(
                {name: hota[name] for name in MEASURES},
                f"{category}: HOTA is {mean} on average, {first} at the loosest fit, {last} at "
                "the tightest",
                x=ALPHAS,
                xlabel="alpha: the IoU from which on two masks match",
                ylabel=f"share, {category}",
                alt=f"{category}: HOTA goes from {first} to {last}, mean {mean}.",
            )
        )
    if not figures:
        raise ValueError(
            f"{sequence}: there is no mask, neither true nor found, so nothing to draw"
        )
    alt = " ".join(each.alt for each in figures)
    return _below_each_other(figures, f"Curves over alpha, 0.05 to 0.95. {alt}")


def _below_each_other(figures: list[Figure], alt: str) -> Figure:
    pixels = np.concatenate([decode(each.data) for each in figures])
    title = ". ".join(each.title for each in figures)
    return Figure(encode_webp([pixels]), "image/webp", alt, figures[0].width, title)

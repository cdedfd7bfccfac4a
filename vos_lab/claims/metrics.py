"""The claim of lesson 01: J and F rank the same two predictions differently."""

from itertools import combinations

import numpy as np

from vos_lab import metrics
from vos_lab.claims.claim import Claim
from vos_lab.datasets.procedural import suites as procedural
from vos_lab.view.widgets.metrics import change_mask

# How predictions go wrong, and by how many pixels of a frame with 240 rows.
DAMAGES = {
    "erode": (1, 4),
    "dilate": (1, 4),
    "right": (-6, 6),
    "down": (-6, 6),
    "hole": (2, 8),
    "rough": (3, 9),
}


def disagreement(seed: int) -> float:
    """How often J and F disagree about which of two predictions is better.

    Args:
        seed: number of a video of the mixed test suite, whose first object is the truth.

    Returns:
        The share of all pairs among 24 damaged masks, four of each kind, that J and F put in
        opposite order. Pairs on which either of them is undecided do not count as disagreement.
    """
    truth = procedural.suite("mixed", length=seed + 1)[seed].first_mask == 1
    rng = np.random.default_rng(seed)
    scores = []
    for kind, (low, high) in DAMAGES.items():
        for strength in rng.integers(low, high + 1, size=4).tolist():
            mask = change_mask(truth, **{kind: strength})
            j, f = metrics.jaccard(mask, truth), metrics.boundary_f(mask, truth)
            scores.append((float(j), float(f)))
    opposite = [(a[0] - b[0]) * (a[1] - b[1]) < 0 for a, b in combinations(scores, 2)]
    return float(np.mean(opposite))


RANKING = Claim(
    name="01_metrics/ranking",
    statement="J and F rank the same two predictions differently.",
    source="ours; the measures are those of F. Perazzi et al., CVPR 2016, Section 4",
    conditions="24 damaged masks of the first object of a video of the mixed test suite, all pairs",
    effect="share of pairs of predictions that J and F put in opposite order",
    experiment=disagreement,
    seeds=tuple(range(10)),
    matters=0.05,
)

CLAIMS = (RANKING,)

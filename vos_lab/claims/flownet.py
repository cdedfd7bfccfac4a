"""The claim of lesson 03: the correlation layer beats plain stacking where motion is large."""

import numpy as np

from vos_lab.claims.claim import Claim
from vos_lab.datasets.flying_shapes import flying_shapes
from vos_lab.flow import estimate
from vos_lab.metrics.flow import endpoint_error


def correlation_helps(seed: int) -> float:
    """How much nearer FlowNetC comes than FlowNetS, where things move far.

    Args:
        seed: chooses six test pairs that no other seed has.

    Returns:
        Mean endpoint error of FlowNetS minus that of FlowNetC, pixels, over all pixels that move by
        12 pixels or more.
    """
    lost: dict[str, list[np.ndarray]] = {"flownet-s": [], "flownet-c": []}
    for number in range(6 * seed, 6 * seed + 6):
        pair = flying_shapes(number, "test")
        far = np.linalg.norm(pair.flow, axis=-1) >= 12
        for name, errors in lost.items():
            errors.append(endpoint_error(estimate(pair.first, pair.second, name), pair.flow)[far])
    stacked, compared = (float(np.concatenate(errors).mean()) for errors in lost.values())
    return stacked - compared


CORRELATION = Claim(
    name="03_flownet/correlation",
    statement="The correlation layer beats plain stacking where motion is large.",
    source="the lecture; Fischer et al., ICCV 2015, say the opposite of motion beyond its reach",
    conditions="flying shapes of the test split, 240 x 432, six pairs a seed, things move up to "
    "about 40 pixels; one training of each network, with the same data and steps",
    effect="endpoint error of FlowNetS minus that of FlowNetC, where pixels move 12 or more (px)",
    experiment=correlation_helps,
    seeds=tuple(range(10)),
)

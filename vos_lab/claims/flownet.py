"""The claims of lesson 03: the correlation layer beats plain stacking where motion is large."""

from collections.abc import Iterable

import numpy as np

from vos_lab.claims.claim import Claim
from vos_lab.datasets.flying_shapes import flying_shapes
from vos_lab.datasets.procedural import ProceduralVideo, suite
from vos_lab.flow import estimate
from vos_lab.metrics.flow import endpoint_error

FAR = 12  # pixels: from here on, motion is large


def correlation_helps(seed: int) -> float:
    """How much nearer FlowNetC comes than FlowNetS, where shapes move far.

    Args:
        seed: chooses six test pairs that no other seed has.

    Returns:
        Mean endpoint error of FlowNetS minus that of FlowNetC, pixels, over all pixels that move by
        12 pixels or more.
    """
    pairs = (flying_shapes(number, "test") for number in range(6 * seed, 6 * seed + 6))
    return advantage((pair.first, pair.second, pair.flow) for pair in pairs)


def correlation_helps_elsewhere(seed: int) -> float:
    """The same on videos of the renderer, which neither network was trained on.

    Args:
        seed: 0 to 9, chooses a test video of each of three suites.

    Returns:
        As :func:`correlation_helps`.
    """
    videos = (suite(name, "test", length=10, frames=8)[seed] for name in RENDERED)
    return advantage(pair_of(video, 3) for video in videos)


def pair_of(video: ProceduralVideo, t: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Frame t, the next one, and the true flow between them."""
    assert video.flow is not None  # the renderer always knows
    return video.frames[t], video.frames[t + 1], video.flow[t]


def advantage(pairs: Iterable[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> float:
    """Endpoint error of FlowNetS minus that of FlowNetC, where the true flow is large.

    Args:
        pairs: first image, second image, true flow.
    """
    lost: dict[str, list[np.ndarray]] = {"flownet-s": [], "flownet-c": []}
    for first, second, truth in pairs:
        far = np.linalg.norm(truth, axis=-1) >= FAR
        for name, errors in lost.items():
            errors.append(endpoint_error(estimate(first, second, name), truth)[far])
    stacked, compared = (float(np.concatenate(errors).mean()) for errors in lost.values())
    return stacked - compared


EFFECT = "endpoint error of FlowNetS minus that of FlowNetC, where pixels move 12 or more (px)"

CORRELATION = Claim(
    name="03_flownet/correlation",
    statement="The correlation layer beats plain stacking where motion is large.",
    source="ours; Dosovitskiy et al., ICCV 2015, say the opposite of motion beyond its reach",
    conditions="flying shapes of the test split, 240 x 432, six pairs a seed, things move up to "
    "about 40 pixels; one training of each network, with the same data and steps",
    effect=EFFECT,
    experiment=correlation_helps,
    seeds=tuple(range(10)),
    matters=0.5,
)

RENDERED = ("camera", "speed", "blur")

ELSEWHERE = Claim(
    name="03_flownet/correlation-elsewhere",
    statement="It does so on videos of another kind, too.",
    source="ours",
    conditions="frames 3 and 4 of the test videos of the suites camera, speed and blur, 240 x 432, "
    "one video of each a seed; the same networks",
    effect=EFFECT,
    experiment=correlation_helps_elsewhere,
    seeds=tuple(range(10)),
    matters=0.5,
)

CLAIMS = (CORRELATION, ELSEWHERE)

"""The claims of lesson 09: retrieving pixels instead of learning an object.

All on test seeds of procedural videos of 120 x 216 pixels.
"""

import time
from functools import partial
from typing import Any

from vos_lab.claims.claim import J_MATTERS, Claim
from vos_lab.claims.videos import SEEDS, mean_difference, video
from vos_lab.datasets.procedural import ProceduralVideo
from vos_lab.methods import Segmenter, create
from vos_lab.methods.pixel_retrieval import PixelRetrieval

SUITES = ("easy", "camera", "appearance", "scale")
ON = f"one video each of {', '.join(SUITES)} a seed, 24 frames"


def seconds(method: Segmenter, seed: int) -> float:
    """Processor time of a whole video of 24 frames: taking up the mask, and all frames."""
    clip = video("camera", seed)
    frames = list(clip.frames)  # drawn before the clock runs
    mask = clip.first_mask
    begun = time.process_time()
    method.start(frames[0], mask)
    for frame in frames[1:]:
        method.step(frame)
    return time.process_time() - begun


def times_as_fast(seed: int) -> float:
    """Seconds of OSVOS over those of pixel retrieval."""
    return seconds(create("osvos"), seed) / seconds(PixelRetrieval(), seed)


FAST = Claim(
    name="09_pixel_retrieval/fast",
    statement="Without fine-tuning, it is many times faster per video than OSVOS.",
    source="the lecture; Chen et al., CVPR 2018, Table 1",
    conditions="processor time of a video of camera a seed, 24 frames, OSVOS as it is",
    effect="seconds per video, OSVOS over pixel retrieval (ratio)",
    experiment=times_as_fast,
    seeds=SEEDS,
    matters=5.0,
    above=1.0,
)


def clips(seed: int) -> list[ProceduralVideo]:
    """One video of each suite."""
    return [video(suite, seed) for suite in SUITES]


def price_in_j(seed: int) -> float:
    """J of OSVOS minus J of pixel retrieval."""
    return mean_difference(partial(create, "osvos"), PixelRetrieval, clips(seed))


COST = Claim(
    name="09_pixel_retrieval/cost",
    statement="That costs J: OSVOS is more exact.",
    source="the lecture; Chen et al., CVPR 2018, Table 1",
    conditions=f"{ON}, OSVOS as it is",
    effect="J of OSVOS minus J of pixel retrieval",
    experiment=price_in_j,
    seeds=SEEDS,
    matters=J_MATTERS,
)


def gain_over(seed: int, **other: Any) -> float:
    """J of pixel retrieval minus J of the same with something changed."""
    return mean_difference(PixelRetrieval, partial(PixelRetrieval, **other), clips(seed))


def ablation(name: str, statement: str, source: str, effect: str, **other: Any) -> Claim:
    """A claim that one part of pixel retrieval helps.

    Args:
        name: of the part.
        statement: what is claimed.
        source: where.
        effect: what is measured.
        other: the options of the method without that part.
    """
    return Claim(
        name=f"09_pixel_retrieval/{name}",
        statement=statement,
        source=source,
        conditions=ON,
        effect=effect,
        experiment=partial(gain_over, **other),
        seeds=SEEDS,
        matters=J_MATTERS,
    )


COLOUR = ablation(
    "colour",
    "A learned embedding beats plain colour.",
    "Chen et al., CVPR 2018, Section 3.3",
    "J of the learned embedding minus J of the mean colour",
    embedding="colour",
)
RANDOM = ablation(
    "random",
    "A learned embedding beats the same network with random weights.",
    "Chen et al., CVPR 2018, Section 3.3",
    "J of the learned embedding minus J of the random one",
    embedding="random",
)
GROWING = ablation(
    "growing",
    "A reference that grows beats the annotated frame alone.",
    "Chen et al., CVPR 2018, Section 3.5",
    "J with four frames of added pixels minus J with none",
    frames=0,
)
WINDOW = ablation(
    "window",
    "To ask only near references beats asking all.",
    "ours; the paper leaves it to the network, which knows the places",
    "J with a window minus J without",
    radius=None,
    first_radius=None,
)

CLAIMS = (FAST, COST, COLOUR, RANDOM, GROWING, WINDOW)

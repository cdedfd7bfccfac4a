"""The claims of lesson 13: what is worth remembering.

All on test seeds of procedural videos of 120 x 216 pixels, with the shipped weights.
"""

import time
from functools import partial
from typing import Any

import numpy as np

from vos_lab.claims.claim import J_MATTERS, Claim
from vos_lab.claims.videos import SIZE, mean_difference, mean_j, truth_of, video
from vos_lab.datasets import procedural
from vos_lab.datasets.procedural import ProceduralVideo
from vos_lab.methods import Segmenter, run
from vos_lab.methods.pixel_retrieval import PixelRetrieval
from vos_lab.methods.space_time_memory import ABLATIONS, STM

SEEDS = tuple(range(12))
CHANGES = "a coat that changes while the object is hidden in the middle of 40 frames"
LONG = 40
WINDOW = ABLATIONS["stm-with-window"]["window"]


def changing_video(seed: int) -> ProceduralVideo:
    """A video whose object is hidden once, and looks more and more different."""
    spec = procedural.Spec(appearance_drift=0.8, occlusion=1.0, frames=LONG, size=SIZE)
    return procedural.render(spec, 3 * seed + 2)  # a seed of the test split


def gain(seed: int, one: dict[str, Any], other: dict[str, Any]) -> float:
    """J with some options minus J with others, on a video that changes and is interrupted."""
    return mean_difference(partial(STM, **one), partial(STM, **other), [changing_video(seed)])


def memory_claim(
    name: str, statement: str, source: str, effect: str, one: dict[str, Any], other: dict[str, Any]
) -> Claim:
    """A claim that one memory is better than another.

    Args:
        name: a word.
        statement: what is claimed.
        source: where.
        effect: what is measured.
        one: options of the method that shall be better.
        other: of the other.
    """
    return Claim(
        name=f"13_space_time_memory/{name}",
        statement=statement,
        source=source,
        conditions=f"one video a seed: {CHANGES}",
        effect=effect,
        experiment=partial(gain, one=one, other=other),
        seeds=SEEDS,
        matters=J_MATTERS,
    )


PAPER = "the lecture; Oh et al., ICCV 2019, Table 5"

FIRST = memory_claim(
    "first",
    "The first and the last frame together beat the first alone.",
    PAPER,
    "J with both minus J with the first",
    {"memory": "both"},
    {"memory": "first"},
)
PREVIOUS = memory_claim(
    "previous",
    "The first and the last frame together beat the last alone.",
    PAPER,
    "J with both minus J with the last",
    {"memory": "both"},
    {"memory": "previous"},
)
BETWEEN = memory_claim(
    "between",
    "Frames between the first and the last help.",
    PAPER,
    "J with every fifth frame minus J with the first and the last",
    {},
    {"memory": "both"},
)
OFTEN = memory_claim(
    "often",
    "To remember every 5th frame beats every 30th.",
    "ours",
    "J with every 5th minus J with every 30th, up to 40 frames in the memory",
    {"every": 5, "most": LONG},
    {"every": 30, "most": LONG},
)
HARD = memory_claim(
    "hard",
    "Hard masks in the memory do harm.",
    "ours, as the authors train with soft ones",
    "J with soft masks in the memory minus J with hard ones",
    {},
    {"hard": True},
)


def seconds_per_frame(method: Segmenter, clip: ProceduralVideo) -> float:
    """Processor time of a frame, mean of a whole video."""
    frames = list(clip.frames)  # drawn before the clock runs
    method.start(frames[0], clip.first_mask)
    begun = time.process_time()
    for frame in frames[1:]:
        method.step(frame)
    return (time.process_time() - begun) / (len(frames) - 1)


def price_of_often(seed: int) -> float:
    """Seconds of a frame with every 2nd frame in the memory over those with every 30th."""
    clip = changing_video(seed)
    often, seldom = (seconds_per_frame(STM(every=every, most=LONG), clip) for every in (2, 30))
    return often / seldom


PRICE = Claim(
    name="13_space_time_memory/price",
    statement="A larger memory takes longer to read.",
    source="the lecture",
    conditions=f"processor time, one video a seed: {CHANGES}",
    effect="seconds a frame with every 2nd frame over those with every 30th (ratio)",
    experiment=price_of_often,
    seeds=SEEDS,
    matters=1.2,
    above=1.0,
)


def gain_of_window(seed: int) -> float:
    """J with a window minus J without, beside a twin."""
    clip = video("distractors", seed)
    return mean_difference(partial(STM, window=WINDOW), STM, [clip])


def twin_spared(seed: int) -> float:
    """How much of the twin is taken without a window, minus how much with one."""
    clip = video("distractors", seed)
    truth, masks = truth_of(clip), clip.masks
    assert masks is not None  # the renderer always knows
    twin = np.stack(
        [(clip.instances[t] > 0) & (np.asarray(masks[t]) == 0) for t in range(len(clip))]
    )
    twin &= ~truth
    without, within = (
        float((run(STM(window=w), clip, progress=False) == 1)[twin].mean()) for w in (None, WINDOW)
    )
    return without - within


TWIN = Claim(
    name="13_space_time_memory/twin",
    statement="Beside a twin, a window around the last place helps.",
    source="Seong et al., ECCV 2020 (KMN), for a kernel; the window is ours",
    conditions="one video of distractors a seed, 24 frames",
    effect="J with a window minus J without",
    experiment=gain_of_window,
    seeds=SEEDS,
    matters=J_MATTERS,
)
SPARED = Claim(
    name="13_space_time_memory/spared",
    statement="With the window, less of the twin is taken.",
    source="ours",
    conditions="one video of distractors a seed, 24 frames",
    effect="share of the twin that is taken without a window minus the share with one",
    experiment=twin_spared,
    seeds=SEEDS,
    matters=0.05,
)

SUITES = ("easy", "camera", "appearance", "scale")


def gain_over_stills(seed: int) -> float:
    """J of the network after drawn videos minus J after the stills alone."""
    clips = [video(suite, seed) for suite in SUITES]
    return mean_difference(partial(STM, "stm-drawn"), partial(STM, "stm-stills"), clips)


def gain_over_retrieval(seed: int) -> float:
    """J minus J of pixel retrieval, on a video of mixed."""
    clip = video("mixed", seed)
    return mean_j(STM(), clip) - mean_j(PixelRetrieval(), clip)


STAGES = Claim(
    name="13_space_time_memory/stages",
    statement="To learn from videos after stills beats stills alone.",
    source="Oh et al., ICCV 2019, Table 4",
    conditions=f"one video each of {', '.join(SUITES)} a seed, 24 frames",
    effect="J after stills and drawn videos minus J after the stills",
    experiment=gain_over_stills,
    seeds=SEEDS,
    matters=J_MATTERS,
)
RETRIEVAL = Claim(
    name="13_space_time_memory/retrieval",
    statement="Without fine-tuning, it beats pixel retrieval.",
    source="the lecture",
    conditions="object 1 of one video of mixed a seed, 24 frames",
    effect="J minus J of pixel retrieval",
    experiment=gain_over_retrieval,
    seeds=SEEDS,
    matters=J_MATTERS,
)

CLAIMS = (FIRST, PREVIOUS, BETWEEN, OFTEN, PRICE, HARD, TWIN, SPARED, STAGES, RETRIEVAL)

"""The claims of lesson 07: what online adaptation brings, and what it costs."""

import time
from functools import partial

import numpy as np

from vos_lab.claims.claim import J_MATTERS, Claim
from vos_lab.claims.videos import ON, QUICK, SEEDS, j_of, mean_difference, truth_of, video
from vos_lab.methods import create
from vos_lab.metrics import decay


def gain_in_decay(seed: int) -> float:
    """Decay of OSVOS minus decay of OnAVOS, which both begin with the same network."""
    clip = video("appearance", seed)
    of_osvos, of_onavos = (
        float(decay(j_of(create("onavos", adapt_steps=steps, **QUICK), clip)[1:]))
        for steps in (0, 4)
    )
    return of_osvos - of_onavos


DECAY = Claim(
    name="07_onavos/decay",
    statement="Where the appearance changes gradually, OnAVOS decays less than OSVOS.",
    source="the lecture; Voigtlaender and Leibe, BMVC 2017, Table 2",
    conditions=f"a video of appearance a seed, 24 frames; {ON}",
    effect="decay of J, OSVOS minus OnAVOS",
    experiment=gain_in_decay,
    seeds=SEEDS,
    matters=0.05,
)


def price(seed: int) -> float:
    """Seconds per frame of OnAVOS over those of OSVOS."""
    clip = video("easy", seed, frames=6)
    seconds = []
    for method in (create(name, steps=2, snapping=False) for name in ("osvos", "onavos")):
        method.start(clip.frames[0], truth_of(clip)[0].astype(np.uint8))
        method.step(clip.frames[1])  # the first call of a network is slower
        begun = time.process_time()
        for t in range(2, len(clip)):
            method.step(clip.frames[t])
        seconds.append(time.process_time() - begun)
    return seconds[1] / seconds[0]


PRICE = Claim(
    name="07_onavos/price",
    statement="Adapting costs several times the time per frame.",
    source="the lecture; Voigtlaender and Leibe, BMVC 2017, Section 5",
    conditions="processor time of 4 frames of 120 x 216, 4 steps on each frame",
    effect="time per frame, OnAVOS over OSVOS (ratio)",
    experiment=price,
    seeds=SEEDS,
    matters=2.0,
    above=1.0,
)


def loss_without(seed: int, **without: bool) -> float:
    """J of OnAVOS minus J of OnAVOS without one of its ingredients."""
    whole = partial(create, "onavos", **QUICK)
    clips = [video("appearance", seed, frames=16)]
    return mean_difference(whole, partial(whole, **without), clips)


WITHOUT_NEGATIVES = Claim(
    name="07_onavos/without-negatives",
    statement="Without the negatives it runs away.",
    source="the lecture; Voigtlaender and Leibe, BMVC 2017, Table 2",
    conditions=f"a video of appearance a seed, 16 frames; {ON}",
    effect="J with minus J without negative examples",
    experiment=partial(loss_without, negatives=False),
    seeds=SEEDS,
    matters=J_MATTERS,
)

WITHOUT_FIRST = Claim(
    name="07_onavos/without-first-frame",
    statement="Without the first frame mixed in it runs away.",
    source="the lecture; Voigtlaender and Leibe, BMVC 2017, Section 4",
    conditions=f"a video of appearance a seed, 16 frames; {ON}",
    effect="J with minus J without the first frame",
    experiment=partial(loss_without, mixing=False),
    seeds=SEEDS,
    matters=J_MATTERS,
)

CLAIMS = (DECAY, PRICE, WITHOUT_NEGATIVES, WITHOUT_FIRST)

"""The claims of lesson 06: a stranger who was hidden in the first frame.

All on test seeds of procedural videos of 120 x 216 pixels, with a short fine-tuning. OSVOS and
OSVOS-S learn from the same frames with the same loss, in as many steps.
"""

from functools import lru_cache
from typing import Any

import numpy as np

from vos_lab.claims.claim import Claim
from vos_lab.claims.videos import QUICK, video
from vos_lab.datasets.procedural import ProceduralVideo
from vos_lab.methods import Segmenter, run
from vos_lab.methods.osvos import OSVOS
from vos_lab.methods.osvos_s import OSVOSS

SEEDS = tuple(range(12))
FRAMES = 14
PACE: dict[str, Any] = QUICK | {"steps": 60, "batch": 1}
"""Of both methods; about five seconds on one core, and ten with proposals."""

SHARE_MATTERS = 0.1
"""A tenth of a stranger more or less: what is smaller, nobody would notice."""

ON = f"120 x 216 pixels, {FRAMES} frames, {PACE['steps']} steps of fine-tuning for both"


def share_of_intruder(method: Segmenter, clip: ProceduralVideo) -> float:
    """The share of the intruder's pixels that a method takes for the object.

    Args:
        method: starts from the first mask.
        clip: its only object is number 1, and the intruder number 2.
    """
    masks = run(method, clip, progress=False) == 1
    there = np.stack([labels == 2 for labels in clip.instances])
    return float(masks[1:][there[1:]].mean()) if there[1:].any() else 0.0


class Learned:
    """A method that has learned a video already: it starts without learning it again.

    Args:
        method: has been started.
    """

    def __init__(self, method: OSVOS) -> None:
        self.method, self.name = method, method.name

    def start(self, frame: np.ndarray, mask: np.ndarray | None = None) -> None:
        """Do nothing."""

    def step(self, frame: np.ndarray) -> np.ndarray:
        """Segment one frame."""
        return self.method.step(frame)


@lru_cache(maxsize=2 * len(SEEDS))
def learned_of(suite: str, seed: int) -> tuple[ProceduralVideo, OSVOSS]:
    """A video of a suite, and OSVOS-S fine-tuned on it; kept for the next claim."""
    clip, method = video(suite, seed, FRAMES), OSVOSS(**PACE)
    method.start(clip.frames[0], clip.first_mask)
    return clip, method


def less_taken(suite: str, seed: int) -> float:
    """The share of the intruder that OSVOS takes minus the share that OSVOS-S takes."""
    clip, method = learned_of(suite, seed)
    return share_of_intruder(OSVOS(**PACE), clip) - share_of_intruder(Learned(method), clip)


def less_of_another_class(seed: int) -> float:
    """How much less is taken of an intruder of another class."""
    return less_taken("intruder", seed)


OTHER_CLASS = Claim(
    name="06_osvos_s/other-class",
    statement="OSVOS-S takes less of a stranger of another class than OSVOS does.",
    source="the lecture; Maninis et al., TPAMI 2018",
    conditions=f"a stranger in the colours of the object, hidden in frame 0, comes out; {ON}",
    effect="share of the stranger that is taken, OSVOS minus OSVOS-S",
    experiment=less_of_another_class,
    seeds=SEEDS,
    matters=SHARE_MATTERS,
)


def less_of_the_same_class(seed: int) -> float:
    """How much less is taken of an intruder of the same class."""
    return less_taken("intruder-same", seed)


SAME_CLASS = Claim(
    name="06_osvos_s/same-class",
    statement="It does so, too, if the stranger is of the same class and touches the object.",
    source="ours; by the lecture's idea, classes cannot help here",
    conditions=f"as above, but the stranger is of the same class; {ON}",
    effect="share of the stranger that is taken, OSVOS minus OSVOS-S",
    experiment=less_of_the_same_class,
    seeds=SEEDS,
    matters=SHARE_MATTERS,
)


def less_with_classes(seed: int) -> float:
    """The share taken if instances of all classes are asked, minus the share taken by OSVOS-S."""
    clip, method = learned_of("intruder", seed)
    every, own = (
        share_of_intruder(Learned(method.version(any_class=any_class)), clip)
        for any_class in (True, False)
    )
    return every - own


CLASSES_HELP = Claim(
    name="06_osvos_s/classes",
    statement="It is the class that helps: with instances of any class, more is taken.",
    source="ours; Maninis et al. compare with and without the semantic prior",
    conditions=f"a stranger of another class, as above; the same fine-tuning for both; {ON}",
    effect="share of the stranger that is taken, instances of any class minus those selected",
    experiment=less_with_classes,
    seeds=SEEDS,
    matters=SHARE_MATTERS,
)


CLAIMS = (OTHER_CLASS, SAME_CLASS, CLASSES_HELP)
"""The claims of the lecture, as experiments."""

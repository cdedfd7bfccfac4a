"""The claims of lesson 10: knowing an object again after it was lost.

All on test seeds of procedural videos of 120 x 216 pixels, with a short fine-tuning. The versions
that are compared share it: they differ in nothing but what is claimed.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from vos_lab.claims.claim import J_MATTERS, Claim
from vos_lab.claims.videos import SEEDS, before_and_after, j_of, occluded_video, truth_of
from vos_lab.datasets.procedural import ProceduralVideo
from vos_lab.methods.reid import ReIDVOS

STEPS = 40
"""Of fine-tuning; about ten seconds on two cores."""

ON = f"the object is hidden whole for some of 40 frames; {STEPS} steps of fine-tuning for both"


def learned(video: ProceduralVideo, steps: int = STEPS) -> ReIDVOS:
    """ReID-VOS, fine-tuned on the first frame of a video."""
    method = ReIDVOS(steps=steps)
    method.start(video.frames[0], video.first_mask)
    return method


def version(method: ReIDVOS, **options: Any) -> ReIDVOS:
    """The same with other options, and with what it has learned of the first frame.

    Args:
        method: fine-tuned.
        options: of the version.
    """
    one = ReIDVOS(steps=0, **options)
    one.parent = {k: v.clone() for k, v in method.network.state_dict().items()}
    return one


@lru_cache(maxsize=len(SEEDS))
def learned_of(seed: int) -> tuple[ProceduralVideo, ReIDVOS]:
    """The video of a seed, and ReID-VOS fine-tuned on it; kept for the next claim."""
    video = occluded_video(seed)
    return video, learned(video)


@lru_cache(maxsize=4 * len(SEEDS))
def j_with(seed: int, **options: Any) -> np.ndarray:
    """J in each frame of the video of a seed; kept, since several claims compare with it.

    Args:
        seed: of the video.
        options: of the version of ReID-VOS.
    """
    video, method = learned_of(seed)
    return j_of(version(method, **options), video)


def returning(video: ProceduralVideo) -> list[int]:
    """The frames after the object was hidden whole, from the first in which anything is seen."""
    visible = truth_of(video).sum(axis=(1, 2))
    hidden = [t for t, pixels in enumerate(visible) if pixels == 0]
    return list(range(hidden[-1] + 1, len(video))) if hidden else []


def gain(seed: int, frames: Sequence[int], **other: Any) -> float:
    """J in some frames of a video, with ReID-VOS minus with another version of it.

    Args:
        seed: of the video.
        frames: their numbers.
        other: options of the other version.
    """
    return float((j_with(seed) - j_with(seed, **other))[list(frames)].mean())


def gain_of_recovery(seed: int) -> float:
    """J after the occlusion, with recovery minus without."""
    return gain(seed, before_and_after(learned_of(seed)[0])[1], recover=False)


RECOVERY = Claim(
    name="10_reid/recovery",
    statement="After a full occlusion, re-identification finds the object again; propagation "
    "alone does not.",
    source="the lecture; Li et al., CVPR Workshops 2017",
    conditions=ON,
    effect="J after the occlusion, with recovery minus without",
    experiment=gain_of_recovery,
    seeds=SEEDS,
    matters=0.1,
)


def gain_of_both_ways(seed: int) -> float:
    """J from the first frame in which the object is seen again, both ways minus one way."""
    return gain(seed, returning(learned_of(seed)[0]), both_ways=False)


BOTH_WAYS = Claim(
    name="10_reid/both-ways",
    statement="Going both ways from where the object is found again beats going forward only.",
    source="the lecture; Li et al., CVPR Workshops 2017",
    conditions=ON,
    effect="J once the object comes out again, both ways minus one way",
    experiment=gain_of_both_ways,
    seeds=SEEDS,
    matters=J_MATTERS,
)


def gain_of_learning(seed: int) -> float:
    """J after the occlusion, with the learned embedding minus with the same network, random."""
    return gain(seed, before_and_after(learned_of(seed)[0])[1], identity="random")


EMBEDDING = Claim(
    name="10_reid/embedding",
    statement="A learned embedding of regions beats the same network with random weights.",
    source="Li et al., CVPR Workshops 2017; Xiao et al., CVPR 2017",
    conditions=ON,
    effect="J after the occlusion, learned embedding minus random one",
    experiment=gain_of_learning,
    seeds=SEEDS,
    matters=J_MATTERS,
)

CLAIMS = (RECOVERY, BOTH_WAYS, EMBEDDING)
"""The claims of the lecture, as experiments."""

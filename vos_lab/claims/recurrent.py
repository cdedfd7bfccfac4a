"""The claims of lesson 12: what a carried state is worth, and how long it lasts.

All on test seeds of procedural videos of 120 x 216 pixels, closer to film, with the shipped
weights. What each control carries it has also learned with, from the same clips in as many steps.
"""

from functools import cache, lru_cache, partial

import numpy as np

from vos_lab.claims.claim import J_MATTERS, Claim
from vos_lab.claims.videos import SIZE, truth_of
from vos_lab.datasets import procedural
from vos_lab.datasets.procedural import ProceduralVideo
from vos_lab.methods import run
from vos_lab.methods.recurrent import S2S
from vos_lab.metrics import jaccard
from vos_lab.training.recipes.recurrent import LONGEST, hidden
from vos_lab.video import Video

SEEDS = tuple(range(12))
FRAMES, BACK = 40, 26
"""So long is a video with a board, and in this frame the object can be seen again."""
HIDDEN_FOR = (0, 5, 10, 20)
TIMES = (2, 3, 5)
"""So many times the longest clip of the training."""


def whole_video(seed: int, frames: int) -> ProceduralVideo:
    """A video of two objects, whose coats change a little."""
    spec = procedural.Spec(objects=2, appearance_drift=0.4, frames=frames, size=SIZE)
    spec = spec.closer(np.random.default_rng([seed, 98]))
    return procedural.render(spec, 3 * seed + 2)  # a seed of the test split


@lru_cache(maxsize=len(SEEDS) * len(HIDDEN_FOR))  # 1.2 MB each
def hidden_video(seed: int, length: int) -> Video:
    """A video in which a board hides both objects for some frames; then they are seen again."""
    whole = whole_video(seed, FRAMES)
    clip = [(whole.frames[t], np.asarray(mask)) for t, mask in enumerate(whole.masks or ())]
    if length:
        clip = hidden(clip, BACK - length, BACK, np.random.default_rng(seed), photographs=0.0)
    frames, masks = zip(*clip, strict=True)
    return Video(f"hidden for {length}", list(frames), masks=list(masks))


@cache
def j_after(carry: str, seed: int, length: int) -> float:
    """J of object 1 in the frames after the board."""
    clip = hidden_video(seed, length)
    truth = np.stack([np.asarray(mask) == 1 for mask in clip.masks or ()])
    found = run(S2S(carry), clip, progress=False) == 1
    return float(np.mean(jaccard(found[BACK:], truth[BACK:])))


def gain(seed: int, other: str, length: int) -> float:
    """J with the carried state minus J of a control, after the board."""
    return j_after("state", seed, length) - j_after(other, seed, length)


def carry_claim(other: str, length: int) -> Claim:
    """The claim that a carried state is better than a control, after so many hidden frames."""
    name, what = {
        "frozen": ("frozen", "the state of the first frame"),
        "mask": ("last-mask", "the last mask alone"),
    }[other]
    when = f"after {length} hidden frames" if length else "where nothing is hidden"
    return Claim(
        name=f"12_recurrent/{name}-{length:02d}",
        statement=f"A carried state beats {what}, {when}.",
        source="ours, after Xu et al., ECCV 2018, who carry the state",
        conditions=f"one video of two objects a seed, {FRAMES} frames; a board hides both until "
        f"frame {BACK}; object 1 in the frames after it",
        effect=f"J with the carried state minus J with {what}",
        experiment=partial(gain, other=other, length=length),
        seeds=SEEDS,
        matters=J_MATTERS,
    )


@cache
def j_of_late_frames(seed: int, begin: int) -> np.ndarray:
    """J of object 1 in each frame of a long video after this one, whose mask makes the state."""
    stop = begin + LONGEST if begin else max(TIMES) * LONGEST
    clip = whole_video(seed, max(TIMES) * LONGEST).part(begin, stop)
    found = run(S2S(), clip, progress=False) == 1
    return np.asarray(jaccard(found, truth_of(clip)))[1:]


def forgotten(seed: int, times: int) -> float:
    """J with a state that is fresh minus J with one that was carried for long, same frames."""
    begin = (times - 1) * LONGEST
    fresh, carried = j_of_late_frames(seed, begin), j_of_late_frames(seed, 0)[begin:]
    return float(fresh.mean() - carried[: len(fresh)].mean())


def forgetting_claim(times: int) -> Claim:
    """The claim that a state is worse after so many times the length that it was trained on."""
    return Claim(
        name=f"12_recurrent/forgetting-{times}",
        statement=f"After {times} times the trained length a state is worse than a fresh one.",
        source="the lecture",
        conditions=f"one video of two objects a seed, the last {LONGEST - 1} of {times * LONGEST} "
        "frames; object 1",
        effect=f"J with a state made {LONGEST - 1} frames before the end minus J with one made in "
        "frame 0",
        experiment=partial(forgotten, times=times),
        seeds=SEEDS,
        matters=J_MATTERS,
    )


CLAIMS = (
    *(carry_claim(other, length) for other in ("frozen", "mask") for length in HIDDEN_FOR),
    *(forgetting_claim(times) for times in TIMES),
)

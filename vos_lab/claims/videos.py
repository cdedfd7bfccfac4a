"""What the claims of several lessons share: small test videos, scores, and pairs of methods.

All videos are procedural ones of the test split, of 120 x 216 pixels. Methods that learn do so in
few steps, since each claim learns many times.
"""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from vos_lab.datasets.procedural import ProceduralVideo
from vos_lab.datasets.procedural import suites as procedural
from vos_lab.methods import Segmenter, run
from vos_lab.metrics import jaccard

SIZE = (120, 216)
SEEDS = tuple(range(6))
STEPS = 80
"""Of fine-tuning; about five seconds on one core."""

QUICK: dict[str, Any] = {
    "batch": 2,
    "learning_rate": 1e-3,
    "decay_share": 0.0,
    "steps": STEPS,
    "snapping": False,
}
"""OSVOS at the pace of OnAVOS, in fewer steps: large steps would not settle in so few."""

ON = f"120 x 216 pixels, {STEPS} steps of fine-tuning"


def video(suite: str, seed: int, frames: int = 24) -> ProceduralVideo:
    """Test video number ``seed`` of a suite, over its whole challenge."""
    whole = procedural.suite(suite, length=seed + 1, frames=frames, size=SIZE)
    return whole[seed]


def mean_j(method: Segmenter, clip: ProceduralVideo) -> float:
    """J of object 1 over all frames but the first."""
    return float(j_of(method, clip)[1:].mean())


def occluded_video(seed: int, occlusion: float = 1.0) -> ProceduralVideo:
    """A video whose object passes behind something; with 0 the same without it."""
    spec = procedural.Spec(occlusion=occlusion, frames=40, size=SIZE)
    return procedural.render(spec, 3 * seed + 2)  # a seed of the test split


def before_and_after(video: ProceduralVideo) -> tuple[list[int], list[int]]:
    """The frames before the object is first hidden whole, and those after it is seen again."""
    visible = truth_of(video).sum(axis=(1, 2))
    whole = [max(1, amodal[0].sum()) for amodal in video.amodal]
    hidden = [t for t, pixels in enumerate(visible) if pixels == 0]
    seen = [t for t in range(1, len(video)) if visible[t] > 0.5 * whole[t]]
    return (
        [t for t in seen if not hidden or t < hidden[0]],
        [t for t in seen if hidden and t > hidden[-1]],
    )


def truth_of(video: ProceduralVideo) -> np.ndarray:
    """Where object 1 is, ``(T, H, W)`` bool."""
    assert video.masks is not None  # the renderer always knows
    return np.stack([np.asarray(mask) == 1 for mask in video.masks])


def j_of(method: Segmenter, video: ProceduralVideo) -> np.ndarray:
    """J of object 1 in each frame."""
    return np.asarray(jaccard(run(method, video, progress=False) == 1, truth_of(video)))


def mean_difference(
    one: Callable[[], Segmenter],
    other: Callable[[], Segmenter],
    videos: Iterable[ProceduralVideo],
) -> float:
    """J of a method minus J of another, mean of some videos."""
    return float(np.mean([mean_j(one(), each) - mean_j(other(), each) for each in videos]))

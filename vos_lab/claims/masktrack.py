"""The claims of lesson 08: refining the last mask, and lucid dreams."""

from functools import partial

import numpy as np

from vos_lab.claims.claim import J_MATTERS, Claim
from vos_lab.claims.videos import ON, SEEDS, STEPS, mean_difference, truth_of, video
from vos_lab.datasets.procedural import Spec, render
from vos_lab.methods import create, run
from vos_lab.methods.baseline import Baseline
from vos_lab.metrics import boundary_f


def gain_of_stills(seed: int) -> float:
    """J of MaskTrack, never fine-tuned, minus J of the first mask copied; mean of two videos."""
    clips = [video(suite, seed, frames=16) for suite in ("easy", "camera")]
    return mean_difference(partial(create, "masktrack", steps=0), Baseline, clips)


STILLS = Claim(
    name="08_masktrack/stills",
    statement="Trained on stills alone, it works on video.",
    source="Perazzi et al., CVPR 2017, Section 3.1",
    conditions="one video each of easy and camera a seed, 16 frames, 120 x 216, no fine-tuning",
    effect="J of MaskTrack minus J of the first mask copied",
    experiment=gain_of_stills,
    seeds=SEEDS,
    matters=0.1,
)


def gain_of_dreams(seed: int) -> float:
    """J fine-tuned on dreamt frames minus J on plainly augmented ones."""
    dreamt, plain = (partial(create, name, steps=STEPS) for name in ("lucid", "lucid-plain"))
    return mean_difference(dreamt, plain, [video("distractors", seed, frames=16)])


DREAMS = Claim(
    name="08_masktrack/lucid",
    statement="Lucid frames beat plain augmentation.",
    source="Khoreva et al., IJCV 2019, Section 5.3",
    conditions=f"a video of distractors a seed, 16 frames; {ON}",
    effect="J of Lucid minus J of the same with plain augmentation",
    experiment=gain_of_dreams,
    seeds=SEEDS,
    matters=J_MATTERS,
)


def gain_of_zoom(seed: int) -> float:
    """F with crop-and-zoom minus F without, on a small object at 240 x 432."""
    spec = Spec(object_size=0.1, frames=12)
    clip = render(spec, 3 * (300 + seed) + 2)
    truth = truth_of(clip)
    f = []
    for zooming in (True, False):
        masks = run(create("masktrack", steps=0, zooming=zooming), clip, progress=False) == 1
        f.append(np.asarray(boundary_f(masks, truth))[1:].mean())
    return float(f[0] - f[1])


ZOOM = Claim(
    name="08_masktrack/zoom",
    statement="Crop-and-zoom raises F on small objects.",
    source="ours; crop-and-zoom as in Khoreva et al., IJCV 2019, Section 4",
    conditions="an object of size 0.1, 12 frames of 240 x 432, no fine-tuning",
    effect="F with minus F without crop-and-zoom",
    experiment=gain_of_zoom,
    seeds=SEEDS,
    matters=J_MATTERS,
)

CLAIMS = (STILLS, DREAMS, ZOOM)

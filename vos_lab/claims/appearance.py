"""The claims of lessons 05, 07 and 08: learning one object from one frame.

All on test seeds of procedural videos of 120 x 216 pixels, with the shipped parents and a short
fine-tuning, since each claim learns many times.
"""

import time
from functools import partial
from typing import Any

import numpy as np

from vos_lab.claims.claim import Claim
from vos_lab.claims.motion import SIZE, before_and_after, j_of, occluded_video, truth_of
from vos_lab.datasets.procedural import ProceduralVideo, Spec, render
from vos_lab.datasets.procedural import suites as procedural
from vos_lab.methods import Segmenter, create, run
from vos_lab.methods.baseline import Baseline
from vos_lab.methods.flow_propagation import FlowPropagation
from vos_lab.methods.onavos import FIRST
from vos_lab.metrics import boundary_f, decay
from vos_lab.metrics.temporal import temporal_instability

SEEDS = tuple(range(6))
STEPS = 80
"""Of fine-tuning; about five seconds on one core."""

# OSVOS learns at the pace of OnAVOS, in fewer steps: large steps would not settle in so few.
PACE = {name: FIRST[name] for name in ("batch", "learning_rate", "decay_share")}
QUICK: dict[str, Any] = {**PACE, "steps": STEPS, "snapping": False}
ON = f"120 x 216 pixels, {STEPS} steps of fine-tuning"


def video(suite: str, seed: int, frames: int = 24) -> ProceduralVideo:
    """Test video number ``seed`` of a suite, over its whole challenge."""
    whole = procedural.suite(suite, length=seed + 1, frames=frames, size=SIZE)
    return whole[seed]


def mean_j(method: Segmenter, clip: ProceduralVideo) -> float:
    """J of object 1 over all frames but the first."""
    return float(j_of(method, clip)[1:].mean())


# --- OSVOS ------------------------------------------------------------------------------------


def gain_of_parent(seed: int) -> float:
    """J with the parent minus J from a random start, mean of two videos."""
    gains = []
    for suite in ("camera", "viewpoint"):
        clip = video(suite, seed, frames=12)
        learned, random = (
            mean_j(create("osvos", parent=parent, **QUICK), clip)
            for parent in ("osvos-parent-long", None)
        )
        gains.append(learned - random)
    return float(np.mean(gains))


PARENT = Claim(
    name="05_osvos/parent",
    statement="The parent network helps.",
    source="Caelles et al., CVPR 2017, Table 2",
    conditions=f"one video each of camera and viewpoint a seed, 12 frames; {ON} for both",
    effect="J with the parent minus J from a random start",
    experiment=gain_of_parent,
    seeds=SEEDS,
)


def gain_after_occlusion(seed: int) -> float:
    """J of OSVOS minus J of flow propagation, in the frames after a full occlusion."""
    clip = occluded_video(seed)
    _, after = before_and_after(clip)
    found, carried = (
        j_of(method, clip)[after].mean() for method in (create("osvos", **QUICK), FlowPropagation())
    )
    return float(found - carried)


RECOVERY = Claim(
    name="05_osvos/recovery",
    statement="OSVOS finds the object again after an occlusion; propagation does not.",
    source="the lecture; Caelles et al., CVPR 2017, Section 1",
    conditions=f"the object is hidden whole for some of 40 frames; {ON}",
    effect="J after the occlusion, OSVOS minus flow propagation",
    experiment=gain_after_occlusion,
    seeds=SEEDS,
)


def flicker(seed: int) -> float:
    """T of OSVOS minus T of flow propagation."""
    clip = video("easy", seed, frames=16)
    ours, carried = (
        temporal_instability(run(method, clip, progress=False) == 1)
        for method in (create("osvos", **QUICK), FlowPropagation())
    )
    return float(ours - carried)


FLICKER = Claim(
    name="05_osvos/flicker",
    statement="OSVOS flickers: its T is higher than that of propagation.",
    source="the lecture; Caelles et al., CVPR 2017, Table 1",
    conditions=f"a video of easy a seed, 16 frames; {ON}",
    effect="T of OSVOS minus T of flow propagation",
    experiment=flicker,
    seeds=SEEDS,
)


def gain_of_annotations(seed: int) -> float:
    """J with three more annotated frames minus J with the first alone, on the other frames."""
    clip = video("appearance", seed)
    others = [t for t in range(len(clip)) if t not in (0, 8, 16, 23)]
    more = [(clip.frames[t], truth_of(clip)[t].astype(np.uint8)) for t in (8, 16, 23)]
    many, one = (
        j_of(create("osvos", more=each, **QUICK), clip)[others].mean() for each in (more, ())
    )
    return float(many - one)


ANNOTATIONS = Claim(
    name="05_osvos/annotations",
    statement="More annotated frames, higher J.",
    source="the lecture; Caelles et al., CVPR 2017, Figure 7",
    conditions=f"a video of appearance a seed, 24 frames, 4 annotated against 1; {ON}",
    effect="J of the frames that are not annotated, four annotations minus one",
    experiment=gain_of_annotations,
    seeds=SEEDS,
)


def twin_video(seed: int) -> ProceduralVideo:
    """A video with a look-alike of the object, which is labelled background."""
    return render(Spec(distractors=1, frames=24, size=SIZE), 3 * (200 + seed) + 2)


def share_on_twin(method: Segmenter, clip: ProceduralVideo, frames: list[int]) -> float:
    """The share of the twin's pixels that a method takes for the object."""
    masks = run(method, clip, progress=False) == 1
    twin = np.stack([clip.instances[t] == 2 for t in frames])
    return float(masks[frames][twin].mean()) if twin.any() else 0.0


def gain_of_negative(seed: int) -> float:
    """How much less of the twin is taken for the object with one more annotation."""
    clip = twin_video(seed)
    seen = [int((clip.instances[t] == 2).sum()) for t in range(len(clip))]
    shown = int(np.argmax(seen))  # annotate where the twin is seen best
    frames = [t for t in range(1, len(clip)) if t != shown]
    more = [(clip.frames[shown], truth_of(clip)[shown].astype(np.uint8))]
    without, with_one = (
        share_on_twin(create("osvos", more=each, **QUICK), clip, frames) for each in ((), more)
    )
    return without - with_one


TWO_CAMELS = Claim(
    name="05_osvos/two-camels",
    statement="One more annotation, with the second camel as background, removes it.",
    source="the lecture; Caelles et al., CVPR 2017, Figure 6",
    conditions=f"a twin of the object walks about, 24 frames; {ON}",
    effect="share of the twin that is taken for the object, without minus with the annotation",
    experiment=gain_of_negative,
    seeds=SEEDS,
)

OSVOS_CLAIMS = (PARENT, RECOVERY, FLICKER, ANNOTATIONS, TWO_CAMELS)

# --- OnAVOS -----------------------------------------------------------------------------------


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
)


def price(seed: int) -> float:
    """Seconds per frame of OnAVOS over those of OSVOS, minus 2."""
    clip = video("easy", seed, frames=6)
    seconds = []
    for method in (create(name, steps=2, snapping=False) for name in ("osvos", "onavos")):
        method.start(clip.frames[0], truth_of(clip)[0].astype(np.uint8))
        method.step(clip.frames[1])  # the first call of a network is slower
        begun = time.process_time()
        for t in range(2, len(clip)):
            method.step(clip.frames[t])
        seconds.append(time.process_time() - begun)
    return seconds[1] / seconds[0] - 2


PRICE = Claim(
    name="07_onavos/price",
    statement="Adapting costs several times the time per frame.",
    source="the lecture; Voigtlaender and Leibe, BMVC 2017, Section 5",
    conditions="processor time of 4 frames of 120 x 216, 4 steps on each frame",
    effect="time per frame, OnAVOS over OSVOS, minus 2",
    experiment=price,
    seeds=SEEDS,
)


def loss_without(seed: int, **without: bool) -> float:
    """J of OnAVOS minus J of OnAVOS without one of its ingredients."""
    clip = video("appearance", seed, frames=16)
    return mean_j(create("onavos", **QUICK), clip) - mean_j(
        create("onavos", **QUICK, **without), clip
    )


WITHOUT_NEGATIVES = Claim(
    name="07_onavos/without-negatives",
    statement="Without the negatives it runs away.",
    source="the lecture; Voigtlaender and Leibe, BMVC 2017, Table 2",
    conditions=f"a video of appearance a seed, 16 frames; {ON}",
    effect="J with minus J without negative examples",
    experiment=partial(loss_without, negatives=False),
    seeds=SEEDS,
)

WITHOUT_FIRST = Claim(
    name="07_onavos/without-first-frame",
    statement="Without the first frame mixed in it runs away.",
    source="the lecture; Voigtlaender and Leibe, BMVC 2017, Section 4",
    conditions=f"a video of appearance a seed, 16 frames; {ON}",
    effect="J with minus J without the first frame",
    experiment=partial(loss_without, mixing=False),
    seeds=SEEDS,
)

ONAVOS_CLAIMS = (DECAY, PRICE, WITHOUT_NEGATIVES, WITHOUT_FIRST)

# --- MaskTrack and Lucid ----------------------------------------------------------------------


def gain_of_stills(seed: int) -> float:
    """J of MaskTrack, never fine-tuned, minus J of the first mask copied; mean of two videos."""
    clips = [video(suite, seed, frames=16) for suite in ("easy", "camera")]
    return float(
        np.mean([mean_j(create("masktrack", steps=0), c) - mean_j(Baseline(), c) for c in clips])
    )


STILLS = Claim(
    name="08_masktrack/stills",
    statement="Trained on stills alone, it works on video.",
    source="Perazzi et al., CVPR 2017, Section 3.1",
    conditions="one video each of easy and camera a seed, 16 frames, 120 x 216, no fine-tuning",
    effect="J of MaskTrack minus J of the first mask copied",
    experiment=gain_of_stills,
    seeds=SEEDS,
)


def gain_of_dreams(seed: int) -> float:
    """J fine-tuned on dreamt frames minus J on plainly augmented ones."""
    clip = video("distractors", seed, frames=16)
    dreamt, plain = (
        mean_j(create("lucid", augmentation=augmentation, steps=STEPS), clip)
        for augmentation in ("lucid", "plain")
    )
    return dreamt - plain


DREAMS = Claim(
    name="08_masktrack/lucid",
    statement="Lucid frames beat plain augmentation.",
    source="Khoreva et al., IJCV 2019, Section 5.3",
    conditions=f"a video of distractors a seed, 16 frames; {ON}",
    effect="J of Lucid minus J of the same with plain augmentation",
    experiment=gain_of_dreams,
    seeds=SEEDS,
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
    source="the lecture; Khoreva et al., IJCV 2019, Section 4",
    conditions="an object of size 0.1, 12 frames of 240 x 432, no fine-tuning",
    effect="F with minus F without crop-and-zoom",
    experiment=gain_of_zoom,
    seeds=SEEDS,
)

MASKTRACK_CLAIMS = (STILLS, DREAMS, ZOOM)

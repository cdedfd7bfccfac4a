"""The claims of lesson 05: learning one object from one frame."""

from functools import partial

import numpy as np

from vos_lab.claims.claim import J_MATTERS, Claim
from vos_lab.claims.videos import (
    ON,
    QUICK,
    SEEDS,
    SIZE,
    before_and_after,
    j_of,
    mean_difference,
    occluded_video,
    truth_of,
    video,
)
from vos_lab.datasets.procedural import ProceduralVideo, Spec, render
from vos_lab.methods import Segmenter, create, run
from vos_lab.methods.flow_propagation import FlowPropagation
from vos_lab.metrics.temporal import temporal_instability


def gain_of_parent(seed: int) -> float:
    """J with the parent minus J from a random start, mean of two videos."""
    clips = [video(suite, seed, frames=12) for suite in ("camera", "viewpoint")]
    learned, random = (
        partial(create, "osvos", parent=parent, **QUICK) for parent in ("osvos-parent-long", None)
    )
    return mean_difference(learned, random, clips)


PARENT = Claim(
    name="05_osvos/parent",
    statement="The parent network helps.",
    source="Caelles et al., CVPR 2017, Table 2",
    conditions=f"one video each of camera and viewpoint a seed, 12 frames; {ON} for both",
    effect="J with the parent minus J from a random start",
    experiment=gain_of_parent,
    seeds=SEEDS,
    matters=J_MATTERS,
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
    matters=0.1,
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
    matters=0.01,
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
    matters=J_MATTERS,
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
    matters=0.1,
)

CLAIMS = (PARENT, RECOVERY, FLICKER, ANNOTATIONS, TWO_CAMELS)

"""The claims of lesson 04: what motion can do for segmentation, and what it cannot.

All on test seeds of procedural videos, where flow and masks are known exactly.
"""

import numpy as np

from vos_lab.claims.claim import J_MATTERS, Claim
from vos_lab.claims.videos import SIZE, before_and_after, j_of, occluded_video, truth_of
from vos_lab.datasets.procedural import ProceduralVideo
from vos_lab.datasets.procedural import suites as procedural
from vos_lab.flow import estimate
from vos_lab.methods import run
from vos_lab.methods.colour_model import ColourModel
from vos_lab.methods.flow_propagation import FlowPropagation
from vos_lab.methods.fusionseg import FusionSeg
from vos_lab.methods.object_flow import ObjectFlow, flow_of_object, object_flow_step
from vos_lab.metrics import jaccard
from vos_lab.metrics.flow import endpoint_error

SUITES = ("easy", "camera", "speed")
SEEDS = tuple(range(8))
TURNS = 3


def videos(seed: int, frames: int = 9) -> list[ProceduralVideo]:
    """One video of each suite, with a single object."""
    return [
        procedural.suite(name, length=seed + 1, frames=frames, size=SIZE)[seed] for name in SUITES
    ]


# --- flow restricted to the object ------------------------------------------------------------


def whole_flow_and_object_flow(seed: int) -> tuple[float, float]:
    """Endpoint error on the object, pixels: of the flow of whole frames, and of the object alone.

    Both are DIS. The true masks say where the object is, in both frames.
    """
    whole, own = [], []
    for video in videos(seed):
        masks = truth_of(video)
        for t in range(1, len(video)):
            now, before = masks[t], masks[t - 1]
            pair, truth = (video.frames[t], video.frames[t - 1]), video.backward_flow[t - 1]
            if now.any() and before.any():
                whole.append(endpoint_error(estimate(*pair, "dis"), truth)[now].mean())
                alone = flow_of_object(*pair, now, before)
                own.append(endpoint_error(alone, truth)[now].mean())
    return float(np.mean(whole)), float(np.mean(own))


def gain_of_object_flow(seed: int) -> float:
    """How much smaller the error is without the surroundings, pixels."""
    whole, own = whole_flow_and_object_flow(seed)
    return whole - own


OBJECT_FLOW = Claim(
    name="04_motion/object-flow",
    statement="Flow restricted to the object beats whole-image flow there.",
    source="Tsai et al., CVPR 2016, Section 3.2",
    conditions="true masks in both frames, DIS both times; easy, camera and speed, 120 x 216",
    effect="endpoint error on the object, whole image minus object alone (pixels)",
    experiment=gain_of_object_flow,
    seeds=SEEDS,
    matters=0.1,
)


# --- improving in turn ------------------------------------------------------------------------


def gain_in_flow(seed: int) -> float:
    """How much smaller the endpoint error on the object is after all turns, pixels.

    In each frame the last mask is that of the method itself, after all turns.
    """
    gains = []
    for video in videos(seed):
        masks = truth_of(video)
        mask = masks[0]
        colours = ColourModel(video.frames[0], mask.astype(np.float32))
        for t in range(1, len(video)):
            pair, last = (video.frames[t], video.frames[t - 1]), mask
            truth, flow_truth = masks[t], video.backward_flow[t - 1]
            if not truth.any() or not last.any():
                break
            whole, colour = estimate(*pair, "dis"), colours.log_odds(video.frames[t])
            flow = whole
            for _ in range(TURNS):
                mask, flow = object_flow_step(*pair, last, flow, colour)
            before, after = (
                endpoint_error(each, flow_truth)[truth].mean() for each in (whole, flow)
            )
            gains.append(before - after)
    return float(np.mean(gains))


def gain_in_mask(seed: int) -> float:
    """How much larger J of a whole video is with all turns than with one."""
    gains = []
    for video in videos(seed):
        one, all_turns = (j_of(ObjectFlow(n), video)[1:].mean() for n in (1, TURNS))
        gains.append(all_turns - one)
    return float(np.mean(gains))


ITERATING_FLOW = Claim(
    name="04_motion/iterating-flow",
    statement="Improving mask and flow in turn makes the flow better.",
    source="Tsai et al., CVPR 2016, Section 3.3",
    conditions=f"{TURNS} turns, masks of the method itself; easy, camera and speed, 120 x 216",
    effect="endpoint error on the object before minus after (pixels)",
    experiment=gain_in_flow,
    seeds=SEEDS,
    matters=0.1,
)

ITERATING_MASK = Claim(
    name="04_motion/iterating-mask",
    statement="Improving mask and flow in turn makes the mask better.",
    source="Tsai et al., CVPR 2016, Section 3.3",
    conditions=f"{TURNS} turns against 1, 9 frames; easy, camera and speed, 120 x 216",
    effect="J of the video, all turns minus one",
    experiment=gain_in_mask,
    seeds=SEEDS,
    matters=J_MATTERS,
)


# --- a full occlusion -------------------------------------------------------------------------


def not_found_again(seed: int) -> float:
    """Half of J before the occlusion minus J after it; above 0, the object is lost."""
    video = occluded_video(seed)
    before, after = before_and_after(video)
    j = j_of(FlowPropagation(), video)
    return float(0.5 * j[before].mean() - j[after].mean())


OCCLUSION = Claim(
    name="04_motion/occlusion",
    statement="Propagation does not come back after a full occlusion.",
    source="the lecture, on the limits of mask propagation",
    conditions="flow-propagation; one object hidden whole for some frames, 40 frames, 120 x 216",
    effect="half of J before the occlusion minus J after it",
    experiment=not_found_again,
    seeds=SEEDS,
    matters=0.1,
)


# --- two streams ------------------------------------------------------------------------------


def streams(seed: int) -> dict[str, float]:
    """J of FusionSeg with both streams and with each alone, on the same frames.

    Foreground is every object; twins, which look and move the same and have no label, are void.
    """
    clips = [
        procedural.suite("mixed", length=3 * seed + i + 1, frames=12, size=SIZE)[-1]
        for i in range(3)
    ]
    scores: dict[str, float] = {}
    for name in ("both", "appearance", "motion"):
        j = []
        for video in clips:
            masks = run(FusionSeg(name), video, progress=False) > 0
            assert video.masks is not None  # the renderer always knows
            truth = np.stack([np.asarray(mask) > 0 for mask in video.masks])
            twins = (np.stack(list(video.instances)) > 0) & ~truth
            j.append(np.asarray(jaccard(masks, truth, twins))[1:].mean())
        scores[name] = float(np.mean(j))
    return scores


def gain_of_two_streams(seed: int) -> float:
    """J of both streams minus J of the better one alone, whichever that is on these videos."""
    scores = streams(seed)
    return scores["both"] - max(scores["appearance"], scores["motion"])


TWO_STREAMS = Claim(
    name="04_motion/two-streams",
    statement="Two streams beat either alone.",
    source="Jain et al., CVPR 2017, Table 1",
    conditions="3 videos of the mixed test suite a seed, all objects as one, twins left out",
    effect="J of both streams minus J of the better one alone",
    experiment=gain_of_two_streams,
    seeds=SEEDS,
    matters=J_MATTERS,
)

CLAIMS = (OBJECT_FLOW, ITERATING_FLOW, ITERATING_MASK, OCCLUSION, TWO_STREAMS)

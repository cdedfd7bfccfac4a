"""The claims of lesson 16: a first mask is not enough for MOTS."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from vos_lab.claims.claim import Claim
from vos_lab.datasets.detections import Detection, detections_of
from vos_lab.datasets.mots import MotsSequence
from vos_lab.datasets.mots_truth import as_objects, categories_of, true_objects
from vos_lab.datasets.procedural import ProceduralVideo, suite
from vos_lab.methods import create, segment
from vos_lab.methods.mots_tracker import MotsTracker, track
from vos_lab.metrics.mots import evaluate_mots

FRAMES, SIZE = 50, (160, 288)
NOISE = "medium"


def scores(
    truth: Mapping[str, MotsSequence], result: Mapping[str, MotsSequence]
) -> dict[str, float]:
    """The three numbers of the lesson's tables, over all sequences.

    Args:
        truth: the true objects, by the name of the video.
        result: the tracks, by the same names.

    Returns:
        ``sMOTSA`` and ``HOTA``, each the mean of cars and pedestrians, as TrackEval computes them;
        ``IDS``, the identity switches of both.

    Example:
        >>> from vos_lab.datasets.mots import MotsObject
        >>> mask = np.array([[0, 1, 1], [0, 1, 0]], bool)
        >>> objects = [MotsObject.of(1, 1, mask), MotsObject.of(2, 2, ~mask)]
        >>> street = {"street": MotsSequence.of("street", [objects] * 3)}
        >>> scores(street, street)
        {'sMOTSA': 1.0, 'HOTA': 1.0, 'IDS': 0.0}
    """
    figures = [each["ALL"] for each in evaluate_mots(truth, result).values()]
    return {
        "sMOTSA": float(np.mean([each["CLEAR"]["sMOTA"] for each in figures])),
        "HOTA": float(np.mean([np.mean(each["HOTA"]["HOTA"]) for each in figures])),
        "IDS": float(sum(each["CLEAR"]["IDSW"] for each in figures)),
    }


def crowd(number: int) -> ProceduralVideo:
    """A crowd of the test split, drawn once, as it is looked at several times."""
    video = suite("crowd", length=number + 1, frames=FRAMES, size=SIZE)[number]
    return replace(video, frames=list(video.frames))


def vos_tracks(video: ProceduralVideo, method: str = "flow-propagation") -> MotsSequence:
    """What a method of one-shot VOS makes of a crowd, given the true masks of the first frame."""
    masks = segment(create(method), video)
    return as_objects(masks, categories_of(video), video.name)


class FirstFrameOnly(MotsTracker):
    """The same tracker, but no track starts after the first frame."""

    def _begin(self, proposal: Detection, look: np.ndarray, box: np.ndarray) -> None:
        if self.last_frame is None:
            super()._begin(proposal, look, box)


def first_mask_against_tracker(seed: int) -> float:
    """By how much the tracker is better than a VOS method with a first mask.

    Args:
        seed: number of a crowd.

    Returns:
        The difference in sMOTSA.
    """
    video = crowd(seed)
    truth = true_objects(video)
    tracks = track(video.frames, detections_of(video, NOISE), name=video.name)
    with_start = scores({"": truth}, {"": tracks})["sMOTSA"]
    return with_start - scores({"": truth}, {"": vos_tracks(video)})["sMOTSA"]


def start_logic_alone(seed: int) -> float:
    """By how much the tracker is better than the same one with a first mask and no later starts.

    Args:
        seed: number of a crowd.

    Returns:
        The difference in sMOTSA.
    """
    video = crowd(seed)
    truth = true_objects(video)
    found = list(detections_of(video, NOISE))
    given = list(detections_of(video, "none")[:1]) + found[1:]
    tracks = track(video.frames, found, name=video.name)
    without = track(video.frames, given, FirstFrameOnly(), name=video.name)
    return (
        scores({"": truth}, {"": tracks})["sMOTSA"] - scores({"": truth}, {"": without})["sMOTSA"]
    )


CONDITIONS = (
    f"crowds of the test split, {FRAMES} frames of {SIZE[1]} x {SIZE[0]} pixels, 30 people and "
    f"vehicles of whom about 20 are seen at a time; detections of noise level {NOISE}"
)
FIRST_MASK = Claim(
    name="16_mots/first-mask",
    statement="The VOS tracker with its first mask breaks where the tracker with start and end "
    "logic does not.",
    source="the lecture; P. Voigtlaender et al., CVPR 2019, Section 1",
    conditions=f"{CONDITIONS}. The VOS tracker is flow-propagation with the true masks of frame 0; "
    "it sees no detections",
    effect="sMOTSA of the tracker minus that of the VOS tracker",
    experiment=first_mask_against_tracker,
    seeds=tuple(range(6)),
    matters=0.1,
)
START_LOGIC = Claim(
    name="16_mots/start-logic",
    statement="It is the missing start of tracks that breaks it, with the same detections.",
    source="ours",
    conditions=f"{CONDITIONS}. Both are our tracker; one gets the true masks of frame 0 and starts "
    "no track later",
    effect="sMOTSA with later starts minus sMOTSA without",
    experiment=start_logic_alone,
    seeds=tuple(range(6)),
    matters=0.02,
)

CLAIMS = (FIRST_MASK, START_LOGIC)

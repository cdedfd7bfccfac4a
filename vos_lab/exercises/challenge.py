"""The open challenge at the end of a lesson: beat a score with whatever you can build.

``beat(lesson, answer)`` measures an answer on videos of the validation split, which no shipped
network was trained on and no test uses, and compares it with the score of a method of the lesson.
The best score is kept over restarts (:mod:`~vos_lab.exercises.progress`). Unlike a check it asks
for no particular function, and gives no points.

``python -m vos_lab.exercises.challenge LESSON...`` measures the scores to beat again, and keeps
them in ``data/challenges.json``.
"""

import json
import math
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from vos_lab.course_files import DATA
from vos_lab.datasets.flying_shapes import flying_shapes
from vos_lab.datasets.procedural import ProceduralVideo, suite
from vos_lab.exercises import progress
from vos_lab.flow import estimate
from vos_lab.methods import create, run
from vos_lab.metrics import boundary_f, jaccard
from vos_lab.metrics.flow import endpoint_error
from vos_lab.metrics.videos import evaluate_video

RECORD = DATA / "challenges.json"
"""The scores to beat, by lesson."""

SIZE, FRAMES = (120, 216), 16


@dataclass(frozen=True)
class Challenge:
    """Something to beat.

    Attributes:
        what: what is measured, and on what.
        answer: what a student has to hand over.
        holder: whose score it is, in words.
        held: makes the answer that has this score.
        score: measures an answer.
        higher: whether a higher score is better.
    """

    what: str
    answer: str
    holder: str
    held: Callable[[], Any]
    score: Callable[[Any], float]
    higher: bool = True


def beat(lesson: str, answer: Any = None) -> None:
    """Measure an answer to the challenge of a lesson, and say whether it beats the score.

    Args:
        lesson: for example ``04_motion``.
        answer: what the challenge asks for; None says what that is, and measures nothing.

    Raises:
        ValueError: the lesson has no challenge, or the score of the answer is no number.
    """
    if lesson not in CHALLENGES:
        raise ValueError(f"{lesson} has no challenge; there are: {', '.join(CHALLENGES)}")
    challenge = CHALLENGES[lesson]
    held = _recorded()[lesson]
    best = progress.best().get(lesson)
    aim = "higher" if challenge.higher else "lower"
    if answer is None:
        print(f"Score to beat: {held:.3f}, by {challenge.holder}; {aim} is better.")
        print(f"Measured is {challenge.what}.")
        print(f"Hand over {challenge.answer}.")
    else:
        score = float(challenge.score(answer))
        if not math.isfinite(score):
            raise ValueError(f"the score is {score}: the answer gives something that is no number")
        beaten = score > held if challenge.higher else score < held
        verb = "beats" if beaten else "does not beat"
        print(f"{'✓' if beaten else '✗'} {score:.3f} {verb} {held:.3f}, by {challenge.holder}.")
        if best is None or (score > best if challenge.higher else score < best):
            progress.note_best(lesson, score)
            best = score
    if best is not None:
        print(f"Your best so far: {best:.3f}")


def _recorded() -> dict[str, float]:
    scores: dict[str, float] = json.loads(RECORD.read_text(encoding="utf-8"))
    return scores


# --- what is measured -------------------------------------------------------------------------


def _videos(*suites: str) -> Iterator[ProceduralVideo]:
    """A validation video of each suite; of a suite that is named twice, two."""
    for i, name in enumerate(suites):
        number = suites[:i].count(name)
        yield suite(name, "val", length=number + 1, frames=FRAMES, size=SIZE)[number]


def _mean_j(make: Callable[[], Any], suites: tuple[str, ...]) -> float:
    """Mean J of a method over videos, the objects of each averaged."""
    scores = []
    for video in _videos(*suites):
        masks = list(run(make(), video, progress=False))
        assert video.masks is not None  # the renderer always knows
        truth = [np.asarray(mask) for mask in video.masks]
        scores.append(evaluate_video(masks, truth)["J"]["mean"])
    return float(np.mean(scores))


def _flow_error(
    method: Callable[[np.ndarray, np.ndarray], np.ndarray], shapes: bool = False
) -> float:
    """Mean endpoint error over six pairs of frames, or of flying shapes, pixels."""
    pairs: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    if shapes:
        made = (flying_shapes(number, "val", (160, 256), reach=30) for number in range(6))
        pairs += [(each.first, each.second, each.flow) for each in made]
    else:
        for video in _videos("easy", "camera", "speed", "camera", "speed", "blur"):
            assert video.flow is not None  # the renderer always knows
            pairs.append((video.frames[3], video.frames[4], video.flow[3]))
    return float(
        np.mean([endpoint_error(method(first, second), truth).mean()
                 for first, second, truth in pairs])
    )  # fmt: skip


def _j_of_a_fooled_f(change: Callable[[np.ndarray], np.ndarray]) -> float:
    """Mean J of changed masks, each of which must keep an F of 0.9."""
    scores = []
    for video in _videos("easy", "viewpoint", "scale"):
        truth = video.first_mask == 1
        changed = np.asarray(change(truth.copy()), bool)
        f = boundary_f(changed, truth)
        if f < 0.9:
            raise ValueError(f"F of a mask is {f:.2f}, and must be 0.9 at least")
        scores.append(float(jaccard(changed, truth)))
    return float(np.mean(scores))


def _thinner(mask: np.ndarray) -> np.ndarray:
    import cv2

    return np.asarray(cv2.erode(mask.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0)


def _hota(make: Callable[[], Any]) -> float:
    """HOTA of a tracker on a validation crowd, with detections of medium noise."""
    from vos_lab.claims.mots import scores
    from vos_lab.datasets.detections import detections_of
    from vos_lab.datasets.mots_truth import true_objects
    from vos_lab.methods.mots_tracker import track

    crowd = suite("crowd", "val", length=1, frames=40, size=(160, 288))[0]
    tracks = track(crowd.frames, detections_of(crowd, "medium"), make(), crowd.name)
    return scores({"": true_objects(crowd)}, {"": tracks})["HOTA"]


def _tracker() -> Any:
    from vos_lab.methods.mots_tracker import MotsTracker

    return MotsTracker()


def _segmenter(holder: str, method: str, *suites: str) -> Challenge:
    """A challenge for methods that segment videos."""
    return Challenge(
        what=f"the mean J on validation videos of {', '.join(dict.fromkeys(suites))}, "
        f"{len(suites)} in all, of {FRAMES} frames with {SIZE[0]} x {SIZE[1]} pixels",
        answer=f"a function without arguments that makes a method: lambda: {holder}",
        holder=holder,
        held=lambda: partial(create, method),
        score=partial(_mean_j, suites=suites),
    )


def _flow(method: str, shapes: bool = False) -> Challenge:
    """A challenge for methods that estimate flow."""
    what = "pairs of flying shapes" if shapes else "pairs of frames"
    return Challenge(
        what=f"the mean endpoint error in pixels on six {what} of the validation split",
        answer="a function of two images that gives the flow from the first to the second",
        holder=f'flow.estimate(first, second, "{method}")',
        held=lambda: partial(estimate, method=method),
        score=partial(_flow_error, shapes=shapes),
        higher=False,
    )


CHALLENGES = {
    "00_tour": _segmenter("Baseline()", "baseline", "easy", "camera", "lighting"),
    "01_metrics": Challenge(
        what="the mean J of three changed masks, each of which must keep an F of 0.9: fool F",
        answer="a function that takes a true mask, (H, W) bool, and gives a changed one",
        holder="a mask without its outermost pixels",
        held=lambda: _thinner,
        score=_j_of_a_fooled_f,
        higher=False,
    ),
    "02_optical_flow": _flow("dis"),
    "03_flownet": _flow("flownet-c", shapes=True),
    "04_motion": _segmenter("ObjectFlow()", "object-flow", "camera", "speed", "scale", "speed"),
    "05_osvos": _segmenter("OSVOS()", "osvos", "appearance", "distractors"),
    "06_osvos_s": _segmenter("OSVOSS()", "osvos-s", "appearance", "intruder"),
    "07_onavos": _segmenter("OnAVOS()", "onavos", "appearance", "speed"),
    "08_masktrack": _segmenter("MaskTrack()", "masktrack", "scale", "speed"),
    "09_pixel_retrieval": _segmenter(
        "PixelRetrieval()", "pixel-retrieval", "camera", "appearance", "occlusion", "speed"
    ),
    "10_reid": _segmenter("ReIDVOS()", "reid", "occlusion", "distractors"),
    "11_premvos": _segmenter("PReMVOS()", "premvos", "distractors", "enter-leave"),
    "14_graph": _segmenter("AGNN()", "agnn", "easy", "camera", "appearance", "speed"),
    "16_mots": Challenge(
        what="HOTA on a validation crowd of 40 frames, with detections of medium noise",
        answer="a function without arguments that makes a tracker: lambda: MotsTracker()",
        holder="MotsTracker()",
        held=lambda: _tracker,
        score=_hota,
    ),
}
"""By lesson."""


def record(lessons: list[str]) -> None:
    """Measure the scores to beat of some lessons, and keep them."""
    kept = _recorded() if RECORD.exists() else {}
    for lesson in lessons or list(CHALLENGES):
        challenge = CHALLENGES[lesson]
        kept[lesson] = round(float(challenge.score(challenge.held())), 4)
        print(f"{lesson}: {kept[lesson]:.4f}, {challenge.holder}", flush=True)
        text = json.dumps(dict(sorted(kept.items())), indent=1)
        RECORD.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    record(sys.argv[1:])

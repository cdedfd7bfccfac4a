"""Turn the weights of PReMVOS's five scores, and see the whole clip merged anew.

The proposals do not depend on the weights. So they are made once, which takes a minute, and merged
at each turn, which takes a moment.
"""

import time
from collections.abc import Sequence

import cv2
import numpy as np

from vos_lab import metrics
from vos_lab.methods import premvos
from vos_lab.methods.premvos import SCORE_WEIGHTS, Candidates, PReMVOS, ScoreWeights
from vos_lab.methods.resolution import label_map, resized, soft_masks
from vos_lab.video import OBJECT_COLOURS, VOID, Video, overlay
from vos_lab.view import figures
from vos_lab.view.encoding import encode_jpeg, encode_mask, encode_png
from vos_lab.view.figures.page import Figure
from vos_lab.view.widget import source
from vos_lab.view.widgets.explorer import Explorer, Knob, hex_colour

LABELS = ("Objectness", "ReID", "Flow", "Inverse ReID", "Inverse flow")
HELP = (
    "is it a whole thing?",
    "does it look like the object?",
    "does it lie where the object goes?",
    "does it look like no other object?",
    "does it lie where no other object goes?",
)
"""Of the five weights, in their order."""

PASSED_OVER = (200, 200, 200)
DRAWN = 360
"""Pixels: a frame with outlines is drawn at least this high, so that they are thin."""


def record(method: PReMVOS, video: Video) -> list[Candidates]:
    """Make the proposals of a whole video, to merge them as often as one likes.

    Args:
        method: learns the objects of the first mask first.
        video: with a first mask.

    Returns:
        The candidates of all frames but the first.

    Raises:
        ValueError: the first mask is missing.
    """
    method.start(video.frames[0], video.first_mask)
    return [method.propose(video.frames[t]) for t in range(1, len(video))]


class MergeExplorer(Explorer):
    """One knob for each of the five scores; each turn merges the whole clip.

    Calls ``vos_lab.methods.premvos``, so it runs on your own functions once their checks have
    passed.

    Args:
        video: the clip.
        candidates: the proposals of all its frames but the first, from :func:`record`.
        first: label map of the first frame, ``(H, W)`` uint8; by default the video's own.
        weights: where the knobs start.
        frame: number of the frame whose proposals are shown, 1 or more; by default in the middle.
        least: an object whose best proposal has a lower sum of scores is not there.
        title: a line above the pictures.

    Attributes:
        masks: the label maps of all frames, ``(T, H, W)`` uint8.
        chosen: for each object the number of its proposal in the frame that is shown, or -1.
        scores: of the proposals of that frame for each object, ``(P, K)`` float64.
        j: the mean J of each object by its label, over all frames but the first; empty if the
            video has no masks.
        seconds: how long the last merging took.

    Raises:
        ValueError: the candidates do not fit the video; there is no such frame; no object.

    Example:
        >>> frames, first = np.zeros((2, 32, 48, 3), np.uint8), np.zeros((32, 48), np.uint8)
        >>> first[8:20, 10:30] = 1
        >>> still = np.zeros((32, 48, 2), np.float32)
        >>> two = np.stack([first == 1, first == 0]).astype(np.float32)
        >>> one = Candidates(two, np.array([0.5, 0.6]), np.array([[0.9], [0.1]]), still)
        >>> explorer = MergeExplorer(Video("a box", frames), [one], first)
        >>> explorer.chosen.tolist(), bool((explorer.masks[1] == first).all())
        ([0], True)
        >>> explorer.values = {"reid": 0, "flow": 0}
        >>> explorer.chosen.tolist()
        [1]
    """

    _css = source("widgets/explorer.css", "widgets/premvos.css")

    def __init__(
        self,
        video: Video,
        candidates: Sequence[Candidates],
        first: np.ndarray | None = None,
        weights: Sequence[float] = SCORE_WEIGHTS,
        frame: int | None = None,
        least: float = premvos.MIN_SCORE,
        title: str = "How much should each score count?",
    ) -> None:
        if len(candidates) != len(video) - 1 or not candidates:
            raise ValueError(
                f"{video.name}: {len(video)} frames need the candidates of {len(video) - 1}, at "
                f"least of one, and there are {len(candidates)}"
            )
        frame = max(1, len(video) // 2) if frame is None else frame
        if not 1 <= frame < len(video):
            raise ValueError(f"{video.name}: proposals are of frames 1 to {len(video) - 1}")
        first = video.first_mask if first is None else first
        if not np.any((first > 0) & (first != VOID)):
            raise ValueError(f"{video.name}: there is no object in the first mask")
        self.video, self.candidates, self.least = video, candidates, least
        soft = soft_masks(np.where(first == VOID, 0, first), candidates[0].flow.shape[:2])
        self.labels, self._first = list(soft), np.stack(list(soft.values()))
        self._first_map, self._frames = first, list(video.frames)  # drawn or read once
        self._jpegs = [encode_jpeg(each) for each in self._frames]
        masks = [] if video.masks is None else enumerate(video.masks)
        self._truth = {t: mask for t, mask in masks if t and mask is not None}
        knobs = [
            Knob(name, label, meaning, value, group="The weights")
            for name, label, meaning, value in zip(
                ScoreWeights._fields, LABELS, HELP, weights, strict=True
            )
        ]
        look = Knob(
            "frame",
            "Frame",
            "the frame whose proposals are drawn",
            frame,
            1,
            max(2, len(video) - 1),
        )
        super().__init__(
            title,
            [*knobs, Knob(**{**vars(look), "step": 1, "group": "The picture"})],
            _actions=[("reset", "Reset", "Put every knob back")],
            _beside=True,
            _size=list(video.size),
            _fps=video.fps,
            _legend=[
                *((hex_colour(OBJECT_COLOURS[label]), f"object {label}") for label in self.labels),
                (hex_colour(PASSED_OVER), "proposals that no object takes"),
            ],
        )

    @property
    def weights(self) -> ScoreWeights:
        """What the knobs stand for."""
        return ScoreWeights(*(float(self.values[name]) for name in ScoreWeights._fields))

    def show(self) -> None:
        """Merge all frames, and show them."""
        begun = time.perf_counter()
        found = premvos.merge_video(self.candidates, self._first, self.weights, self.least)
        self.seconds = time.perf_counter() - begun
        self._look_closely(found)
        self.masks = np.stack([self._first_map, *(self._labelled(each) for each in found)])
        self.j = self._measured()
        t = self._frame
        self._pictures = [
            (f"Frame {t}: what each object takes", self._words(), encode_png(self._drawn()))
        ]
        self._clip = [
            (jpeg, encode_mask(mask)) for jpeg, mask in zip(self._jpegs, self.masks, strict=True)
        ]
        self._alt = self._words()
        self._numbers = [
            *((f"J of {k}", j, f"{j:.2f}", "mean over the clip") for k, j in self.j.items()),
            ("seconds", min(1.0, self.seconds), f"{self.seconds:.2f}", "to merge the clip"),
        ]

    @property
    def _frame(self) -> int:
        return min(len(self.video) - 1, int(self.values["frame"]))

    def _look_closely(self, found: Sequence[np.ndarray]) -> None:
        """Merge the frame that is shown once more, and keep who takes which proposal."""
        last = [self._first, *found][self._frame - 1]
        there = self.candidates[self._frame - 1]
        _, self.scores = premvos.merge(there, last, self.weights, self.least)
        self.chosen, _ = premvos.merge_greedily(there.masks > 0.5, self.scores, self.least)

    def _labelled(self, merged: np.ndarray) -> np.ndarray:
        return label_map(dict(zip(self.labels, merged, strict=True)), self.video.size)

    def _measured(self) -> dict[int, float]:
        if not self._truth:
            return {}
        truth, found = np.stack(list(self._truth.values())), self.masks[list(self._truth)]
        return {
            k: float(np.mean(metrics.jaccard(found == k, truth == k, truth == VOID)))
            for k in self.labels
        }

    def _drawn(self) -> np.ndarray:
        """The frame with all its proposals as outlines: thick and coloured what is taken."""
        t = self._frame
        picture = overlay(self._frames[t], self.masks[t], 0.3)
        factor = max(1.0, DRAWN / picture.shape[0])
        size = round(factor * picture.shape[0]), round(factor * picture.shape[1])
        picture = resized(picture, size)
        proposals = self.candidates[t - 1].masks
        taken = [int(p) for p in self.chosen if p >= 0]
        for proposal in set(range(len(proposals))) - set(taken):
            outline(picture, proposals[proposal], PASSED_OVER, 1)
        for label, proposal in zip(self.labels, self.chosen, strict=True):
            if proposal >= 0:
                outline(picture, proposals[proposal], (20, 20, 20), 4)
                outline(picture, proposals[proposal], OBJECT_COLOURS[label], 2)
        return picture

    def figure(self) -> Figure:
        """The proposals of the frame, and the masks of some others, for a page without a kernel."""
        last = len(self.video) - 1
        others = sorted({max(1, last // 3), max(1, 2 * last // 3), last} - {self._frame})
        pictures = [overlay(self._frames[t], self.masks[t], 0.5) for t in others]
        return figures.strip(
            [self._drawn(), *(resized(each, self._drawn().shape[:2]) for each in pictures)],
            titles=[f"frame {self._frame}: proposals", *(f"frame {t}" for t in others)],
            title="What each object takes in one frame, and what becomes of the clip",
            alt=self._words(),
        )

    def _words(self) -> str:
        count = len(self.scores)
        takes = [
            f"object {label} takes proposal {p} with a score of {self.scores[p, k]:.2f}"
            if p >= 0
            else f"object {label} takes none"
            for k, (label, p) in enumerate(zip(self.labels, self.chosen, strict=True))
        ]
        weights = ", ".join(
            f"{name.lower()} {value:g}" for name, value in zip(LABELS, self.weights, strict=True)
        )
        measured = ", ".join(f"{j:.2f} of object {k}" for k, j in self.j.items())
        return (
            f"Weights: {weights}. Frame {self._frame} has {count} proposals: {', '.join(takes)}."
            + (f" J of the clip: {measured}." if measured else "")
        )

    def __repr__(self) -> str:
        return f"MergeExplorer: {self._words()}"


def outline(picture: np.ndarray, mask: np.ndarray, colour: Sequence[int], width: int) -> None:
    """Draw the contour of a soft mask on a picture of any size."""
    sharp = (resized(mask, picture.shape[:2]) > 0.5).astype(np.uint8)
    contours = cv2.findContours(sharp, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)[0]
    cv2.drawContours(picture, contours, -1, [int(c) for c in colour], width, cv2.LINE_AA)

"""Look at the proposals of OSVOS-S: click one to see its class, and turn the trust in the prior.

Proposals and what both classifiers say do not depend on the trust. So they are made once, and the
clip is segmented anew at each turn.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from vos_lab import metrics
from vos_lab.methods.osvos_s import CLASSES, OSVOSS, Seen
from vos_lab.methods.resolution import label_map, resized
from vos_lab.video import OBJECT_COLOURS, VOID, Video, overlay
from vos_lab.view import figures
from vos_lab.view.encoding import encode_jpeg, encode_mask, encode_png
from vos_lab.view.figures.page import Figure
from vos_lab.view.widget import source
from vos_lab.view.widgets.explorer import Explorer, Knob, hex_colour
from vos_lab.view.widgets.premvos import outline

OTHERS = (200, 200, 200)
CHOSEN = (255, 255, 255)
DRAWN = 360
"""Pixels: a frame with outlines is drawn at least this high, so that they are thin."""
SHOWN = 3
"""So many classes of a proposal are shown, the most probable ones."""


class ProposalExplorer(Explorer):
    """Click a proposal to see its class; a knob says how far to trust the prior.

    With Shift, or the right button, a click puts a proposal into the prior of this frame, or takes
    it out. Calls ``vos_lab.methods.osvos_s``, so it runs on your own functions once their checks
    have passed.

    Args:
        method: has learned the first frame of the video.
        video: the clip.
        frame: number of the frame whose proposals are shown, 1 or more; by default in the middle.
        stranger: where a thing is that shall not be taken, ``(T, H, W)`` bool, to say how much of
            it is.
        title: a line above the pictures.

    Attributes:
        masks: the label maps of all frames, ``(T, H, W)`` uint8.
        clicked: number of the proposal that was clicked, or None.
        j: the mean J over all objects and all frames but the first; NaN without masks.
        taken: the share of the stranger that is taken; NaN without one.

    Raises:
        ValueError: there is no such frame, or no proposal met an object in the first frame.
    """

    _css = source("widgets/explorer.css", "widgets/premvos.css")

    def __init__(
        self,
        method: OSVOSS,
        video: Video,
        frame: int | None = None,
        stranger: np.ndarray | None = None,
        title: str = "What are these things, and how much do you trust the answer?",
    ) -> None:
        frame = max(1, len(video) // 2) if frame is None else frame
        if not 1 <= frame < len(video):
            raise ValueError(f"{video.name}: proposals are of frames 1 to {len(video) - 1}")
        self.method, self.video, self.stranger = method, video, stranger
        self._frames = list(video.frames)  # drawn or read once
        self._jpegs = [encode_jpeg(each) for each in self._frames]
        self._seen = [method.look(resized(each, method.size)) for each in self._frames[1:]]
        self._appearance = [method.appearance(seen) for seen in self._seen]
        self._by_hand: dict[int, set[int]] = {}  # by frame, what was put in or taken out
        self.clicked: int | None = None
        masks = [] if video.masks is None else enumerate(video.masks)
        self._truth = {t: mask for t, mask in masks if t and mask is not None}
        look = Knob(
            "frame",
            "Frame",
            "the frame whose proposals are drawn",
            frame,
            1,
            max(2, len(video) - 1),
        )
        knobs = [
            Knob("trust", "Trust", "0: as OSVOS, 1: as the prior says", method.trust),
            Knob("any_class", "All classes", "use the instances of all classes", method.any_class),
            Knob(**{**vars(look), "step": 1, "group": "The picture"}),
        ]
        super().__init__(
            title,
            knobs,
            _actions=[("reset", "Reset", "Put every knob and every proposal back")],
            _strokes=True,
            _size=list(video.size),
            _fps=video.fps / 2,
            _legend=[
                (hex_colour(OBJECT_COLOURS[method.labels[0]]), "in the prior"),
                (hex_colour(OTHERS), "other proposals"),
                (hex_colour(CHOSEN), "clicked"),
            ],
        )

    def reset(self) -> None:
        """Put every knob and every proposal back."""
        self._by_hand, self.clicked = {}, None
        super().reset()
        self._turned()

    def stroke(self, points: Sequence[Sequence[float]], other: bool) -> None:
        """Choose the smallest proposal at a place; with ``other`` put it into the prior, or out."""
        masks = self._now.instances.masks
        x, y = points[-1]
        row, column = int(y * masks.shape[1]), int(x * masks.shape[2])
        at = [p for p, mask in enumerate(masks) if mask[row, column] > 0.5]
        self.clicked = min(at, key=lambda p: (masks[p] > 0.5).sum()) if at else None
        if other and self.clicked is not None:
            self._by_hand[self._frame] = self._by_hand.get(self._frame, set()) ^ {self.clicked}

    def show(self) -> None:
        """Segment all frames, and show them."""
        self._version = self.method.version(any_class=bool(self.values["any_class"]))
        self._priors = [self._prior(t) for t in range(1, len(self._frames))]
        first = self.video.first_mask
        self.masks = np.stack(
            [np.where(first == VOID, 0, first), *map(self._labelled, self._pairs)]
        )
        self._measure()
        picture, prior = self._drawn(), self._grey()
        self._pictures = [
            (f"Frame {self._frame}: proposals", self._words(), encode_png(picture)),
            ("Prior: white is object, grey is unknown", self._words(), encode_png(prior)),
        ]
        self._clip = [
            (jpeg, encode_mask(mask)) for jpeg, mask in zip(self._jpegs, self.masks, strict=True)
        ]
        self._alt = self._words()
        self._numbers = [
            *(
                (name, share, f"{share:.0%}", "the proposal you clicked")
                for name, share in self._is
            ),
            *([("J", self.j, f"{self.j:.2f}", "mean over the clip")] if self._truth else []),
            *(
                [("stranger", self.taken, f"{self.taken:.0%}", "how much of it is taken")]
                if self.stranger is not None
                else []
            ),
        ]

    @property
    def _frame(self) -> int:
        return min(len(self.video) - 1, int(self.values["frame"]))

    @property
    def _now(self) -> Seen:
        return self._seen[self._frame - 1]

    @property
    def _pairs(self) -> list[tuple[Seen, np.ndarray]]:
        return list(zip(self._seen, self._priors, strict=True))

    def _prior(self, t: int) -> np.ndarray:
        """The prior of a frame, with what was put in or taken out by hand."""
        found = self._seen[t - 1].instances
        prior = self._version.prior(found, self._appearance[t - 1])
        if self._by_hand.get(t):
            masks = found.masks[sorted(self._inside(t))]
            prior[:] = masks.max(axis=0) if len(masks) else 0.0
        return prior

    def _inside(self, t: int) -> set[int]:
        """Which proposals make up the prior of a frame."""
        found = self._seen[t - 1].instances
        sharp = self._version.version(blur=0.0).prior(found, self._appearance[t - 1]).max(axis=0)
        cores = [mask > 0.5 for mask in found.masks]
        inside = {
            p
            for p, core in enumerate(cores)
            if core.any() and (sharp >= found.masks[p])[core].all()
        }
        return inside ^ self._by_hand.get(t, set())

    def _labelled(self, pair: tuple[Seen, np.ndarray]) -> np.ndarray:
        soft = self.method.answer(*pair, float(self.values["trust"]))
        return label_map(dict(zip(self.method.labels, soft, strict=True)), self.video.size)

    @property
    def _is(self) -> list[tuple[str, float]]:
        """The most probable classes of the proposal that was clicked."""
        scores = self._now.instances.class_scores
        if self.clicked is None or self.clicked >= len(scores):
            return []
        best = np.argsort(-scores[self.clicked])[:SHOWN]
        return [(CLASSES[n], float(scores[self.clicked, n])) for n in best]

    def _measure(self) -> None:
        self.j = self.taken = float("nan")
        if self._truth:
            truth, found = np.stack(list(self._truth.values())), self.masks[list(self._truth)]
            objects = self.method.labels
            each = [metrics.jaccard(found == k, truth == k, truth == VOID) for k in objects]
            self.j = float(np.mean(np.stack(each)))
        if self.stranger is not None:
            there = self.stranger[1:]
            self.taken = float((self.masks[1:] > 0)[there].mean()) if there.any() else 0.0

    def _drawn(self) -> np.ndarray:
        """The frame with all its proposals as outlines."""
        t = self._frame
        picture = overlay(self._frames[t], self.masks[t], 0.3)
        factor = max(1.0, DRAWN / picture.shape[0])
        size = round(factor * picture.shape[0]), round(factor * picture.shape[1])
        picture = resized(picture, size)
        masks, inside = self._now.instances.masks, self._inside(t)
        for number in [*(set(range(len(masks))) - inside), *inside]:
            colour = OBJECT_COLOURS[self.method.labels[0]] if number in inside else OTHERS
            outline(picture, masks[number], colour, 2 if number in inside else 1)
        if self.clicked is not None and self.clicked < len(masks):
            outline(picture, masks[self.clicked], (20, 20, 20), 6)
            outline(picture, masks[self.clicked], CHOSEN, 3)
        return picture

    def _grey(self) -> np.ndarray:
        prior = self._priors[self._frame - 1].max(axis=0)
        grey = np.rint(np.clip(prior, 0, 1) * 255).astype(np.uint8)
        return cv2.cvtColor(resized(grey, self._frames[0].shape[:2]), cv2.COLOR_GRAY2RGB)

    def figure(self) -> Figure:
        """The proposals of a frame, its prior and its mask, for a page without a kernel."""
        drawn = self._drawn()
        shown = overlay(self._frames[self._frame], self.masks[self._frame], 0.6)
        return figures.strip(
            [drawn, *(resized(each, drawn.shape[:2]) for each in (self._grey(), shown))],
            titles=[f"frame {self._frame}: proposals", "prior", f"trust {self.values['trust']:g}"],
            title="The proposals of a frame, the prior they make, and the mask",
            alt=self._words(),
        )

    def _words(self) -> str:
        t, scores = self._frame, self._now.instances.class_scores
        inside = sorted(self._inside(t))
        names = [CLASSES[int(scores[p].argmax())] for p in inside]
        words = (
            f"Frame {t} has {len(scores)} proposals; in the prior: {', '.join(names) or 'none'}."
        )
        if self._is:
            words += f" Clicked: {', '.join(f'{name} {share:.0%}' for name, share in self._is)}."
        words += f" Trust {self.values['trust']:g}."
        if self._truth:
            words += f" J of the clip: {self.j:.2f}."
        return words + (f" {self.taken:.0%} of the stranger is taken." if self.taken >= 0 else "")

    def __repr__(self) -> str:
        return f"ProposalExplorer: {self._words()}"

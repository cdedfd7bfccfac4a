"""Look into the state of a recurrent network, wipe it, or give it to another object.

The encoder has seen each frame once. What is done to a state in one frame changes that frame and
all after it, and only those are segmented anew, as far as they are looked at.
"""

import time
from typing import NamedTuple

import numpy as np
import torch

from vos_lab.methods.recurrent import S2S, State, merged
from vos_lab.metrics import jaccard
from vos_lab.video import OBJECT_COLOURS, VOID, Video, overlay
from vos_lab.view import figures
from vos_lab.view.encoding import encode_png
from vos_lab.view.figures.page import Figure
from vos_lab.view.widgets.explorer import Explorer, Knob, hex_colour
from vos_lab.view.widgets.pixel_retrieval import main_directions

LONGEST = 60
"""Frames: of longer videos take a part; what the encoder saw of them would fill the memory."""


class Moment(NamedTuple):
    """What is known after a frame: the states of all objects, and the label map."""

    states: dict[int, State]
    mask: np.ndarray


class StateExplorer(Explorer):
    """The states of two objects over the frames: wipe one of them, or swap the two.

    Calls ``vos_lab.methods.recurrent``, so it runs on your own functions once their checks have
    passed.

    Args:
        video: with a first mask, at most 60 frames.
        method: the method; by default S2S with the shipped weights.
        frame: number of the frame to begin with, 1 or more; by default the middle one.
        title: a line above the pictures.

    Attributes:
        labels: of the one or two objects whose states are shown, the first in the mask.
        edits: what was done before a frame was segmented, by its number: the label of the object
            whose state was wiped, or 0 where the two were swapped.
        masks: label maps ``(H, W)`` uint8 of all frames up to the one that is shown.
        j: of each object in the frame that is shown; None if the video has no truth for it.
        seconds: how long the last answer took.

    Raises:
        ValueError: the video is too long, or there is no such frame, or no object in the first
            mask.
    """

    def __init__(
        self,
        video: Video,
        method: S2S | None = None,
        frame: int | None = None,
        title: str = "What the network remembers of two objects",
    ) -> None:
        if len(video) > LONGEST:
            raise ValueError(
                f"{video.name}: {len(video)} frames; take a part of at most {LONGEST}: "
                f"video.part(0, {LONGEST})"
            )
        frame = len(video) // 2 if frame is None else frame
        if not 1 <= frame < len(video):
            raise ValueError(f"{video.name}: states change from frame 1 on, not in {frame}")
        self.video = video
        self.method = S2S() if method is None else method
        self.frames = list(video.frames)
        self.method.start(self.frames[0], video.first_mask)
        self.labels = list(self.method.states)[:2]
        if not self.labels:
            raise ValueError(f"{video.name}: there is no object in the first mask")
        self.looks = [self.method.look(each) for each in self.frames]
        self.edits: dict[int, list[int]] = {}
        self._known = [Moment(dict(self.method.states), video.first_mask)]
        self._go_on(len(video) - 1)
        # One colour means one thing in all frames, and for both objects, whatever is done later.
        self._directions = main_directions(
            [_cells(moment.states[k]) for moment in self._known for k in self.labels]
        )
        wipes = [
            (f"wipe_{which}", f"Wipe object {label} here", "Let its state be 0 before this frame")
            for which, label in zip(("first", "second"), self.labels, strict=False)
        ]
        swap = ("swap", "Swap the states here", "Each goes on with the state of the other one")
        super().__init__(
            title,
            [Knob("frame", "Frame", "to look at", frame, 1, len(video) - 1, 1)],
            _actions=[
                *wipes,
                *([swap] if len(self.labels) == 2 else []),
                ("undo", "Undo all", "Take back what was done to the states"),
            ],
            _legend=[
                (hex_colour(OBJECT_COLOURS[label]), f"object {label}") for label in self.labels
            ],
        )

    def wipe_first(self) -> None:
        """Let the state of the first object be 0 before the frame that is shown."""
        self._turned(lambda: self._edit(self.labels[0]))

    def wipe_second(self) -> None:
        """The same for the second object."""
        self._turned(lambda: self._edit(self.labels[1]))

    def swap(self) -> None:
        """Let the two objects go on with each other's state from the frame that is shown."""
        self._turned(lambda: self._edit(0))

    def undo(self) -> None:
        """Take back what was done to the states."""
        self._turned(self._forget_edits)

    def show(self) -> None:
        """Segment up to the frame that is asked for, as far as that is not known yet."""
        begun = time.perf_counter()
        t = int(self.values["frame"])
        self._go_on(t)
        self.masks = [moment.mask for moment in self._known[: t + 1]]
        truth = None if self.video.masks is None else self.video.masks[t]
        self.j: dict[int, float] | None = None
        if truth is not None:
            counts = np.asarray(truth) != VOID
            self.j = {
                label: float(jaccard((self.masks[t] == label) & counts, np.asarray(truth) == label))
                for label in self.labels
            }
        words = self._words()
        self._pictures = [
            (f"Frame {t}, with the masks", words, encode_png(self._masked(t))),
            *(
                (f"What it remembers of object {label}", words, encode_png(self._memory(t, label)))
                for label in self.labels
            ),
        ]
        self._numbers = [
            (f"object {label}", j, f"{j:.2f}", "J in this frame")
            for label, j in (self.j or {}).items()
        ]
        self._state = " ".join(self._told())
        self.seconds = time.perf_counter() - begun

    def figure(self) -> Figure:
        """Five frames with their masks and the memory of the first object, without a kernel."""
        self._go_on(len(self.video) - 1)
        at = np.linspace(0, len(self.video) - 1, 5).round().astype(int).tolist()
        first = self.labels[0]
        return figures.strip(
            [*(self._masked(t) for t in at), *(self._memory(t, first) for t in at)],
            titles=[
                *(f"frame {t}" for t in at),
                *(f"object {first}, frame {t}" for t in at),
            ],
            title=f"The masks, and what the network remembers of object {first}",
            alt=f"Five frames with masks, and below each of them the state of object {first} in "
            f"colours. {' '.join(self._told())}",
        )

    def _edit(self, what: int) -> None:
        t = int(self.values["frame"])
        self.edits.setdefault(t, []).append(what)
        del self._known[t:]

    def _forget_edits(self) -> None:
        first = min(self.edits, default=len(self._known))
        self.edits = {}
        del self._known[first:]

    def _go_on(self, until: int) -> None:
        """Segment the frames up to this one that are not known yet."""
        while len(self._known) <= until:
            t = len(self._known)
            self.method.states = dict(self._known[-1].states)
            for what in self.edits.get(t, ()):
                if what:
                    self.method.wipe(what)
                else:
                    self.method.swap(*self.labels)
            soft = self.method.advance(self.looks[t])
            mask = merged(soft, self.video.size)
            self._known.append(Moment(dict(self.method.states), mask))

    def _masked(self, t: int) -> np.ndarray:
        return overlay(self.frames[t], self._known[t].mask, 0.5)

    def _memory(self, t: int, label: int) -> np.ndarray:
        """The cell state after a frame, in colours, a square for each cell."""
        height, width = self.video.size
        colours = self._directions.colours(_cells(self._known[t].states[label]))
        rows = np.arange(height) * len(colours) // height
        columns = np.arange(width) * colours.shape[1] // width
        return colours[rows][:, columns]

    def _told(self) -> list[str]:
        """What was done to the states, a sentence each."""
        return [
            f"Object {what} wiped in frame {t}." if what else f"States swapped in frame {t}."
            for t, done in sorted(self.edits.items())
            for what in done
        ]

    def _words(self) -> str:
        t = len(self.masks) - 1
        covers = [
            f"The mask of object {k} covers {(self.masks[t] == k).mean():.1%} of it."
            for k in self.labels
        ]
        return " ".join([f"Frame {t}.", *covers, *self._told()])

    def __repr__(self) -> str:
        return f"StateExplorer: {self._words()}"


def _cells(state: State) -> torch.Tensor:
    """What is remembered in each cell, ``(h, w, C)``."""
    return state.cell[0].permute(1, 2, 0).float()

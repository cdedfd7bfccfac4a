"""Look into the read of a space-time memory: who is asked, and what follows from it.

The frames were encoded once. A click compares one key with those in the memory; a frame that is
left out, or another temperature, reads and decodes the whole frame anew. Both take a moment.
"""

import time
from collections.abc import Sequence

import cv2
import numpy as np

from vos_lab.methods.resolution import label_map
from vos_lab.methods.space_time_memory import STM, Entry
from vos_lab.metrics import jaccard
from vos_lab.video import OBJECT_COLOURS, VOID, Video, overlay
from vos_lab.view import figures
from vos_lab.view.encoding import encode_png
from vos_lab.view.figures.page import Figure
from vos_lab.view.widgets.explorer import Explorer, Knob, hex_colour

READ = (253, 231, 55)
"""The colour of places that are read."""


class MemoryExplorer(Explorer):
    """Click a place of a frame: where in the memory does it read, and how much in each frame?

    Leave frames out of the memory, or change the temperature, and the mask follows.

    Calls ``vos_lab.methods.space_time_memory``, so it runs on your own functions once their checks
    have passed.

    Args:
        video: with a first mask.
        method: the method; by default one that keeps every fourth frame, five at most.
        frame: number of the frame to look at, 1 or more; by default the last.
        point: column and row of the place to begin with; by default in the middle of the object.
        label: of the object; by default the first in the mask.
        title: a line above the pictures.

    Attributes:
        point: column and row of the pixel whose cell reads.
        kept: numbers of the frames that are in the memory now.
        weights: of each cell, ``(h, w)`` float32 by frame; all together add up to 1.
        mask: what comes out, label map ``(H, W)`` uint8.
        j: of the object in that mask; None if the video has no truth for the frame.
        seconds: how long the last answer took.

    Raises:
        ValueError: there is no such frame, pixel or object.
    """

    def __init__(
        self,
        video: Video,
        method: STM | None = None,
        frame: int | None = None,
        point: tuple[int, int] | None = None,
        label: int | None = None,
        title: str = "Click a place: where in the memory does it read?",
    ) -> None:
        frame = len(video) - 1 if frame is None else frame
        if not 1 <= frame < len(video):
            raise ValueError(f"{video.name}: the memory is read from frame 1 on, not in {frame}")
        self.video, self.at = video, frame
        self.method = STM(every=4, most=5) if method is None else method
        self.frames = {0: video.frames[0]}
        self.method.start(video.frames[0], video.first_mask)
        for t in range(1, frame):
            self.frames[t] = video.frames[t]
            self.method.step(self.frames[t])
        self.frames[frame] = video.frames[frame]
        if not self.method.memory:
            raise ValueError(f"{video.name}: there is no object in the first mask")
        self.label = next(iter(self.method.memory)) if label is None else label
        if self.label not in self.method.memory:
            raise ValueError(f"{video.name}: there is no object {label} in the first mask")
        self.look = self.method.look(self.frames[frame])
        self._all = {key: dict(entries) for key, entries in self.method.memory.items()}
        truth = None if video.masks is None else video.masks[frame]
        self._truth = None if truth is None else np.asarray(truth)
        height, width = video.size
        self.point = self._middle() if point is None else point
        if not (0 <= self.point[0] < width and 0 <= self.point[1] < height):
            raise ValueError(f"pixel {self.point} is outside of {width} x {height} pixels")
        self._asked_last: tuple[float, tuple[int, ...]] | None = None
        knobs = [
            Knob(
                "temperature",
                "Temperature",
                "low: only the most similar places count",
                1.0,
                0.1,
                4.0,
                0.1,
            ),
            *(
                Knob(
                    f"frame_{t}",
                    f"Frame {t}",
                    "whether it is in the memory",
                    True,
                    group="The memory",
                )
                for t in self._all[self.label]
            ),
        ]
        super().__init__(
            title,
            knobs,
            _strokes=True,
            _actions=[("reset", "Reset", "Put every knob back")],
            _legend=[
                (hex_colour(OBJECT_COLOURS[self.label]), "the mask"),
                (hex_colour(READ), "read"),
            ],
        )

    def stroke(self, points: Sequence[Sequence[float]], other: bool) -> None:
        """Take the last place of a click or a stroke."""
        height, width = self.video.size
        x, y = points[-1]
        self.point = min(width - 1, int(x * width)), min(height - 1, int(y * height))

    def show(self) -> None:
        """Read from what is in the memory, and show it."""
        begun = time.perf_counter()
        entries = self._all[self.label]
        self.kept = [t for t in entries if self.values[f"frame_{t}"]]
        self.method.temperature = float(self.values["temperature"])
        kept: dict[int, dict[int, Entry]] = {
            label: {t: known[t] for t in self.kept if t in known}
            for label, known in self._all.items()
        }
        self.method.memory = {label: known for label, known in kept.items() if known}
        there = self.label in self.method.memory
        place = self._cell[0] * self.look.key.shape[-1] + self._cell[1]
        self.weights = self.method.weights_of(self.look, self.label, place) if there else {}
        asked = (self.method.temperature, tuple(self.kept))
        if asked != self._asked_last:  # a click changes nothing of the mask
            soft = self.method.segment(self.look, self.method.memory)
            self.mask = label_map(soft, self.video.size)
            self._asked_last = asked
        self.j = None
        if self._truth is not None:
            counts = self._truth != VOID
            self.j = float(
                jaccard((self.mask == self.label) & counts, (self._truth == self.label) & counts)
            )
        of_object = sum(
            float((each.flatten() * entries[t].share.cpu().numpy()).sum())
            for t, each in self.weights.items()
        )
        self._of_object = of_object
        self._pictures = [
            (f"Frame {self.at}: click here", self._words(), encode_png(self._queried())),
            *(
                (f"Frame {t}: {self._share(t):.0%}", self._words(), encode_png(self._read(t)))
                for t in entries
            ),
        ]
        self._numbers = [
            ("object", of_object, f"{of_object:.0%}", "of what is read belongs to the object"),
            *(
                [("J", self.j, f"{self.j:.2f}", "of the mask that comes out")]
                if self.j is not None
                else []
            ),
        ]
        self.seconds = time.perf_counter() - begun

    def figure(self) -> Figure:
        """The place, and where it reads, for a page without a kernel."""
        others = list(self._all[self.label])[:4]
        return figures.strip(
            [self._queried(), *(self._read(t) for t in others)],
            titles=[
                f"a place of frame {self.at}",
                *(f"frame {t}: {self._share(t):.0%}" for t in others),
            ],
            title="A place of a frame, and where in the memory it reads (yellow)",
            alt=self._words(),
        )

    @property
    def _cell(self) -> tuple[int, int]:
        """Row and column of the cell of the point."""
        rows, columns = self.look.key.shape[-2:]
        height, width = self.video.size
        return (
            min(rows - 1, self.point[1] * rows // height),
            min(columns - 1, self.point[0] * columns // width),
        )

    def _middle(self) -> tuple[int, int]:
        """A pixel in the middle of the object, as it is found in the frame."""
        soft = self.method.segment(self.look, self._all)
        rows, columns = np.nonzero(label_map(soft, self.video.size) == self.label)
        height, width = self.video.size
        if not len(rows):
            return width // 2, height // 2
        return int(np.median(columns)), int(np.median(rows))

    def _share(self, t: int) -> float:
        """How much of the read is of a frame."""
        return float(self.weights[t].sum()) if t in self.weights else 0.0

    def _queried(self) -> np.ndarray:
        picture = overlay(self.frames[self.at], self.mask, 0.45)
        radius = max(3, round(min(picture.shape[:2]) / 30))
        for thick, colour in ((3, (16, 16, 16)), (1, (255, 255, 255))):
            cv2.circle(picture, self.point, radius, colour, thick, cv2.LINE_AA)
        return picture

    def _read(self, t: int) -> np.ndarray:
        """A frame of the memory, darker, with light where it is read, and its mask's outline."""
        height, width = self.video.size
        dark = self.frames[t].astype(np.float32) * (0.55 if t in self.weights else 0.2)
        if t in self.weights:
            most = max(float(each.max()) for each in self.weights.values())
            shown = np.sqrt(self.weights[t] / most)  # a little is seen too
            light = cv2.resize(shown, (width, height), interpolation=cv2.INTER_NEAREST)[..., None]
            dark = (1 - light) * dark + light * np.array(READ, np.float32)
        picture = np.ascontiguousarray(dark.clip(0, 255).astype(np.uint8))
        share = self._all[self.label][t].share.reshape(self.look.key.shape[-2:]).cpu().numpy()
        inside = (cv2.resize(share, (width, height)) > 0.5).astype(np.uint8)
        outline, _ = cv2.findContours(inside, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        colour = [int(c) for c in OBJECT_COLOURS[self.label]]
        cv2.drawContours(picture, outline, -1, colour, 1, cv2.LINE_AA)
        return picture

    def _words(self) -> str:
        if not self.weights:
            return f"The memory is empty, so nothing is found in frame {self.at}."
        shares = ", ".join(f"frame {t} {self._share(t):.0%}" for t in self.weights)
        return (
            f"The place {self.point} of frame {self.at} reads from {len(self.weights)} frames: "
            f"{shares}. {self._of_object:.0%} of what it reads belongs to the object."
        )

    def __repr__(self) -> str:
        return f"MemoryExplorer: {self._words()}"

"""The dream studio: one annotated frame, and knobs that dream another one of it.

Each knob is one thing that Lucid draws by chance: where the object goes, how large it gets, how it
turns and bends, how far the ground moves behind it, and the light.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import cv2
import numpy as np

from vos_lab.datasets.procedural import suites as procedural
from vos_lab.methods.augmentation import BEND_GRID, deformation
from vos_lab.methods.lucid_frames import Dream, lucid_frame, mirrored
from vos_lab.video import Video, overlay
from vos_lab.view import figures
from vos_lab.view.encoding import encode_png
from vos_lab.view.figures.page import Figure
from vos_lab.view.widgets.explorer import Explorer, Knob

OBJECT, GROUND = "The object", "The ground"
KNOBS: Sequence[Knob] = (
    Knob("right", "Shift to the right", "in sizes of the object", 0.0, -2, 2, 0.05, "", OBJECT),
    Knob("down", "Shift down", "in sizes of the object", 0.0, -2, 2, 0.05, "", OBJECT),
    Knob("scale", "Scale", "how many times as large", 1.0, 0.4, 2, 0.05, " x", OBJECT),
    Knob("turn", "Turn", "clockwise", 0, -60, 60, 1, "°", OBJECT),
    Knob("bend", "Bend", "as a share of its size", 0.0, 0, 0.3, 0.02, "", OBJECT),
    Knob("ground", "Ground to the right", "the camera pans", 0, -60, 60, 1, " px", GROUND),
    Knob("light", "Light", "of the whole frame", 0.0, -0.6, 0.6, 0.05, "", GROUND),
)


class DreamStudio(Explorer):
    """Dream of one frame. Calls ``lucid_frame``: your own, once its check has passed.

    Args:
        video: the first frame with a mask is taken; by default a rendered animal.
        label: the object that moves; by default the first.
        **knobs: where knobs start, for example ``right=0.5``.

    Attributes:
        frame: the dreamt frame, ``(H, W, 3)`` uint8.
        mask: its mask, ``(H, W)`` float32, 0 to 1.

    Raises:
        ValueError: the video has no masks, or no such object; or a knob does not exist.

    Example:
        >>> studio = DreamStudio(right=0.5)
        >>> studio.frame.shape, studio.mask.dtype
        ((120, 216, 3), dtype('float32'))
    """

    def __init__(self, video: Video | None = None, label: int | None = None, **knobs: Any) -> None:
        if video is None:
            video = procedural.suite("easy", frames=1, size=(120, 216), length=4)[0]
        if video.masks is None:
            raise ValueError("a dream needs an annotated frame; this video has no masks")
        self.image, self.labels = video.frames[0], np.asarray(video.masks[0])
        self._dream = Dream(self.image, self.labels)
        there = list(self._dream.masks)
        if not there or (label is not None and label not in there):
            raise ValueError(f"there is no object {label or ''} in the first frame, only {there}")
        self.label = there[0] if label is None else label
        unknown = set(knobs) - {knob.name for knob in KNOBS}
        if unknown:
            raise ValueError(
                f"there is no knob {unknown.pop()}, only {', '.join(k.name for k in KNOBS)}"
            )
        super().__init__(
            "Dream studio: make other frames from the annotated one",
            [replace(k, value=knobs.get(k.name, k.value)) for k in KNOBS],
            _actions=[("reset", "Reset", "Put every knob back")],
        )

    def show(self) -> None:
        """Dream what the knobs say."""
        mask = self._dream.masks[self.label]
        ground_flow, object_flow = self.flows()
        frame, self.mask = lucid_frame(
            self._dream.ground, self.image, mask, ground_flow, object_flow
        )
        lit = frame.astype(np.float32) * (1 + self.values["light"])
        self.frame = np.clip(np.rint(lit), 0, 255).astype(np.uint8)
        self._pictures = [
            ("The only frame with a mask", "the annotated frame", _png(*self._annotated())),
            ("A lucid frame", self._words(), _png(self.frame, self.dreamt_labels())),
        ]
        share = float(self.mask.sum() / max(1.0, float(mask.sum())))
        self._numbers = [
            (
                "area",
                min(share / 4, 1.0),
                f"{share:.2f}",
                "pixels of the object; it was 1.00 before",
            )
        ]

    def flows(self) -> tuple[np.ndarray, np.ndarray]:
        """The flows of ground and object that the knobs stand for."""
        mask = self._dream.masks[self.label]
        rows, columns = np.nonzero(mask > 0.5)
        size, values = np.sqrt(len(rows)), self.values
        centre = np.array([columns.mean(), rows.mean()])
        angle = -np.deg2rad(values["turn"])  # from the new place to the old one: the other way
        matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        matrix = matrix / values["scale"]
        away = np.array([values["right"], values["down"]]) * size
        affine = np.column_stack([matrix, centre - matrix @ (centre + away)])
        waves = np.random.default_rng(0).standard_normal((BEND_GRID, BEND_GRID, 2))
        bend = (waves * values["bend"] * size).astype(np.float32)
        ground = np.zeros((*mask.shape, 2), np.float32)
        ground[..., 0] = -values["ground"]
        return mirrored(ground), deformation(mask.shape, affine, bend)

    def dreamt_labels(self) -> np.ndarray:
        """The label map of the dreamt frame, ``(H, W)`` uint8."""
        return np.where(self.mask > 0.5, self.label, 0).astype(np.uint8)

    def _annotated(self) -> tuple[np.ndarray, np.ndarray]:
        return self.image, np.where(self.labels == self.label, self.label, 0).astype(np.uint8)

    def figure(self) -> Figure:
        """The annotated frame, its ground alone, and the dreamt frame."""
        image, labels = self._annotated()
        return figures.strip(
            [image, self._dream.ground, self.frame],
            [labels, None, self.dreamt_labels()],
            titles=["annotated", "its ground alone", "dreamt"],
            title="The annotated frame, and a frame that was made from it.",
            alt="A frame with the mask of an object, the frame without the object, and a frame "
            f"that was made of both. {self._words()}",
        )

    def _words(self) -> str:
        turned = [
            f"{knob.label.lower()} {self.values[knob.name]:g}{knob.unit}"
            for knob in KNOBS
            if self.values[knob.name] != (1 if knob.name == "scale" else 0)
        ]
        return f"A dreamt frame; changed: {', '.join(turned) or 'nothing'}."

    def __repr__(self) -> str:
        return f"DreamStudio: {self._words()}"


def _png(image: np.ndarray, labels: np.ndarray) -> bytes:
    """A frame with its mask, twice as large."""
    height, width = image.shape[:2]
    large = cv2.resize(image, (2 * width, 2 * height), interpolation=cv2.INTER_CUBIC)
    soft = cv2.resize((labels > 0).astype(np.float32), (2 * width, 2 * height))
    picture = overlay(large, np.where(soft > 0.5, labels.max(), 0).astype(np.uint8), 0.3)
    return encode_png(picture)

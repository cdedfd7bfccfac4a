"""Explorers: turn a knob and see at once what changes.

The kernel computes with the functions of the library (a student's own, once adopted), the browser
plays what came out. Each leaves a figure with a description where no kernel runs.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import anywidget
import cv2
import numpy as np
import traitlets

from vos_lab import metrics
from vos_lab.datasets.procedural import Spec, render
from vos_lab.metrics.masks import boundary_radius
from vos_lab.video import VOID, as_label_map
from vos_lab.view import figures
from vos_lab.view.page import Figure
from vos_lab.view.player import encode_frames

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Knob:
    """One thing that can be changed.

    Attributes:
        name: of the value in Python.
        label: what a person reads.
        help: what it does, in a few words.
        value: where it starts; True or False makes it a tick box.
        low: the least value.
        high: the largest value.
        step: from one value to the next.
        unit: written after the number.
        group: the heading it stands under.
    """

    name: str
    label: str
    help: str
    value: float | bool
    low: float = 0
    high: float = 1
    step: float = 0.05
    unit: str = ""
    group: str = ""


class Explorer(anywidget.AnyWidget):
    """Knobs, and what they make: what all explorers share.

    Attributes:
        values: the value of each knob by its name. Set it from Python, or observe it.
    """

    _esm = HERE / "explorers.js"
    _css = (HERE / "widgets.css").read_text() + (HERE / "explorers.css").read_text()

    values: Any = traitlets.Dict().tag(sync=True)
    show_masks = traitlets.Bool(True).tag(sync=True)

    _asked = traitlets.Int(0).tag(sync=True)  # the browser counts its wishes,
    _answered = traitlets.Int(0).tag(sync=True)  # and sends the next one when this has caught up
    _knobs = traitlets.List(traitlets.Any()).tag(sync=True)
    _actions: Any = traitlets.List(traitlets.Any()).tag(sync=True)
    _title = traitlets.Unicode("").tag(sync=True)
    _state = traitlets.Unicode("").tag(sync=True)
    _error = traitlets.Unicode("").tag(sync=True)
    _pictures = traitlets.List(traitlets.Any()).tag(sync=True)
    _numbers = traitlets.List(traitlets.Any()).tag(sync=True)
    _legend = traitlets.List(traitlets.Any()).tag(sync=True)
    _clip = traitlets.List(traitlets.Any()).tag(sync=True)
    _size = traitlets.List(traitlets.Any()).tag(sync=True)
    _fps = traitlets.Float(12.0).tag(sync=True)
    _alt = traitlets.Unicode("").tag(sync=True)
    _strokes = traitlets.Bool(False).tag(sync=True)  # whether the first picture takes clicks

    def __init__(self, title: str, knobs: Sequence[Knob], **traits: Any) -> None:
        self.knobs = {knob.name: knob for knob in knobs}
        super().__init__(
            _title=title,
            _knobs=[vars(knob) for knob in knobs],
            values={knob.name: knob.value for knob in knobs},
            **traits,
        )
        self.show()
        self.observe(self._turned, "values")
        self.on_msg(self._pressed)

    def show(self) -> None:
        """Compute and show what belongs to ``values``."""
        raise NotImplementedError

    def figure(self) -> Figure:
        """What is shown, as a figure for a page without a kernel."""
        raise NotImplementedError

    def reset(self) -> None:
        """Put every knob back to where it started."""
        self.values = {name: knob.value for name, knob in self.knobs.items()}

    @traitlets.validate("values")
    def _known(self, proposal: Any) -> dict[str, Any]:
        values = {**self.values, **proposal["value"]}  # the other knobs stay where they are
        for name, value in values.items():
            knob = self.knobs.get(name)
            if knob is None:
                raise ValueError(f"there is no knob {name}, only {', '.join(self.knobs)}")
            if not isinstance(knob.value, bool) and not knob.low <= value <= knob.high:
                raise ValueError(f"{name} goes from {knob.low} to {knob.high}, {value} is outside")
        return values

    def stroke(self, points: Sequence[Sequence[float]], other: bool) -> None:
        """Take a click or a stroke on the first picture.

        Args:
            points: places, each as shares of width and height.
            other: whether it was made with Shift, or the right button.
        """
        raise NotImplementedError

    def _turned(self, change: Any = None) -> None:
        with self.hold_sync():
            try:
                if callable(change):
                    change()
                self.show()
                self._error = ""
            except Exception as error:  # a student's own function may raise anything
                self._error = f"{type(error).__name__}: {error}"
            self._answered = self._asked

    def _pressed(self, widget: Any, content: dict[str, Any], buffers: Any) -> None:
        if content.get("action") in [action[0] for action in self._actions]:
            getattr(self, content["action"])()
        elif content.get("action") == "stroke" and self._strokes:
            self._turned(lambda: self.stroke(content["points"], bool(content["other"])))

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict, dict] | None:
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is None:
            return None
        data, metadata = bundle
        return {**data, **self.figure()._repr_mimebundle_()}, metadata


def png(picture: np.ndarray) -> bytes:
    """A picture ``(H, W, 3)`` uint8 as PNG, packed lightly: it is sent with every turn."""
    image = np.ascontiguousarray(picture[..., ::-1])
    return cv2.imencode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes()


def hex_colour(colour: Sequence[int]) -> str:
    """A colour as the browser writes it, for example ``#ff8000``."""
    return "#" + "".join(f"{int(c):02x}" for c in colour)


# --- J and F ----------------------------------------------------------------------------------

CHANGES = [
    Knob("erode", "Erode", "takes a layer off the object", 0, 0, 20, 1, " px", "Change the mask"),
    Knob("dilate", "Dilate", "adds a layer around it", 0, 0, 20, 1, " px", "Change the mask"),
    Knob("right", "Shift to the right", "", 0, -30, 30, 1, " px", "Change the mask"),
    Knob("down", "Shift down", "", 0, -30, 30, 1, " px", "Change the mask"),
    Knob("hole", "Hole", "its radius, in the thickest part", 0, 0, 30, 1, " px", "Change the mask"),
    Knob("rough", "Rough boundary", "spikes up to so long", 0, 0, 15, 1, " px", "Change the mask"),
]


def change_mask(
    mask: np.ndarray,
    erode: float = 0,
    dilate: float = 0,
    right: int = 0,
    down: int = 0,
    hole: float = 0,
    rough: float = 0,
) -> np.ndarray:
    """Damage a mask in the ways in which predictions go wrong, one after the other.

    Args:
        mask: binary mask, ``(H, W)`` bool.
        erode: how far the boundary moves in, in pixels.
        dilate: how far it then moves out.
        right: shift to the right; what leaves the image is gone.
        down: shift down.
        hole: radius of a hole in the thickest part.
        rough: length of the spikes along the boundary.

    Returns:
        ``(H, W)`` bool.

    Example:
        >>> square = np.zeros((9, 9), bool)
        >>> square[2:7, 2:7] = True
        >>> change_mask(square, erode=1).sum(), change_mask(square, right=4).sum()
        (np.int64(9), np.int64(15))
    """
    if hole and mask.any():
        inside = _depth(mask)
        y, x = np.unravel_index(inside.argmax(), mask.shape)
        rows, columns = np.ogrid[: mask.shape[0], : mask.shape[1]]
        mask = mask & ((rows - y) ** 2 + (columns - x) ** 2 > hole**2)
    if erode:
        mask = _depth(mask) > erode
    if dilate:
        mask = _depth(~mask) <= dilate
    if rough:
        inside, outside = (
            _at_nearest(_noise(mask.shape), mask),
            _at_nearest(_noise(mask.shape), ~mask),
        )
        mask = np.where(mask, _depth(mask) > -rough * inside, _depth(~mask) <= rough * outside)
    shifted = np.zeros_like(mask)
    height, width = mask.shape
    rows, columns = np.nonzero(mask)
    stays = (
        (rows + down >= 0)
        & (rows + down < height)
        & (columns + right >= 0)
        & (columns + right < width)
    )
    shifted[rows[stays] + int(down), columns[stays] + int(right)] = True
    return shifted


def _depth(mask: np.ndarray) -> np.ndarray:
    """How far each pixel of a mask is from the nearest pixel outside it."""
    if mask.all():
        return np.full(mask.shape, np.inf)
    return cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)


def _noise(shape: tuple[int, ...]) -> np.ndarray:
    """Waves of about six pixels between -1 and 1, the same each time."""
    height, width = shape
    coarse = np.random.default_rng(0).uniform(-1, 1, (height // 3 + 2, width // 3 + 2))
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)


def _at_nearest(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """At each pixel of a mask the value of the nearest pixel outside, so that spikes hold on."""
    if mask.all():
        return np.zeros(mask.shape)
    labels = cv2.distanceTransformWithLabels(
        mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )[1]
    of_label = np.zeros(labels.max() + 1)
    of_label[labels[~mask]] = values[~mask]
    return of_label[labels]


class MetricPlayground(Explorer):
    """Damage a mask and see J and F answer differently.

    Calls ``vos_lab.metrics``, so it runs on your own functions once their checks have passed.

    Args:
        mask: the true mask, ``(H, W)`` bool, or a label map of which all objects count; by default
            an animal in 180 x 320 pixels.
        tolerance: of F: below 1 a share of the diagonal, else pixels.

    Attributes:
        changed: the damaged mask, ``(H, W)`` bool.
        scores: J, F, and the boundary precision and recall, of the damaged mask.

    Raises:
        ValueError: the mask is no label map, or empty.

    Example:
        >>> playground = MetricPlayground()
        >>> playground.scores["J"]
        1.0
        >>> playground.values = {"hole": 20}
        >>> playground.scores["J"] < 0.9
        True
    """

    def __init__(self, mask: np.ndarray | None = None, tolerance: float = 0.008) -> None:
        labels = as_label_map(animal() if mask is None else mask)
        self.mask = (labels > 0) & (labels != VOID)
        if not self.mask.any():
            raise ValueError("the mask is empty: there is nothing to change")
        self.changed = self.mask
        self.scores: dict[str, float] = {}
        radius = boundary_radius(self.mask.shape, tolerance)
        usual = boundary_radius(self.mask.shape)
        y, x = np.nonzero(self.mask)
        # The part around the object. It stays the same, so that nothing jumps.
        self._part = (
            slice(max(0, int(y.min()) - 30), int(y.max()) + 31),
            slice(max(0, int(x.min()) - 30), int(x.max()) + 31),
        )
        hint = f"DAVIS: 0.8 % of the diagonal, {usual} px here"
        knob = Knob(
            "tolerance",
            "Tolerance of F",
            hint,
            min(radius, 20),
            1,
            20,
            1,
            " px",
            "Change the measure",
        )
        super().__init__(
            "J and F under the same damage",
            [*CHANGES, knob],
            _actions=[("reset", "Reset", "Put every knob back")],
            _legend=[
                (_css(figures.HIT), "right"),
                (_css(figures.FALSE_ALARM), "false alarm"),
                (_css(figures.MISS), "missed"),
                (_css(figures.BAND), "near enough to the other boundary"),
            ],
        )

    def show(self) -> None:
        """Change the mask, measure it, and paint what the two measures look at."""
        changes = {knob.name: self.values[knob.name] for knob in CHANGES}
        tolerance = self.values["tolerance"]
        self.changed = change_mask(self.mask, **changes)
        precision, recall = metrics.boundary_precision_recall(
            self.changed, self.mask, tolerance=tolerance
        )
        self.scores = {
            "J": float(metrics.jaccard(self.changed, self.mask)),
            "F": float(metrics.boundary_f(self.changed, self.mask, tolerance=tolerance)),
            "precision": precision,
            "recall": recall,
        }
        found = figures.boundary_matches(self.changed, self.mask, tolerance)
        pixels = figures.comparison(self.changed, self.mask)
        predicted = figures.paint_boundary(
            found["prediction"], found["truth_band"], figures.FALSE_ALARM, width=2
        )
        true = figures.paint_boundary(
            found["truth"], found["prediction_band"], figures.MISS, width=2
        )
        self._pictures = [
            ("What J sees: all pixels", "right and wrong pixels", self._png(pixels)),
            ("Precision: the predicted boundary", "the predicted boundary", self._png(predicted)),
            ("Recall: the true boundary", "the true boundary", self._png(true)),
        ]
        helps = {
            "J": "pixels in both masks, as a share of those in at least one",
            "F": "the harmonic mean of the two below",
            "precision": "share of the predicted boundary near the true one",
            "recall": "share of the true boundary near the predicted one",
        }
        self._numbers = [(n, v, f"{v:.3f}", helps[n]) for n, v in self.scores.items()]

    def figure(self) -> Figure:
        """The pixels that are right and wrong, with J and F."""
        scores = self.scores
        return figures.compare_masks(
            self.changed[self._part],
            self.mask[self._part],
            title=f"J is {scores['J']:.3f}, F is {scores['F']:.3f}.",
            alt=f"A mask beside the true one: J {scores['J']:.3f}, F {scores['F']:.3f}, boundary "
            f"precision {scores['precision']:.3f} and recall {scores['recall']:.3f}.",
        )

    def _png(self, picture: np.ndarray) -> bytes:
        picture = np.ascontiguousarray(picture[self._part][..., ::-1])
        return cv2.imencode(".png", picture, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes()

    def __repr__(self) -> str:
        return "MetricPlayground: " + ", ".join(f"{n} {v:.3f}" for n, v in self.scores.items())


def animal() -> np.ndarray:
    """A made-up animal: thick in the body and thin in the legs and the tail.

    Returns:
        ``(180, 320)`` bool.
    """
    mask = np.zeros((180, 320), np.uint8)
    cv2.ellipse(mask, (155, 88), (62, 30), 0, 0, 360, 1, -1)  # body
    cv2.ellipse(mask, (213, 62), (14, 34), 40, 0, 360, 1, -1)  # neck
    cv2.ellipse(mask, (238, 46), (25, 14), 12, 0, 360, 1, -1)  # head
    cv2.fillPoly(mask, [np.array([(218, 40), (222, 18), (232, 36)])], 1)  # ear
    for top, bottom in (
        ((112, 100), (100, 152)),
        ((130, 110), (134, 154)),
        ((180, 108), (176, 154)),
        ((202, 96), (216, 150)),
    ):
        cv2.line(mask, top, bottom, 1, 9)
        cv2.line(mask, bottom, (bottom[0] + 7, bottom[1]), 1, 7)
    cv2.polylines(mask, [np.array([(96, 82), (78, 74), (66, 52), (70, 40)])], False, 1, 5)  # tail
    return mask.astype(bool)


def _css(colour: tuple[int, int, int]) -> str:
    return "rgb({}, {}, {})".format(*colour)


# --- the challenges ---------------------------------------------------------------------------

CHALLENGES = [
    Knob(
        "appearance_drift",
        "Appearance change",
        "the coat changes, frame by frame",
        0.0,
        group="The object",
    ),
    Knob(
        "viewpoint", "Viewpoint change", "it turns and shows another side", 0.0, group="The object"
    ),
    Knob("scale", "Scale change", "it grows or shrinks", 0.0, group="The object"),
    Knob("deformation", "Deformation", "it bends and breathes", 0.3, group="The object"),
    Knob("speed", "Speed", "it runs across the frame", 0.35, group="The object"),
    Knob(
        "occlusion",
        "Occlusion",
        "something passes in front; at 1 hides all of it",
        0.0,
        group="The others",
    ),
    Knob(
        "distractors",
        "Distractors",
        "twins of it that are background",
        0,
        0,
        3,
        1,
        group="The others",
    ),
    Knob("objects", "Objects", "how many have a mask", 1, 1, 4, 1, group="The others"),
    Knob(
        "enter_and_leave",
        "Enter and leave",
        "objects are away for a while",
        0.0,
        group="The others",
    ),
    Knob("camouflage", "Camouflage", "it takes the colours of the ground", 0.0, group="The others"),
    Knob("camera_motion", "Camera motion", "pan, shake, zoom", 0.0, group="The camera"),
    Knob("motion_blur", "Motion blur", "a shutter that stays open long", 0.0, group="The camera"),
    Knob(
        "lighting", "Lighting", "brightness and colour change, clouds pass", 0.0, group="The camera"
    ),
]


class ChallengeStudio(Explorer):
    """One knob for each challenge of video object segmentation; the clip is rendered anew.

    Args:
        seed: which world.
        size: height and width of the clip, in pixels.
        frames: how many are rendered; fewer answer sooner.
        **knobs: where knobs start, for example ``occlusion=0.8``.

    Attributes:
        seed: which world. Set it to see another one.
        spec: the settings, for ``vos_lab.datasets.procedural.render(spec, seed)``.
        video: what is shown, with masks and flow.

    Raises:
        ValueError: a knob that does not exist or a value outside its range.

    Example:
        >>> studio = ChallengeStudio(seed=3, size=(48, 80), frames=4, occlusion=0.5)
        >>> studio.spec.occlusion, len(studio.video)
        (0.5, 4)
    """

    seed = traitlets.Int(0, min=0)

    def __init__(
        self,
        seed: int = 0,
        size: tuple[int, int] = (180, 320),
        frames: int = 20,
        **knobs: float,
    ) -> None:
        unknown = set(knobs) - {knob.name for knob in CHALLENGES}
        if unknown:
            there = ", ".join(knob.name for knob in CHALLENGES)
            raise ValueError(f"there is no knob {unknown.pop()}, only {there}")
        start = [replace(k, value=knobs.get(k.name, k.value)) for k in CHALLENGES]
        self._basis = Spec(frames=frames, size=size, fps=12)
        super().__init__(
            "Challenge studio: which knob makes the object hard to follow?",
            start,
            seed=seed,
            _size=list(size),
            _actions=[
                (
                    "another_world",
                    "Another world",
                    "Other objects in another place (the next seed)",
                ),
                ("reset", "Reset", "Put every knob back"),
            ],
        )
        self.observe(self._turned, "seed")

    @property
    def spec(self) -> Spec:
        """The settings that the knobs stand for."""
        return replace(self._basis, **self.values)

    def another_world(self) -> None:
        """Go to the next seed."""
        self.seed += 1

    def show(self) -> None:
        """Render the video of the current settings."""
        self.video = render(self.spec, self.seed)
        masks: Any = self.video.masks
        encoded = encode_frames(self.video, {"masks": masks})
        self._clip = list(zip(encoded.images, encoded.masks["masks"], strict=True))
        self._size, self._fps = list(encoded.size), self.video.fps
        self._state, self._alt = f"seed {self.seed}", self._words()

    def figure(self) -> Figure:
        """Frames of the clip with their masks."""
        title = f"The world of seed {self.seed}, {len(self.video)} frames long."
        return figures.strip(self.video, self.video.masks, title=title, alt=self._words())

    def _words(self) -> str:
        turned = [
            f"{knob.label.lower()} {self.values[knob.name]:g}"
            for knob in self.knobs.values()
            if self.values[knob.name] > knob.low and knob.name not in ("speed", "deformation")
        ]
        challenges = ", ".join(turned) or "no challenge"
        return f"A rendered clip with masks over its objects; knobs: {challenges}."

    def __repr__(self) -> str:
        return f"ChallengeStudio, seed {self.seed}: {self._words()}"

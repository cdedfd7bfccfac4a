"""The challenge studio: a knob for each challenge of video object segmentation."""

from dataclasses import replace
from typing import Any

import traitlets

from vos_lab.datasets.procedural import Spec, render
from vos_lab.view import figures
from vos_lab.view.encoding import encode_frames
from vos_lab.view.figures import Figure
from vos_lab.view.widgets.explorer import Explorer, Knob

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
        "something passes in front; at 1 it hides the whole object",
        0.0,
        group="The others",
    ),
    Knob(
        "distractors",
        "Distractors",
        "twins of the object that belong to the background",
        0,
        0,
        3,
        1,
        group="The others",
    ),
    Knob("objects", "Objects", "how many objects have a mask", 1, 1, 4, 1, group="The others"),
    Knob(
        "enter_and_leave",
        "Enter and leave",
        "objects are away for a while",
        0.0,
        group="The others",
    ),
    Knob("camouflage", "Camouflage", "it takes the colours of the ground", 0.0, group="The others"),
    Knob("camera_motion", "Camera motion", "pan, shake, zoom", 0.0, group="The camera"),
    Knob("motion_blur", "Motion blur", "the shutter stays open for long", 0.0, group="The camera"),
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

"""The knobs of a procedural video, named after the challenges of the lecture."""

from dataclasses import dataclass, fields, replace

import numpy as np

from vos_lab.datasets.procedural.cast import MAKERS

INTRUDERS = ("", "other", "same")
"""Of which class an intruder is, seen from object 1; empty: there is none."""

CROWD_CLASSES = ("person", "vehicle", "animal")
"""Who can be in a crowd: who walks or drives on the ground."""


@dataclass(frozen=True)
class Spec:
    """What a procedural video shows, and how hard it is. Knobs are 0 (off) to 1 (strong).

    Attributes:
        frames: how many frames, 1 or more.
        size: height and width in pixels, at least 32 each.
        objects: how many objects have a label, 1 to 200.
        classes: semantic classes to draw the objects from; empty: any.
        object_size: 0 tiny, 0.5 typical (5 to 30 % of the frame), 1 large.
        speed: how fast objects go: 0 stand still, 0.35 walk, 1 run across the frame in 30 frames.
        articulation: how far legs, arms, wings and tails swing.
        deformation: how much bodies bend and breathe.
        appearance_drift: how far the coat of each object changes until the last frame.
        viewpoint: how far objects turn out of the image plane; 1 ends on the mirrored other side,
            with markings that the first frame never showed.
        occlusion: the share of object 1's width that passes behind something in the middle of the
            video; 1 hides it whole for several frames. Makes objects smaller, and faster as needed.
        scale: how much objects grow or shrink, up to 2.4 times from first to last frame.
        camera_motion: pan with parallax, shake, zoom and roll.
        lighting: changing brightness and colour, and shadows of clouds that move over the scene.
        motion_blur: how long the shutter is open, as a share of the time between frames.
        distractors: how many twins of object 1 walk about, labelled background; 0 to 5.
        intruder: "other" or "same": somebody in the colours of object 1, of another class or of
            the same, is hidden in frame 0, comes out and walks up to object 1 until they touch.
            It is labelled background. Empty: there is none.
        enter_and_leave: how long objects are away. Odd objects leave before the end, even ones
            come in after the start.
        crowd: the objects are a crowd in perspective, as in MOTS: each on a lane of its own, small
            where it is far, crossing the frame at its own pace, leaving it and coming back. Only
            people, vehicles and animals, and without the knobs that plan the way of single
            objects (occlusion, scale, viewpoint, enter_and_leave, distractors, intruder).
        camouflage: how much the objects take on the colours of the scene.
        shadows: how dark the shadows under the objects are. They change the look of the ground
            but not its flow.
        grain: noise, the same for all pixels.
        defocus: how far the background is out of focus, the farther the more.
        sensor_noise: noise as cameras have it, in grains and blots, stronger in the dark.
        auto_exposure: how far exposure and white balance drift, as a camera's automatic lets them.
        compression: how much is lost as JPEG.
        texture: how much fine texture lies over coats and scenery.
        photographs: the chance that such a texture is cut from a photograph, which needs
            scikit-image and scikit-learn.
        clutter: how many things stand about behind the objects.
        sun: how dark the soft shadow of each object is that the sun casts over the ground.
        sway: how far wind moves what stands in the background.
        fps: frames per second of the video.

    Raises:
        ValueError: a knob is out of its range; the message names it.

    Example:
        >>> Spec(occlusion=2)
        Traceback (most recent call last):
        ...
        ValueError: Spec.occlusion is 2, it must be a number from 0 to 1
    """

    frames: int = 40
    size: tuple[int, int] = (240, 432)
    objects: int = 1
    classes: tuple[str, ...] = ()
    object_size: float = 0.5
    speed: float = 0.35
    articulation: float = 0.8
    deformation: float = 0.3
    appearance_drift: float = 0.0
    viewpoint: float = 0.0
    occlusion: float = 0.0
    scale: float = 0.0
    camera_motion: float = 0.0
    lighting: float = 0.0
    motion_blur: float = 0.0
    distractors: int = 0
    intruder: str = ""
    enter_and_leave: float = 0.0
    crowd: bool = False
    camouflage: float = 0.0
    shadows: float = 0.6
    grain: float = 0.0
    defocus: float = 0.0
    sensor_noise: float = 0.0
    auto_exposure: float = 0.0
    compression: float = 0.0
    texture: float = 0.0
    photographs: float = 0.0
    clutter: float = 0.0
    sun: float = 0.0
    sway: float = 0.0
    fps: float = 24.0

    def __post_init__(self) -> None:
        for name, low, high in (("frames", 1, None), ("objects", 1, 200), ("distractors", 0, 5)):
            value = getattr(self, name)
            whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
            if not whole or value < low or (high is not None and value > high):
                limits = f"from {low} to {high}" if high is not None else f"of at least {low}"
                raise ValueError(f"Spec.{name} is {value!r}, it must be a whole number {limits}")
        try:
            height, width = (int(side) for side in self.size)
        except (TypeError, ValueError):
            raise ValueError(f"Spec.size is {self.size!r}, it must be (height, width)") from None
        if min(height, width) < 32:
            raise ValueError(f"Spec.size is {self.size!r}, each side must be at least 32 pixels")
        object.__setattr__(self, "size", (height, width))
        object.__setattr__(self, "classes", tuple(self.classes))
        for name in self.classes:
            if name not in MAKERS:
                raise ValueError(f"Spec.classes has {name!r}, there are: {', '.join(MAKERS)}")
        if self.intruder not in INTRUDERS:
            raise ValueError(
                f'Spec.intruder is {self.intruder!r}, it must be "other", "same" or empty'
            )
        if not isinstance(self.crowd, bool):
            raise ValueError(f"Spec.crowd is {self.crowd!r}, it must be True or False")
        if self.crowd:
            for name in ("occlusion", "scale", "viewpoint", "enter_and_leave", "distractors"):
                if getattr(self, name) != 0:
                    raise ValueError(f"Spec.{name} must be 0 in a crowd, which plans its own ways")
            if self.intruder:
                raise ValueError("Spec.intruder must be empty in a crowd, which plans its own ways")
            for name in self.classes:
                if name not in CROWD_CLASSES:
                    raise ValueError(
                        f"Spec.classes has {name!r}, a crowd has: {', '.join(CROWD_CLASSES)}"
                    )
        if not self.fps > 0:
            raise ValueError(f"Spec.fps is {self.fps!r}, it must be above 0")
        for knob in KNOBS:
            value = getattr(self, knob)
            number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
            if not number or not 0 <= value <= 1:
                raise ValueError(f"Spec.{knob} is {value!r}, it must be a number from 0 to 1")

    @staticmethod
    def random(
        rng: np.random.Generator, frames: int = 40, size: tuple[int, int] = (240, 432)
    ) -> "Spec":
        """A mixture: most videos have a few challenges at once, some none.

        They are drawn without what makes them closer to film (see :meth:`closer`).

        Args:
            rng: where the randomness comes from.
            frames: how many frames.
            size: height and width in pixels.

        Returns:
            The spec.
        """

        def knob(chance: float, low: float = 0.2, high: float = 1.0) -> float:
            strength = float(rng.uniform(low, high))
            return round(strength, 3) if rng.random() < chance else 0.0

        return Spec(
            frames=frames,
            size=size,
            objects=int(rng.choice([1, 2, 3, 4], p=[0.5, 0.3, 0.13, 0.07])),
            object_size=round(float(rng.uniform(0.25, 0.9)), 3),
            speed=round(float(rng.uniform(0.1, 0.6)), 3),
            deformation=round(float(rng.uniform(0.0, 0.8)), 3),
            appearance_drift=knob(0.2),
            viewpoint=knob(0.3),
            occlusion=knob(0.25, 0.4, 1.0),
            scale=knob(0.35),
            camera_motion=knob(0.6),
            lighting=knob(0.25),
            motion_blur=knob(0.2, 0.3),
            distractors=int(rng.choice([0, 1, 2], p=[0.75, 0.2, 0.05])),
            enter_and_leave=knob(0.1, 0.4),
            camouflage=knob(0.2, 0.3, 0.85),
            shadows=round(float(rng.uniform(0.2, 0.9)), 3),
            grain=knob(0.4, 0.1, 0.6),
        )

    def closer(self, rng: np.random.Generator, photographs: float = 0.0) -> "Spec":
        """The same video, closer to film: texture, clutter, sun and wind, and a camera.

        Args:
            rng: where the randomness comes from.
            photographs: see the knob.

        Returns:
            The spec. Grain gives way to the noise of a sensor.
        """

        def knob(chance: float, low: float, high: float) -> float:
            strength = float(rng.uniform(low, high))
            return round(strength, 3) if rng.random() < chance else 0.0

        return replace(
            self,
            grain=0.0,
            defocus=knob(0.5, 0.2, 1.0),
            sensor_noise=knob(0.6, 0.05, 0.7),
            auto_exposure=knob(0.5, 0.2, 1.0),
            compression=knob(0.6, 0.1, 0.9),
            texture=knob(0.9, 0.3, 1.0),
            photographs=photographs,
            clutter=knob(0.75, 0.2, 1.0),
            sun=knob(0.6, 0.3, 1.0),
            sway=knob(0.5, 0.2, 1.0),
        )


KNOBS = tuple(field.name for field in fields(Spec) if field.type is float and field.name != "fps")
"""The names of all knobs that go from 0 to 1."""

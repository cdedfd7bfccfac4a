"""Procedural videos: figures that walk, swim and fly through scenes, with exact ground truth.

Real ground truth costs days. Here it is known: every pixel of every frame comes from a known point
of a known part, and that point's way through the video is a formula. ``render`` makes a video from
a ``Spec`` (the knobs) and a seed; ``suite`` names the test beds, one for each challenge.

Nothing is kept but what a few frames need: frame 999 of 1,000 is drawn when it is asked for.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from typing import Any

import cv2
import numpy as np

from vos_lab.datasets.procedural.camera import Camera, shoot
from vos_lab.datasets.procedural.drawing import (
    Picture,
    draw,
    first_occluder,
    light_and_noise,
    motion_between,
    stage_for,
)
from vos_lab.datasets.procedural.loops import look_up
from vos_lab.datasets.procedural.spec import Spec
from vos_lab.video import Lazy, Video

__all__ = ["SPLITS", "SUITES", "ProceduralVideo", "Spec", "render", "suite", "train_video"]


# --- what is known about a frame ------------------------------------------------------------------


# A frame is asked for its image, its mask and its flow: keep the last few pictures. They are pure
# functions of their arguments, so this cache changes nothing but the time.
@lru_cache(maxsize=4)
def _picture(spec: Spec, seed: int, t: int) -> Picture:
    return draw(stage_for(spec, seed), t)


def _frame(spec: Spec, seed: int, t: int) -> np.ndarray:
    image = _exposed(spec, seed, t)
    if spec.sensor_noise == spec.auto_exposure == spec.compression == 0:
        return image
    camera = Camera(noise=9 * spec.sensor_noise, compression=spec.compression)
    phases = np.random.default_rng([seed, 5]).uniform(0, 2 * np.pi, 4)
    rng = np.random.default_rng([seed, 5, t])  # noise of its own for each frame, in any order
    return shoot(image, camera.later(t, spec.auto_exposure, phases), rng)


def _exposed(spec: Spec, seed: int, t: int) -> np.ndarray:
    """A frame as it falls on the sensor."""
    stage = stage_for(spec, seed)
    if spec.motion_blur == 0:
        return light_and_noise(stage, t, _picture(spec, seed, t).image.copy())
    # While the shutter is open light adds up: the mean of sharp pictures around time t.
    exposures = 2 * round(1 + 4 * spec.motion_blur) + 1
    offsets = (np.arange(exposures) / (exposures - 1) - 0.5) * spec.motion_blur
    total = np.zeros((*spec.size, 3), np.float32)
    for offset in offsets:
        total += draw(stage, t + float(offset)).image
    return light_and_noise(stage, t, np.rint(total / exposures).astype(np.uint8))


def _labels(spec: Spec, seed: int, t: int, twins: bool) -> np.ndarray:
    stage = stage_for(spec, seed)
    table = np.zeros(first_occluder(stage) + len(stage.occluders) + 1, np.uint8)
    for actor in stage.actors:
        own = slice(actor.first_surface, actor.first_surface + 2 * len(actor.skin.starts))
        table[own] = actor.instance if twins else actor.label
    return look_up(table, _picture(spec, seed, t).surface)


def _flow(spec: Spec, seed: int, step: int, t: int) -> np.ndarray:
    start = t if step > 0 else t + 1
    return motion_between(stage_for(spec, seed), _picture(spec, seed, start), start, start + step)


def _occluded(spec: Spec, seed: int, t: int) -> np.ndarray:
    height, width = spec.size
    now, then = _picture(spec, seed, t).surface, _picture(spec, seed, t + 1).surface
    flow = _flow(spec, seed, 1, t)
    x = flow[..., 0] + np.arange(width, dtype=np.float32)[None]
    y = flow[..., 1] + np.arange(height, dtype=np.float32)[:, None]
    inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    left = np.clip(np.floor(x), 0, width - 1).astype(np.int32)
    top = np.clip(np.floor(y), 0, height - 1).astype(np.int32)
    right, bottom = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    seen = np.zeros((height, width), bool)
    for rows, columns in ((top, left), (top, right), (bottom, left), (bottom, right)):
        seen |= then[rows, columns] == now
    return ~(inside & seen)


def _amodal(spec: Spec, seed: int, t: int) -> np.ndarray:
    stage = stage_for(spec, seed)
    whole = np.zeros((len(stage.actors), *spec.size), bool)
    for instance, drawn in _picture(spec, seed, t).drawn.items():
        top, bottom, left, right = drawn.box
        whole[instance - 1, top:bottom, left:right] = drawn.part >= 0
    return whole


def _foreground(spec: Spec, seed: int, t: int) -> np.ndarray:
    return _picture(spec, seed, t).surface >= first_occluder(stage_for(spec, seed))


# --- videos ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ProceduralVideo(Video):
    """A rendered video and all that is known about it. Everything is drawn when it is asked for.

    Attributes:
        spec: the knobs.
        seed: the seed.
        backward_flow: T - 1 arrays ``(H, W, 2)`` float32, from frame t + 1 to t; item t belongs to
            the pixels of frame t + 1.
        occlusion: T - 1 maps ``(H, W)`` bool: this pixel of frame t cannot be seen in t + 1. It
            is seen if its own surface shows in one of the four pixels around the place it goes to.
        amodal: T arrays ``(K, H, W)`` bool: the whole of each instance, hidden or not; instance
            i is item i - 1; the twins come after the objects, the intruder after the twins.
        instances: T label maps with the twins and the intruder, which ``masks`` leave to the
            background.
        foreground: T maps ``(H, W)`` bool: what stands in front of all instances.
    """

    spec: Spec = field(default_factory=Spec)
    seed: int = 0
    backward_flow: Sequence[np.ndarray] = field(default=(), repr=False)
    occlusion: Sequence[np.ndarray] = field(default=(), repr=False)
    amodal: Sequence[np.ndarray] = field(default=(), repr=False)
    instances: Sequence[np.ndarray] = field(default=(), repr=False)
    foreground: Sequence[np.ndarray] = field(default=(), repr=False)

    @property
    def classes(self) -> dict[int, str]:
        """The semantic class of each instance."""
        actors = sorted(stage_for(self.spec, self.seed).actors, key=lambda actor: actor.instance)
        return {actor.instance: actor.figure.semantic_class for actor in actors}

    @property
    def depth_order(self) -> tuple[int, ...]:
        """The instances, the nearest first; the same in all frames."""
        return tuple(actor.instance for actor in reversed(stage_for(self.spec, self.seed).actors))

    def part(self, start: int = 0, stop: int | None = None) -> "ProceduralVideo":
        """The frames from ``start`` up to, and without, ``stop``, with all that is known."""
        chosen = range(len(self))[start:stop]
        pairs = slice(chosen.start, max(chosen.start, chosen.stop - 1))
        video = super().part(start, stop)
        assert isinstance(video, ProceduralVideo)  # because replace keeps the class
        frames = slice(chosen.start, chosen.stop)
        return replace(
            video,
            backward_flow=self.backward_flow[pairs],
            occlusion=self.occlusion[pairs],
            amodal=self.amodal[frames],
            instances=self.instances[frames],
            foreground=self.foreground[frames],
        )

    def resized(self, height: int) -> "ProceduralVideo":
        """The same video at another height; label and truth maps stay exact (nearest neighbour)."""
        video = super().resized(height)
        assert isinstance(video, ProceduralVideo)  # because replace keeps the class
        old_height, old_width = self.size
        width = max(1, round(old_width * height / old_height))

        def mapped(items: Sequence[Any], change: Callable[[np.ndarray], np.ndarray]) -> Lazy[Any]:
            return Lazy(len(items), lambda t: change(items[t]))

        def nearest(item: np.ndarray) -> np.ndarray:
            item = item.astype(np.uint8)
            return cv2.resize(item, (width, height), interpolation=cv2.INTER_NEAREST)

        def smaller_flow(item: np.ndarray) -> np.ndarray:
            smooth = cv2.INTER_AREA if height < old_height else cv2.INTER_LINEAR
            scale = np.array([width / old_width, height / old_height], np.float32)
            return cv2.resize(item, (width, height), interpolation=smooth) * scale

        return replace(
            video,
            backward_flow=mapped(self.backward_flow, smaller_flow),
            occlusion=mapped(self.occlusion, lambda x: nearest(x).astype(bool)),
            amodal=mapped(self.amodal, lambda x: np.stack([nearest(i).astype(bool) for i in x])),
            instances=mapped(self.instances, nearest),
            foreground=mapped(self.foreground, lambda x: nearest(x).astype(bool)),
        )


def render(spec: Spec, seed: int, name: str | None = None) -> ProceduralVideo:
    """Make a video. It opens at once; each frame is drawn when it is asked for.

    Args:
        spec: the knobs.
        seed: a whole number, 0 or more. Same spec and seed, same bytes.
        name: what to call it; by default after the seed.

    Returns:
        The video.

    Raises:
        ValueError: the seed is negative.
        TypeError: the seed is no whole number.

    Example:
        >>> video = render(Spec(frames=3, size=(48, 80), objects=2), seed=7)
        >>> video.frames[0].shape, video.masks[0].dtype, video.flow[1].shape
        ((48, 80, 3), dtype('uint8'), (48, 80, 2))
        >>> sorted(video.classes)
        [1, 2]
    """
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer):
        raise TypeError(f"the seed is {seed!r}, it must be a whole number")
    if seed < 0:
        raise ValueError(f"the seed is {seed}, it must be 0 or more")
    seed = int(seed)
    length = spec.frames
    return ProceduralVideo(
        name=name or f"procedural-{seed}",
        frames=Lazy(length, partial(_frame, spec, seed)),
        masks=Lazy(length, partial(_labels, spec, seed, twins=False)),
        flow=Lazy(length - 1, partial(_flow, spec, seed, 1)),
        fps=spec.fps,
        spec=spec,
        seed=seed,
        backward_flow=Lazy(length - 1, partial(_flow, spec, seed, -1)),
        occlusion=Lazy(length - 1, partial(_occluded, spec, seed)),
        amodal=Lazy(length, partial(_amodal, spec, seed)),
        instances=Lazy(length, partial(_labels, spec, seed, twins=True)),
        foreground=Lazy(length, partial(_foreground, spec, seed)),
    )


# --- suites ---------------------------------------------------------------------------------------

_CROWD = Spec(crowd=True, objects=30, frames=200, classes=("person", "vehicle"), grain=0.1)
_WALKERS = ("animal", "person", "vehicle")

SUITES: dict[str, Spec | None] = {
    "easy": Spec(),
    "appearance": Spec(appearance_drift=0.8),
    "viewpoint": Spec(viewpoint=1.0),
    "occlusion": Spec(occlusion=1.0, frames=60),
    "scale": Spec(scale=1.0),
    "camera": Spec(camera_motion=0.9),
    "lighting": Spec(lighting=0.8),
    "blur": Spec(motion_blur=1.0, speed=0.75, camera_motion=0.4),
    "distractors": Spec(distractors=1, camera_motion=0.2),
    "enter-leave": Spec(objects=2, enter_and_leave=0.7, frames=60),
    "many-objects": Spec(objects=5, camera_motion=0.2),
    "speed": Spec(speed=0.95),
    "mixed": None,
    "crowd": _CROWD,
    "crowd-camera": replace(_CROWD, objects=24, camera_motion=0.4),
    "crowd-dense": replace(_CROWD, objects=40, object_size=0.4),
    "intruder": Spec(intruder="other", classes=_WALKERS, speed=0.2),
    "intruder-same": Spec(intruder="same", classes=_WALKERS, speed=0.2),
}
"""The suites, one for each challenge; "mixed" draws a new spec for each video, the crowds are for
MOTS: long, without a first mask for those who come in later."""

SPLITS = ("train", "val", "test")
"""Seed number s belongs to split s modulo 3, so no seed is ever in two of them."""


def _seed(split: str, number: int) -> int:
    if split not in SPLITS:
        raise ValueError(f"there is no split {split!r}, there are: {', '.join(SPLITS)}")
    if number < 0:
        raise ValueError(f"videos are numbered from 0, not {number}")
    return 3 * number + SPLITS.index(split)


def _number(name: str, i: int) -> int:
    """The number of a suite's video ``i``: no two suites share one."""
    # The first suites take turns. Later ones have a million numbers each, to leave those be.
    turns = list(SUITES).index("mixed") + 1
    place = list(SUITES).index(name)
    return i * turns + place if place < turns else (place - turns + 1) * 10**6 + i


def suite(
    name: str,
    split: str = "test",
    length: int | None = None,
    frames: int | None = None,
    size: tuple[int, int] | None = None,
) -> list[ProceduralVideo]:
    """The videos of a test bed.

    Args:
        name: one of SUITES.
        split: "train", "val" or "test"; they share no seed.
        length: how many videos; by default 10, and 30 of the mixed suite.
        frames: how many frames each, if not as the suite says.
        size: height and width, if not as the suite says.

    Returns:
        The videos; nothing is drawn before a frame is asked for.

    Raises:
        ValueError: there is no such suite or split; the message lists them.

    Example:
        >>> [video.name for video in suite("occlusion", length=2)]
        ['occlusion-test-00', 'occlusion-test-01']
    """
    if name not in SUITES:
        raise ValueError(f"there is no suite {name!r}, there are: {', '.join(SUITES)}")
    if length is None:
        length = 30 if name == "mixed" else 10
    videos = []
    for i in range(length):
        seed = _seed(split, _number(name, i))
        spec = SUITES[name] or Spec.random(np.random.default_rng([seed, 99]))
        spec = replace(spec, frames=frames or spec.frames, size=size or spec.size)
        videos.append(render(spec, seed, f"{name}-{split}-{i:02d}"))
    return videos


def train_video(
    number: int,
    frames: int = 8,
    size: tuple[int, int] = (240, 432),
    closer: bool = False,
    photographs: float = 0.0,
) -> ProceduralVideo:
    """One of endlessly many mixed training videos, all with seeds of the train split.

    Args:
        number: 0, 1, 2, ...
        frames: how many frames.
        size: height and width in pixels.
        closer: whether it is closer to film, as :meth:`Spec.closer` makes it.
        photographs: then, the chance that a texture is cut from a photograph.

    Returns:
        The video.

    Example:
        >>> train_video(5, size=(48, 80)).seed % 3
        0
    """
    seed = _seed("train", number)
    spec = Spec.random(np.random.default_rng([seed, 99]), frames, size)
    if closer:
        spec = spec.closer(np.random.default_rng([seed, 98]), photographs)
    return render(spec, seed)


def train_videos(
    start: int = 0, frames: int = 8, size: tuple[int, int] = (240, 432)
) -> Iterator[ProceduralVideo]:
    """Training videos for ever: ``train_video`` of start, start + 1, ..."""
    while True:
        yield train_video(start, frames, size)
        start += 1

"""The ways of actors through a video: where each is seen, and how it gets there."""

from dataclasses import dataclass

import numpy as np

from vos_lab.datasets.procedural.figures import Figure
from vos_lab.datasets.procedural.motion import ease, there_and_back
from vos_lab.datasets.procedural.scenery import FAR_PARALLAX, Scene
from vos_lab.datasets.procedural.spec import Spec

Rng = np.random.Generator
STEPS = 4
"""Paths are stored at so many points for each frame; whole frames lie on such points."""


@dataclass(frozen=True)
class Path:
    """Where an actor is, ``STEPS`` times for each frame, from one frame before the first."""

    x: np.ndarray
    y: np.ndarray
    scale: np.ndarray
    heading: np.ndarray
    stride: np.ndarray

    def at(self, t: float) -> tuple[float, float, float, float, float]:
        """x, foot y, pixels for each figure unit, heading (-1 left, 1 right), phase of stride."""
        position = (t + 1) * STEPS
        i = int(np.clip(np.floor(position), 0, len(self.x) - 2))
        part = position - i
        values = (self.x, self.y, self.scale, self.heading, self.stride)
        x, y, scale, heading, stride = (v[i] + part * (v[i + 1] - v[i]) for v in values)
        return float(x), float(y), float(scale), float(heading), float(stride)


@dataclass(frozen=True)
class Spot:
    """Where an actor is to be seen, before its way is planned.

    Attributes:
        size: pixels for each figure unit.
        wide: figure width in figure units, whatever its limbs do.
        tall: figure height in figure units.
        foot: image row of its feet.
        column: image column around which it goes.
        parallax: how fast the camera leaves it behind.
        on_ground: stands on the ground of the scene.
    """

    size: float
    wide: float
    tall: float
    foot: float
    column: float
    parallax: float
    on_ground: bool


def plan_spot(
    rng: Rng,
    spec: Spec,
    scene: Scene,
    figure: Figure,
    extent: tuple[float, float],
    k: int,
    slot: int,
    size: float | None,
) -> Spot:
    """Choose how large actor ``k`` is and where it goes.

    Args:
        rng: where the randomness comes from.
        spec: the knobs.
        scene: its horizon.
        figure: who it is.
        extent: width and height of the figure, figure units.
        k: 0 for object 1.
        slot: there are as many slots as actors, and each has its own.
        size: pixels for each figure unit; None: choose.

    Returns:
        The spot.
    """
    height, width = spec.size
    count = spec.objects + spec.distractors
    crowd = 1 / (1 + 0.16 * (count - 1))
    wide, tall = extent
    if size is None:
        size = height * rng.uniform(0.5, 0.72) * (0.4 + 1.2 * spec.object_size) * crowd / tall
        if figure.semantic_class == "ball":
            size *= 0.6
        limit = 0.22 if spec.occlusion > 0 else 0.55 if count == 1 else 0.42
        limit = 0.22 if spec.intruder else limit  # both must fit in, and the hiding place
        size = min(size, limit * width / wide, 0.8 * height / tall)
    high = 1.02 * tall * size
    column = width / 2
    if count > 1:
        column += 0.62 * width * ((k + 0.5) / count - 0.5) * rng.uniform(0.6, 1.1)
    if k == 0 and spec.occlusion > 0:
        column = width / 2
    if k == 0 and spec.intruder:
        column += 0.16 * width * rng.choice([-1, 1])
    if figure.habitat == "ground" and scene.horizon is not None:
        # Nearer actors stand lower in the image, are drawn later and hide the others.
        lane = rng.uniform(0.8, 0.95) if count == 1 else 0.74 + 0.22 * (slot + 0.5) / count
        foot = max(lane * height, min(high, 0.96 * height))
        near = (foot - scene.horizon) / (height - scene.horizon)
        parallax = FAR_PARALLAX + (1 - FAR_PARALLAX) * near
        return Spot(size, wide, tall, foot, column, parallax, True)
    level = rng.uniform(0.2, 0.8) if count == 1 else (slot * 0.618 + 0.2 * rng.random()) % 1
    foot = high + max(0.0, height - high) * level
    if scene.horizon is not None:
        foot = min(foot, scene.horizon + 0.15 * height)
    return Spot(size, wide, tall, foot, column, 0.6, False)


def cover(spec: Spec, spot: Spot) -> float:
    """How wide the occluder must be, pixels."""
    full = spec.occlusion > 0.95
    return spot.wide * spot.size * (1.2 if full else spec.occlusion)


def plan_path(
    rng: Rng,
    spec: Spec,
    scene: Scene,
    figure: Figure,
    spot: Spot,
    k: int,
    way: float,
    grows: float,
    travel: np.ndarray,
) -> tuple[Path, float]:
    """Plan the way of actor ``k``.

    Args:
        rng: where the randomness comes from.
        spec: the knobs.
        scene: its horizon.
        figure: its stride.
        spot: around where.
        k: 0 for object 1.
        way: -1 to the left, 1 to the right, at first.
        grows: 1 or -1, whether the scale knob makes it larger or smaller.
        travel: of the camera, tabulated.

    Returns:
        The path, and the speed in pixels for each frame.
    """
    height, width = spec.size
    last = max(spec.frames - 1, 1)
    times = np.arange(len(travel)) / STEPS - 1
    u = times / last
    body = spot.wide * spot.size
    speed = 14 * spec.speed**1.5 * height / 240 * (rng.uniform(0.75, 1.2) if k else 1.0)
    off_centre = abs(spot.column - width / 2)
    reach = max(0.1 * width, (width - 0.9 * body) / 2 - off_centre)
    if k == 0 and spec.occlusion > 0:
        # From clear on one side of the occluder to clear on the other, within the video.
        needed = 1.08 * (body + cover(spec, spot) + 0.04 * width)
        speed = max(speed, needed / last)
        reach = max(reach, 0.6 * needed)

    # Walk to and fro; who turns out of the image plane makes less way in it.
    delay = 0.0 if k == 0 else rng.uniform(-0.3, 0.3) * spec.frames
    angle = np.pi * spec.viewpoint * ease(u)
    ahead = np.cumsum(np.cos(angle)) / STEPS
    ahead = speed * (ahead - np.interp((spec.frames - 1) / 2 + delay, times, ahead)) / reach
    x = spot.column + way * reach * there_and_back(ahead)
    heading = way * np.cos(angle) * np.clip(4 * np.cos(0.5 * np.pi * ahead), -1, 1)
    if spec.enter_and_leave > 0 and k < spec.objects:
        away, takes = 0.3 * spec.enter_and_leave, 0.36
        leaves = k % 2 == 0
        gone = ease((u - (1 - away - takes)) / takes if leaves else (away + takes - u) / takes)
        x = (
            x
            + (way if leaves else -way) * (width / 2 + off_centre + reach + 0.7 * body) * gone**1.5
        )
        on_the_move = (gone > 0) & (gone < 1)
        heading = np.where(on_the_move, way * np.maximum(np.abs(heading), 0.9), heading)

    growth = np.exp(np.log(2.4) * spec.scale * grows * (np.clip(u, -0.1, 1.1) - 0.5))
    size = min(spot.size, 1.15 * height / (spot.tall * growth.max()))
    scale = size * growth * (1 + 0.2 * np.sin(angle))
    if spot.on_ground and scene.horizon is not None:
        # What comes nearer comes down in the image, too.
        y = scene.horizon + (spot.foot - scene.horizon) * (0.45 + 0.55 * growth)
    else:
        p = rng.uniform(0, 2 * np.pi)
        bob = 0.035 * height * (np.sin(times / 11 + p) - np.sin(p))
        y = spot.foot + bob + 0.5 * spot.tall * (scale - size)
    # Legs and wheels keep step with the ground, which slides as the camera does.
    covered = x + spot.parallax * travel
    steps = np.abs(np.diff(covered, prepend=covered[0])) / (scale * figure.stride)
    return Path(x, y, scale, heading, np.cumsum(steps) + rng.random()), speed

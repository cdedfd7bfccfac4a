"""Crowds: many people, vehicles and animals in perspective, who cross, leave and come back.

What MOTS is about (Voigtlaender et al., "MOTS: Multi-Object Tracking and Segmentation", CVPR
2019): 20 to 40 objects of few classes, in long sequences. Each goes to and fro on a lane of its
own, and turns round out of sight, so that how many are seen stays about the same however long the
video is. Who comes back has the label that it had before.
"""

import numpy as np

from vos_lab.datasets.procedural.figures import Figure
from vos_lab.datasets.procedural.paths import STEPS, Path, Spot
from vos_lab.datasets.procedural.scenery import FAR_PARALLAX, Scene
from vos_lab.datasets.procedural.spec import CROWD_CLASSES, Spec

Rng = np.random.Generator

HEIGHT = {"person": 1.0, "vehicle": 0.9, "animal": 0.75}
"""How large a figure unit of each class is, relative to that of a person."""

PACE = {"person": 0.034, "vehicle": 0.085, "animal": 0.045}
"""How far each class gets in a frame at the usual speed, figure units."""

SHARE = {"person": 0.6, "vehicle": 0.3, "animal": 0.1}
"""How much of a crowd each class makes up, where all are asked for."""


def cast_crowd(rng: Rng, spec: Spec) -> tuple[str, list[str]]:
    """Choose the scene and a semantic class for each object of a crowd."""
    names = [name for name in CROWD_CLASSES if name in (spec.classes or CROWD_CLASSES)]
    shares = np.array([SHARE[name] for name in names])
    scene = str(rng.choice(["town", "meadow", "desert", "snow"], p=[0.7, 0.1, 0.1, 0.1]))
    return scene, [str(name) for name in rng.choice(names, spec.objects, p=shares / shares.sum())]


def plan_crowd_spot(
    rng: Rng, spec: Spec, scene: Scene, figure: Figure, extent: tuple[float, float], slot: int
) -> Spot:
    """Choose the lane of an actor: the nearer, the lower in the image, and the larger.

    Args:
        rng: where the randomness comes from.
        spec: the knobs.
        scene: its horizon.
        figure: who it is.
        extent: width and height of the figure, figure units.
        slot: the lane, 0 the furthest; there are as many as objects.

    Returns:
        The spot.
    """
    height, width = spec.size
    assert scene.horizon is not None  # because crowds are cast into scenes that have one
    # All stand on one plane, so size is proportional to the distance from the horizon.
    near = 0.24 + 0.72 * ((slot + rng.uniform(0.2, 0.8)) / spec.objects) ** 1.2
    foot = scene.horizon + near * (height - scene.horizon)
    size = near * height * (0.12 + 0.24 * spec.object_size) * HEIGHT[figure.semantic_class]
    parallax = FAR_PARALLAX + (1 - FAR_PARALLAX) * near
    return Spot(size, *extent, foot, width / 2, parallax, True)


def plan_crowd_path(
    rng: Rng, spec: Spec, figure: Figure, spot: Spot, turn: int, travel: np.ndarray
) -> Path:
    """Plan the way of an actor to and fro on its lane, further than the frame is wide.

    Args:
        rng: where the randomness comes from.
        spec: the knobs.
        figure: its class and stride.
        spot: its lane.
        turn: each actor of a crowd has its own, from 0 up; it spreads them over the way.
        travel: of the camera, tabulated.

    Returns:
        The path.
    """
    width = spec.size[1]
    times = np.arange(len(travel)) / STEPS - 1
    beyond = 0.6 * spot.wide * spot.size + width * rng.uniform(0.02, 0.3)
    length = width + 2 * beyond
    pace = PACE[figure.semantic_class] * rng.uniform(0.5, 1.5) * (spec.speed / 0.35) ** 1.5
    # Nobody keeps exactly the same pace: ahead is the way in lengths, and grows all the time.
    wave, begins = rng.uniform(40, 120), rng.uniform(0, 2 * np.pi)
    uneven = times + 0.4 * wave / (2 * np.pi) * np.sin(2 * np.pi * times / wave + begins)
    ahead = 2 * (turn + rng.random()) / spec.objects + pace * spot.size * uneven / length
    back = ahead % 2 >= 1
    x = -beyond + length * np.where(back, 2 - ahead % 2, ahead % 2)
    covered = x + spot.parallax * travel
    steps = np.abs(np.diff(covered, prepend=covered[0])) / (spot.size * figure.stride)
    still = np.ones(len(times))
    return Path(
        x,
        spot.foot * still,
        spot.size * still,
        np.where(back, -1.0, 1.0),
        np.cumsum(steps) + rng.random(),
    )

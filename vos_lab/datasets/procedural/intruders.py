"""An intruder: somebody in the colours of object 1, hidden at first, comes out and up to it.

What is hidden in the first frame is never shown as background to a method that learns from it. A
method that knows colours alone may take the intruder for the object. If the intruder is of another
class, its shape tells the two apart.
"""

from dataclasses import replace

import numpy as np

from vos_lab.datasets.procedural.cast import MAKERS
from vos_lab.datasets.procedural.figures import Figure, Material
from vos_lab.datasets.procedural.motion import ease
from vos_lab.datasets.procedural.paths import STEPS, Path, Spot
from vos_lab.datasets.procedural.spec import Spec

Rng = np.random.Generator

WIDE = 0.22
"""How wide object 1 and the intruder are at most, as a share of the frame."""
HIDES = 1.2
"""How wide a hiding place is, relative to who hides there."""
COMES_OUT = (0.2, 0.6)
"""When the intruder leaves its hiding place, and when it reaches the object: shares of a video."""
TOUCHES = 0.33
"""How near the intruder comes: below one half the two touch."""


def cast_intruder(rng: Rng, spec: Spec, scene: str, first: Figure) -> Figure:
    """Choose who the intruder is, and dress it like object 1.

    Args:
        rng: where the randomness comes from.
        spec: whether it is of the same class.
        scene: its name; the intruder must be able to live there.
        first: object 1.

    Returns:
        The intruder.
    """
    name = first.semantic_class
    if spec.intruder == "other":
        company = {"reef": ["ball"], "room": ["animal", "person", "ball"]}.get(
            scene,
            {"air": ["bird", "balloon"]}.get(first.habitat, ["animal", "person", "vehicle"]),
        )
        name = str(rng.choice([each for each in company if each != name]))
    return _dressed(MAKERS[name](rng), first)


def _dressed(figure: Figure, like: Figure) -> Figure:
    """A figure in the main colours and patterns of another."""
    areas = _areas(like)
    # What covers little of the other, as its tyres or its eyes, dresses nobody.
    models = [name for name in areas if areas[name] > 0.3 * max(areas.values())]
    models.sort(key=lambda name: -areas[name])
    own = _areas(figure)
    dressed = dict(figure.materials)
    for place, name in enumerate(sorted(own, key=lambda name: -own[name])):
        model: Material = like.materials[models[place % len(models)]]
        dressed[name] = replace(
            figure.materials[name], colours=model.colours, kind=model.kind, cell=model.cell
        )
    return replace(figure, materials=dressed)


def _areas(figure: Figure) -> dict[str, float]:
    """How much of a figure each of its materials covers."""
    areas = dict.fromkeys(figure.materials, 0.0)
    for cut in figure.cuts:
        x, y = cut.outline.T
        areas[cut.material] += 0.5 * abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1)))
    return areas


def plan_intruder(
    rng: Rng,
    spec: Spec,
    figure: Figure,
    extent: tuple[float, float],
    first: Spot,
    path: Path,
    travel: np.ndarray,
) -> tuple[Spot, Path]:
    """Plan the way of the intruder: wait behind something, come out, and keep close to object 1.

    Args:
        rng: where the randomness comes from.
        spec: the knobs.
        figure: the intruder.
        extent: its width and height, figure units.
        first: where object 1 is.
        path: the way of object 1.
        travel: of the camera, tabulated.

    Returns:
        Its spot, in whose column it hides in frame 0, and its path.
    """
    height, width = spec.size
    wide, tall = extent
    area = first.wide * first.tall * first.size**2 * rng.uniform(0.8, 1.0)
    size = min(np.sqrt(area / (wide * tall)), WIDE * width / wide, 0.8 * height / tall)
    times = np.arange(len(travel)) / STEPS - 1
    begin = STEPS  # frame 0
    # On the side with more room, near the edge of the frame, beside the object.
    side = -1.0 if path.x[begin] > width / 2 else 1.0
    hidden, body = HIDES * wide * size, first.wide * float(path.scale[begin])
    edge = 0.0 if side < 0 else float(width)
    near_edge = edge - side * 0.25 * hidden  # a part of the hiding place may lie outside
    beside = float(path.x[begin]) + side * (body + hidden) / 2
    column = min(near_edge, beside) if side < 0 else max(near_edge, beside)
    waiting = column - first.parallax * (travel - travel[begin])
    close = path.x + side * TOUCHES * (first.wide * path.scale + wide * size)
    out, there = COMES_OUT
    share = ease((times / max(spec.frames - 1, 1) - out) / (there - out))
    x = (1 - share) * waiting + share * close
    # A little nearer than the object or a little farther: in front of it, or behind it.
    y = path.y + height * rng.choice([-0.015, 0.015])
    scale = np.full(len(times), size)
    covered = x + first.parallax * travel
    steps = np.abs(np.diff(covered, prepend=covered[0])) / (scale * figure.stride)
    spot = Spot(size, wide, tall, float(y[begin]), column, first.parallax, first.on_ground)
    heading = np.full(len(times), -side)
    return spot, Path(x, y, scale, heading, np.cumsum(steps) + rng.random())

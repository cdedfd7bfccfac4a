"""The stage of one video: scene, actors and camera, planned and painted before any frame."""

from dataclasses import dataclass, replace

import numpy as np

from vos_lab.datasets.cast import MAKERS
from vos_lab.datasets.figures import Figure
from vos_lab.datasets.motion import Bend, ease, shift, stretch, there_and_back, turn
from vos_lab.datasets.occluders import standing_occluder
from vos_lab.datasets.painting import Part, paint
from vos_lab.datasets.scenery import (
    FAR_PARALLAX,
    SCENES,
    Plane,
    Scene,
    make_scene,
)
from vos_lab.datasets.shapes import Cut
from vos_lab.datasets.spec import Spec
from vos_lab.datasets.textures import fractal_noise

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
class Actor:
    """A figure on its way through the video.

    Attributes:
        figure: what it is.
        parts: its cuts, painted, the furthest first.
        path: its way.
        instance: its id, 1 and up; twins come after the objects.
        label: its id in the masks: the instance, or 0 for a twin.
        first_surface: the surface number of its first part, seen from its first side.
    """

    figure: Figure
    parts: list[Part]
    path: Path
    instance: int
    label: int
    first_surface: int = 0


@dataclass(frozen=True)
class Pose:
    """An actor at one time: all that is needed to map its textures to the image and back.

    Attributes:
        limbs: ``(P, 3, 3)``, for each part: texture pixels to figure units.
        bend: bends the figure.
        place: ``(3, 3)``, figure units to image pixels, camera included.
        side: 0 where the side that looks right is seen, else 1.
    """

    limbs: np.ndarray
    bend: Bend
    place: np.ndarray
    side: int


@dataclass(frozen=True)
class Stage:
    """All that is painted and planned for a video.

    Attributes:
        spec: the knobs.
        seed: the seed.
        scene: the planes behind the actors.
        actors: the furthest first.
        occluders: planes in front of them.
        travel: camera travel in pixels, tabulated like a path.
        shake: ``(6,)`` phases of shake, zoom and light.
        clouds: shadow pattern of the light knob.
        noise: sensor noise, larger than the frame.
    """

    spec: Spec
    seed: int
    scene: Scene
    actors: list[Actor]
    occluders: list[Plane]
    travel: np.ndarray
    shake: np.ndarray
    clouds: np.ndarray
    noise: np.ndarray

    def camera(self, t: float) -> float:
        """How far the camera has moved to the right, pixels."""
        return float(np.interp((t + 1) * STEPS, np.arange(len(self.travel)), self.travel))

    def view(self, t: float) -> np.ndarray:
        """``(3, 3)``: the camera's shake, zoom and roll around the middle of the image."""
        strength = self.spec.camera_motion
        if strength == 0:
            return np.eye(3)
        height, width = self.spec.size
        p = self.shake
        jolt = 0.009 * height * strength
        dx = jolt * (np.sin(0.83 * t + p[0]) + 0.6 * np.sin(2.17 * t + p[1]))
        dy = jolt * (np.sin(0.71 * t + p[2]) + 0.6 * np.sin(1.93 * t + p[3]))
        zoom = 1 + 0.2 * strength * (1 - np.cos(2 * np.pi * t / 90 + p[4])) / 2
        roll = np.deg2rad(1.6 * strength) * np.sin(2 * np.pi * t / 70 + p[5])
        centre = shift(width / 2, height / 2)
        return shift(dx, dy) @ centre @ turn(roll) @ stretch(zoom, zoom) @ np.linalg.inv(centre)

    def pose(self, actor: Actor, t: float) -> Pose:
        """An actor at time t, in frames."""
        spec, figure = self.spec, actor.figure
        x, y, scale, heading, stride = actor.path.at(t)
        width = np.copysign(max(abs(heading), 0.3), heading)
        away = np.sqrt(max(0.0, 1 - width**2))
        beat = 2 * np.pi * (stride + figure.idle * t)
        turned = pose_limbs(figure, beat, stride, spec.articulation)
        # What is nearer than the middle of the figure shifts against it when the figure turns.
        limbs = np.stack(
            [
                shift(cut.side * away, 0) @ turned[cut.name] @ part.to_figure
                for cut, part in zip(figure.cuts, actor.parts, strict=True)
            ]
        )
        amount = 3 * spec.deformation
        floats = figure.habitat != "ground"
        bend = Bend(
            amount * figure.wave[0],
            amount * figure.wave[1] if floats else 0.0,
            0.0 if floats else amount * figure.wave[1],
            2 * np.pi / figure.wave_length,
            beat * 0.5,
            -beat,
        )
        pitch = 0.0
        if floats:
            ahead = actor.path.at(t + 0.25)
            pitch = np.clip(8 * (ahead[1] - y) / scale, -0.35, 0.35)
        lean = np.array([[1.0, 0.0, 0.0], [0.12 * away, 1.0, 0.0], [0.0, 0.0, 1.0]])
        place = shift(x, y) @ stretch(scale * width, scale) @ turn(pitch, 0, -0.5) @ lean
        return Pose(limbs, bend, self.view(t) @ place, int(width < 0))

    def age(self, t: float) -> float:
        """How far coats have changed at time t, 0 to 1."""
        return self.spec.appearance_drift * float(np.clip(t / max(self.spec.frames - 1, 1), 0, 1))


# --- planning -------------------------------------------------------------------------------------


def pose_limbs(
    figure: Figure, beat: float, stride: float, articulation: float
) -> dict[str, np.ndarray]:
    """Where the limbs of a figure are, each turned around its joint and moved by its parent.

    Args:
        figure: whose limbs.
        beat: phase of the swing, radians.
        stride: how many strides it has gone: a wheel turns once in each.
        articulation: how far limbs swing.

    Returns:
        ``(3, 3)`` for each cut: figure units at rest to figure units now.
    """
    cuts = {cut.name: cut for cut in figure.cuts}
    turned: dict[str, np.ndarray] = {}

    def limb(cut: Cut) -> np.ndarray:
        if cut.name not in turned:
            wave = np.sin(beat * cut.rate + cut.phase)
            lift = 1.0 if cut.bend == "knee" else 0.0
            angle = articulation * cut.swing * (lift + wave)
            own = turn(2 * np.pi * stride if cut.bend == "spin" else angle, *cut.joint)
            turned[cut.name] = own if cut.parent is None else limb(cuts[cut.parent]) @ own
        return turned[cut.name]

    # Parents may be drawn before or after their children, so walk up from each.
    for cut in figure.cuts:
        limb(cut)
    # Who walks has a foot on the ground: lower the body when the legs are spread.
    feet = [cut for cut in figure.cuts if cut.bend == "knee"]
    if feet:
        soles = [cut.outline[np.argmax(cut.outline[:, 1])] for cut in feet]
        lowest = max(
            float((turned[cut.name] @ [*sole, 1])[1]) for cut, sole in zip(feet, soles, strict=True)
        )
        turned = {name: shift(0, -lowest) @ matrix for name, matrix in turned.items()}
    return turned


def bounds(figure: Figure, articulation: float) -> tuple[float, float]:
    """Width and height of a figure whatever its limbs do, figure units."""
    points = []
    for beat in np.arange(8) * np.pi / 4:
        limbs = pose_limbs(figure, beat, 0.0, articulation)
        for cut in figure.cuts:
            points.append(cut.outline @ limbs[cut.name][:2, :2].T + limbs[cut.name][:2, 2])
    width, height = np.ptp(np.concatenate(points), axis=0)
    return float(width), float(height)


def _cast(rng: Rng, spec: Spec) -> tuple[str, list[str]]:
    """Choose the scene and a semantic class for each object that can live in it."""
    weights = {
        "animal": 0.4,
        "person": 0.2,
        "vehicle": 0.17,
        "bird": 0.07,
        "fish": 0.08,
        "balloon": 0.04,
        "ball": 0.04,
    }
    names = list(spec.classes or weights)
    chances = np.array([weights[name] for name in names])
    first = str(rng.choice(names, p=chances / chances.sum()))
    habitat = {"fish": "water", "bird": "air", "balloon": "air"}.get(first, "ground")
    places = [s for s in SCENES[habitat] if not (s == "room" and first == "vehicle")]
    scene = str(rng.choice(places))
    company = {
        "reef": ["fish"],
        "sky": ["bird", "balloon"],
        "sea": ["bird", "balloon"],
        "room": ["animal", "person", "ball"],
    }.get(scene, ["animal", "person", "vehicle"] + ["balloon"] * (scene in ("meadow", "desert")))
    company = [name for name in company if name in names] or [first]
    return scene, [first] + [str(rng.choice(company)) for _ in range(spec.objects - 1)]


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


def _spot(
    rng: Rng, spec: Spec, scene: Scene, figure: Figure, k: int, slot: int, size: float | None
) -> Spot:
    """Choose how large actor ``k`` is and where it goes, in one of as many slots as actors."""
    height, width = spec.size
    count = spec.objects + spec.distractors
    crowd = 1 / (1 + 0.16 * (count - 1))
    wide, tall = bounds(figure, spec.articulation)
    if size is None:
        size = height * rng.uniform(0.5, 0.72) * (0.4 + 1.2 * spec.object_size) * crowd / tall
        if figure.semantic_class == "ball":
            size *= 0.6
        limit = 0.22 if spec.occlusion > 0 else 0.55 if count == 1 else 0.42
        size = min(size, limit * width / wide, 0.8 * height / tall)
    high = 1.02 * tall * size
    column = width / 2
    if count > 1:
        column += 0.62 * width * ((k + 0.5) / count - 0.5) * rng.uniform(0.6, 1.1)
    if k == 0 and spec.occlusion > 0:
        column = width / 2
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


def _cover(spec: Spec, spot: Spot) -> float:
    """How wide the occluder must be, pixels."""
    full = spec.occlusion > 0.95
    return spot.wide * spot.size * (1.2 if full else spec.occlusion)


def _plan_path(
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
        needed = 1.08 * (body + _cover(spec, spot) + 0.04 * width)
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


def _plan_occluder(
    rng: Rng, spec: Spec, scene: Scene, spot: Spot, path: Path, speed: float, travel: np.ndarray
) -> Plane:
    """Put an occluder where object 1 is in the middle of the video."""
    height = spec.size[0]
    middle = round(((spec.frames - 1) / 2 + 1) * STEPS)
    hidden = _cover(spec, spot) + (3 * speed if spec.occlusion > 0.95 else 0)
    parallax = spot.parallax + 0.08
    centre = path.x[middle] + parallax * travel[middle]
    top, bottom = -0.2 * height, 1.2 * height
    if spot.on_ground:
        bottom = min(float(path.y.max()) + 0.05 * height, bottom)
        if scene.occluder in ("bush", "rock"):
            top = max(top, float(path.y.min() - 1.2 * spot.tall * path.scale.max()))
    corners = (centre - hidden / 2, top, centre + hidden / 2, bottom)
    return standing_occluder(rng, scene, scene.occluder, corners, parallax)


def set_stage(spec: Spec, seed: int) -> Stage:
    """Plan and paint a video.

    Args:
        spec: the knobs.
        seed: a whole number, 0 or more.

    Returns:
        The stage; the same for the same spec and seed.
    """
    height, width = spec.size
    # A stream for each purpose: turning one knob leaves what the others decide as it is.
    casting, painting, planning, looks = (np.random.default_rng([seed, i]) for i in range(4))
    scene_name, classes = _cast(casting, spec)
    scene = make_scene(np.random.default_rng([seed, 4]), scene_name, spec.size)
    scene = replace(scene, planes=[plane.trimmed() for plane in scene.planes])
    direction = float(planning.choice([-1, 1]))
    times = np.arange((spec.frames + 2) * STEPS + 1) / STEPS - 1
    middle = (spec.frames - 1) / 2
    pan = 0.011 * height * spec.camera_motion * direction
    travel = pan * (times - middle) + 0.03 * height * spec.camera_motion * np.sin(times / 17)

    count = spec.objects + spec.distractors
    slots = planning.permutation(count)
    grows = float(planning.choice([-1, 1]))
    actors: list[Actor] = []
    occluders: list[Plane] = []
    for k in range(count):
        twin = k >= spec.objects
        figure = actors[0].figure if twin else MAKERS[classes[k]](casting)
        same = float(actors[0].path.scale.mean()) * planning.uniform(0.9, 1.0) if twin else None
        spot = _spot(planning, spec, scene, figure, k, int(slots[k]), same)
        way = direction if k == 0 or planning.random() < 0.5 else -direction
        path, speed = _plan_path(planning, spec, scene, figure, spot, k, way, grows, travel)
        if k == 0 and spec.occlusion > 0:
            occluders.append(_plan_occluder(looks, spec, scene, spot, path, speed, travel))
        if twin:
            parts = actors[0].parts
        else:
            sides = 2 if path.heading.min() < 0 < path.heading.max() or spec.distractors else 1
            scale = 1.2 * float(path.scale.max() ** 0.7 * path.scale.mean() ** 0.3)
            scale = min(scale, 2.7 * height / max(spot.wide, spot.tall))
            parts = paint(painting, figure, scene, spec, scale, sides)
        actors.append(Actor(figure, parts, path, k + 1, 0 if twin else k + 1))

    actors.sort(key=lambda actor: (float(np.mean(actor.path.y)), actor.instance))
    surface, numbered = len(scene.planes), []
    for actor in actors:
        numbered.append(replace(actor, first_surface=surface))
        surface += 2 * len(actor.parts)
    clouds = fractal_noise(looks, (32, 128), 36, slope=3.2)
    noise = np.zeros((0, 0, 3), np.int16)
    if spec.grain > 0:
        noise = (
            looks.normal(0, 9 * spec.grain, (height + 64, width + 64, 3)).round().astype(np.int16)
        )
    phases = looks.uniform(0, 2 * np.pi, 6)
    return Stage(spec, seed, scene, numbered, occluders, travel, phases, clouds, noise)

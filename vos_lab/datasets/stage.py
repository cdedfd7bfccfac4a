"""The stage of one video: scene, actors and camera, planned and painted before any frame."""

from dataclasses import dataclass, replace

import numpy as np

from vos_lab.datasets.cast import MAKERS
from vos_lab.datasets.figures import Figure, Material
from vos_lab.datasets.motion import Bend, ease, shift, stretch, there_and_back, turn
from vos_lab.datasets.occluders import standing_occluder
from vos_lab.datasets.scenery import (
    FAR_PARALLAX,
    SCENES,
    Plane,
    Scene,
    make_scene,
)
from vos_lab.datasets.shapes import Cut, puffy_shading, rasterise
from vos_lab.datasets.spec import Spec
from vos_lab.datasets.textures import COATS, coat, colour, fractal_noise

Rng = np.random.Generator
STEPS = 4
"""Paths are stored at so many points for each frame; whole frames lie on such points."""


@dataclass(frozen=True)
class Part:
    """A painted cut.

    Attributes:
        textures: ``[side][age]`` of ``(h, w, 4)`` uint8 RGBA, colours multiplied by alpha.
        to_figure: ``(3, 3)``, texture pixels to figure units.
        corners: ``(3, 4)``, the corners of the texture in its pixels, columns (x, y, 1).
    """

    textures: list[list[np.ndarray]]
    to_figure: np.ndarray
    corners: np.ndarray


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


# --- painting -------------------------------------------------------------------------------------


def _aged(rng: Rng, material: Material) -> Material:
    """What a material turns into when appearances drift."""
    hue = rng.uniform(0, 360)
    first = colour(hue, rng.uniform(0.25, 0.65), rng.uniform(0.3, 0.9))
    second = colour(hue + rng.uniform(-70, 70), rng.uniform(0.1, 0.6), rng.uniform(0.15, 0.9))
    return replace(material, colours=(first, second), kind=str(rng.choice(COATS)))


def paint(
    rng: Rng, figure: Figure, scene: Scene, spec: Spec, scale: float, sides: int
) -> list[Part]:
    """Paint the cuts of a figure.

    Args:
        rng: where the randomness comes from.
        figure: what to paint.
        scene: gives light, and colours for camouflage.
        spec: its drift, viewpoint, camouflage.
        scale: texture pixels for each figure unit.
        sides: 1 for a figure that never turns, 2 for one that shows another side when it does.

    Returns:
        A part for each cut.
    """
    young = {}
    for name, material in figure.materials.items():
        hidden = scene.colours[rng.integers(0, len(scene.colours), 2)]
        share = 0.9 * spec.camouflage
        colours = tuple(
            ((1 - share) * c + share * h).astype(np.float32)
            for c, h in zip(material.colours, hidden, strict=True)
        )
        young[name] = replace(material, colours=(colours[0], colours[1]))
    ages = [young]
    if spec.appearance_drift > 0:
        ages.append({name: _aged(rng, material) for name, material in young.items()})

    # One sheet of each material for the whole figure: stripes run on from body to leg.
    sheets: dict[str, tuple[np.ndarray, list[list[np.ndarray]]]] = {}
    for name in dict.fromkeys(cut.material for cut in figure.cuts):
        outlines = np.concatenate([cut.outline for cut in figure.cuts if cut.material == name])
        low = outlines.min(0) - 2.5 / scale
        extent = np.ceil((outlines.max(0) + 2.5 / scale - low) * scale).astype(int)
        shape = (int(extent[1]) + 3, int(extent[0]) + 3)
        covers = [
            [
                coat(
                    rng,
                    m[name].kind,
                    shape,
                    max(3.0, m[name].cell * scale),
                    m[name].colours,
                    m[name].roughness,
                )
                for m in ages
            ]
            for _ in range(sides)
        ]
        sheets[name] = (low, covers)

    parts = []
    for cut in figure.cuts:
        low, covers = sheets[cut.material]
        start = np.floor((cut.outline.min(0) - low) * scale - 2).astype(int).clip(0)
        extent = np.ceil((cut.outline.max(0) - low) * scale + 2).astype(int) - start
        shape = (int(extent[1]), int(extent[0]))
        origin = low + start / scale
        alpha = rasterise(cut.outline, origin, shape, scale)
        down = (origin[1] + np.arange(shape[0]) / scale)[:, None]
        fall = 1.06 - 0.2 * np.clip(1 + down, 0, 1)  # lighter on top of the figure than below
        light = cut.shade * puffy_shading(alpha, cut.round)
        light = (light * (fall if cut.bend != "spin" else 1.0))[..., None] * scene.light
        stamps = [
            (rasterise(mark.outline, origin, shape, scale)[..., None] * mark.opacity, mark.colour)
            for mark in cut.marks
        ]
        textures: list[list[np.ndarray]] = []
        for side in range(sides):
            textures.append([])
            for cover in covers[side]:
                rgb = cover[start[1] : start[1] + shape[0], start[0] : start[0] + shape[1]]
                for stamp, tone in stamps:
                    rgb = rgb * (1 - stamp) + tone * stamp
                rgb = np.clip(rgb * light, 0, 1) * alpha[..., None]
                rgba = np.rint(np.dstack([rgb, alpha]) * 255).astype(np.uint8)
                textures[-1].append(rgba)
        textures = textures * (3 - sides)
        to_figure = shift(*origin) @ stretch(1 / scale, 1 / scale) @ shift(0.5, 0.5)
        right, bottom = shape[1] - 0.5, shape[0] - 0.5
        corners = np.array(
            [[-0.5, right, right, -0.5], [-0.5, -0.5, bottom, bottom], [1.0, 1.0, 1.0, 1.0]]
        )
        parts.append(Part(textures, to_figure, corners))
    return parts


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


def set_stage(spec: Spec, seed: int) -> Stage:
    """Plan and paint a video.

    Args:
        spec: the knobs.
        seed: a whole number, 0 or more.

    Returns:
        The stage; the same for the same spec and seed.
    """
    height, width = spec.size
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
    actors: list[Actor] = []
    occluders: list[Plane] = []
    crowd = 1 / (1 + 0.16 * (count - 1))
    scale_sign = float(planning.choice([-1, 1]))
    for k in range(count):
        twin = k >= spec.objects
        figure = actors[0].figure if twin else MAKERS[classes[k]](casting)
        ground = figure.habitat == "ground" and scene.horizon is not None
        wide, tall = bounds(figure, spec.articulation)
        size = height * planning.uniform(0.5, 0.72) * (0.4 + 1.2 * spec.object_size) * crowd / tall
        if figure.semantic_class == "ball":
            size *= 0.6
        limit = 0.22 if spec.occlusion > 0 else 0.55 if count == 1 else 0.42
        size = min(size, limit * width / wide, 0.8 * height / tall)
        if twin:
            size = float(actors[0].path.scale.mean()) * planning.uniform(0.9, 1.0)
        body = wide * size

        # Nearer actors stand lower in the image, are drawn later and hide the others.
        lane = planning.uniform(0.8, 0.95) if count == 1 else 0.74 + 0.22 * (slots[k] + 0.5) / count
        if ground:
            foot = max(lane * height, min(1.02 * tall * size, 0.96 * height))
            near = (foot - scene.horizon) / (height - scene.horizon) if scene.horizon else 1.0
            parallax = FAR_PARALLAX + (1 - FAR_PARALLAX) * near
        else:
            spare = max(0.0, height - 1.05 * tall * size)
            foot = 1.02 * tall * size + spare * (
                planning.uniform(0.2, 0.8)
                if count == 1
                else (slots[k] * 0.618 + planning.random() * 0.2) % 1
            )
            if scene.horizon is not None:
                foot = min(foot, scene.horizon + 0.15 * height)
            parallax = 0.6

        speed = 14 * spec.speed**1.5 * height / 240 * (planning.uniform(0.75, 1.2) if k else 1.0)
        column = width / 2
        if count > 1:
            column += 0.62 * width * ((k + 0.5) / count - 0.5) * planning.uniform(0.6, 1.1)
        if k == 0 and spec.occlusion > 0:
            column = width * planning.uniform(0.46, 0.54)
        reach = max(0.1 * width, (width - 0.9 * body) / 2 - abs(column - width / 2))
        way = direction if k == 0 or planning.random() < 0.5 else -direction
        delay = 0.0 if k == 0 else planning.uniform(-0.3, 0.3) * spec.frames
        full = spec.occlusion > 0.95
        cover = body * (1.2 if full else spec.occlusion)
        if k == 0 and spec.occlusion > 0:
            needed = 1.08 * (body + cover + (0.04 * width if full else 0))
            speed = max(speed, needed / max(spec.frames - 1, 1))
            reach = max(reach, 0.6 * needed)
        u = times / max(spec.frames - 1, 1)
        angle = np.pi * spec.viewpoint * ease(u)
        ahead = np.cumsum(np.cos(angle)) / STEPS
        ahead = speed * (ahead - np.interp(middle + delay, times, ahead)) / reach
        x = column + way * reach * there_and_back(ahead)
        heading = way * np.cos(angle) * np.clip(4 * np.cos(0.5 * np.pi * ahead), -1, 1)
        if spec.enter_and_leave > 0 and not twin:
            away, takes = 0.3 * spec.enter_and_leave, 0.36
            leaves = k % 2 == 0
            gone = ease((u - (1 - away - takes)) / takes if leaves else (away + takes - u) / takes)
            off = width / 2 + abs(column - width / 2) + reach + 0.7 * body
            x = x + way * (1 if leaves else -1) * off * gone**1.5
            heading = np.where(
                (gone > 0) & (gone < 1), way * np.maximum(np.abs(heading), 0.9), heading
            )
        growth = np.exp(np.log(2.4) * spec.scale * scale_sign * (np.clip(u, -0.1, 1.1) - 0.5))
        if tall * size * growth.max() > 1.15 * height:
            size *= 1.15 * height / (tall * size * growth.max())
        scales = size * growth * (1 + 0.2 * np.sin(angle))
        if ground and scene.horizon is not None:
            y = scene.horizon + (foot - scene.horizon) * (0.45 + 0.55 * growth)
        else:
            p = planning.uniform(0, 2 * np.pi)
            y = (
                foot
                + 0.035 * height * (np.sin(times / 11 + p) - np.sin(p))
                + 0.5 * tall * (scales - size)
            )
        covered = x + parallax * travel
        steps = np.abs(np.diff(covered, prepend=covered[0])) / (scales * figure.stride)
        stride = np.cumsum(steps) + planning.random()
        path = Path(x, y, scales, heading, stride)

        if k == 0 and spec.occlusion > 0:
            at = round((middle + 1) * STEPS)
            hidden = cover + (3 * speed if full else 0)
            nearer = parallax + 0.08
            centre = x[at] + nearer * np.interp(middle, times, travel)
            solid = scene.occluder in ("trunk", "pillar", "wall") or not ground
            top = (
                -0.2 * height if solid else max(-0.2 * height, y.min() - 1.2 * tall * scales.max())
            )
            bottom = min(float(y.max()) + 0.05 * height, 1.2 * height) if ground else 1.2 * height
            occluders.append(
                standing_occluder(
                    looks,
                    scene,
                    scene.occluder,
                    (centre - hidden / 2, top, centre + hidden / 2, bottom),
                    nearer,
                )
            )
        scale = min(1.2 * size * float(growth.max()) ** 0.7, 640 / max(wide, tall))
        sides = 2 if heading.min() < 0 < heading.max() or spec.distractors > 0 else 1
        parts = actors[0].parts if twin else paint(painting, figure, scene, spec, scale, sides)
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

"""The stage of one video: scene, actors and camera, planned and painted before any frame."""

from dataclasses import dataclass, replace

import numpy as np

from vos_lab.datasets.procedural.cast import MAKERS
from vos_lab.datasets.procedural.crowds import cast_crowd, plan_crowd_path, plan_crowd_spot
from vos_lab.datasets.procedural.detail import clutter, woven_plane
from vos_lab.datasets.procedural.figures import Figure
from vos_lab.datasets.procedural.intruders import HIDES, cast_intruder, plan_intruder
from vos_lab.datasets.procedural.motion import Bend, shift, stretch, turn, undone
from vos_lab.datasets.procedural.occluders import standing_occluder
from vos_lab.datasets.procedural.painting import Skin, paint
from vos_lab.datasets.procedural.paths import STEPS, Path, Spot, cover, plan_path, plan_spot
from vos_lab.datasets.procedural.posing import Rig
from vos_lab.datasets.procedural.scenery import SCENES, Plane, Scene, make_scene
from vos_lab.datasets.procedural.spec import Spec
from vos_lab.datasets.procedural.textures import fractal_noise
from vos_lab.datasets.procedural.town import make_town

Rng = np.random.Generator


@dataclass(frozen=True)
class Actor:
    """A figure on its way through the video.

    Attributes:
        figure: what it is.
        rig: how its limbs hang together.
        skin: its cuts, painted, the furthest first.
        path: its way.
        instance: its id, 1 and up; twins come after the objects.
        label: its id in the masks: the instance, or 0 for a twin.
        first_surface: the surface number of its first part, seen from its first side.
    """

    figure: Figure
    rig: Rig
    skin: Skin
    path: Path
    instance: int
    label: int
    first_surface: int = 0


@dataclass(frozen=True)
class Pose:
    """An actor at one time: all that is needed to map its textures to the image and back.

    Attributes:
        limbs: ``(P, 3, 3)``, for each part: texture pixels to figure units.
        to_texture: ``(P, 3, 3)``, and back.
        bend: bends the figure.
        place: ``(3, 3)``, figure units to image pixels, camera included.
        side: 0 where the side that looks right is seen, else 1.
    """

    limbs: np.ndarray
    to_texture: np.ndarray
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

    def wind(self, t: float) -> float:
        """How far the wind bends what sways: sideways pixels for each pixel of height."""
        if self.spec.sway == 0:
            return 0.0
        p = self.shake
        gust = np.sin(0.19 * t + p[4]) + 0.4 * np.sin(0.53 * t + p[5])
        return 0.05 * self.spec.sway * float(gust)

    @property
    def still(self) -> bool:
        """Whether the scene behind the actors is the same in all frames."""
        return self.spec.camera_motion == 0 and self.spec.sway == 0

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
        return shift(dx, dy) @ centre @ turn(roll) @ stretch(zoom, zoom) @ undone(centre)

    def pose(self, actor: Actor, t: float, view: np.ndarray) -> Pose:
        """An actor at time t, in frames, seen through ``view(t)``."""
        spec, figure = self.spec, actor.figure
        x, y, scale, heading, stride = actor.path.at(t)
        width = np.copysign(max(abs(heading), 0.3), heading)
        away = np.sqrt(max(0.0, 1 - width**2))
        beat = 2 * np.pi * (stride + figure.idle * t)
        limbs = actor.rig.limbs(beat, stride, spec.articulation)
        # What is nearer than the middle of the figure shifts against it when the figure turns.
        limbs[:, 0, 2] += away * actor.rig.sides
        limbs = limbs @ actor.skin.to_figure
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
        return Pose(limbs, np.linalg.inv(limbs), bend, view @ place, int(width < 0))

    def age(self, t: float) -> float:
        """How far coats have changed at time t, 0 to 1."""
        return self.spec.appearance_drift * float(np.clip(t / max(self.spec.frames - 1, 1), 0, 1))


# --- planning -------------------------------------------------------------------------------------


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


def _plan_occluder(
    rng: Rng,
    spec: Spec,
    scene: Scene,
    spot: Spot,
    path: Path,
    hidden: float,
    moment: int,
    parallax: float,
    travel: np.ndarray,
) -> Plane:
    """Put an occluder, as wide as ``hidden``, where an actor is at a moment of its path."""
    height = spec.size[0]
    centre = path.x[moment] + parallax * travel[moment]
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
    scene_name, classes = (cast_crowd if spec.crowd else _cast)(casting, spec)
    building = np.random.default_rng([seed, 4])
    town = scene_name == "town"
    scene = make_town(building, spec.size) if town else make_scene(building, scene_name, spec.size)
    planes = scene.planes
    weaving = np.random.default_rng([seed, 6])
    if spec.clutter > 0:
        standing = np.random.default_rng([seed, 7])
        planes = planes + clutter(standing, scene, spec.size, spec.clutter, spec.photographs)
    if spec.texture > 0:
        planes = [woven_plane(weaving, each, spec.texture, spec.photographs) for each in planes]
    if spec.defocus > 0:
        planes = [plane.out_of_focus(0.018 * height * spec.defocus) for plane in planes]
    scene = replace(scene, planes=[plane.trimmed() for plane in planes])
    direction = float(planning.choice([-1, 1]))
    times = np.arange((spec.frames + 2) * STEPS + 1) / STEPS - 1
    middle = (spec.frames - 1) / 2
    pan = 0.011 * height * spec.camera_motion * direction
    travel = pan * (times - middle) + 0.03 * height * spec.camera_motion * np.sin(times / 17)

    count = spec.objects + spec.distractors
    slots = planning.permutation(count)
    grows = float(planning.choice([-1, 1]))
    turns = planning.permutation(count) if spec.crowd else slots
    actors: list[Actor] = []
    occluders: list[Plane] = []
    for k in range(count):
        twin = k >= spec.objects
        figure = actors[0].figure if twin else MAKERS[classes[k]](casting)
        same = float(actors[0].path.scale.mean()) * planning.uniform(0.9, 1.0) if twin else None
        rig = actors[0].rig if twin else Rig.of(figure)
        extent = rig.extent(spec.articulation)
        if spec.crowd:
            spot = plan_crowd_spot(planning, spec, scene, figure, extent, int(slots[k]))
            path, speed = plan_crowd_path(planning, spec, figure, spot, int(turns[k]), travel), 0.0
        else:
            spot = plan_spot(planning, spec, scene, figure, extent, k, int(slots[k]), same)
            way = direction if k == 0 or planning.random() < 0.5 else -direction
            path, speed = plan_path(planning, spec, scene, figure, spot, k, way, grows, travel)
        if k == 0 and spec.occlusion > 0:
            middle = round(((spec.frames - 1) / 2 + 1) * STEPS)
            hidden = cover(spec, spot) + (3 * speed if spec.occlusion > 0.95 else 0)
            nearer = spot.parallax + 0.08
            occluders.append(
                _plan_occluder(looks, spec, scene, spot, path, hidden, middle, nearer, travel)
            )
        if twin:
            skin = actors[0].skin
        else:
            sides = 2 if path.heading.min() < 0 < path.heading.max() or spec.distractors else 1
            scale = 1.2 * float(path.scale.max() ** 0.7 * path.scale.mean() ** 0.3)
            scale = min(scale, 2.7 * height / max(spot.wide, spot.tall))
            woven = weaving if spec.texture > 0 else None
            skin = paint(painting, figure, scene, spec, scale, sides, woven)
        actors.append(Actor(figure, rig, skin, path, k + 1, 0 if twin else k + 1))
        if k == 0:
            first = spot
    if spec.intruder:
        secret = np.random.default_rng([seed, 5])
        figure = cast_intruder(secret, spec, scene_name, actors[0].figure)
        rig = Rig.of(figure)
        extent = rig.extent(spec.articulation)
        spot, path = plan_intruder(secret, spec, figure, extent, first, actors[0].path, travel)
        hidden = HIDES * spot.wide * spot.size
        occluders.append(
            _plan_occluder(secret, spec, scene, spot, path, hidden, STEPS, spot.parallax, travel)
        )
        skin = paint(secret, figure, scene, spec, 1.2 * spot.size, 1)
        actors.append(Actor(figure, rig, skin, path, count + 1, 0))

    actors.sort(key=lambda actor: (float(np.mean(actor.path.y)), actor.instance))
    surface, numbered = len(scene.planes), []
    for actor in actors:
        numbered.append(replace(actor, first_surface=surface))
        surface += 2 * len(actor.skin.starts)
    clouds = fractal_noise(looks, (32, 128), 36, slope=3.2)
    noise = np.zeros((0, 0, 3), np.int16)
    if spec.grain > 0:
        noise = (
            looks.normal(0, 9 * spec.grain, (height + 64, width + 64, 3)).round().astype(np.int16)
        )
    phases = looks.uniform(0, 2 * np.pi, 6)
    return Stage(spec, seed, scene, numbered, occluders, travel, phases, clouds, noise)

"""Drawing one frame of a stage, and knowing where each of its pixels goes."""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from vos_lab.datasets.procedural.loops import darken, flow_of_actor, flow_of_planes, lay_parts
from vos_lab.datasets.procedural.motion import undone
from vos_lab.datasets.procedural.scenery import Plane
from vos_lab.datasets.procedural.spec import Spec
from vos_lab.datasets.procedural.stage import Actor, Pose, Stage, set_stage


@dataclass(frozen=True)
class Drawn:
    """One actor in one frame: which part each pixel of its box shows, and where on the figure.

    Attributes:
        box: top, bottom, left, right in the image.
        part: ``(h, w)`` int16, the surface number, -1 where the actor is not.
        points: ``(h, w, 2)`` float32, the figure's units, straightened (limbs moved, not bent).
        pose: the actor's pose.
    """

    box: tuple[int, int, int, int]
    part: np.ndarray
    points: np.ndarray
    pose: Pose


@dataclass(frozen=True)
class Picture:
    """One frame.

    Attributes:
        image: ``(H, W, 3)`` uint8.
        surface: ``(H, W)`` int16: planes, then parts of actors, then occluders, numbered.
        drawn: the actors in the frame, by instance.
    """

    image: np.ndarray
    surface: np.ndarray
    drawn: dict[int, Drawn]


def _lay_over(image: np.ndarray, rgba: np.ndarray) -> np.ndarray:
    """Put RGBA with premultiplied colours over an image, in place; returns alpha."""
    alpha = cv2.extractChannel(rgba, 3)
    through = cv2.cvtColor(cv2.bitwise_not(alpha), cv2.COLOR_GRAY2RGB)
    below = cv2.multiply(image, through, scale=1 / 255)
    image[...] = cv2.add(below, cv2.cvtColor(rgba, cv2.COLOR_RGBA2RGB))
    return alpha


def _rows(inverse: np.ndarray, width: int, first: float, last: float) -> tuple[float, float]:
    """The image rows in which texture rows from ``first`` to ``last`` are seen.

    The camera may roll, so look at both sides of the image. Texture row r is where
    inverse[1] · (x, y, 1) = r.
    """
    band = [
        (row - inverse[1, 0] * x - inverse[1, 2]) / inverse[1, 1]
        for row in (first, last)
        for x in (0, width)
    ]
    return min(band), max(band)


def _draw_plane(
    plane: Plane,
    inverse: np.ndarray,
    number: int,
    image: np.ndarray,
    surface: np.ndarray,
    solid: tuple[int, int] = (0, 0),
    hidden: int | None = None,
) -> None:
    """Draw a plane into the image, and its number into the surface map.

    Args:
        plane: the plane.
        inverse: ``(3, 3)``, from the image to its texture.
        number: its number.
        image: painted in place.
        surface: the same.
        solid: image rows, from and up to, where it hides all that is behind it.
        hidden: image row from which down nearer planes hide it; None: all is seen.
    """
    height, width = surface.shape
    hidden = height if hidden is None else hidden
    from_row, to_row = _rows(inverse, width, 0, plane.texture.shape[0] - 1)
    top = int(np.clip(np.ceil(from_row), 0, hidden))
    bottom = int(np.clip(np.floor(to_row) + 1, 0, hidden))
    if top >= bottom:
        return
    move = inverse.copy()
    move[:, 2] += inverse[:, 1] * top
    border = cv2.BORDER_CONSTANT
    if plane.endless:  # start within the first repeat, where coordinates are small and exact
        border = cv2.BORDER_WRAP
        move[0, 2] %= plane.texture.shape[1]
    rgba = cv2.warpAffine(
        plane.texture,
        move[:2],
        (width, bottom - top),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=border,
    )
    # Where the plane hides all that is behind it nothing has to be mixed.
    start, stop = (int(np.clip(row, top, bottom)) for row in solid)
    for rows in (slice(top, start), slice(stop, bottom)):
        if rows.start < rows.stop:
            alpha = _lay_over(image[rows], rgba[rows.start - top : rows.stop - top])
            np.copyto(surface[rows], np.int16(number), where=alpha >= 128)
    if start < stop:
        cv2.cvtColor(rgba[start - top : stop - top], cv2.COLOR_RGBA2RGB, image[start:stop])
        surface[start:stop] = number


def _solid_rows(plane: Plane, inverse: np.ndarray, size: tuple[int, int]) -> tuple[int, int]:
    """The image rows, from and up to, where a plane hides all that is behind it."""
    height, width = size
    first, last = plane.solid
    if first >= last:
        return height, height
    start = np.ceil(_rows(inverse, width, first, first)[1])
    stop = np.floor(_rows(inverse, width, last, last)[0]) + 1
    start, stop = (int(row) for row in np.clip([start, stop], 0, height))
    return start, max(start, stop)


def _draw_actor(
    stage: Stage, actor: Actor, pose: Pose, t: float, image: np.ndarray, surface: np.ndarray
) -> Drawn | None:
    """Draw an actor into the image, and the numbers of its parts into the surface map."""
    height, width = stage.spec.size
    bend, place, age = pose.bend, pose.place, stage.age(t)

    # A box for each part: its corners, moved by its limb; the bend moves them a little further.
    corners = pose.limbs @ actor.skin.corners
    (left, top), (right, bottom) = corners[:, :2].min(2).T, corners[:, :2].max(2).T
    far = np.maximum(np.abs(top), np.abs(bottom))
    sideways, up = abs(bend.sway) * far, abs(bend.wriggle) + abs(bend.breathe) * far
    left, right, top, bottom = left - sideways, right + sideways, top - up, bottom + up
    x = np.stack([left, left, right, right])
    y = np.stack([top, bottom, top, bottom])
    x, y = (place[i, 0] * x + place[i, 1] * y + place[i, 2] for i in range(2))
    edges = np.stack([y.min(0), y.max(0) + 2, x.min(0), x.max(0) + 2], 1)
    windows = np.clip(np.floor(edges), 0, [height, height, width, width]).astype(int)
    windows[(windows[:, 0] >= windows[:, 1]) | (windows[:, 2] >= windows[:, 3])] = 0
    seen = windows[windows[:, 1] > 0]
    if len(seen) == 0:
        return None
    first_row, first_column = (int(edge) for edge in seen[:, ::2].min(0))
    last_row, last_column = (int(edge) for edge in seen[:, 1::2].max(0))

    # Where each pixel of the whole box lies on the figure: undo the place, undo the bend.
    column = np.arange(first_column, last_column, dtype=np.float32)[None]
    row = np.arange(first_row, last_row, dtype=np.float32)[:, None]
    m = undone(place).astype(np.float32)
    x = m[0, 0] * column + (m[0, 1] * row + m[0, 2])
    y = m[1, 0] * column + (m[1, 1] * row + m[1, 2])
    points = cv2.merge(bend.undo(x, y))

    texels, *old = actor.skin.texels[pose.side]
    if age > 0:
        texels = cv2.addWeighted(texels, 1 - age, old[0], age, 0)
    shown = np.full(points.shape[:2], -1, np.int16)
    lay_parts(
        image,
        surface,
        shown,
        points,
        (first_row, first_column),
        windows,
        pose.to_texture[:, :2].astype(np.float32),
        texels,
        actor.skin.starts,
        actor.skin.shapes,
        actor.first_surface + pose.side * len(windows),
    )
    return Drawn((first_row, last_row, first_column, last_column), shown, points, pose)


def _cast_shadow(stage: Stage, actor: Actor, pose: Pose, image: np.ndarray) -> None:
    """Darken the ground under an actor."""
    strength = 0.75 * stage.spec.shadows
    if strength == 0 or actor.figure.habitat != "ground" or stage.scene.horizon is None:
        return
    left, right = actor.rig.stance
    x, y, _ = pose.place @ [(left + right) / 2, -0.01, 1]
    across = abs(pose.place[0, 0]) * (right - left) / 2
    down = abs(pose.place[1, 1]) * 0.075 + 2
    darken(image, float(x), float(y), float(across), float(down), strength)


def _cast_by_sun(stage: Stage, actor: Actor, pose: Pose, t: float, image: np.ndarray) -> None:
    """Darken the ground where an actor keeps the sun off: its outline, laid over and softened."""
    horizon = stage.scene.horizon
    if actor.figure.habitat != "ground" or horizon is None:
        return
    alone = _draw_actor(stage, actor, pose, t, image.copy(), np.zeros(stage.spec.size, np.int16))
    if alone is None:
        return
    top, _, left, _ = alone.box
    left_foot, right_foot = actor.rig.stance
    y = (pose.place @ [(left_foot + right_foot) / 2, 0, 1])[1]
    # The sun stands to one side, and before or behind the camera, for the whole video.
    p = stage.shake
    aside, down = 1.2 * np.sin(p[0]), 0.35 * np.sin(p[1])
    down = np.copysign(max(abs(down), 0.12), down)
    # A point h above the feet falls h * aside to the side of them, and h * down below.
    laid = np.array([[1, -aside, left - aside * (top - y)], [0, -down, y - down * (top - y)]])
    shade = cv2.warpAffine((alone.part >= 0).astype(np.float32), laid, image.shape[1::-1])
    shade = cv2.GaussianBlur(shade, (0, 0), 0.008 * len(image))
    shade[: max(0, int(stage.view(t)[1, 2] + horizon))] = 0
    image[...] = image * (1 - 0.6 * stage.spec.sun * shade[..., None])


def light_and_noise(stage: Stage, t: float, image: np.ndarray) -> np.ndarray:
    """The light of the moment: brightness, warmth, shadows of clouds, and the sensor's noise."""
    spec = stage.spec
    height, width = spec.size
    if spec.lighting > 0:
        p = stage.shake
        level = 1 + 0.3 * spec.lighting * np.sin(2 * np.pi * t / 43 + p[0])
        warm = 0.12 * spec.lighting * np.sin(2 * np.pi * t / 61 + p[1])
        rows, columns = stage.clouds.shape
        drift = np.array([[1, 0, (t * 0.45) % columns], [0, 1, 0]])
        clouds = cv2.warpAffine(
            stage.clouds, drift, (48, rows), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_WRAP,
        )  # fmt: skip
        shade = 1 - 0.5 * spec.lighting * np.clip(2.5 * (clouds - 0.42), 0, 1)
        gain = cv2.resize(shade[..., None] * np.array([level + warm, level, level - warm]),
                          (width, height)).astype(np.float32)  # fmt: skip
        image = np.rint(np.clip(image * gain, 0, 255)).astype(np.uint8)
    if spec.grain > 0:
        # A multiplicative hash of the frame number moves the noise, so that no two frames share it.
        down, right = int(t * 2654435761) % 61, int(t * 40503 + 17) % 59
        noise = stage.noise[down : down + height, right : right + width]
        image = np.clip(image.astype(np.int16) + noise, 0, 255).astype(np.uint8)
    return image


def _draw_backdrop(stage: Stage, t: float) -> tuple[np.ndarray, np.ndarray]:
    """The scene without actors: image and surface map."""
    image = np.zeros((*stage.spec.size, 3), np.uint8)
    surface = np.zeros(stage.spec.size, np.int16)
    view, camera, planes = stage.view(t), stage.camera(t), stage.scene.planes
    wind = stage.wind(t)
    inverses = [undone(view @ plane.matrix(camera, wind)) for plane in planes]
    solid = [_solid_rows(p, i, stage.spec.size) for p, i in zip(planes, inverses, strict=True)]
    for number, plane in enumerate(planes):
        # The ground hides the lower part of the sky.
        floors = [start for start, stop in solid[number + 1 :] if stop == len(image)]
        hidden = min(floors, default=None)
        _draw_plane(plane, inverses[number], number, image, surface, solid[number], hidden)
    return image, surface


# A stage takes a tenth of a second to paint: keep the last few. It is a pure function of its
# arguments, so this cache changes nothing but the time.
@lru_cache(maxsize=6)
def stage_for(spec: Spec, seed: int) -> Stage:
    """The stage of a video, painted once."""
    return set_stage(spec, seed)


@lru_cache(maxsize=2)
def _still_backdrop(spec: Spec, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """What a camera that never moves sees behind the actors in all frames."""
    return _draw_backdrop(stage_for(spec, seed), 0)


# Where an actor is at time t + 1 is asked for by the flow from t, and by the picture of t + 1.
@lru_cache(maxsize=4)
def _poses(spec: Spec, seed: int, t: float) -> list[Pose]:
    stage = stage_for(spec, seed)
    view = stage.view(t)
    return [stage.pose(actor, t, view) for actor in stage.actors]


def draw(stage: Stage, t: float) -> Picture:
    """Draw the scene at time t (in frames; parts of a frame are possible), sharp."""
    if stage.still:
        backdrop = _still_backdrop(stage.spec, stage.seed)
        image, surface = backdrop[0].copy(), backdrop[1].copy()
    else:
        image, surface = _draw_backdrop(stage, t)
    view, camera = stage.view(t), stage.camera(t)
    poses = _poses(stage.spec, stage.seed, t)
    for actor, pose in zip(stage.actors, poses, strict=True):
        _cast_shadow(stage, actor, pose, image)
        if stage.spec.sun > 0:
            _cast_by_sun(stage, actor, pose, t, image)
    drawn = {}
    for actor, pose in zip(stage.actors, poses, strict=True):
        result = _draw_actor(stage, actor, pose, t, image, surface)
        if result is not None:
            drawn[actor.instance] = result
    for number, plane in enumerate(stage.occluders, first_occluder(stage)):
        inverse = undone(view @ plane.matrix(camera))
        _draw_plane(plane, inverse, number, image, surface)
    return Picture(image, surface, drawn)


def first_occluder(stage: Stage) -> int:
    """The surface number of the first occluder: planes and parts of actors come before."""
    return len(stage.scene.planes) + sum(2 * len(actor.skin.starts) for actor in stage.actors)


def motion_between(stage: Stage, picture: Picture, t: int, to: int) -> np.ndarray:
    """Where each pixel of frame t goes by frame ``to``: back to its texture, and forth again."""
    surface = picture.surface
    planes = [*enumerate(stage.scene.planes), *enumerate(stage.occluders, first_occluder(stage))]
    moves = np.zeros((first_occluder(stage) + len(stage.occluders), 2, 3), np.float32)
    flow = np.zeros((*surface.shape, 2), np.float32)
    if not stage.still:
        moments = [(stage.view(at), stage.camera(at), stage.wind(at)) for at in (t, to)]
        for number, plane in planes:
            before, after = (view @ plane.matrix(camera, wind) for view, camera, wind in moments)
            moves[number] = (after @ undone(before) - np.eye(3))[:2]
        flow_of_planes(surface, moves, flow)
    for actor, pose in zip(stage.actors, _poses(stage.spec, stage.seed, to), strict=True):
        if actor.instance not in picture.drawn:
            continue
        drawn = picture.drawn[actor.instance]
        limbs = (pose.limbs @ drawn.pose.to_texture)[:, :2].astype(np.float32)
        flow_of_actor(
            surface,
            drawn.points,
            (drawn.box[0], drawn.box[2]),
            actor.first_surface,
            limbs,
            pose.bend[:],
            pose.place.astype(np.float32),
            flow,
        )
    return flow

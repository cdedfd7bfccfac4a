"""What drawn scenes lack most beside filmed ones: fine texture on everything, and clutter.

Both go over a scene that is painted already, and draw from generators of their own: with the knobs
at 0 nothing is different.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from vos_lab.datasets.procedural.photographs import photograph_patch
from vos_lab.datasets.procedural.plants import bush, trunk
from vos_lab.datasets.procedural.scenery import FAR_PARALLAX, Plane, Scene, lay_over
from vos_lab.datasets.procedural.shapes import ellipse, puffy_shading, ragged, rasterise
from vos_lab.datasets.procedural.textures import (
    bricks,
    colour,
    dead_leaves,
    fractal_noise,
    mix,
    shaded,
)

Rng = np.random.Generator
Thing = tuple[np.ndarray, np.ndarray]
"""RGB ``(h, w, 3)`` and coverage ``(h, w)``, float32 in [0, 1]."""

# --- texture --------------------------------------------------------------------------------------


def drawn_patch(rng: Rng, shape: tuple[int, int]) -> np.ndarray:
    """``(H, W, 3)`` float32 in [0, 1]: some texture, with structure at every size."""
    hue, spread = rng.uniform(0, 360), rng.uniform(5, 90)
    tones = np.stack(
        [
            colour(hue + spread * rng.normal(), rng.uniform(0, 0.7), rng.uniform(0.15, 0.95))
            for _ in range(5)
        ]
    )
    stretch = float(np.exp(rng.uniform(-1.2, 1.2)))
    noise = fractal_noise(rng, shape, rng.uniform(15, 120), rng.uniform(1.3, 2.6), stretch)
    patch = mix(tones[0], tones[1], np.clip(1.6 * (noise - 0.5) + 0.5, 0, 1))
    if rng.random() < 0.25:
        patch = bricks(rng, shape, (rng.uniform(5, 30), rng.uniform(10, 60)), tones[1:], tones[0])
    if rng.random() < 0.6:
        count = int(shape[0] * shape[1] / rng.uniform(80, 600))
        dead_leaves(rng, patch, tones, count, (1.5, rng.uniform(6, 30)), None, rng.uniform(0.4, 1))
    fine = fractal_noise(rng, shape, rng.uniform(3, 12), rng.uniform(0.8, 1.8)) - 0.5
    return shaded(patch, 1 + rng.uniform(0.3, 1.0) * fine)


def some_patch(rng: Rng, shape: tuple[int, int], photographs: float) -> np.ndarray:
    """A texture, cut from a photograph with that chance, or drawn."""
    from_photograph = rng.random() < photographs
    return photograph_patch(rng, shape) if from_photograph else drawn_patch(rng, shape)


def woven(
    rng: Rng, rgb: np.ndarray, strength: float, photographs: float, repeats: int = 1
) -> np.ndarray:
    """Give a painted surface fine texture.

    Args:
        rng: where the randomness comes from.
        rgb: ``(H, W, 3)`` float32 in [0, 1].
        strength: 0 leaves it as it is; 1 at most replaces it.
        photographs: the chance that the texture is cut from a photograph.
        repeats: how many times it repeats from left to right; divides W.

    Returns:
        ``(H, W, 3)`` float32 in [0, 1].
    """
    height, width = rgb.shape[:2]
    patch = np.tile(some_patch(rng, (height, width // repeats), photographs), (1, repeats, 1))
    share = min(1.0, strength * rng.uniform(0.4, 1.6))
    if rng.random() < 0.5:  # its light and dark alone: the colours stay
        relief = patch.mean(2, keepdims=True)
        return np.clip(rgb * (1 + 1.2 * share * (relief - relief.mean())), 0, 1).astype(np.float32)
    return (rgb + share * (patch - rgb)).astype(np.float32)


def woven_plane(rng: Rng, plane: Plane, strength: float, photographs: float) -> Plane:
    """A plane of the scene with fine texture."""
    rows = np.nonzero(plane.texture[..., 3].any(1))[0]
    if len(rows) == 0:
        return plane
    seen = slice(int(rows[0]), int(rows[-1]) + 1)
    band = plane.texture[seen].astype(np.float32) / 255
    alpha = band[..., 3:]
    own = band[..., :3] / np.maximum(alpha, 1 / 255)
    repeats = 2 if plane.texture.shape[1] % 2 == 0 else 1  # half the work, and never seen at once
    rgb = woven(rng, own, strength, photographs, repeats) * alpha
    texture = plane.texture.copy()
    texture[seen, :, :3] = np.rint(255 * rgb)
    return replace(plane, texture=texture)


# --- clutter --------------------------------------------------------------------------------------


def _box(rng: Rng, scene: Scene, height: int, width: int, photographs: float) -> Thing:
    rgb = some_patch(rng, (height, width), photographs) * rng.uniform(0.6, 1.1)
    side = int(width * rng.uniform(0, 0.4))  # seen from a corner: one side lies in shade
    rgb[:, :side] *= rng.uniform(0.5, 0.85)
    return rgb, np.ones((height, width), np.float32)


def _lump(rng: Rng, scene: Scene, height: int, width: int, photographs: float) -> Thing:
    rim = ragged(ellipse(width / 2, height * 0.55, 0.46 * width, 0.5 * height), rng, 0.1 * width)
    alpha = rasterise(rim, np.zeros(2), (height, width), 1.0)
    rgb = some_patch(rng, (height, width), photographs)
    return rgb * puffy_shading(alpha, 0.6)[..., None], alpha


def _sign(rng: Rng, scene: Scene, height: int, width: int, photographs: float) -> Thing:
    rgb, alpha = np.zeros((height, width, 3), np.float32), np.zeros((height, width), np.float32)
    pole = max(1, width // 12)
    columns = slice(width // 2 - pole, width // 2 + pole)
    rgb[:, columns], alpha[:, columns] = rng.uniform(0.15, 0.7), 1
    panel = int(height * rng.uniform(0.25, 0.6))
    rgb[:panel], alpha[:panel] = some_patch(rng, (panel, width), photographs), 1
    return rgb, alpha


def _fence(rng: Rng, scene: Scene, height: int, width: int, photographs: float) -> Thing:
    height, width = max(6, height // 2), 2 * width
    tone = colour(rng.uniform(0, 360), rng.uniform(0, 0.4), rng.uniform(0.15, 0.9))
    gap = max(4, int(height * rng.uniform(0.15, 0.6)))
    alpha = np.zeros((height, width), np.float32)
    alpha[:, np.arange(width) % gap < max(1, gap // 4)] = 1
    for row in (0.1, 0.6):
        alpha[int(row * height) : int(row * height) + max(1, height // 14)] = 1
    grain = fractal_noise(rng, (height, width), 12, slope=1.3)
    return mix(tone * 0.7, np.clip(tone * 1.2, 0, 1), grain), alpha


def _bush(rng: Rng, scene: Scene, height: int, width: int, photographs: float) -> Thing:
    return bush(rng, height, width, scene.foliage.astype(np.float32))


def _post(rng: Rng, scene: Scene, height: int, width: int, photographs: float) -> Thing:
    tone = colour(rng.uniform(0, 60), rng.uniform(0, 0.4), rng.uniform(0.2, 0.8))
    return trunk(rng, 2 * height, max(4, width // 4), np.stack([tone * 0.8, tone]))


THINGS: tuple[Callable[[Rng, Scene, int, int, float], Thing], ...] = (
    _box,
    _lump,
    _sign,
    _fence,
    _bush,
    _post,
)


def clutter(
    rng: Rng, scene: Scene, size: tuple[int, int], strength: float, photographs: float
) -> list[Plane]:
    """Things that stand about behind the actors: boxes, signs, fences, posts, bushes, lumps.

    Args:
        rng: where the randomness comes from.
        scene: lends horizon and foliage.
        size: height and width of the frame.
        strength: 0 to 1, how many there are.
        photographs: the chance that a surface is cut from a photograph.

    Returns:
        Two planes, the farther one first; none in the open sky.
    """
    if scene.name == "sky":
        return []
    height, width = size
    horizon = scene.horizon if scene.horizon is not None else 0.7 * height
    top = -int(0.16 * height)
    shape = (height - 2 * top, 64 * round(2.2 * width / 64 + 0.5))
    planes = []
    for depth in (rng.uniform(0.02, 0.06), rng.uniform(0.07, 0.13)):
        canvas = np.zeros((*shape, 4), np.float32)
        foot = round(horizon + depth * height) - top
        for _ in range(round(strength * rng.uniform(3, 12))):
            tall = max(8, int(height * rng.uniform(0.06, 0.3) * (0.7 + 5 * depth)))
            wide = max(6, int(tall * np.exp(rng.uniform(-0.7, 0.7))))
            make = THINGS[int(rng.integers(len(THINGS)))]
            rgb, alpha = make(rng, scene, tall, wide, photographs)
            x = int(rng.integers(shape[1]))
            _lay_shadow(canvas, x, foot, alpha.shape[1])
            lay_over(canvas, rgb.astype(np.float32), alpha, x, foot - alpha.shape[0])
        near = max(0.0, (foot + top - horizon) / (height - horizon))
        parallax = FAR_PARALLAX + (1 - FAR_PARALLAX) * near
        texture = np.rint(np.clip(canvas, 0, 1) * 255).astype(np.uint8)
        sways = float(rng.choice([-1, 1]) * rng.uniform(0.3, 1))
        planes.append(Plane(texture, 0, top, parallax, level=foot + top, sways=sways))
    return planes


def _lay_shadow(canvas: np.ndarray, x: int, foot: int, wide: int) -> None:
    """The dark line where a thing meets the ground."""
    down = max(2, wide // 12)
    y, along = np.mgrid[-1 : 1 : 2j * down, -1 : 1 : 1j * (wide + 4)]
    alpha = 0.5 * np.clip(1 - y**2 - along**4, 0, 1).astype(np.float32)
    lay_over(canvas, np.zeros((*alpha.shape, 3), np.float32), alpha, x - 2, foot - down)

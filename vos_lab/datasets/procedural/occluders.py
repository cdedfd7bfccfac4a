"""Occluders: trunks, bushes, pillars, walls and rocks that objects pass behind."""

from collections.abc import Sequence

import numpy as np

from vos_lab.datasets.procedural.plants import bush, trunk
from vos_lab.datasets.procedural.scenery import Plane, Scene, cut_out
from vos_lab.datasets.procedural.shapes import puffy_shading, ragged, rasterise
from vos_lab.datasets.procedural.textures import bricks, colour, fractal_noise, mix

Rng = np.random.Generator


def occluder(
    rng: Rng, kind: str, scene: Scene, height: int, width: int
) -> tuple[np.ndarray, np.ndarray]:
    """Something to pass behind that hides a rectangle of the given size completely.

    Args:
        rng: where the randomness comes from.
        kind: "trunk", "bush", "pillar", "wall" or "rock".
        scene: lends the colours.
        height: of the hidden rectangle, pixels.
        width: of the hidden rectangle, pixels.

    Returns:
        RGB and coverage, a little larger than the rectangle; it lies in the middle, at the bottom.
    """
    unit = scene.unit
    if kind == "trunk":
        bark = np.stack([colour(28, 0.35, 0.25), colour(32, 0.3, 0.55)])
        return trunk(rng, height + 4, int(width * 1.12) + 8, bark)
    if kind == "pillar":
        stone = colour(rng.uniform(20, 45), 0.12, rng.uniform(0.5, 0.8))
        return trunk(rng, height + 4, int(width * 1.12) + 8, np.stack([stone * 0.9, stone]))
    if kind == "wall":
        tones = colour(rng.uniform(8, 28), 0.5, 0.55) * rng.uniform(0.75, 1.15, (5, 1))
        shape = (height + 4, width + 8)
        rgb = bricks(
            rng, shape, (9 * unit, 22 * unit), tones.astype(np.float32), colour(40, 0.08, 0.62)
        )
        return rgb, np.ones(shape, np.float32)
    margin = int(0.16 * width) + 6
    full_height, full_width = int(height * 1.12) + 6, width + 2 * margin
    if kind == "rock":
        stone = colour(rng.uniform(15, 45), 0.12, rng.uniform(0.35, 0.6))
        grain = fractal_noise(rng, (full_height, full_width), 60 * unit, slope=1.6)
        rgb = mix(stone * 0.55, np.clip(stone * 1.3, 0, 1), grain)
        top = full_height - height
        outline = np.array(
            [
                (1, full_height),
                (margin * 0.5, full_height * 0.5),
                (margin, top),
                (0.4 * full_width, 2),
                (0.7 * full_width, 3),
                (full_width - margin, top),
                (full_width - 2, full_height),
            ]
        )
        alpha = rasterise(
            ragged(outline, rng, 2.5 * unit), np.zeros(2), (full_height, full_width), 1.0
        )
        rgb = rgb * puffy_shading(alpha, 0.6)[..., None]
    else:
        rgb, alpha = bush(rng, full_height, full_width, scene.foliage)
    alpha[full_height - height :, margin : margin + width] = 1
    return rgb, alpha


def standing_occluder(
    rng: Rng, scene: Scene, kind: str, hidden: Sequence[float], parallax: float
) -> Plane:
    """An occluder as a plane of the scene.

    Args:
        rng: where the randomness comes from.
        scene: lends the colours.
        kind: see ``occluder``.
        hidden: left, top, right, bottom of what it must hide, image pixels, camera at 0.
        parallax: how fast it slides.

    Returns:
        The plane.
    """
    left, top, right, bottom = hidden
    rgb, alpha = occluder(rng, kind, scene, int(np.ceil(bottom - top)), int(np.ceil(right - left)))
    x = (left + right) / 2 - alpha.shape[1] / 2
    return Plane(cut_out(rgb, alpha), x, bottom - alpha.shape[0], parallax, endless=False)

"""A town: a square or a wide road before a row of houses, seen from a little above."""

import numpy as np

from vos_lab.datasets.procedural.plants import bush
from vos_lab.datasets.procedural.scenery import (
    FAR_PARALLAX,
    UNIT,
    Plane,
    Scene,
    cut_out,
    ground_plane,
    lay_over,
    opaque,
    paint_sky,
)
from vos_lab.datasets.procedural.textures import (
    colour,
    dead_leaves,
    fractal_noise,
    mix,
    perspective_noise,
)

Rng = np.random.Generator


def make_town(rng: Rng, size: tuple[int, int]) -> Scene:
    """Build the scene.

    Args:
        rng: where the randomness comes from.
        size: height and width of the frame.

    Returns:
        The scene, painted.
    """
    height, width = size
    unit, margin = height / UNIT, int(0.16 * height)
    shape = (height + 2 * margin, 64 * round(2.2 * width / 64 + 0.5))
    horizon = height * rng.uniform(0.28, 0.4)
    row = int(horizon) + margin
    zenith = colour(rng.uniform(205, 222), rng.uniform(0.2, 0.55), rng.uniform(0.7, 0.95))
    haze = colour(rng.uniform(25, 210), 0.08, 0.93)
    sky = paint_sky(rng, shape, row, zenith, haze, rng.choice([0.3, 0.7, 1.0]))

    ground = _paving(rng, shape[0] - row, shape[1], unit)
    houses = np.zeros((*shape, 4), np.float32)
    ground_line = row + int(0.1 * (height - horizon))
    leaves = np.stack([colour(rng.uniform(75, 120), 0.45, v) for v in rng.uniform(0.25, 0.5, 6)])
    x = 0
    while x < shape[1] - 20 * unit:
        wide, tall = int(rng.uniform(26, 72) * unit), int(rng.uniform(26, 64) * unit)
        wide = min(wide, shape[1] - x)
        if rng.random() < 0.85:
            lay_over(houses, *_house(rng, tall, wide, unit, haze), x, ground_line - tall)
        else:
            tall = max(8, tall // 2)
            lay_over(houses, *bush(rng, tall, max(8, wide), leaves), x, ground_line - tall)
        x += wide
    nearness = (ground_line - row) / (height - horizon)
    planes = [
        Plane(opaque(sky), 0, -margin, 0.04),
        ground_plane(opaque(ground), row - margin, height),
        Plane(
            cut_out(houses[..., :3], houses[..., 3]),
            0,
            -margin,
            FAR_PARALLAX + (1 - FAR_PARALLAX) * nearness,
        ),
    ]
    sample = ground.reshape(-1, 3)[:: ground.size // 600]
    return Scene("town", horizon, planes, sample, np.ones(3), "pillar", leaves, unit)


def _house(
    rng: Rng, tall: int, wide: int, unit: float, haze: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The front of a house with rows of windows, and a roof that is flat or not."""
    hue, grey = rng.choice([8, 20, 32, 45, 215]), rng.uniform(0.08, 0.4)
    tone = colour(hue + rng.uniform(-6, 6), grey, rng.uniform(0.5, 0.9))
    grain = fractal_noise(rng, (tall, wide), 14 * unit, slope=1.5)
    rgb = mix(tone * 0.85, np.clip(tone * 1.1, 0, 1), grain)
    alpha = np.ones((tall, wide), np.float32)
    roof = int(rng.choice([0.0, 0.22]) * tall)
    if roof:
        rgb[:roof] = colour(rng.choice([10, 20, 220]), 0.35, 0.42) * (
            0.8 + 0.4 * grain[:roof, :, None]
        )
        rows, columns = np.arange(roof)[:, None], np.arange(wide)[None]
        alpha[:roof] = np.clip(np.minimum(columns, wide - 1 - columns) - (roof - rows) + 1, 0, 1)
    storey, bay = max(5, round(9 * unit)), max(5, round(rng.uniform(7, 11) * unit))
    high, broad = max(2, storey // 2), max(2, bay // 2)
    for top in range(roof + storey // 3, tall - storey // 2, storey):
        ground_floor = top + storey > tall - storey // 2
        for left in range(bay // 3, wide - broad, bay):
            pane = colour(210, 0.25, rng.uniform(0.18, 0.5))
            rgb[top : top + high + 2 * ground_floor, left : left + broad] = pane
    rgb[-max(1, round(unit)) :] *= 0.6
    # Air lies between: what is far takes on the colour of the sky.
    return mix(rgb, haze, np.full((tall, wide), 0.22, np.float32)), alpha


def _paving(rng: Rng, rows: int, columns: int, unit: float) -> np.ndarray:
    """The ground from the horizon down: a pavement, then a road with dashed lines."""
    tone = colour(rng.uniform(20, 230), rng.uniform(0.02, 0.1), rng.uniform(0.34, 0.56))
    grain = perspective_noise(rng, (rows, columns), 16 * unit)
    ground = mix(tone * 0.86, np.clip(tone * 1.14, 0, 1), grain)
    frame_rows = rows / (1 + 0.16 / 0.66)  # the texture goes on below the frame
    curb = int(0.21 * frame_rows)
    ground[:curb] = np.clip(ground[:curb] * 1.2 + 0.08, 0, 1)
    ground[curb : curb + max(1, round(1.5 * unit))] *= 0.6
    for near in rng.permutation([0.38, 0.58, 0.8])[: int(rng.integers(1, 4))]:
        middle, thick = int(near * frame_rows), max(1, round(3.2 * near * unit))
        dashes = max(3, round(columns / (130 * near * unit)))
        painted = (np.arange(columns) * dashes / columns + rng.random()) % 1 < 0.45
        line = ground[middle : middle + thick, painted]
        ground[middle : middle + thick, painted] = 0.35 * line + 0.65 * 0.86
    litter = np.stack([tone * 0.75, tone * 1.2, colour(35, 0.45, 0.5)])
    dead_leaves(rng, ground, litter, 300, (unit, 3.5 * unit), 0, 0.5)
    return ground

"""Bushes, crowns and trunks: what grows in a scene."""

import numpy as np

from vos_lab.datasets.procedural.shapes import ellipse, puffy_shading, ragged, rasterise
from vos_lab.datasets.procedural.textures import dead_leaves, fractal_noise, mix

Rng = np.random.Generator


def bush(rng: Rng, height: int, width: int, leaves: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A bush or a tree's crown: clumps of leaves, light above and dark below.

    Args:
        rng: where the randomness comes from.
        height: in pixels.
        width: in pixels; the middle of the bush is solid over its whole width.
        leaves: ``(N, 3)`` colours.

    Returns:
        RGB ``(height, width, 3)`` and coverage ``(height, width)``, both float32 in [0, 1].
    """
    rgb = np.broadcast_to(leaves.mean(0) * 0.6, (height, width, 3)).astype(np.float32)
    rgb = np.ascontiguousarray(rgb)
    mask = np.zeros((height, width), np.float32)
    unit = min(height, width)
    clumps = int(np.clip(16 * height * width / unit**2, 16, 60))
    radius = rng.uniform(0.12, 0.26, clumps) * unit
    turned, out = rng.uniform(0, 2 * np.pi, clumps), np.sqrt(rng.uniform(0, 1, clumps))
    xs = width / 2 + (width / 2 - radius) * out * np.cos(turned)
    ys = height / 2 + (height / 2 - radius) * out * np.sin(turned)
    core = ellipse(width / 2, height / 2, 0.36 * width, 0.36 * height)
    np.maximum(mask, rasterise(core, np.zeros(2), (height, width), 1.0), out=mask)
    for x, y, r in zip(xs, ys, radius, strict=True):
        rim = ragged(ellipse(x, y, r, r), rng, 0.12 * r)
        np.maximum(mask, rasterise(rim, np.zeros(2), (height, width), 1.0), out=mask)
    dead_leaves(
        rng,
        rgb,
        leaves * 0.35 + 0.65 * leaves.mean(0),
        int(min(3000, height * width / 8)),
        (1.2, 0.03 * unit + 1.5),
    )
    down = np.linspace(1.2, 0.62, height, dtype=np.float32)[:, None]
    return rgb * (down * puffy_shading(mask, 0.6))[..., None], mask


def trunk(rng: Rng, height: int, width: int, bark: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A tree trunk or a pillar: round, with bark that runs up.

    Returns:
        RGB ``(height, width, 3)`` and coverage ``(height, width)``, both float32 in [0, 1].
    """
    grain = fractal_noise(rng, (height, width), max(6, width / 2), slope=1.5, stretch=0.15)
    across = (np.arange(width, dtype=np.float32) + 0.5) / width * 2 - 1
    shade = 1.1 * np.sqrt(np.clip(1 - 0.85 * (across + 0.25) ** 2 / 1.5, 0.05, 1))
    rgb = mix(bark[0] * 0.5, bark[-1] * 1.15, grain) * shade[None, :, None]
    edge = max(1.0, 0.03 * width) * (fractal_noise(rng, (height, 16), 12)[:, :1] - 0.2)
    inside = (1 - np.abs(across)) * width / 2
    return rgb, np.clip(inside[None] - edge, 0, 1).astype(np.float32)

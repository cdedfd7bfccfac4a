"""Painting: from the description of a figure to the textures that are moved."""

from dataclasses import dataclass, replace

import numpy as np

from vos_lab.datasets.procedural.detail import woven
from vos_lab.datasets.procedural.figures import Figure, Material
from vos_lab.datasets.procedural.motion import shift, stretch
from vos_lab.datasets.procedural.scenery import Scene
from vos_lab.datasets.procedural.shapes import puffy_shading, rasterise
from vos_lab.datasets.procedural.spec import Spec
from vos_lab.datasets.procedural.textures import COATS, coat, colour

Rng = np.random.Generator


@dataclass(frozen=True)
class Skin:
    """The painted cuts of a figure. Each has a texture; all of them lie one after the other.

    Attributes:
        texels: ``[side][age]`` of ``(N, 4)`` uint8 RGBA, colours multiplied by alpha.
        starts: ``(P,)`` int64, where in them the texture of each cut begins.
        shapes: ``(P, 2)`` int64, height and width of each texture.
        to_figure: ``(P, 3, 3)``, texture pixels to figure units.
        corners: ``(P, 3, 4)``, the corners of each texture in its pixels, columns (x, y, 1).
    """

    texels: list[list[np.ndarray]]
    starts: np.ndarray
    shapes: np.ndarray
    to_figure: np.ndarray
    corners: np.ndarray


def _aged(rng: Rng, material: Material) -> Material:
    """What a material turns into when appearances drift."""
    hue = rng.uniform(0, 360)
    first = colour(hue, rng.uniform(0.25, 0.65), rng.uniform(0.3, 0.9))
    second = colour(hue + rng.uniform(-70, 70), rng.uniform(0.1, 0.6), rng.uniform(0.15, 0.9))
    return replace(material, colours=(first, second), kind=str(rng.choice(COATS)))


def paint(
    rng: Rng,
    figure: Figure,
    scene: Scene,
    spec: Spec,
    scale: float,
    sides: int,
    weaving: Rng | None = None,
) -> Skin:
    """Paint the cuts of a figure.

    Args:
        rng: where the randomness comes from.
        figure: what to paint.
        scene: gives light, and colours for camouflage.
        spec: its drift, viewpoint, camouflage.
        scale: texture pixels for each figure unit.
        sides: 1 for a figure that never turns, 2 for one that shows another side when it does.
        weaving: where the randomness of fine texture comes from; None: there is none.

    Returns:
        The cuts, painted.
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
        if weaving is not None:
            covers = [
                [woven(weaving, cover, spec.texture, spec.photographs) for cover in side]
                for side in covers
            ]
        sheets[name] = (low, covers)

    texels: list[list[list[np.ndarray]]] = [[[] for _ in ages] for _ in range(sides)]
    shapes, to_figure, corners = [], [], []
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
        for side in range(sides):
            for age, cover in enumerate(covers[side]):
                rgb = cover[start[1] : start[1] + shape[0], start[0] : start[0] + shape[1]]
                for stamp, tone in stamps:
                    rgb = rgb * (1 - stamp) + tone * stamp
                rgb = np.clip(rgb * light, 0, 1) * alpha[..., None]
                rgba = np.rint(np.dstack([rgb, alpha]) * 255).astype(np.uint8)
                texels[side][age].append(rgba.reshape(-1, 4))
        shapes.append(shape)
        to_figure.append(shift(*origin) @ stretch(1 / scale, 1 / scale) @ shift(0.5, 0.5))
        right, bottom = shape[1] - 0.5, shape[0] - 0.5
        corners.append([[-0.5, right, right, -0.5], [-0.5, -0.5, bottom, bottom], [1.0] * 4])
    joined = [[np.concatenate(age) for age in side] for side in texels]
    sizes = np.prod(shapes, axis=1)
    return Skin(
        joined * (3 - sides),
        np.cumsum(sizes) - sizes,
        np.array(shapes),
        np.array(to_figure),
        np.array(corners),
    )

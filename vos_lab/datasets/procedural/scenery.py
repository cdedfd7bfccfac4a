"""Scenery: skies, hills, ground in perspective, walls and water.

A scene is a stack of flat planes, the furthest first. Each slides with the camera at its own speed
(parallax). The ground slides faster the nearer it is, which for a plane in perspective is a shear.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from vos_lab.datasets.procedural.camera import disc
from vos_lab.datasets.procedural.plants import bush, trunk
from vos_lab.datasets.procedural.textures import (
    bricks,
    colour,
    dead_leaves,
    fractal_noise,
    mix,
    perspective_noise,
    smooth_step,
)

Rng = np.random.Generator
UNIT = 240
"""Sizes in this file are meant for frames of this height, and scaled to others."""

FAR_PARALLAX = 0.12
"""How fast the horizon slides, relative to the ground at the lower edge of the frame."""


@dataclass(frozen=True)
class Plane:
    """A flat picture in the scene.

    Attributes:
        texture: ``(h, w, 4)`` uint8 RGBA, colours multiplied by alpha.
        left: image column of the texture's first column, while the camera is at 0.
        top: image row of the texture's first row.
        parallax: pixels that it slides for each pixel of camera travel, at row ``level``.
        shear: by how much that grows for each row below ``level``.
        level: a row of the image.
        endless: repeats from left to right.
        solid: the first and the last of the texture's rows that hide all that is behind them.
        sways: how far the wind bends it around row ``level``, 1 with all its force, below 0 the
            other way.
    """

    texture: np.ndarray
    left: float
    top: float
    parallax: float
    shear: float = 0.0
    level: float = 0.0
    endless: bool = True
    solid: tuple[int, int] = (0, 0)
    sways: float = 0.0

    def trimmed(self) -> "Plane":
        """The same without its empty rows, and with ``solid`` noted: faster to draw.

        A few empty rows stay below: what a rolling camera sees beyond the first row is, as the
        texture repeats, the last ones.
        """
        rows = np.nonzero(self.texture[..., 3].any(1))[0]
        first, last = (max(0, rows[0] - 2), rows[-1] + 1) if len(rows) else (0, 1)
        spare = ((0, self.texture.shape[1] // 40), (0, 0), (0, 0))
        texture = np.pad(self.texture[first:last], spare)
        full = (texture[..., 3] == 255).all(1)
        last_full = int(np.nonzero(full)[0].max(initial=0))
        first_full = int(np.nonzero(~full[:last_full])[0].max(initial=-1)) + 1
        solid = (first_full, last_full)
        return replace(self, texture=texture, top=self.top + first, solid=solid)

    def out_of_focus(self, radius: float) -> "Plane":
        """The same as a lens shows it that is focused on what is near.

        Args:
            radius: of the disc that a point at the horizon becomes, pixels. The ground is sharp
                where it is nearest.
        """
        reach, columns = int(np.ceil(radius)) + 1, self.texture.shape[1]
        wide = np.pad(self.texture, ((0, 0), (reach, reach), (0, 0)), "wrap")
        soft = cv2.filter2D(wide, -1, disc(radius), borderType=cv2.BORDER_REPLICATE)
        soft = soft[:, reach : reach + columns]
        if self.shear > 0:
            rows = np.linspace(1, -0.5, len(soft), dtype=np.float32).clip(0)[:, None, None]
            soft = np.rint(self.texture + (soft - self.texture.astype(np.float32)) * rows)
        return replace(self, texture=soft.astype(np.uint8))

    def matrix(self, camera: float, wind: float = 0.0) -> np.ndarray:
        """``(3, 3)``: from texture pixels to image pixels, when the camera has moved so far."""
        slide = -self.parallax * camera
        slope = -self.shear * camera - self.sways * wind
        return np.array(
            [
                [1, slope, self.left + slide + slope * (self.top - self.level)],
                [0, 1, self.top],
                [0, 0, 1],
            ]
        )


@dataclass(frozen=True)
class Scene:
    """Where a video takes place.

    Attributes:
        name: for example "forest".
        horizon: the image row where the ground ends; None where there is no ground.
        planes: the furthest first.
        colours: ``(N, 3)`` colours of what lies behind the objects: for camouflage.
        light: RGB factors of the light.
        occluder: what stands in front here.
        foliage: ``(N, 3)`` colours of leaves.
        unit: frame height relative to UNIT.
    """

    name: str
    horizon: float | None
    planes: list[Plane]
    colours: np.ndarray
    light: np.ndarray
    occluder: str
    foliage: np.ndarray
    unit: float


SCENES: dict[str, tuple[str, ...]] = {
    "ground": ("meadow", "forest", "desert", "street", "snow", "room"),
    "air": ("sky", "meadow", "desert", "sea"),
    "water": ("reef",),
}
"""The scenes for each habitat of a figure."""


def opaque(rgb: np.ndarray) -> np.ndarray:
    """RGB in [0, 1] as RGBA uint8 that hides everything."""
    return cut_out(rgb, np.ones(rgb.shape[:2], np.float32))


def cut_out(rgb: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """RGB in [0, 1] and coverage as RGBA uint8, colours multiplied by alpha."""
    rgba = np.empty((*alpha.shape, 4), np.uint8)
    for c in range(3):
        rgba[..., c] = np.rint(np.clip(rgb[..., c], 0, 1) * (255 * alpha))
    rgba[..., 3] = np.rint(255 * alpha)
    return rgba


def lay_over(canvas: np.ndarray, rgb: np.ndarray, alpha: np.ndarray, x: int, y: int) -> None:
    """Put a cut-out onto an RGBA float canvas (premultiplied) that repeats left to right."""
    height, width = canvas.shape[:2]
    rows = np.nonzero(alpha.any(1))[0]
    if len(rows) == 0:
        return
    y0, y1 = max(y + rows[0], 0), min(y + rows[-1] + 1, height)
    if y0 >= y1:
        return
    left = 0
    while left < alpha.shape[1]:  # up to the right edge of the canvas, and on from its left edge
        at = (x + left) % width
        right = min(alpha.shape[1], left + width - at)
        below = canvas[y0:y1, at : at + right - left]
        source = slice(y0 - y, y1 - y), slice(left, right)
        through = 1 - alpha[source]
        for c in range(3):
            below[..., c] = below[..., c] * through + rgb[source][..., c] * alpha[source]
        below[..., 3] = below[..., 3] * through + alpha[source]
        left = right


def paint_sky(
    rng: Rng,
    shape: tuple[int, int],
    horizon: float,
    zenith: np.ndarray,
    haze: np.ndarray,
    clouds: float,
) -> np.ndarray:
    """``(H, W, 3)``: a sky from ``zenith`` down to ``haze`` at row ``horizon``, and clouds."""
    height = shape[0]
    down = np.clip(np.arange(height, dtype=np.float32) / max(horizon, 1), 0, 1)[:, None]
    sky = mix(np.broadcast_to(zenith, (*shape, 3)), haze, np.broadcast_to(down**1.3, shape))
    if clouds > 0:
        noise = fractal_noise(rng, shape, 0.5 * height, slope=2.0, stretch=2.6)
        cover = smooth_step(noise, 0.62 - 0.22 * clouds, 0.9 - 0.1 * clouds)
        lower = np.roll(noise, -int(0.05 * height), 0)
        white = np.clip(0.93 + 0.9 * (noise - lower), 0.7, 1)[..., None] * np.array(
            [1.0, 0.98, 0.97]
        )
        sky = mix(sky, white, cover * 0.9)
    return sky


def _ridge(
    rng: Rng,
    shape: tuple[int, int],
    base: float,
    rise: float,
    tone: np.ndarray,
    cell: float,
    rough: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Hills or a line of trees: an outline above row ``base`` and a mottled colour."""
    line = fractal_noise(rng, (8, shape[1]), cell, slope=rough)[0]
    crest = base - rise * (0.25 + 1.2 * line)
    rows = np.arange(shape[0], dtype=np.float32)[:, None]
    alpha = np.clip(rows - crest[None], 0, 1)
    grain = fractal_noise(rng, shape, cell / 3, slope=1.7, stretch=1.6)
    lit = smooth_step(rows - crest[None], rise * 0.8, 0.0)
    return mix(tone * 0.72, np.clip(tone * 1.2, 0, 1), 0.6 * grain + 0.4 * lit), alpha


def make_scene(rng: Rng, name: str, size: tuple[int, int]) -> Scene:
    """Build a scene.

    Args:
        rng: where the randomness comes from.
        name: one of those in SCENES.
        size: height and width of the frame.

    Returns:
        The scene, painted.
    """
    height, width = size
    margin = int(0.16 * height)
    shape = (height + 2 * margin, 64 * round(2.2 * width / 64 + 0.5))
    if name == "reef":
        return _reef(rng, size, shape, margin)
    if name == "sky":
        return _open_sky(rng, size, shape, margin)
    if name in ("street", "room"):
        return _built(rng, name, size, shape, margin)
    return _land(rng, name, size, shape, margin)


def _land(rng: Rng, name: str, size: tuple[int, int], shape: tuple[int, int], margin: int) -> Scene:
    """Open land or sea under a sky: meadow, forest, desert, snow, sea."""
    height, unit = size[0], size[0] / UNIT
    horizon = height * rng.uniform(0.34, 0.56)
    row = horizon + margin  # the horizon in texture rows
    hour = rng.random()
    light = np.array([1.0, 0.98, 0.95]) if hour < 0.6 else np.array([1.06, 0.95, 0.82])
    if hour > 0.85:
        light = np.array([0.86, 0.93, 1.05])
    green = rng.uniform(62, 115)
    leaves = np.stack(
        [
            colour(green + d, s, v)
            for d, s, v in rng.uniform([-14, 0.35, 0.25], [14, 0.65, 0.6], (7, 3))
        ]
    )
    zenith, haze = (
        colour(rng.uniform(205, 222), rng.uniform(0.35, 0.6), rng.uniform(0.72, 0.95)),
        colour(rng.uniform(25, 210), 0.08, 0.95),
    )
    soil = {
        "meadow": lambda: (colour(green, 0.5, 0.36), colour(green - 22, 0.48, 0.62)),
        "forest": lambda: (colour(28, 0.5, 0.22), colour(32, 0.5, 0.44)),
        "desert": lambda: (colour(32, 0.42, 0.66), colour(38, 0.36, 0.88)),
        "snow": lambda: (colour(215, 0.12, 0.78), colour(210, 0.03, 0.97)),
        "sea": lambda: (colour(rng.uniform(185, 215), 0.6, 0.38), colour(200, 0.35, 0.7)),
    }[name]()
    planes: list[Plane] = []

    sky = paint_sky(rng, shape, row, zenith, haze, rng.choice([0.0, 0.5, 1.0]))
    if name == "forest":
        sky = mix(
            colour(green, 0.35, 0.42),
            colour(green - 10, 0.3, 0.75),
            fractal_noise(rng, shape, 50 * unit, slope=1.7, stretch=0.7),
        )
    planes.append(Plane(opaque(sky), 0, -margin, 0.04))

    canvas = np.zeros((*shape, 4), np.float32)
    if name in ("meadow", "desert", "snow", "sea"):
        for i in range(int(rng.integers(1, 4))):
            fade = 0.62 - 0.24 * i
            tone = {
                "meadow": colour(green + 15, 0.4, 0.42),
                "desert": colour(25, 0.45, 0.6),
                "snow": colour(212, 0.22, 0.62),
                "sea": colour(150, 0.2, 0.4),
            }[name]
            tone = tone * (1 - fade) + haze * fade
            rise = (
                height * rng.uniform(0.05, 0.16) * (1.3 - 0.35 * i) * (0.5 if name == "sea" else 1)
            )
            rough = 1.5 if name in ("meadow", "snow") and i == 2 else 2.6
            rgb, alpha = _ridge(rng, shape, row, rise, tone, unit * rng.uniform(120, 320), rough)
            lay_over(canvas, rgb, alpha, 0, 0)
    if name == "forest":
        rgb, alpha = _ridge(
            rng, shape, row, 0.10 * height, colour(green, 0.45, 0.3), 60 * unit, 1.4
        )
        lay_over(canvas, rgb, alpha, 0, 0)
        for shade in (0.8, 0.6, 0.45):
            for _ in range(int(rng.integers(5, 9))):
                thick = max(2, int(rng.uniform(5, 14) * unit / shade))
                bark = (
                    np.stack([colour(30, 0.3, 0.3), colour(35, 0.25, 0.5)]) * shade + 0.15 * shade
                )
                foot = int(row + (0.9 - shade) * 0.2 * height)
                rgb, alpha = trunk(rng, foot, thick, bark)
                lay_over(canvas, rgb, alpha, int(rng.integers(shape[1])), 0)
    canvas[int(row) + int(0.1 * height) :] = 0  # the ground covers the rest
    planes.append(Plane(np.rint(canvas * 255).astype(np.uint8), 0, -margin, FAR_PARALLAX))

    ground_rows = shape[0] - int(row)
    noise = perspective_noise(rng, (ground_rows, shape[1]), unit * (70 if name == "sea" else 46))
    ground = mix(soil[0], soil[1], smooth_step(noise, 0.2, 0.8) if name == "sea" else noise)
    if name == "meadow":
        dead_leaves(
            rng,
            ground,
            np.stack([soil[0] * 0.9, soil[1], soil[1] * 1.1, leaves[0]]),
            2600,
            (2 * unit, 7 * unit),
            0,
            0.35,
        )
        if rng.random() < 0.5:
            petals = np.stack(
                [colour(rng.uniform(0, 360), 0.7, 0.95), colour(50, 0.8, 0.95), np.ones(3)]
            )
            dead_leaves(
                rng, ground, petals.astype(np.float32), 260, (1.2 * unit, 2.6 * unit), 0, 0.7
            )
    if name == "forest":
        litter = np.stack(
            [colour(h, s, v) for h, s, v in rng.uniform([12, 0.35, 0.2], [45, 0.75, 0.62], (9, 3))]
        )
        dead_leaves(rng, ground, litter, 3800, (2.5 * unit, 9 * unit), 0, 0.45)
    if name in ("desert", "snow"):
        stones = soil[0] * rng.uniform(0.55, 1.05, (4, 1)).astype(np.float32)
        dead_leaves(rng, ground, stones, 350, (1.2 * unit, 9 * unit), 0, 0.5)
    far = np.linspace(1, 0, ground_rows, dtype=np.float32)[:, None] ** 6
    ground = mix(
        ground,
        haze * 0.85 + ground.mean((0, 1)) * 0.15,
        np.broadcast_to(0.55 * far, ground.shape[:2]),
    )
    alpha = np.clip(np.arange(ground_rows, dtype=np.float32) / 2, 0, 1)[:, None] * np.ones(shape[1])
    planes.append(
        ground_plane(cut_out(ground, alpha.astype(np.float32)), int(row) - margin, height)
    )

    if name in ("meadow", "snow", "desert"):
        standing = np.zeros((*shape, 4), np.float32)
        ground_line = row + height * rng.uniform(0.05, 0.1)
        tones = leaves if name != "desert" else leaves * np.array([1.1, 0.95, 0.7])
        if name == "snow":
            tones = leaves * 0.6 + 0.32
        for _ in range(int(rng.integers(3, 12))):
            tall = int(height * rng.uniform(0.08, 0.3))
            broad = int(tall * rng.uniform(0.7, 1.4))
            x = int(rng.integers(shape[1]))
            if tall > 0.15 * height:
                rgb, alpha = trunk(
                    rng, int(0.5 * tall), max(4, broad // 9), np.stack([colour(28, 0.4, 0.3)] * 2)
                )
                lay_over(
                    standing,
                    rgb,
                    alpha,
                    x + broad // 2 - rgb.shape[1] // 2,
                    int(ground_line - 0.5 * tall),
                )
                rgb, alpha = bush(rng, int(0.75 * tall), broad, tones)
                lay_over(standing, rgb, alpha, x, int(ground_line - tall))
            else:
                rgb, alpha = bush(rng, tall, broad, tones)
                lay_over(standing, rgb, alpha, x, int(ground_line - 0.9 * tall))
        nearness = (ground_line - row) / (height - horizon)
        parallax = FAR_PARALLAX + (1 - FAR_PARALLAX) * nearness
        texture = np.rint(standing * 255).astype(np.uint8)
        planes.append(Plane(texture, 0, -margin, parallax, level=ground_line, sways=1.0))
    near_colours = ground[ground_rows // 3 :].reshape(-1, 3)[:: ground.size // 600]
    kind = {
        "meadow": ("bush", "trunk"),
        "forest": ("trunk", "trunk"),
        "desert": ("rock", "rock"),
        "snow": ("trunk", "rock"),
        "sea": ("rock", "pillar"),
    }[name][int(rng.integers(2))]
    foliage = leaves if name != "desert" else leaves * np.array([1.1, 0.95, 0.7])
    return Scene(
        name, None if name == "sea" else horizon, planes, near_colours, light, kind, foliage, unit
    )


def ground_plane(texture: np.ndarray, top: int, height: int) -> Plane:
    """The ground: slides like the horizon at its top, and as far as the camera at frame bottom."""
    shear = (1 - FAR_PARALLAX) / (height - top)
    return Plane(texture, 0, top, FAR_PARALLAX, shear, top)


def _open_sky(rng: Rng, size: tuple[int, int], shape: tuple[int, int], margin: int) -> Scene:
    height = size[0]
    zenith = colour(rng.uniform(203, 225), rng.uniform(0.3, 0.65), rng.uniform(0.7, 0.95))
    haze = colour(rng.choice([30, 15, 205]), rng.uniform(0.05, 0.3), 0.95)
    sky = paint_sky(rng, shape, shape[0], zenith, haze, rng.uniform(0.4, 1.2))
    planes = [Plane(opaque(sky), 0, -margin, 0.15)]
    canvas = np.zeros((*shape, 4), np.float32)
    for i in range(2):
        tone = colour(rng.uniform(90, 210), 0.25, 0.4 - 0.1 * i) * 0.7 + 0.2 * haze
        base = margin + height * (0.98 + 0.08 * i)
        rgb, alpha = _ridge(rng, shape, base, 0.16 * height, tone, 0.6 * height, 2.2)
        lay_over(canvas, rgb, alpha, 0, 0)
    planes.append(Plane(np.rint(canvas * 255).astype(np.uint8), 0, -margin, 0.35))
    leaves = np.stack([colour(100 + d, 0.4, 0.35) for d in rng.uniform(-20, 20, 6)])
    sample = sky.reshape(-1, 3)[:: sky.size // 600]
    return Scene("sky", None, planes, sample, np.ones(3), "pillar", leaves, height / UNIT)


def _reef(rng: Rng, size: tuple[int, int], shape: tuple[int, int], margin: int) -> Scene:
    height, unit = size[0], size[0] / UNIT
    hue = rng.uniform(182, 215)
    light = colour(hue - 12, rng.uniform(0.3, 0.55), rng.uniform(0.7, 0.9))
    deep = colour(hue, 0.8, rng.uniform(0.25, 0.45))
    down = np.linspace(0, 1, shape[0], dtype=np.float32)[:, None] * np.ones(
        (1, shape[1]), np.float32
    )
    cloudy = fractal_noise(rng, shape, 0.7 * height) - 0.5
    water = mix(np.broadcast_to(light, (*shape, 3)), deep, np.clip(down + 0.5 * cloudy, 0, 1))
    rays = smooth_step(fractal_noise(rng, (8, shape[1]), 0.25 * height, slope=2.0)[:1], 0.5, 0.9)
    water = water + (rays * (1 - down) * 0.22)[..., None]
    planes = [Plane(opaque(water), 0, -margin, 0.1)]
    for i, (parallax, bottom) in enumerate([(0.3, 0.84), (0.7, 1.02)]):
        canvas = np.zeros((*shape, 4), np.float32)
        sand = colour(45, 0.25, 0.7) * (0.5 + 0.35 * i) + deep * (0.45 - 0.3 * i)
        rgb, alpha = _ridge(
            rng, shape, margin + bottom * height, 0.14 * height, sand, 0.6 * height, 2.2
        )
        if i == 1:
            dead_leaves(
                rng,
                rgb,
                np.stack([sand, sand * 0.7, sand * 1.15]),
                900,
                (1.5 * unit, 8 * unit),
                None,
                0.5,
            )
        for _ in range(int(rng.integers(4, 9))):
            tall = int(height * rng.uniform(0.1, 0.3))
            coral = np.stack(
                [
                    colour(rng.choice([0, 330, 25, 90, 280, 45]) + d, 0.55, 0.55)
                    for d in rng.uniform(-10, 10, 5)
                ]
            )
            coral = coral * (0.5 + 0.35 * i) + deep * (0.45 - 0.3 * i)
            growth, cover = bush(rng, tall, int(tall * rng.uniform(0.5, 1.6)), coral)
            foot = int(margin + bottom * height - 0.05 * height)
            lay_over(canvas, growth, cover, int(rng.integers(shape[1])), foot - tall)
        lay_over(canvas, rgb, alpha, 0, 0)
        planes.append(Plane(np.rint(canvas * 255).astype(np.uint8), 0, -margin, parallax))
    weed = np.stack([colour(rng.uniform(80, 150), 0.55, v) for v in rng.uniform(0.2, 0.5, 6)])
    sample = water.reshape(-1, 3)[:: water.size // 600]
    return Scene(
        "reef",
        None,
        planes,
        sample,
        np.array([0.9, 1.0, 1.05]),
        str(rng.choice(["rock", "bush"])),
        weed,
        unit,
    )


def _built(
    rng: Rng, name: str, size: tuple[int, int], shape: tuple[int, int], margin: int
) -> Scene:
    """A wall and a floor: a street with a house front, or a room."""
    height, unit = size[0], size[0] / UNIT
    line = max(1, round(2 * unit))
    horizon = height * rng.uniform(0.48, 0.62)
    row = int(horizon) + margin
    base = colour(rng.uniform(5, 50), rng.uniform(0.1, 0.5), rng.uniform(0.4, 0.85))
    tones = np.clip(base * rng.uniform(0.85, 1.12, (6, 1)), 0, 1).astype(np.float32)
    if name == "street":
        brick = (10 * unit, 24 * unit) if rng.random() < 0.6 else (34 * unit, 60 * unit)
        wall = bricks(rng, shape, brick, tones, base * 0.6 + 0.25)
        for x in np.arange(0, shape[1] - 75 * unit, 150 * unit).astype(int) + int(
            100 * unit * rng.random()
        ):
            kind, wide = rng.random(), int(rng.uniform(44, 74) * unit)
            top, bottom = row - int(0.40 * height), row - int(0.0 if kind < 0.3 else 0.16 * height)
            columns = np.arange(x, x + wide) % shape[1]
            pane = colour(210, 0.2, rng.uniform(0.2, 0.45)) if kind > 0.3 else _door(rng)
            around = np.arange(x - 2 * line, x + wide + 2 * line) % shape[1]
            wall[max(top - 2 * line, 0) : bottom + 2 * line, around] = base * 0.4 + 0.5
            fall = np.linspace(1.35, 0.8, bottom - max(top, 0))[:, None, None]
            wall[max(top, 0) : bottom, columns] = np.clip(pane * fall, 0, 1)
            wall[max(top, 0) : bottom, columns[(wide - line) // 2 : (wide + line) // 2]] = (
                base * 0.4 + 0.4
            )
    else:
        kind = rng.random()
        if kind < 0.4:
            wall = bricks(rng, shape, (400 * unit, 30 * unit), tones, base * 0.7)
        else:
            stripes = 0.5 + 0.5 * np.sign(np.sin(2 * np.pi * np.arange(shape[1]) * 16 / shape[1]))
            wall = mix(
                np.broadcast_to(base, (*shape, 3)), base * 0.86, np.broadcast_to(stripes, shape)
            )
            wall = wall * (0.9 + 0.2 * fractal_noise(rng, shape, 40 * unit, slope=1.4))[..., None]
        for x in np.arange(0, shape[1] - 115 * unit, 230 * unit).astype(int) + int(
            150 * unit * rng.random()
        ):
            tall, wide = int(rng.uniform(50, 85) * unit), int(rng.uniform(50, 100) * unit)
            top = max(2 * line, row - int(0.42 * height))
            art = fractal_noise(rng, (tall, wide), 40 * unit)
            picture = mix(
                colour(rng.uniform(0, 360), 0.3, 0.75), colour(rng.uniform(0, 360), 0.4, 0.35), art
            )
            frame = colour(30, 0.5, 0.3)
            around = np.arange(x - 2 * line, x + wide + 2 * line) % shape[1]
            wall[top - 2 * line : top + tall + 2 * line, around] = frame
            wall[top : top + tall, np.arange(x, x + wide) % shape[1]] = picture
        wall[row - int(0.05 * height) : row] = base * 0.35 + 0.6
    shadow = np.linspace(1.08, 0.82, shape[0], dtype=np.float32)[:, None, None]
    planes = [Plane(opaque(np.clip(wall * shadow, 0, 1)), 0, -margin, FAR_PARALLAX)]
    rows = shape[0] - row
    if name == "street":
        floor = colour(rng.uniform(20, 220), 0.06, rng.uniform(0.32, 0.6))
        ground = mix(
            floor * 0.85,
            np.clip(floor * 1.15, 0, 1),
            perspective_noise(rng, (rows, shape[1]), 20 * unit),
        )
        curb = int(rows * 0.16)
        ground[:curb] = np.clip(ground[:curb] * 1.25 + 0.05, 0, 1)
        ground[curb : curb + line] *= 0.55
        dead_leaves(
            rng,
            ground,
            np.stack([floor * 0.8, floor * 1.15, colour(35, 0.5, 0.5)]),
            240,
            (unit, 3 * unit),
            0,
            0.5,
        )
    else:
        wood = colour(rng.uniform(18, 38), rng.uniform(0.3, 0.65), rng.uniform(0.35, 0.7))
        tones = np.clip(wood * rng.uniform(0.85, 1.15, (6, 1)), 0, 1).astype(np.float32)
        flat = bricks(rng, (512, shape[1]), (24 * unit, 200 * unit), tones, wood * 0.45)
        near = (np.arange(rows, dtype=np.float32) + 1) / rows
        away = (rows * 0.9 / (near + 0.25)).astype(int)
        ground = flat[away % 512] * np.linspace(0.85, 1.1, rows, dtype=np.float32)[:, None, None]
    ground = ground * np.clip(0.6 + np.arange(rows) / (14 * unit), 0, 1)[:, None, None]
    planes.append(ground_plane(opaque(ground), row - margin, height))
    leaves = np.stack([colour(rng.uniform(70, 130), 0.5, v) for v in rng.uniform(0.25, 0.55, 6)])
    sample = wall.reshape(-1, 3)[:: wall.size // 600]
    front = str(rng.choice(["pillar", "wall", "bush"] if name == "street" else ["pillar", "wall"]))
    warm = np.array([1.0, 1.0, 1.0]) if name == "street" else np.array([1.05, 0.98, 0.88])
    return Scene(name, horizon, planes, sample, warm, front, leaves, unit)


def _door(rng: Rng) -> np.ndarray:
    return colour(rng.choice([5, 25, 140, 215]), 0.55, rng.uniform(0.2, 0.45))

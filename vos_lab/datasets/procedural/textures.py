"""Textures from nothing but a random generator: noise, coats, dead leaves, walls, clouds.

Every texture is a float32 array in [0, 1], ``(H, W)`` for a pattern and ``(H, W, 3)`` for colours.
Those of the scenery repeat without a seam from left to right, so that a camera can pan for ever.
"""

import cv2
import numpy as np
import scipy.fft


def fractal_noise(
    rng: np.random.Generator,
    shape: tuple[int, int],
    cell: float,
    slope: float = 2.2,
    stretch: float = 1.0,
) -> np.ndarray:
    """Clouds, earth, fur, bark: noise with structure at every size below ``cell``.

    White noise is shaped in the frequency domain to a power law, like that of natural images. It
    repeats in both directions, because a Fourier series does.

    Args:
        rng: where the randomness comes from.
        shape: height and width in pixels.
        cell: size in pixels of the largest structures.
        slope: how much weaker the fine structures are; 1.5 is rough, 3 is smooth.
        stretch: above 1 the structures are longer from left to right, below 1 from top to bottom.

    Returns:
        ``(H, W)`` float32 in [0, 1], with mean 0.5.

    Example:
        >>> noise = fractal_noise(np.random.default_rng(0), (32, 64), cell=16)
        >>> noise.shape, bool(0 <= noise.min() < noise.max() <= 1)
        ((32, 64), True)
    """
    height, width = shape
    down = (cell**2 / stretch * np.fft.fftfreq(height) ** 2).astype(np.float32)[:, None]
    right = (cell**2 * stretch * np.fft.rfftfreq(width) ** 2).astype(np.float32)[None]
    power = np.exp(np.float32(-slope / 2) * np.log(1 + down + right))
    power[0, 0] = 0
    noise = scipy.fft.rfft2(rng.standard_normal(shape, np.float32))
    noise *= power
    noise = scipy.fft.irfft2(noise, s=shape, overwrite_x=True)
    noise /= 5 * np.sqrt(np.square(noise).mean()) + np.float32(1e-9)  # their mean is 0
    noise += 0.5
    return np.clip(noise, 0, 1, out=noise)


def smooth_step(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """0 below ``low``, 1 above ``high``, and a smooth way from one to the other."""
    x = np.clip((values - low) / (high - low), 0, 1)
    return x * x * (3 - 2 * x)


def mix(first: np.ndarray, second: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Colours between ``first`` (share 0) and ``second`` (share 1); share is ``(H, W)``."""
    first, second = np.asarray(first, np.float32), np.asarray(second, np.float32)
    # NumPy is slow where the innermost dimension is as short as that of colours.
    planes = [first[..., c] + (second[..., c] - first[..., c]) * share for c in range(3)]
    return cv2.merge([plane.astype(np.float32, copy=False) for plane in planes])


def shaded(rgb: np.ndarray, light: np.ndarray) -> np.ndarray:
    """Colours ``(H, W, 3)`` made lighter or darker by factors ``(H, W)``, not above 1."""
    planes = [np.clip(rgb[..., c] * light, 0, 1).astype(np.float32) for c in range(3)]
    return cv2.merge(planes)


def colour(hue: float, saturation: float, value: float) -> np.ndarray:
    """An RGB colour in [0, 1] from hue in degrees, saturation and value in [0, 1].

    Example:
        >>> colour(120, 1, 0.5).tolist()
        [0.0, 0.5, 0.0]
    """
    sector, part = divmod((hue % 360) / 60, 1)
    saturation, value = float(np.clip(saturation, 0, 1)), float(np.clip(value, 0, 1))
    low, falling = value * (1 - saturation), value * (1 - saturation * part)
    rising = value * (1 - saturation * (1 - part))
    wheel = [
        (value, rising, low),
        (falling, value, low),
        (low, value, rising),
        (low, falling, value),
        (rising, low, value),
        (value, low, falling),
    ]
    return np.array(wheel[int(sector)], np.float32)


# --- coats: what covers an object ---------------------------------------------------------------


COATS = ("plain", "spots", "stripes", "patches", "cells", "bands", "ticked", "saddle")
"""The patterns that ``coat_pattern`` knows."""


def coat_pattern(
    rng: np.random.Generator, kind: str, cell: float, wobble: np.ndarray
) -> np.ndarray:
    """Where the second colour of a coat goes.

    Args:
        rng: where the randomness comes from.
        kind: one of COATS: plain, spots (leopard), stripes (zebra), patches (cow), cells
            (giraffe), bands (fish, jersey), ticked (hare), saddle (a dark back).
        cell: size of a spot or stripe in pixels.
        wobble: ``(H, W)`` smooth noise, so that no stripe is straight.

    Returns:
        ``(H, W)`` float32, the share of the second colour.
    """
    height, width = shape = wobble.shape
    y, x = np.mgrid[:height, :width].astype(np.float32)
    if kind == "spots":
        return smooth_step(fractal_noise(rng, shape, cell * 0.9, slope=4), 0.58, 0.64)
    if kind == "stripes":
        lean = rng.uniform(-0.5, 0.5)
        phase = (x + lean * y) / cell + 4 * (wobble - 0.5)
        return smooth_step(np.sin(2 * np.pi * phase), -0.15, 0.25)
    if kind == "bands":
        return smooth_step(np.sin(2 * np.pi * (y / (1.3 * cell) + 0.4 * wobble)), -0.1, 0.1)
    if kind == "patches":
        return smooth_step(fractal_noise(rng, shape, cell * 3, slope=3.2), 0.5, 0.53)
    if kind == "cells":
        count = max(4, int(height * width / (1.6 * cell) ** 2))
        seeds = np.full(shape, 255, np.uint8)
        seeds[rng.integers(0, height, count), rng.integers(0, width, count)] = 0
        _, label = cv2.distanceTransformWithLabels(
            seeds, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
        )
        edge = cv2.morphologyEx(label.astype(np.float32), cv2.MORPH_GRADIENT, np.ones((3, 3))) > 0
        gap = cv2.GaussianBlur(edge.astype(np.float32), (0, 0), max(0.8, cell * 0.1))
        return (1 - smooth_step(gap, 0.12, 0.3)).astype(np.float32)
    if kind == "ticked":
        return smooth_step(fractal_noise(rng, shape, cell * 0.5, slope=1.4, stretch=3), 0.35, 0.75)
    if kind == "saddle":
        return smooth_step(y / height + 0.35 * (wobble - 0.5), 0.5, 0.3)
    return 0.5 * wobble


def coat(
    rng: np.random.Generator,
    kind: str,
    shape: tuple[int, int],
    cell: float,
    colours: tuple[np.ndarray, np.ndarray],
    roughness: float = 0.12,
) -> np.ndarray:
    """The painted cover of an object: two colours in a pattern, and fine hair or grain over it.

    Args:
        rng: where the randomness comes from.
        kind: one of COATS.
        shape: height and width in pixels.
        cell: size of a spot or stripe in pixels.
        colours: two RGB colours in [0, 1].
        roughness: how strong the hair is, 0 for lacquer.

    Returns:
        ``(H, W, 3)`` float32 in [0, 1].
    """
    first, second = colours
    shade = fractal_noise(rng, shape, cell * 5, slope=3.2)
    painted = mix(first, second, coat_pattern(rng, kind, cell, shade))
    hair = fractal_noise(rng, shape, cell * 0.6, slope=1.1, stretch=2.5) - 0.5
    return shaded(painted, 1 + roughness * (3 * hair + 2 * (shade - 0.5)))


# --- scenery ------------------------------------------------------------------------------------


def dead_leaves(
    rng: np.random.Generator,
    picture: np.ndarray,
    colours: np.ndarray,
    count: int,
    size: tuple[float, float],
    horizon: float | None = None,
    flat: float = 1.0,
) -> None:
    """Strew leaves, stones or tufts over a picture, each hiding what lies below it.

    The dead leaves model: sizes follow a power law, as those of things in natural images do.

    Args:
        rng: where the randomness comes from.
        picture: ``(H, W, 3)`` float32, painted in place; repeats from left to right.
        colours: ``(N, 3)`` to choose from; each leaf is a little lighter or darker.
        count: how many leaves.
        size: smallest and largest radius in pixels (at the lower edge, where there is a horizon).
        horizon: the row where the ground ends; leaves get smaller and flatter towards it.
        flat: height of a leaf relative to its width.
    """
    height, width = picture.shape[:2]
    small, large = size
    radii = small * (large / small) ** (rng.random(count) ** 2.5)
    if horizon is None:
        rows = rng.uniform(0, height, count)
        near = np.ones(count)
    else:
        near = np.sort(np.sqrt(rng.uniform(0.002, 1, count)))
        rows = horizon + near * (height - horizon)
    columns = rng.uniform(0, width, count)
    angles = rng.uniform(0, 180, count) if flat > 0.6 else rng.normal(0, 15, count)
    shades = rng.uniform(0.75, 1.2, count)[:, None] * colours[rng.integers(0, len(colours), count)]
    shades = np.clip(shades, 0, 1)
    slim = rng.uniform(0.45, 1, count) * flat
    sixteenth = 4  # cv2 takes fixed-point coordinates with this many binary digits
    for i in range(count):
        radius = radii[i] * near[i]
        if radius < 0.4:
            continue
        axes = (int(radius * 16), int(max(0.4, radius * slim[i]) * 16))
        for shift in (-width, 0, width):
            if -radius < columns[i] + shift < width + radius:
                centre = (int((columns[i] + shift) * 16), int(rows[i] * 16))
                tone = shades[i].tolist()
                cv2.ellipse(
                    picture, centre, axes, angles[i], 0, 360, tone, -1, cv2.LINE_AA, sixteenth
                )


def bricks(
    rng: np.random.Generator,
    shape: tuple[int, int],
    brick: tuple[float, float],
    colours: np.ndarray,
    mortar: np.ndarray,
) -> np.ndarray:
    """A wall of bricks, planks or slabs.

    Args:
        rng: where the randomness comes from.
        shape: height and width in pixels; repeats from left to right.
        brick: height and width of one brick in pixels.
        colours: ``(N, 3)``, the colours of bricks.
        mortar: RGB of the joints.

    Returns:
        ``(H, W, 3)`` float32 in [0, 1].
    """
    height, width = shape
    brick = (max(2.0, brick[0]), max(3.0, brick[1]))
    across = max(2, round(width / brick[1]))
    y, x = np.mgrid[:height, :width].astype(np.float32)
    row = np.floor(y / brick[0]).astype(int)
    along = x * across / width + 0.5 * (row % 2)
    column = np.floor(along).astype(int) % across
    tone = rng.integers(0, len(colours), (row.max() + 1, across))
    light = rng.uniform(0.8, 1.15, (row.max() + 1, across)).astype(np.float32)
    wall = (colours[tone] * light[..., None])[row, column]
    to_edge_y = np.minimum(y % brick[0], brick[0] - y % brick[0])
    to_edge_x = np.minimum(along % 1, 1 - along % 1) * width / across
    joint = 1 - smooth_step(np.minimum(to_edge_x, to_edge_y), 0.5, 1.6)
    grain = fractal_noise(rng, shape, 2.4 * min(brick[0], 12.0), slope=1.3) - 0.5
    return shaded(mix(wall, mortar, joint), 1 + 0.6 * grain)


def perspective_noise(rng: np.random.Generator, shape: tuple[int, int], cell: float) -> np.ndarray:
    """Noise on a plane that runs away from the viewer: finer and flatter towards the top.

    Args:
        rng: where the randomness comes from.
        shape: height (horizon to the lower edge) and width in pixels; repeats left to right.
        cell: size in pixels of the structures at the lower edge.

    Returns:
        ``(H, W)`` float32 in [0, 1].
    """
    height, width = shape
    near = (np.arange(height, dtype=np.float32) + 1) / height
    depth = np.log2(1 / near)  # 0 at the lower edge; one more each time the size halves
    total = np.zeros(shape, np.float32)
    for level in range(int(np.ceil(depth.max())) + 1):
        weight = np.maximum(0, 1 - np.abs(depth - level))
        rows = np.nonzero(weight)[0]
        if len(rows) == 0:
            continue
        size = max(2.0, cell / 2**level)
        tile = fractal_noise(rng, (256, width), size, slope=1.9, stretch=1.5)
        # Equal steps away from the viewer look ever smaller: what is seen at row y lies at 1 / y.
        away = (1 / near[rows]) * height * 0.7 / 2**level
        picked = tile[away.astype(int) % 256]
        total[rows] += weight[rows, None] * picked
    return total

"""Flying shapes: pairs of images with exact flow, made fast enough to train a network on.

The idea is that of FlyingChairs (Dosovitskiy et al., ICCV 2015, Section 4.2): to learn motion,
images need not look real. Textured shapes fly over a textured ground. Each layer moves by an affine
map of its own, so the flow is known at every pixel. A pair takes about a millisecond.
"""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from vos_lab.datasets.procedural import textures

SIDE = 256  # pixels of a texture
Box = tuple[int, int, int, int]  # top, bottom, left, right
SIXTEENTH = 4  # cv2 takes fixed-point coordinates with this many binary digits
SPLITS = ("train", "val", "test")
"""Each has textures of its own, and random streams of its own."""


@dataclass(frozen=True)
class Pair:
    """Two images and the flow between them.

    Attributes:
        first: image at time t, ``(H, W, 3)`` uint8.
        second: image at time t + 1, the same.
        flow: ``(H, W, 2)`` float32, pixels, from ``first`` to ``second``; known everywhere, also
            where the second image hides what moved.
    """

    first: np.ndarray
    second: np.ndarray
    flow: np.ndarray


def flying_shapes(
    number: int,
    split: str = "test",
    size: tuple[int, int] = (240, 432),
    reach: float = 40.0,
) -> Pair:
    """One of endlessly many pairs.

    Args:
        number: 0, 1, 2, ...
        split: ``"train"``, ``"val"`` or ``"test"``; they share no texture and no random number.
        size: height and width in pixels.
        reach: how far things move at most, about, in pixels.

    Returns:
        The pair; the same for the same arguments.

    Raises:
        ValueError: there is no such split.

    Example:
        >>> pair = flying_shapes(0, size=(64, 96), reach=8)
        >>> pair.first.shape, pair.flow.shape, bool(abs(pair.flow).max() < 20)
        ((64, 96, 3), (64, 96, 2), True)
    """
    rng = np.random.default_rng([_index(split), number])
    return draw_pair(rng, texture_pool(split), size, reach)


def draw_pair(
    rng: np.random.Generator, pool: np.ndarray, size: tuple[int, int], reach: float
) -> Pair:
    """Draw a pair: a ground, and two to seven shapes, each in front of those before it.

    Args:
        rng: where the randomness comes from.
        pool: textures, ``(N, SIDE, SIDE, 3)`` uint8.
        size: height and width in pixels.
        reach: how far things move at most, about, in pixels.

    Returns:
        The pair.
    """
    height, width = size
    # The ground moves less than the shapes, as behind most cameras.
    ground = _motion(rng, np.array([width, height]) / 2, 0.6 * reach, turn=2, zoom=0.03)
    whole = (0, height, 0, width)
    lies = _placement(rng, size)
    texture = pool[rng.integers(len(pool))]
    images = [_painted(texture, matrix, whole) for matrix in (lies, ground @ lies)]
    flow = _flow_of(ground, whole)
    for _ in range(rng.integers(2, 8)):
        centre = rng.uniform(-0.05, 1.05, 2) * [width, height]
        outline = centre + min(size) * rng.uniform(0.06, 0.45) * _outline(rng)
        moves = _motion(rng, centre, reach, turn=6, zoom=0.08)
        if rng.random() < 0.5:
            moves = moves @ ground  # it stands on the ground, which carries it
        lies = _placement(rng, size)
        texture = pool[rng.integers(len(pool))]
        for image, matrix in zip(images, (np.eye(3), moves), strict=True):
            corners = outline @ matrix[:2, :2].T + matrix[:2, 2]
            box = top, bottom, left, right = _box(corners, size)
            if top >= bottom or left >= right:
                continue
            cover = _filled(corners, box)
            part = image[top:bottom, left:right]
            part += (_painted(texture, matrix @ lies, box) - part) * cover[..., None]
            if image is images[0]:
                inside = cover > 0.5
                flow[top:bottom, left:right][inside] = _flow_of(moves, box)[inside]
    first, second = (np.rint(image).astype(np.uint8) for image in images)
    return Pair(first, second, flow)


def _index(split: str) -> int:
    if split not in SPLITS:
        raise ValueError(f"there is no split {split!r}, there are: {', '.join(SPLITS)}")
    return SPLITS.index(split)


# --- motion -----------------------------------------------------------------------------------


def _motion(
    rng: np.random.Generator, centre: np.ndarray, reach: float, turn: float, zoom: float
) -> np.ndarray:
    """A shift, a small turn and a small zoom, as a 3 x 3 matrix; one in ten stands still."""
    if rng.random() < 0.1:
        return np.eye(3)
    # Small shifts are as frequent as in video, where most things move little.
    length, direction = reach * rng.random() ** 2, rng.uniform(0, 2 * np.pi)
    angle, scale = np.radians(turn) * rng.normal(), np.exp(zoom * rng.normal())
    cosine, sine = scale * np.cos(angle), scale * np.sin(angle)
    matrix = np.array([[cosine, -sine, 0.0], [sine, cosine, 0.0], [0.0, 0.0, 1.0]])
    shift = length * np.array([np.cos(direction), np.sin(direction)])
    matrix[:2, 2] = centre + shift - matrix[:2, :2] @ centre
    return matrix


def _flow_of(moves: np.ndarray, box: Box) -> np.ndarray:
    """Where an affine map takes each pixel, minus where the pixel is."""
    top, bottom, left, right = box
    y = np.arange(top, bottom, dtype=np.float32)[:, None]
    x = np.arange(left, right, dtype=np.float32)[None]
    (a, b, e), (c, d, f) = (moves[:2] - np.eye(3)[:2]).astype(np.float32)
    return np.stack([a * x + b * y + e, c * x + d * y + f], axis=-1)


# --- looks ------------------------------------------------------------------------------------


def _placement(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    """How a texture lies in the first image: turned, scaled and shifted, as a 3 x 3 matrix."""
    angle, scale = rng.uniform(0, 2 * np.pi), 2 ** rng.uniform(-0.7, 0.9)
    cosine, sine = scale * np.cos(angle), scale * np.sin(angle)
    lies = np.array([[cosine, -sine, 0.0], [sine, cosine, 0.0], [0.0, 0.0, 1.0]])
    lies[:2, 2] = np.array([size[1], size[0]]) / 2 - lies[:2, :2] @ rng.uniform(0, SIDE, 2)
    return lies


def _painted(texture: np.ndarray, matrix: np.ndarray, box: Box) -> np.ndarray:
    """A texture where a matrix puts it, cut out of the image: float32."""
    top, bottom, left, right = box
    place = matrix[:2] - [[0, 0, left], [0, 0, top]]
    return cv2.warpAffine(
        texture, place, (right - left, bottom - top), borderMode=cv2.BORDER_REFLECT_101
    ).astype(np.float32)


def _outline(rng: np.random.Generator) -> np.ndarray:
    """A blob, a star or a polygon, ``(N, 2)``: about the unit circle, turned and stretched."""
    corners = int(rng.choice([3, 4, 5, 6, 64]))
    angles = np.sort(rng.uniform(0, 2 * np.pi, corners)) if corners < 64 else np.arange(64) / 10.2
    radii = np.ones(corners) * rng.uniform(0.7, 1.3, corners if corners < 64 else 1)
    if corners == 64:
        for wave in range(2, 7):  # bumps and arms
            radii += rng.normal() * 0.45 / wave * np.cos(wave * angles + rng.uniform(0, 6.3))
    points = radii[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    points *= np.exp(rng.normal(0, 0.3, 2))
    turn = rng.uniform(0, 2 * np.pi)
    return points @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])


def _box(corners: np.ndarray, size: tuple[int, int]) -> Box:
    """The part of the image that holds a polygon; empty where it is outside."""
    left, top = np.maximum(np.floor(corners.min(axis=0)).astype(int) - 1, 0)
    right, bottom = np.ceil(corners.max(axis=0)).astype(int) + 2
    return int(top), int(min(bottom, size[0])), int(left), int(min(right, size[1]))


def _filled(corners: np.ndarray, box: Box) -> np.ndarray:
    """How much of each pixel of a box lies inside a polygon, ``(h, w)`` float32, 0 to 1."""
    top, bottom, left, right = box
    cover = np.zeros((bottom - top, right - left), np.uint8)
    points = np.rint((corners - [left, top]) * 2**SIXTEENTH).astype(np.int32)
    cv2.fillPoly(cover, [points], 255, cv2.LINE_AA, SIXTEENTH)
    return cover.astype(np.float32) / 255


@lru_cache(maxsize=3)
def texture_pool(split: str, count: int = 160) -> np.ndarray:
    """The textures of a split: fur, noise, dead leaves and walls in random colours.

    Args:
        split: ``"train"``, ``"val"`` or ``"test"``.
        count: how many.

    Returns:
        ``(count, SIDE, SIDE, 3)`` uint8.

    Raises:
        ValueError: there is no such split.
    """
    index = _index(split)
    pool = [_texture(np.random.default_rng([index, 1, number])) for number in range(count)]
    return np.stack(pool)


def _texture(rng: np.random.Generator) -> np.ndarray:
    shape, kind = (SIDE, SIDE), rng.integers(4)
    cell = 2 ** rng.uniform(2.5, 6)
    tones = np.stack([_tone(rng) for _ in range(4)])
    if kind == 0:
        name = textures.COATS[rng.integers(len(textures.COATS))]
        painted = textures.coat(rng, name, shape, cell, (tones[0], tones[1]))
    elif kind == 1:
        slope = rng.uniform(1.5, 3.0)
        share = 2 * textures.fractal_noise(rng, shape, 2 * cell, slope) - 0.5
        painted = textures.mix(tones[0], tones[1], np.clip(share, 0, 1))
    elif kind == 2:
        painted = np.tile(tones[0], (*shape, 1)).astype(np.float32)
        painted *= 0.7 + 0.6 * textures.fractal_noise(rng, shape, cell)[..., None]
        textures.dead_leaves(rng, painted, tones, int(rng.integers(150, 900)), (3.0, 1.5 * cell))
    else:
        brick = (float(rng.uniform(8, 40)), float(rng.uniform(12, 80)))
        painted = textures.bricks(rng, shape, brick, tones[:3], tones[3])
    return np.clip(255 * painted, 0, 255).astype(np.uint8)


def _tone(rng: np.random.Generator) -> np.ndarray:
    return textures.colour(rng.uniform(0, 360), 0.7 * rng.random(), rng.uniform(0.15, 0.95))

"""New pictures from an annotated frame: closer, farther, turned, mirrored, otherwise lit, bent."""

import cv2
import numpy as np

from vos_lab.video import VOID


def random_affine(
    rng: np.random.Generator,
    shape: tuple[int, ...],
    size: tuple[int, int],
    zoom: tuple[float, float] = (0.8, 1.25),
    turn: float = 10.0,
    mirror: bool = True,
) -> np.ndarray:
    """A random view of a frame: where each pixel of the new picture comes from.

    Args:
        rng: where the randomness comes from.
        shape: of the frame, ``(H, W)`` or ``(H, W, 3)``.
        size: height and width of the new picture.
        zoom: how much larger things get, at least and at most; drawn evenly in its logarithm.
        turn: degrees, at most, to either side.
        mirror: whether half of the views are mirrored.

    Returns:
        ``(2, 3)`` float64, an affine map from pixels (x, y) of the new picture to those of the
        frame.
    """
    height, width = shape[:2]
    scale = 1 / np.exp(rng.uniform(*np.log(zoom)))
    angle = np.deg2rad(rng.uniform(-turn, turn))
    flip = -1.0 if mirror and rng.random() < 0.5 else 1.0
    turned = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = scale * turned @ np.diag([flip, 1.0])
    # The middle of the picture shows a place that leaves as little as possible outside the frame.
    spare = [
        max(0.0, side - scale * new) / 2 for side, new in ((width, size[1]), (height, size[0]))
    ]
    middle = np.array([width, height]) / 2 + rng.uniform(-1, 1, 2) * spare
    offset = middle - 0.5 - matrix @ (np.array([size[1], size[0]]) / 2 - 0.5)
    return np.column_stack([matrix, offset])


def apply_affine(
    image: np.ndarray, labels: np.ndarray, matrix: np.ndarray, size: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """A view of a frame and of its labels. What lies outside is mirrored, and void.

    Args:
        image: ``(H, W, 3)`` uint8.
        labels: label map, ``(H, W)`` uint8.
        matrix: from :func:`random_affine`.
        size: height and width of the result.

    Returns:
        The image and the label map at that size.
    """
    flags = cv2.WARP_INVERSE_MAP
    there = (size[1], size[0])
    picture = cv2.warpAffine(
        image, matrix, there, flags=flags | cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
    )
    mask = cv2.warpAffine(labels, matrix, there, flags=flags | cv2.INTER_NEAREST, borderValue=VOID)
    return picture, mask


def colour_jitter(image: np.ndarray, rng: np.random.Generator, strength: float = 1.0) -> np.ndarray:
    """The image in another light: brighter or darker, with more or less contrast, tinted.

    Args:
        image: ``(H, W, 3)`` uint8.
        rng: where the randomness comes from.
        strength: 0 changes nothing, 1 about as much as a day outdoors does.

    Returns:
        ``(H, W, 3)`` uint8.
    """
    gain = 1 + strength * (rng.uniform(-0.25, 0.25) + rng.uniform(-0.08, 0.08, 3))
    shift = strength * rng.uniform(-25, 25)
    gamma = np.exp(strength * rng.uniform(-0.25, 0.25))
    values = np.arange(256)[:, None] / 255
    table = np.clip(values**gamma * 255 * gain + shift, 0, 255).astype(np.uint8)
    return cv2.LUT(image, table[None])


BEND_GRID = 5
"""Bending is given at so many places along each side, and smooth between them."""


def deformation(shape: tuple[int, ...], affine: np.ndarray, bend: np.ndarray) -> np.ndarray:
    """A made-up flow: an affine map, and a smooth bending on top of it.

    The papers bend with thin-plate splines; a coarse grid, enlarged smoothly, does the same.

    Args:
        shape: of the image, ``(H, W)``.
        affine: ``(2, 3)``, from a place (x, y) of the new picture to that of the old one.
        bend: ``(BEND_GRID, BEND_GRID, 2)`` float32, pixels, what is added at the places of a
            coarse grid.

    Returns:
        ``(H, W, 2)`` float32, pixels, from each pixel of the new picture to the old one.
    """
    height, width = shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    matrix = affine.astype(np.float32)
    there = np.stack([x, y], axis=-1) @ matrix[:, :2].T + matrix[:, 2]
    flow = there - np.stack([x, y], axis=-1)
    return flow + cv2.resize(bend, (width, height), interpolation=cv2.INTER_CUBIC)


def random_deformation(
    mask: np.ndarray,
    rng: np.random.Generator,
    scale: float,
    shift: float,
    bend: float,
    turn: float = 0.1,
) -> np.ndarray:
    """A random made-up flow around an object.

    Args:
        mask: the object, ``(H, W)`` float32, 0 to 1.
        rng: where the randomness comes from.
        scale: how much larger or smaller it gets, at most, in natural logarithm.
        shift: how far it moves, at most, as a share of its size (the root of its area).
        bend: how much it bends: standard deviation, as a share of its size.
        turn: how far it turns, at most, radians.

    Returns:
        As :func:`deformation`.
    """
    rows, columns = np.nonzero(mask > 0.5)
    size = np.sqrt(max(1, len(rows)))
    centre = np.array([columns.mean(), rows.mean()]) if len(rows) else np.zeros(2)
    grown = np.exp(rng.uniform(-scale, scale))
    angle = rng.uniform(-turn, turn)
    matrix = grown * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    away = rng.uniform(-shift, shift, 2) * size
    affine = np.column_stack([matrix, centre + away - matrix @ centre])
    bends = (rng.standard_normal((BEND_GRID, BEND_GRID, 2)) * bend * size).astype(np.float32)
    return deformation(mask.shape, affine, bends)

"""Textures cut from photographs that other packages bring along.

scikit-image and scikit-learn ship sample pictures under free licences. They are read from the
installed package, where there is one; none of them is part of this course. Without the packages all
else can be drawn, only the knob ``photographs`` cannot be turned.
"""

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np

Rng = np.random.Generator

PHOTOGRAPHS: dict[str, tuple[str, str, str]] = {
    "astronaut": ("skimage", "data/astronaut.png", "public domain, NASA"),
    "brick": ("skimage", "data/brick.png", "CC0, CC0Textures"),
    "camera": ("skimage", "data/camera.png", "CC0, Lav Varshney"),
    "chelsea": ("skimage", "data/chelsea.png", "CC0, Stefan van der Walt"),
    "clock": ("skimage", "data/clock_motion.png", "public domain, Stefan van der Walt"),
    "coffee": ("skimage", "data/coffee.png", "CC0, Rachel Michetti"),
    "grass": ("skimage", "data/grass.png", "CC0, linolafett"),
    "gravel": ("skimage", "data/gravel.png", "CC0, CC0Textures"),
    "rocket": ("skimage", "data/rocket.jpg", "public domain, SpaceX"),
    "china": ("sklearn", "datasets/images/china.jpg", "CC BY 2.0, danielbuechele"),
    "flower": ("sklearn", "datasets/images/flower.jpg", "CC BY 2.0, vultilion"),
}
"""Each with its package, its file there, and its licence and author, as the package names them."""

PACKAGES = {"skimage": "scikit-image", "sklearn": "scikit-learn"}


def photograph_file(name: str) -> Path:
    """Where a photograph lies on this machine.

    Args:
        name: one of PHOTOGRAPHS.

    Returns:
        The file.

    Raises:
        FileNotFoundError: its package, or the picture in it, is not installed; says what to do.
    """
    package, inside, _ = PHOTOGRAPHS[name]
    found = find_spec(package)  # looks for it and imports nothing
    places = list(found.submodule_search_locations or []) if found is not None else []
    for place in places:
        if (Path(place) / inside).is_file():
            return Path(place) / inside
    raise FileNotFoundError(
        f"the photograph {name!r} is not on this machine. `pip install {PACKAGES[package]}` brings "
        "it; or draw without photographs (photographs=0)"
    )


@lru_cache(maxsize=len(PHOTOGRAPHS))
def photograph(name: str) -> np.ndarray:
    """``(H, W, 3)`` uint8: a photograph by its name; do not change it in place."""
    file = photograph_file(name)
    image = cv2.imdecode(np.fromfile(file, np.uint8), cv2.IMREAD_COLOR_RGB)
    if image is None:
        raise ValueError(f"{file}: is no picture that can be read")
    return np.asarray(image)


def photograph_patch(rng: Rng, shape: tuple[int, int]) -> np.ndarray:
    """A piece of some photograph, closer or farther, turned, mirrored, in other colours.

    Args:
        rng: where the randomness comes from.
        shape: height and width in pixels.

    Returns:
        ``(H, W, 3)`` float32 in [0, 1]; it repeats from left to right, mirrored.

    Raises:
        FileNotFoundError: a package is missing.
    """
    height, width = shape
    image = photograph(str(rng.choice(list(PHOTOGRAPHS))))
    image = np.rot90(image, int(rng.integers(4)))[:: int(rng.choice([-1, 1]))]
    # Half of the patch, the other half is its mirror image. Enlarged three times at most.
    half = (width + 1) // 2
    zoom = float(np.exp(rng.uniform(np.log(0.6), np.log(3.0))))
    zoom = max(zoom, height / image.shape[0], half / image.shape[1])
    rows, columns = (max(1, int(side / zoom)) for side in (height, half))
    top = int(rng.integers(image.shape[0] - rows + 1))
    left = int(rng.integers(image.shape[1] - columns + 1))
    cut = np.ascontiguousarray(image[top : top + rows, left : left + columns])
    how = cv2.INTER_AREA if zoom < 1 else cv2.INTER_CUBIC
    piece = cv2.resize(cut, (half, height), interpolation=how).astype(np.float32) / 255
    piece = piece[..., rng.permutation(3)] if rng.random() < 0.5 else piece
    tint = rng.uniform(0.7, 1.2) * rng.uniform(0.8, 1.2, 3).astype(np.float32)
    piece = np.clip(piece * tint, 0, 1) ** np.float32(rng.uniform(0.7, 1.4))
    return np.hstack([piece, piece[:, ::-1]])[:, :width].astype(np.float32)

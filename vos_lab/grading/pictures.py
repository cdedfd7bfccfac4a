"""Show what an answer returned beside what was expected, where both are pictures of something."""

import base64

import cv2
import numpy as np

from vos_lab.view.encoding import encode_png

SIDE = 320  # pixels of the longer side of a picture


def pair_of_pictures(
    got: np.ndarray, expected: np.ndarray
) -> tuple[tuple[str, str], tuple[str, str]] | None:
    """Two results as pictures on one scale.

    Args:
        got: array of two or more dimensions; the last two, or three, are shown: an image, a mask,
            flow, or any map of numbers.
        expected: of the same shape.

    Returns:
        For each the address of the picture, and what it shows; None if they are no picture.
    """
    from matplotlib import colormaps

    from vos_lab.flow.colour import flow_to_rgb

    pair = [np.asarray(got), np.asarray(expected)]
    shape = pair[1].shape
    last = shape[-1]
    is_image = pair[1].ndim == 3 and last == 3 and all(a.dtype == np.uint8 for a in pair)
    is_flow = pair[1].ndim == 3 and last == 2
    while not (is_image or is_flow) and pair[0].ndim > 2:
        pair = [a[0] for a in pair if len(a)]
        if len(pair) < 2:
            return None
    if (
        pair[1].size == 0
        or max(pair[1].shape[:2]) > 4096
        or any(a.dtype.kind not in "biuf" for a in pair)
    ):
        return None
    finite = [a[np.isfinite(a)] for a in pair]
    captions = [
        f"{' × '.join(map(str, shape))}, {float(f.min()):.4g} to {float(f.max()):.4g}"
        if f.size
        else "no numbers"
        for f in finite
    ]
    if is_flow:
        longest = float(
            np.hypot(*np.moveaxis(np.nan_to_num(pair[1].astype(np.float64)), -1, 0)).max()
        )
        flows = [a.astype(np.float32) for a in pair]
        images = [flow_to_rgb.reference(flow, max(longest, 1e-6)) for flow in flows]
    elif is_image:
        images = pair
    else:
        low, high = (float(finite[1].min()), float(finite[1].max())) if finite[1].size else (0, 1)
        shade = colormaps["viridis"]
        span = max(high - low, 1e-12)
        with np.errstate(all="ignore"):
            scaled = [np.clip((a.astype(np.float64) - low) / span, 0, 1) for a in pair]
        images = [(shade(np.ma.masked_invalid(a))[..., :3] * 255).astype(np.uint8) for a in scaled]
    first, second = (_address(image) for image in images)
    return (first, captions[0]), (second, captions[1])


def _address(image: np.ndarray) -> str:
    height, width = image.shape[:2]
    scale = SIDE / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    how = cv2.INTER_NEAREST if scale >= 1 else cv2.INTER_AREA
    data = encode_png(cv2.resize(np.ascontiguousarray(image), size, interpolation=how))
    return "data:image/png;base64," + base64.b64encode(data).decode()

"""Label maps: reading, writing and checking masks, and painting them over a frame.

A mask is a label map ``(H, W)`` uint8: 0 background, 1 to 254 objects, 255 void.
"""

from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from vos_lab.exercise import exercise
from vos_lab.video.png import decode

VOID = 255


def _davis_palette() -> np.ndarray:
    """The 256 colours of PASCAL VOC and DAVIS: the bits of the label, spread over R, G and B."""
    labels = np.arange(256)
    palette = np.zeros((256, 3), np.uint8)
    for bit in range(8):
        for channel in range(3):
            palette[:, channel] |= (((labels >> (3 * bit + channel)) & 1) << (7 - bit)).astype(
                np.uint8
            )
    return palette


PALETTE = _davis_palette()
"""``(256, 3)`` uint8: the colours that label maps are *stored* with, those of DAVIS."""

# Okabe and Ito's colours, which colour-blind people can tell apart, the strongest first.
_OKABE_ITO = [
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (204, 121, 167),
    (240, 228, 66),
    (0, 114, 178),
    (213, 94, 0),
]
OBJECT_COLOURS = np.array(
    [(0, 0, 0)] + [_OKABE_ITO[i % 7] for i in range(254)] + [(128, 128, 128)], np.uint8
)
"""``(256, 3)`` uint8: the colours that objects are *shown* with, in every figure and widget."""


def read_mask(path: str | Path, binary: bool | None = None) -> np.ndarray:
    """Read a label map from a PNG file, exactly as stored.

    Args:
        path: a palette PNG (its indices are the labels), or a grey PNG.
        binary: True: everything above 0 is object 1 (DAVIS 2016). False: the values are labels.
            None: a grey image that holds nothing but 0 and 255 is binary, anything else labels.

    Returns:
        ``(H, W)`` uint8 label map.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is no image, has 16 bits a pixel, or was saved as RGB, which loses
            the labels.
    """
    path = Path(path)
    try:
        decoded = decode(path.read_bytes())
        if decoded is not None:
            mode, values = decoded
        else:
            with Image.open(path) as image:
                mode = image.mode
                if mode == "1":
                    return np.array(image, np.uint8)
                values = np.array(image)
    except FileNotFoundError:
        raise FileNotFoundError(f"{path}: there is no such mask") from None
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise ValueError(f"{path}: cannot be read as an image ({error})") from None
    if mode in ("RGB", "RGBA", "LA"):
        colours = values[..., : 1 if mode == "LA" else 3]
        grey = colours[..., 0]
        black_and_white = np.isin(grey, (0, 255)).all() and (colours == grey[..., None]).all()
        if not black_and_white or binary is False:
            raise ValueError(
                f"{path}: is saved as {mode} colours, a label map must be a palette PNG (mode P) "
                "or grey (mode L). Save it again with vos_lab.video.write_mask, from the labels."
            )
        mode, values = "L", grey
    if mode not in ("P", "L"):
        raise ValueError(f"{path}: has mode {mode}, a label map has 8 bits (mode P or L)")
    if binary is None:
        # As int8, black and white are 0 and -1, and nothing else is between.
        signed = values.view(np.int8)
        binary = mode == "L" and signed.max(initial=0) <= 0 and signed.min(initial=0) >= -1
    values = values.astype(np.uint8, copy=False)
    return np.greater(values, 0, out=values.view(bool)).view(np.uint8) if binary else values


def write_mask(path: str | Path, mask: np.ndarray) -> None:
    """Write a label map as a palette PNG with the colours of DAVIS.

    Args:
        path: where to; folders are made.
        mask: ``(H, W)`` uint8 label map, or bool.

    Raises:
        ValueError: the mask is not two-dimensional, or holds values that uint8 cannot.
    """
    labels = as_label_map(mask, name=str(path))
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(labels)
    image.putpalette(PALETTE.tobytes())
    image.save(path, format="PNG")


def as_label_map(mask: np.ndarray, name: str = "mask") -> np.ndarray:
    """Check that an array is a label map, and return it as ``(H, W)`` uint8.

    Args:
        mask: ``(H, W)``, bool or whole numbers from 0 to 255.
        name: what to call it in an error.

    Returns:
        ``(H, W)`` uint8.

    Raises:
        ValueError: another shape, or values that are no labels.

    Example:
        >>> as_label_map(np.array([[True, False]]))
        array([[1, 0]], dtype=uint8)
    """
    mask = np.asarray(mask)
    if mask.ndim != 2:
        raise ValueError(f"{name}: a label map has the shape (H, W), this one {mask.shape}")
    if mask.dtype == np.uint8:
        return mask
    if not (mask.dtype == bool or np.issubdtype(mask.dtype, np.integer)):
        raise ValueError(f"{name}: a label map holds whole numbers, this one {mask.dtype}")
    if mask.size and (mask.min() < 0 or mask.max() > 255):
        raise ValueError(f"{name}: labels go from 0 to 255, here {mask.min()} to {mask.max()}")
    return mask.astype(np.uint8)


@exercise(minutes=10, difficulty=2, importance=3)
def overlay(
    frame: np.ndarray,
    mask: np.ndarray,
    opacity: float = 0.5,
    colours: np.ndarray = OBJECT_COLOURS,
) -> np.ndarray:
    """Paint the objects of a mask over a frame, so that both can be seen.

    Args:
        frame: image, ``(H, W, 3)`` uint8.
        mask: label map, ``(H, W)`` uint8; 0 is background.
        opacity: 0 leaves the frame as it is, 1 hides it under the colours.
        colours: ``(256, 3)`` uint8, a colour for each label.

    Returns:
        A new image, ``(H, W, 3)`` uint8. The background is exactly that of ``frame``.

    Example:
        >>> grey = np.full((1, 2, 3), 100, np.uint8)
        >>> overlay(grey, np.array([[0, 1]], np.uint8), opacity=1.0)[0].tolist()
        [[100, 100, 100], [230, 159, 0]]
    """
    # Step 1: give each pixel the colour of its label. One indexing does the whole image.
    painted = colours[mask]
    # Step 2: mix frame and colour. In float: 200 + 100 does not fit into uint8.
    mixed = (1 - opacity) * frame.astype(np.float32) + opacity * painted.astype(np.float32)
    # Step 3: round back to uint8, and keep the background as it was.
    return np.where(mask[..., None] > 0, np.rint(mixed).astype(np.uint8), frame)

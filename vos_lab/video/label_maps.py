"""Label maps: reading, writing and checking masks, and painting them over a frame.

A mask is a label map ``(H, W)`` uint8: 0 background, 1 to 254 objects, 255 void.
"""

from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from vos_lab.exercise import exercise
from vos_lab.video.pictures import errors_named, open_image
from vos_lab.video.png import SIGNATURE, decode, palette

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


def read_mask(
    path: str | Path, binary: bool | None = None, threshold: float | None = None
) -> np.ndarray:
    """Read a label map from a PNG file, exactly as stored.

    Args:
        path: a palette PNG (its indices are the labels), or a grey PNG.
        binary: True: everything above 0 is object 1 (DAVIS 2016). False: the values are labels.
            None: a grey image that holds nothing but 0 and 255 is binary, anything else labels.
        threshold: read a grey image as probabilities, from 0 (black) to 1 (white): object 1 is
            where they are at least this, above 0 and at most 1. Then it may have 16 bits, or be a
            JPEG. None: such images are an error. A palette image holds labels in any case.

    Returns:
        ``(H, W)`` uint8 label map.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is no image, is damaged, has 16 bits a pixel, or was saved as RGB or
            JPEG, which loses the labels; it is grey with soft edges, which are no labels; or a
            program has sorted its colours anew.
    """
    if threshold is not None and not 0 < threshold <= 1:
        raise ValueError(f"threshold is {threshold}, it must be above 0, and at most 1")
    path = Path(path)
    with errors_named(path, "mask"):
        data = path.read_bytes()
        kind: str | None = "PNG"
        if (decoded := decode(data)) is not None:
            mode, values = decoded
        else:
            with open_image(data) as image:
                mode, kind, values = image.mode, image.format, np.array(image)
    if mode in ("RGB", "RGBA", "LA"):
        values = _over_black(path, mode, values)
    if mode not in ("P", "1") and threshold is not None:
        return _above(path, mode, values, threshold)
    if kind == "JPEG":
        raise ValueError(
            f"{path}: is a JPEG, whatever its name says, and JPEG changes labels. Save the mask as "
            f"a PNG, from the labels (vos_lab.video.write_mask). {_SOFT}"
        )
    if mode in ("RGB", "RGBA", "LA"):
        grey = values[..., 0]
        black_and_white = np.isin(grey, (0, 255)).all() and (values == grey[..., None]).all()
        if not black_and_white or binary is False:
            raise ValueError(
                f"{path}: is saved as {mode} colours, a label map must be a palette PNG (mode P) "
                "or grey (mode L). Save it again with vos_lab.video.write_mask, from the labels."
            )
        mode, values = "L", np.ascontiguousarray(grey)
    if mode == "1":
        return values.astype(np.uint8, copy=False)
    if mode not in ("P", "L"):
        raise ValueError(
            f"{path}: has mode {mode}, a label map has 8 bits (mode P or L). Save it again with "
            f"vos_lab.video.write_mask, from the labels. {_SOFT}"
        )
    if mode == "P" and data[:8] == SIGNATURE:
        _check_palette(path, palette(data), values)
    if mode == "L":
        # As int8, black and white are 0 and -1, and nothing else is between.
        signed = values.view(np.int8)
        only_these = signed.max(initial=0) <= 0 and signed.min(initial=0) >= -1
        if not only_these and is_soft(values):
            raise ValueError(
                f"{path}: has soft edges, so it is no label map, in which each grey value is an "
                f"object. {_SOFT} If it was resized, do that without interpolation (nearest)."
            )
        binary = only_these if binary is None else binary
    values = values.astype(np.uint8, copy=False)
    return np.greater(values, 0, out=values.view(bool)).view(np.uint8) if binary else values


_SOFT = (
    "If it shows how sure a network is, say from which probability on a pixel belongs to the "
    "object: threshold=0.5 (--threshold 0.5)."
)


def _check_palette(path: Path, colours: bytes, values: np.ndarray) -> None:
    """Refuse labels that a program has given other numbers: background is black, and is 0."""
    if colours[:3] in (b"", b"\0\0\0"):
        return
    black = next((i for i in range(1, len(colours) // 3) if not any(colours[3 * i : 3 * i + 3])), 0)
    if black and (values == black).any():
        raise ValueError(
            f"{path}: has black, the background, under the number {black}, and another colour "
            "under 0: a program has sorted its colours anew. Save it again with "
            "vos_lab.video.write_mask, from the labels."
        )


def is_soft(values: np.ndarray) -> bool:
    """Whether a grey image is a probability map, or has smooth edges, and so is no label map.

    Labels fill regions, and are few, or close to each other. On a soft edge, values are spread out,
    and each lasts for a pixel or two, or differs little from its neighbour.

    Args:
        values: ``(H, W)`` uint8.

    Example:
        >>> is_soft(np.array([[0, 15, 77, 178, 240, 255, 255]], np.uint8))
        True
        >>> is_soft(np.array([[0, 1, 1, 1, 2, 2, 255]], np.uint8))
        False
    """
    # What lies between black and white. 255 is void in a label map.
    between = cv2.calcHist([values], [0], None, [256], [0, 256]).ravel()[1:VOID]
    different = int(np.count_nonzero(between))
    if different < 3:
        return False
    largest = int(np.flatnonzero(between)[-1]) + 1
    if largest <= 3 * different and different < 32:
        return False
    return any(_fades(lines, different) for lines in (values, values.T))


def _fades(values: np.ndarray, different: int) -> bool:
    """Whether values between black and white last for few pixels of a row."""
    borders = values[:, 1:] != values[:, :-1]
    inner = (values > 0) & (values < VOID)
    runs = np.count_nonzero(inner[:, 0]) + np.count_nonzero(borders & inner[:, 1:])
    length = np.count_nonzero(inner) / runs
    if length < 3 or length > 6 or different < 32:
        return bool(length < 3)
    # A wide slope goes up and down by one or two.
    steps = values[:, :-1][borders].astype(int) - values[:, 1:][borders]
    return bool(np.median(np.abs(steps)) <= 2)


def _over_black(path: Path, mode: str, values: np.ndarray) -> np.ndarray:
    """The colours of a picture, ``(H, W, C)``, with black where it is transparent."""
    if mode == "RGB":
        return values
    colours, opaque = values[..., :-1], values[..., -1:]
    shown = np.where(opaque > 0, colours, 0)
    if opaque.min() < 255 and not shown.any() and (opaque.any() or colours.any()):
        raise ValueError(
            f"{path}: is black or transparent everywhere, so its shape is in the transparency "
            "alone. Save the mask as white on black, without transparency."
        )
    if ((opaque > 0) & (opaque < 255) & (shown > 0)).any():
        # Half transparent white is grey.
        shown = np.rint(shown * (opaque / 255)).astype(values.dtype)
    return shown


def _above(path: Path, mode: str, values: np.ndarray, threshold: float) -> np.ndarray:
    """The pixels of a grey picture that are at least as bright as a share of white."""
    if values.ndim == 3:
        # JPEG stores brightness and colour apart, so its grey may have a tint of one or two.
        if np.ptp(values.astype(np.int16), axis=2).max() > 8:
            raise ValueError(f"{path}: is in colours, so it holds no probabilities")
        values = values[..., 0] if values.shape[2] == 1 else np.median(values, axis=2)
    white = 1.0 if mode == "F" else 65535.0 if mode.startswith("I") else 255.0
    return (values >= threshold * white).astype(np.uint8)


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
    # Step 2: mix frame and colour. Use float, because 200 + 100 does not fit into uint8.
    mixed = (1 - opacity) * frame.astype(np.float32) + opacity * painted.astype(np.float32)
    # Step 3: round back to uint8, and keep the background as it was.
    return np.where(mask[..., None] > 0, np.rint(mixed).astype(np.uint8), frame)

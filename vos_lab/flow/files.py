"""Flow files: Middlebury ``.flo``, KITTI 16-bit ``.png``, and ``.pfm``, read and written exactly.

Where nobody knows the flow, it is NaN in memory, in both parts of the vector. Each format has its
own way to store that: a huge number in ``.flo``, a flag in KITTI's PNG, NaN itself in PFM.
"""

import math
import struct
from pathlib import Path

import cv2
import numpy as np

from vos_lab.video.pictures import errors_named
from vos_lab.video.png import check_size, verify

# "PIEH" when its four bytes are read as letters.
FLO_MAGIC = 202021.25
# Middlebury: what is above this is not known. Written as 1e10.
UNKNOWN_ABOVE = 1e9
# KITTI stores (flow * 64 + 2 ** 15) in 16 bits, so it knows flow from -512 to 511.98 pixels.
KITTI_STEP, KITTI_ZERO = 64, 2**15


def known(flow: np.ndarray) -> np.ndarray:
    """Where the flow is known.

    Args:
        flow: ``(..., 2)`` float, pixels.

    Returns:
        ``(...)`` bool: False for NaN, infinity, and the huge numbers of Middlebury's files.

    Example:
        >>> known(np.array([[1.0, 2.0], [np.nan, np.nan], [1e10, 1e10]]))
        array([ True, False, False])
    """
    return (np.abs(flow[..., 0]) <= UNKNOWN_ABOVE) & (np.abs(flow[..., 1]) <= UNKNOWN_ABOVE)


def read_flow(path: str | Path) -> np.ndarray:
    """Read a flow file; its ending says the format.

    Args:
        path: ends in .flo, .png (KITTI) or .pfm.

    Returns:
        ``(H, W, 2)`` float32, pixels, dx to the right and dy down; NaN where it is not known.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: another ending, or the file is truncated or no flow; the message says why.
    """
    path = Path(path)
    readers = {".flo": _read_flo, ".png": _read_kitti, ".pfm": _read_pfm}
    read = readers.get(path.suffix.lower())
    if read is None:
        raise ValueError(f"{path}: flow is read from {', '.join(readers)}, by the file's ending")
    with errors_named(path, "flow file", "as flow"):
        return read(path.read_bytes())


def write_flow(path: str | Path, flow: np.ndarray) -> None:
    """Write a flow file; its ending says the format.

    ``.flo`` and ``.pfm`` keep every bit. KITTI's PNG keeps 1/64 of a pixel, rounded to nearest.

    Args:
        path: ends in .flo, .png (KITTI) or .pfm; folders are made.
        flow: ``(H, W, 2)`` float32, pixels; NaN where it is not known.

    Raises:
        ValueError: another ending, shape or dtype, or values that the format cannot hold.
    """
    path = Path(path)
    writers = {".flo": _write_flo, ".png": _write_kitti, ".pfm": _write_pfm}
    write = writers.get(path.suffix.lower())
    if write is None:
        raise ValueError(f"{path}: flow is written to {', '.join(writers)}, by the file's ending")
    if flow.ndim != 3 or flow.shape[2] != 2 or flow.size == 0:
        raise ValueError(f"{path}: flow has the shape (H, W, 2), this one {flow.shape}")
    if flow.dtype != np.float32:
        # A float64 would lose digits without a word.
        raise ValueError(f"{path}: flow is float32, this one {flow.dtype}; cast it first")
    unknown = np.isnan(flow).any(axis=-1)
    if (np.abs(flow[~unknown]) > UNKNOWN_ABOVE).any():
        raise ValueError(
            f"{path}: flow above {UNKNOWN_ABOVE:g} pixels means 'not known' in flow files; "
            "mark such pixels with NaN"
        )
    data = write(path, np.ascontiguousarray(flow), unknown)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


# --- Middlebury: magic number, width, height, then dx and dy of each pixel, little endian ---------


def _read_flo(data: bytes) -> np.ndarray:
    if len(data) < 12 or struct.unpack("<f", data[:4])[0] != FLO_MAGIC:
        raise ValueError("it is no .flo file, it does not begin with 'PIEH'")
    width, height = struct.unpack("<2i", data[4:12])
    _check_length(len(data) - 12, 8, width, height)
    flow = np.frombuffer(data, "<f4", offset=12).reshape(height, width, 2).astype(np.float32)
    flow[~known(flow)] = np.nan
    return flow


def _write_flo(path: Path, flow: np.ndarray, unknown: np.ndarray) -> bytes:
    height, width = unknown.shape
    values = np.where(unknown[..., None], np.float32(1e10), flow)
    return struct.pack("<f2i", FLO_MAGIC, width, height) + values.astype("<f4").tobytes()


# --- KITTI: a PNG with 16 bits, red is dx, green is dy, blue tells whether they are known ---------


def _read_kitti(data: bytes) -> np.ndarray:
    # OpenCV fills what is missing in a truncated file with black, so look at it first.
    verify(data)
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None:
        raise ValueError("it is damaged")
    if pixels.dtype != np.uint16 or pixels.ndim != 3 or pixels.shape[2] != 3:
        channels = 1 if pixels.ndim == 2 else pixels.shape[2]
        raise ValueError(
            f"it has {channels} channel(s) of {8 * pixels.itemsize} bits. Flow as KITTI "
            "stores it has 3 of 16 bits; this is an image, or a picture of a flow"
        )
    blue, green, red = np.moveaxis(pixels, -1, 0)
    if blue.max() > 1:
        hint = (
            "red, which comes first in memory, holds 0 and 1: its channels are swapped, as OpenCV "
            "writes them the other way round"
            if red.max() <= 1
            else "is it another picture of 16 bits?"
        )
        raise ValueError(
            f"its blue channel says whether the flow is known, 0 or 1, but holds {blue.max()}; "
            f"{hint}"
        )
    flow = (np.stack([red, green], axis=-1).astype(np.float32) - KITTI_ZERO) / KITTI_STEP
    flow[blue == 0] = np.nan
    return flow


def _write_kitti(path: Path, flow: np.ndarray, unknown: np.ndarray) -> bytes:
    stored = np.rint(flow.astype(np.float64) * KITTI_STEP) + KITTI_ZERO
    stored[unknown] = 0
    if stored.min() < 0 or stored.max() > 65535:
        low, high = flow[~unknown].min(), flow[~unknown].max()
        raise ValueError(
            f"{path}: KITTI's PNG holds flow from -512 to 511.98 pixels, this one goes from "
            f"{low:g} to {high:g}. Write .flo or .pfm."
        )
    red, green = np.moveaxis(stored.astype(np.uint16), -1, 0)
    blue = (~unknown).astype(np.uint16)
    _, data = cv2.imencode(".png", np.stack([blue, green, red], axis=-1))
    return data.tobytes()


# --- PFM: three lines of text, then three floats for each pixel, the lowest row first -------------


def _read_pfm(data: bytes) -> np.ndarray:
    try:
        kind, size, scale, values = data.split(b"\n", 3)
        width, height = (int(number) for number in size.split())
        factor = float(scale)
    except ValueError:
        raise ValueError("it is no PFM file, or its header is truncated") from None
    if kind.strip() != b"PF":
        what = (
            "it has one channel, it is a disparity or depth"
            if kind.strip() == b"Pf"
            else "it is no PFM"
        )
        raise ValueError(f"{what}; flow in PFM begins with 'PF', three channels")
    if not math.isfinite(factor) or factor == 0:
        raise ValueError(
            f"its header says the scale {factor:g}, whose sign tells the order of the bytes: "
            "-1 or 1"
        )
    _check_length(len(values), 12, width, height)
    # How large the scale is has no meaning for flow.
    endian = "<" if factor < 0 else ">"
    pixels = np.frombuffer(values, f"{endian}f4").reshape(height, width, 3)[::-1]
    if (pixels[..., 2] != 0).any():
        raise ValueError("its third channel is not 0, so it is an image and no flow")
    flow = pixels[..., :2].astype(np.float32)
    flow[~known(flow)] = np.nan
    return flow


def _write_pfm(path: Path, flow: np.ndarray, unknown: np.ndarray) -> bytes:
    height, width = unknown.shape
    pixels = np.zeros((height, width, 3), "<f4")
    pixels[..., :2] = np.where(unknown[..., None], np.float32(np.nan), flow)
    return f"PF\n{width} {height}\n-1.0\n".encode() + pixels[::-1].tobytes()


def _check_length(got: int, bytes_of_pixel: int, width: int, height: int) -> None:
    """Whether there are as many bytes as the pixels of the header take."""
    check_size(width, height)
    due = bytes_of_pixel * width * height
    if got != due:
        what = "is truncated" if got < due else "has more after its end"
        raise ValueError(f"it {what}: {width} x {height} pixels take {due} bytes, there are {got}")

"""Decode the PNG files that label maps are, 8 bits a pixel, several times as fast as Pillow."""

import struct

import numpy as np
from zlib_ng import zlib_ng

from vos_lab.compiled import compiled

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MAX_PIXELS = 2**27
"""Beyond, Pillow has its own opinion on who would make such an image, and why."""


def decode(data: bytes) -> tuple[str, np.ndarray] | None:
    """Decode a PNG file of 8 bits a pixel, grey or palette, not interlaced.

    Portable Network Graphics Specification, W3C 2003: chunks in Section 5, filters in Section 9.

    Args:
        data: what is in the file.

    Returns:
        The mode as Pillow names it, "L" or "P", and the values as stored, ``(H, W)`` uint8. None
        for any other image, which the caller gives to Pillow.

    Raises:
        ValueError: the file is damaged or cut off.

    Example:
        >>> decode(b"GIF89a") is None
        True
    """
    if data[:16] != SIGNATURE + b"\x00\x00\x00\rIHDR" or len(data) < 33:
        return None
    width, height, depth, colour, *rest = struct.unpack(">IIBBBBB", data[16:29])
    if depth != 8 or colour not in (0, 3) or any(rest) or not 0 < height * width <= MAX_PIXELS:
        return None
    compressed, position, kind = [], 8, b""
    while kind != b"IEND":
        if position + 12 > len(data):
            raise ValueError("it is cut off")
        length, kind = struct.unpack(">I4s", data[position : position + 8])
        end = position + 8 + length
        checksum = int.from_bytes(data[end : end + 4], "big")
        if end + 4 > len(data) or zlib_ng.crc32(data[position + 4 : end]) != checksum:
            raise ValueError(f"it is damaged or cut off in its part {kind.decode('latin1')}")
        if kind == b"acTL":
            return None  # an animation
        if kind == b"IDAT":
            compressed.append(data[position + 8 : end])
        position = end + 4
    size = height * (width + 1)
    unpacker = zlib_ng.decompressobj()
    try:
        rows = unpacker.decompress(b"".join(compressed), max_length=size + 1)
    except zlib_ng.error as error:  # type: ignore[misc]  # its stub forgets a type[]
        raise ValueError(f"its pixels cannot be unpacked: {error}") from None
    if len(rows) != size or not unpacker.eof:
        raise ValueError(f"it does not hold {width} x {height} pixels, as it says")
    stored = np.frombuffer(rows, np.uint8).reshape(height, width + 1)
    # The first byte of a row says how the row was filtered; 0: not at all.
    filters = stored[:, 0]
    if filters.max() > 4:
        raise ValueError(f"its rows have a filter {filters.max()}, there are 0 to 4")
    values = stored[:, 1:].copy() if not filters.any() else _undo_filters(stored)
    return "P" if colour == 3 else "L", values


@compiled
def _undo_filters(stored: np.ndarray) -> np.ndarray:
    """Add to each value what its filter took away: something made of its neighbours above and left.

    Args:
        stored: ``(H, 1 + W)`` uint8, the filter of each row before it.

    Returns:
        ``(H, W)`` uint8.
    """
    height, width = stored.shape[0], stored.shape[1] - 1
    values = np.empty((height, width), np.uint8)
    line = np.zeros(width, np.uint8)  # the row above, which becomes this row from left to right
    for y in range(height):
        kind, row, here = stored[y, 0], stored[y, 1:], values[y]
        # Left and above left of the image is 0.
        left = corner = np.int64(0)
        if kind == 0:
            for x in range(width):
                line[x] = row[x]
        elif kind == 1:  # left
            for x in range(width):
                left += row[x]
                line[x] = left
        elif kind == 2:  # above
            for x in range(width):
                line[x] += row[x]
        elif kind == 3:  # the mean of left and above
            for x in range(width):
                left = (row[x] + (left + line[x]) // 2) & 255
                line[x] = left
        else:  # Paeth: left, above or above left, whichever is closest to left + above - above left
            for x in range(width):
                up = np.int64(line[x])
                # Inside an object, and far from it, all are equal. This saves most of the time.
                if row[x] == 0 and up == left and up == corner:
                    continue
                to_left, to_up = abs(up - corner), abs(left - corner)
                to_corner = abs(left + up - 2 * corner)
                if to_left > to_up or to_left > to_corner:
                    left = up if to_up <= to_corner else corner
                left = (row[x] + left) & 255
                line[x], corner = left, up
        for x in range(width):
            here[x] = line[x]
    return values

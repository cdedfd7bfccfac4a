"""PNG files: whether they are whole, and label maps, decoded several times as fast as by Pillow."""

import struct

import numpy as np
from zlib_ng import zlib_ng

from vos_lab.compiled import compiled

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MAX_PIXELS = 2**30
"""How large a picture may be, here and in every other reader: as large as OpenCV's may be."""


def check_size(width: int, height: int) -> None:
    """Refuse a picture that has no pixel, or more than any reader takes.

    Raises:
        ValueError: it has.

    Example:
        >>> check_size(60_000, 60_000)
        Traceback (most recent call last):
            ...
        ValueError: it says that it has 60000 x 60000 pixels, at most 1,073,741,824 are read
    """
    if width < 1 or height < 1:
        raise ValueError(f"it says that it has {width} x {height} pixels")
    if width * height > MAX_PIXELS:
        raise ValueError(
            f"it says that it has {width} x {height} pixels, at most {MAX_PIXELS:,} are read"
        )


def verify(data: bytes) -> list[tuple[bytes, bytes]]:
    """Check that a PNG file is whole and undamaged, by the checksums of all its parts.

    Args:
        data: what is in the file.

    Returns:
        The kind of each part, and what is in it.

    Raises:
        ValueError: the file is damaged or cut off, no PNG, or larger than any reader takes.
    """
    if data[:8] != SIGNATURE:
        raise ValueError("it is no PNG file")
    chunks, position, kind = [], 8, b""
    while kind != b"IEND":
        if position + 12 > len(data):
            raise ValueError("it is cut off")
        length, kind = struct.unpack(">I4s", data[position : position + 8])
        end = position + 8 + length
        checksum = int.from_bytes(data[end : end + 4], "big")
        if end + 4 > len(data) or zlib_ng.crc32(data[position + 4 : end]) != checksum:
            raise ValueError(f"it is damaged or cut off in its part {kind.decode('latin1')}")
        chunks.append((kind, data[position + 8 : end]))
        position = end + 4
    kind, header = chunks[0]
    if kind != b"IHDR" or len(header) != 13:
        raise ValueError("it does not begin with a header")
    check_size(*struct.unpack(">II", header[:8]))
    return chunks


def decode(data: bytes) -> tuple[str, np.ndarray] | None:
    """Decode a PNG file of at most 8 bits a pixel, grey or palette, not interlaced.

    Portable Network Graphics Specification, W3C 2003: chunks in Section 5, filters in Section 9.

    Args:
        data: what is in the file.

    Returns:
        The mode as Pillow names it, and the values, ``(H, W)`` uint8: "P", as stored; "L", 0 to 255
        (values of 2 and 4 bits are scaled to that); "1", 0 and 1. None for any other image, whose
        checksums are right, and which the caller gives to Pillow.

    Raises:
        ValueError: the file is damaged or cut off, or larger than any reader takes.

    Example:
        >>> decode(b"GIF89a") is None
        True
    """
    if data[:8] != SIGNATURE:
        return None
    chunks = verify(data)
    width, height, depth, colour, *rest = struct.unpack(">IIBBBBB", chunks[0][1])
    animated = any(kind == b"acTL" for kind, _ in chunks)
    if depth not in (1, 2, 4, 8) or colour not in (0, 3) or any(rest) or animated:
        return None
    columns = -(-width * depth // 8)
    size = height * (columns + 1)
    unpacker = zlib_ng.decompressobj()
    try:
        packed = b"".join(part for kind, part in chunks if kind == b"IDAT")
        rows = unpacker.decompress(packed, max_length=size + 1)
    except zlib_ng.error as error:  # type: ignore[misc]  # its stub forgets a type[]
        raise ValueError(f"its pixels cannot be unpacked: {error}") from None
    if len(rows) != size or not unpacker.eof:
        raise ValueError(f"it does not hold {width} x {height} pixels, as it says")
    stored = np.frombuffer(rows, np.uint8).reshape(height, columns + 1)
    # The first byte of a row says how the row was filtered; 0: not at all.
    filters = stored[:, 0]
    if filters.max() > 4:
        raise ValueError(f"its rows have a filter {filters.max()}, there are 0 to 4")
    values = stored[:, 1:].copy() if not filters.any() else _undo_filters(stored)
    if depth < 8:
        values = _unpack_bits(values, depth)[:, :width]
    if colour == 3:
        return "P", values
    if depth == 1:
        return "1", values
    return "L", values * np.uint8(255 // (2**depth - 1)) if depth < 8 else values


def palette(data: bytes) -> bytes:
    """The colours of a PNG file, three bytes each; empty where it has none.

    Args:
        data: what is in the file, which ``verify`` has found to be whole.
    """
    return next((part for kind, part in verify(data) if kind == b"PLTE"), b"")


def _unpack_bits(packed: np.ndarray, depth: int) -> np.ndarray:
    """The values of 1, 2 or 4 bits in each byte, the highest bits first."""
    shifts = np.arange(8 - depth, -1, -depth, dtype=np.uint8)
    values = (packed[..., None] >> shifts) & np.uint8(2**depth - 1)
    return np.ascontiguousarray(values.reshape(len(packed), -1))


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

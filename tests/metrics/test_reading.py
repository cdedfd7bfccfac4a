"""Label maps are read the same, whichever way the PNG file was written."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from vos_lab.video import read_mask


def png(labels, filters, colour=3, depth=8, interlace=0, extra=b""):
    """A PNG file with a chosen filter (0 none, 1 sub, 2 up) for each row, in several chunks."""
    height, width = labels.shape
    rows, previous = b"", np.zeros(width, np.uint8)
    for row, kind in zip(labels, filters, strict=True):
        left = np.concatenate([[0], row[:-1]]).astype(np.uint8)
        stored = row - (0, left, previous)[kind] if kind else row
        rows += bytes([kind]) + stored.astype(np.uint8).tobytes()
        previous = row

    def chunk(kind, data):
        check = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)

    packed = zlib.compress(rows)
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)
    palette = chunk(b"PLTE", bytes(range(256)) * 3) if colour == 3 else b""
    parts = chunk(b"IDAT", packed[:10]) + chunk(b"IDAT", packed[10:])
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + extra
        + palette
        + parts
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("colour", [0, 3])
@pytest.mark.parametrize("kind", [0, 1, 2, "mixed"])
def test_every_filter_reads_as_pillow_reads_it(tmp_path, colour, kind):
    generator = np.random.default_rng(3)
    labels = generator.integers(0, 250, (20, 33), dtype=np.uint8)
    filters = generator.integers(0, 3, 20) if kind == "mixed" else [kind] * 20
    data = png(labels, filters, colour)
    (tmp_path / "mask.png").write_bytes(data)
    assert (np.array(Image.open(io.BytesIO(data))) == labels).all()
    assert (read_mask(tmp_path / "mask.png") == labels).all()


def test_a_broken_file_is_named_not_guessed(tmp_path):
    labels = np.random.default_rng(3).integers(0, 250, (20, 33), dtype=np.uint8)
    data = bytearray(png(labels, [0] * 20))
    data[-60] ^= 255
    (tmp_path / "mask.png").write_bytes(data)
    with pytest.raises(ValueError, match=r"mask\.png"):
        read_mask(tmp_path / "mask.png")


@pytest.mark.parametrize("mode", ["L", "P", "1"])
def test_what_pillow_writes_reads_the_same(tmp_path, mode):
    labels = (np.random.default_rng(3).random((20, 33)) < 0.4).astype(np.uint8)
    image = Image.fromarray(labels * 255 if mode == "1" else labels)
    image = image.convert("1") if mode == "1" else image
    if mode == "P":
        image.putpalette(bytes(768))
    image.save(tmp_path / "mask.png")
    assert (read_mask(tmp_path / "mask.png") == labels).all()

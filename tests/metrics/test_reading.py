"""Label maps are read the same, whichever way the PNG file was written."""

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from vos_lab.video import read_mask
from vos_lab.video.png import decode


def png(labels, filters, colour=3, depth=8, interlace=0, extra=b""):
    """A PNG file with a chosen filter (0 to 4) for each row, in several chunks."""
    height, width = labels.shape
    rows, previous = b"", np.zeros(width + 1, int)
    for row, kind in zip(labels.astype(int), filters, strict=True):
        row = np.concatenate([[0], row])
        rows += bytes([kind])
        for x in range(1, width + 1):
            left, up, corner = row[x - 1], previous[x], previous[x - 1]
            paeth = min((left, up, corner), key=lambda value: abs(left + up - corner - value))
            predicted = (0, left, up, (left + up) // 2, paeth)[kind]
            rows += bytes([(row[x] - predicted) % 256])
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


@settings(max_examples=50, deadline=None)
@given(
    colour=st.sampled_from([0, 3]),
    kind=st.sampled_from([0, 1, 2, 3, 4, "mixed"]),
    shape=st.tuples(st.integers(1, 12), st.integers(1, 20)),
    largest=st.sampled_from([2, 250]),
    seed=st.integers(0, 2**32),
)
def test_every_filter_reads_as_pillow_reads_it(colour, kind, shape, largest, seed):
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, largest, shape, dtype=np.uint8)
    filters = generator.integers(0, 5, len(labels)) if kind == "mixed" else [kind] * len(labels)
    data = png(labels, filters, colour)
    mode, values = decode(data)
    assert mode == ("P" if colour == 3 else "L")
    assert values.dtype == np.uint8
    assert (values == labels).all()
    assert (np.array(Image.open(io.BytesIO(data))) == labels).all()


def test_what_is_not_such_a_file_is_left_to_pillow(tmp_path):
    labels = np.zeros((4, 5), np.uint8)
    assert decode(png(labels, [0] * 4, interlace=1)) is None
    assert decode(png(labels, [0] * 4, colour=0, depth=16)) is None
    assert decode(png(labels, [0] * 4, colour=2)) is None
    assert decode(b"no image at all") is None


@settings(max_examples=50, deadline=None)
@given(place=st.floats(0, 1, exclude_max=True), change=st.integers(1, 255), cut=st.booleans())
def test_damage_anywhere_is_an_error_or_left_to_pillow(place, change, cut):
    labels = np.random.default_rng(3).integers(0, 250, (20, 33), dtype=np.uint8)
    data = bytearray(png(labels, [4] * 20))
    at = int(place * len(data))
    data[at] ^= change
    try:
        decoded = decode(bytes(data[:at] if cut else data))
    except ValueError:
        return
    assert decoded is None


def test_a_broken_file_is_named_not_guessed(tmp_path):
    labels = np.random.default_rng(3).integers(0, 250, (20, 33), dtype=np.uint8)
    data = bytearray(png(labels, [0] * 20))
    (tmp_path / "mask.png").write_bytes(data[:-60])
    with pytest.raises(ValueError, match=r"mask\.png: .*cut off"):
        read_mask(tmp_path / "mask.png")
    data[-60] ^= 255
    (tmp_path / "mask.png").write_bytes(data)
    with pytest.raises(ValueError, match=r"mask\.png: .*damaged"):
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

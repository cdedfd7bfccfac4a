"""Whether a video file has its end, as its container says. Nothing is decoded for that.

FFmpeg reads a file that is cut off as a shorter video, and says nothing. But most containers say in
the beginning how long they or their parts are.
"""

import struct
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO


def is_whole(path: Path) -> bool | None:
    """Whether a video file has its end.

    Args:
        path: MP4 (also MOV), Matroska (also WebM), AVI or GIF; of others nothing is known.

    Returns:
        None where the container does not say how long it is: MPEG streams, and Matroska as it is
        recorded live.
    """
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(0)
        head = file.read(12)
        file.seek(0)
        readers: list[tuple[bool, Callable[[BinaryIO, int], bool | None]]] = [
            (head[:4] == b"\x1aE\xdf\xa3", _matroska),
            (head[:4] == b"RIFF" and head[8:] == b"AVI ", _avi),
            (head[:4] == b"GIF8", _gif),
            (head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free"), _mp4),
        ]
        for fits, reader in readers:
            if fits:
                return reader(file, size)
    return None


def _mp4(file: BinaryIO, size: int) -> bool | None:
    """Boxes one after the other, each after its length and its name."""
    position = 0
    while position + 8 <= size:
        file.seek(position)
        head = file.read(16)
        length = int.from_bytes(head[:4], "big")
        if length == 1:  # the length stands after the name, in 64 bits
            length = int.from_bytes(head[8:16], "big")
        if length == 0:  # to the end of the file
            return True
        if length < 8:
            return None
        position += length
    return position <= size


def _matroska(file: BinaryIO, size: int) -> bool | None:
    """EBML: a number, a length, and what it holds; the segment holds the video."""
    position = 0
    while position + 12 < size:
        file.seek(position)
        head = file.read(12)
        bytes_of_number = 9 - head[0].bit_length()
        first = head[bytes_of_number]
        bytes_of_length = 9 - first.bit_length()
        if bytes_of_number > 4 or bytes_of_length > 8:
            return None
        end = bytes_of_number + bytes_of_length
        bits = int.from_bytes(head[bytes_of_number:end], "big")
        length = bits & ((1 << 7 * bytes_of_length) - 1)
        if head[:4] == b"\x18S\x80g":
            unknown = length == (1 << 7 * bytes_of_length) - 1  # as recorded live
            return None if unknown else position + end + length <= size
        position += end + length
    return False


def _avi(file: BinaryIO, size: int) -> bool | None:
    """RIFF parts one after the other; long videos have several."""
    position = 0
    while position + 12 <= size:
        file.seek(position)
        name, length = struct.unpack("<4sI", file.read(8))
        if name != b"RIFF":
            return True  # something after the end
        if length == 0:
            return None
        position += 8 + length + length % 2
    return position <= size + 1  # the last byte of an odd part may be left out


def _gif(file: BinaryIO, size: int) -> bool | None:
    """Blocks up to the trailer, a semicolon."""

    def skip_colours(flags: int) -> None:
        if flags & 0x80:
            file.seek(3 << (flags & 7) + 1, 1)

    def skip_data() -> None:
        while (length := file.read(1)) not in (b"", b"\0"):
            file.seek(length[0], 1)

    head = file.read(13)
    if len(head) < 13:
        return False
    skip_colours(head[10])
    while (kind := file.read(1)) != b";":
        if kind == b"!":
            file.read(1)
        elif kind == b",":
            block = file.read(9)
            if len(block) < 9:
                return False
            skip_colours(block[8])
            file.read(1)
        else:
            return False  # the end of the file, or no block
        skip_data()
    return file.tell() <= size

"""The lines of a MOTS file, ``frame id category height width rle``, read in one go."""

from pathlib import Path

import numpy as np

from vos_lab.compiled import compiled
from vos_lab.datasets.text import read_utf8

FIELDS = ("frame", "id", "category", "height", "width", "rle")


def read_lines(path: str | Path) -> tuple[bytes, np.ndarray, np.ndarray]:
    """Read the numbers of all lines, and find where their run lengths stand.

    Args:
        path: the file. Empty lines count as lines, but mean nothing.

    Returns:
        All characters of the file; ``(5, N)`` int64: frame, id, category, height and width of each
        mask; and ``(3, N)`` int64: where its run lengths begin and end among the characters, and
        the number of its line.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a line has not six fields, or not five whole numbers; the line is named.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     file = Path(folder, "0002.txt")
        ...     _ = file.write_text("0 1001 1 2 3 231")
        ...     text, table, places = read_lines(file)
        >>> table[:, 0].tolist(), text[slice(*places[:2, 0])]
        ([0, 1001, 1, 2, 3], b'231')
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: there is no such file of masks")
    text = read_utf8(path)
    room = text.count(b"\n") + 1
    table, places = np.empty((5, room), np.int64), np.empty((3, room), np.int64)
    count, wrong = _read(np.frombuffer(text, np.uint8), table, places)
    if wrong:
        reason = _what_is_wrong(text.split(b"\n")[wrong - 1].split())
        raise ValueError(f"{path}, line {wrong}: {reason}")
    return text, table[:, :count], places[:, :count]


def _what_is_wrong(fields: list[bytes]) -> str:
    for what, value in zip(FIELDS[:5], fields, strict=False):
        if not value.isdigit() or len(value) > 18:
            return f"the {what} is {value.decode('latin-1')!r}, not a whole number of 0 or more"
    return (
        f"has {len(fields)} fields, not the six of `{' '.join(FIELDS)}`"
        f"{'; is it cut off?' if len(fields) < 6 else ''}"
    )


@compiled
def _read(text: np.ndarray, table: np.ndarray, places: np.ndarray) -> tuple[int, int]:
    """Read all lines. Returns how many masks there are, and the number of a wrong line, or 0."""
    count, line, position, end = 0, 0, 0, len(text)
    while position < end:
        line += 1
        field = 0
        while position < end and text[position] != 10:
            if text[position] <= 32:  # a blank, or what other systems end their lines with
                position += 1
                continue
            start = position
            if field < 5:
                number = 0
                while position < end and text[position] > 32:
                    digit = int(text[position]) - 48
                    if digit < 0 or digit > 9 or position - start > 17:
                        return count, line
                    number = 10 * number + digit
                    position += 1
                table[field, count] = number
            else:
                while position < end and text[position] > 32:
                    position += 1
                places[0, count], places[1, count], places[2, count] = start, position, line
            field += 1
        position += 1
        if field == 6:
            count += 1
        elif field:
            return count, line
    return count, 0

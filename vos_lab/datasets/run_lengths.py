"""Masks as run lengths, the form in which MOTS and COCO store them.

A mask is read column by column, top to bottom. What is stored is how many pixels are background,
then how many are object, then background again, and so on: a few hundred numbers instead of a
million pixels. COCO writes these numbers as a short string (``maskApi.c`` of the COCO API). Two
masks are compared without ever drawing them: run against run.
"""

from dataclasses import dataclass

import numpy as np

from vos_lab.compiled import compiled
from vos_lab.exercise import exercise


@exercise(minutes=15, difficulty=2, importance=4)
def rle_encode(mask: np.ndarray) -> np.ndarray:
    """The run lengths of a mask: background, object, background, object, ...

    Args:
        mask: ``(H, W)`` bool, with at least one pixel.

    Returns:
        ``(R,)`` int64: the lengths of the runs, column by column. The first run is background; it
        is 0 where the top left pixel belongs to the object. All others are at least 1, and their
        sum is ``H * W``.

    Raises:
        ValueError: the mask is not bool, has another shape, or no pixel.

    Example:
        >>> mask = np.array([[0, 1, 1], [0, 1, 0]], bool)
        >>> rle_encode(mask).tolist()  # two of background, three of the object, one of background
        [2, 3, 1]
        >>> rle_encode(~mask).tolist()
        [0, 2, 3, 1]
    """
    check_mask(mask)
    # Step 1: put the columns one after the other: the first from top to bottom, then the second.
    pixels = mask.T.ravel()
    # Step 2: a run begins where a pixel differs from the one before. Write down these places, and
    # where the first run begins and the last one ends.
    changes = np.flatnonzero(pixels[1:] != pixels[:-1]) + 1
    borders = np.concatenate([[0], changes, [pixels.size]])
    # Step 3: the length of a run is the distance from its border to the next.
    lengths = np.diff(borders)
    # Step 4: the first number counts background. If there is none before the object, it is 0.
    return np.concatenate([[0], lengths]) if pixels[0] else lengths


def rle_decode(lengths: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The mask that run lengths stand for: the inverse of ``rle_encode``.

    Args:
        lengths: ``(R,)`` whole numbers, background first.
        size: height and width in pixels.

    Returns:
        ``(H, W)`` bool.

    Raises:
        ValueError: the runs do not fill the image, or one is negative.

    Example:
        >>> rle_decode([2, 3, 1], (2, 3)).astype(int)
        array([[0, 1, 1],
               [0, 1, 0]])
    """
    lengths = np.asarray(lengths)
    height, width = size
    if (lengths < 0).any() or lengths.sum() != height * width:
        raise ValueError(
            f"the runs are {lengths.sum()} pixels long, the image has {height} x {width} = "
            f"{height * width}"
        )
    # Every other run is background.
    pixels = np.repeat(np.arange(len(lengths)) % 2 == 1, lengths)
    return pixels.reshape(width, height).T


def rle_to_string(lengths: np.ndarray) -> str:
    """Run lengths as the string in which COCO stores them.

    From the fourth run on, only the difference to the run before the last is stored: neighbouring
    columns are alike, so these differences are small. A number is cut into pieces of five bits, the
    lowest first. A piece is a character from "0" (48) on; a sixth bit tells that more pieces
    follow. The highest bit of the last piece is the sign.

    Args:
        lengths: ``(R,)`` whole numbers, background first.

    Example:
        >>> rle_to_string([2, 3, 1])
        '231'
        >>> rle_to_string([100, 3, 97, 3, 97])
        'T33Q300'
    """
    lengths = np.asarray(lengths, np.int64)
    characters = np.empty(13 * len(lengths), np.uint8)
    return characters[: _write_string(lengths, characters)].tobytes().decode("ascii")


def rle_from_string(string: str) -> np.ndarray:
    """The run lengths in a string of COCO: the inverse of ``rle_to_string``.

    Args:
        string: as COCO stores it.

    Returns:
        ``(R,)`` int64, background first.

    Raises:
        ValueError: a character is none of COCO's, or the last number is cut off.

    Example:
        >>> rle_from_string("T33Q300").tolist()
        [100, 3, 97, 3, 97]
    """
    text = np.frombuffer(string.encode("latin-1", "replace"), np.uint8)
    lengths = np.empty(len(text), np.int64)
    count = _read_string(text, lengths)
    if count < 0:
        raise ValueError(f"{_shortened(string)} is {PROBLEMS[count]}")
    return lengths[:count]


def rle_strings(labels: np.ndarray) -> dict[int, str]:
    """The masks of all objects of a label map at once, as strings.

    Args:
        labels: ``(H, W)`` whole numbers, 0 is background.

    Returns:
        For each label but 0, in ascending order, the string of its mask.

    Example:
        >>> rle_strings(np.array([[0, 1001, 1001], [0, 1001, 2001]]))
        {1001: '231', 2001: '51'}
    """
    pixels = labels.T.ravel()
    changes = np.flatnonzero(pixels[1:] != pixels[:-1]) + 1
    borders = np.concatenate([[0], changes, [pixels.size]])
    values = pixels[borders[:-1]]
    strings = {}
    for label in np.unique(values[values != 0]).tolist():
        mine = np.flatnonzero(values == label)
        # Where each run of this object begins, and where the background after it does.
        own = np.stack([borders[mine], borders[mine + 1]], axis=1).ravel()
        ends = [] if own[-1] == pixels.size else [pixels.size]
        strings[label] = rle_to_string(np.diff(own, prepend=0, append=ends))
    return strings


def check_mask(mask: np.ndarray) -> None:
    """Refuse what is no binary mask.

    Raises:
        ValueError: it is not bool, has another shape than ``(H, W)``, or no pixel.
    """
    if not isinstance(mask, np.ndarray) or mask.dtype != bool:
        kind = getattr(mask, "dtype", type(mask).__name__)
        raise ValueError(f"the mask is {kind}, a binary mask is a bool array: labels == 1")
    if mask.ndim != 2 or mask.size == 0:
        raise ValueError(f"the mask has the shape {mask.shape}, not (H, W) with pixels")


# --- many masks at once -----------------------------------------------------------------------


@dataclass(frozen=True)
class Runs:
    """The object pixels of many masks, as intervals of a long strip of pixels.

    The columns of all images lie one after the other on this strip, so whole videos are compared
    by walking along it.

    Attributes:
        begins: ``(R,)`` int64, ascending: where each run begins.
        ends: ``(R,)`` int64: the first pixel after each run.
        owners: ``(R,)`` int64: to which mask it belongs.
    """

    begins: np.ndarray
    ends: np.ndarray
    owners: np.ndarray


class RunLengthError(ValueError):
    """A mask is damaged, or overlaps another.

    Attributes:
        mask: the number of the mask.
        other: the number of the mask that it overlaps, or None.
    """

    def __init__(self, message: str, mask: int, other: int | None = None) -> None:
        super().__init__(message)
        self.mask, self.other = mask, other


def strip_of_runs(
    text: bytes, starts: np.ndarray, stops: np.ndarray, pixels: int, image: np.ndarray
) -> tuple[Runs, np.ndarray]:
    """Read many masks of images of one size.

    Args:
        text: holds the strings of COCO.
        starts: ``(N,)`` int64: the string of mask i is ``text[starts[i] : stops[i]]``.
        stops: ``(N,)`` int64.
        pixels: how many pixels an image has.
        image: ``(N,)`` int64: in which image each mask lies. Masks of one image must not overlap.

    Returns:
        The runs, and the area of each mask in pixels, ``(N,)`` int64.

    Raises:
        RunLengthError: a string is damaged, its runs do not fill the image, or two masks overlap.

    Example:
        >>> places = np.array([0, 3]), np.array([3, 5])
        >>> runs, areas = strip_of_runs(b"23151", *places, 6, np.array([0, 0]))
        >>> runs.begins.tolist(), runs.ends.tolist(), areas.tolist()
        ([2, 5], [5, 6], [3, 1])
    """
    characters = np.frombuffer(text, np.uint8)
    # A run takes at least one character, and every other run is background.
    begins, ends, owners = np.empty((3, int((stops - starts + 1).sum()) // 2), np.int64)
    areas = np.empty(len(starts), np.int64)
    count, mask, total = _read_strip(
        characters, starts, stops, pixels, image * pixels, begins, ends, owners, areas
    )
    if count == WRONG_LENGTH:
        raise RunLengthError(f"its runs reach to pixel {total}, the image has {pixels}", mask)
    if count < 0:
        string = text[starts[mask] : stops[mask]].decode("latin-1")
        raise RunLengthError(f"its run lengths {_shortened(string)} are {PROBLEMS[count]}", mask)
    # Each mask is in order already, which makes this sort a merge, and quick.
    order = np.argsort(begins[:count], kind="stable")
    runs = Runs(begins[order], ends[order], owners[order])
    overlapping = np.flatnonzero(runs.begins[1:] < runs.ends[:-1])
    if overlapping.size:
        first, second = sorted(runs.owners[overlapping[0] : overlapping[0] + 2].tolist())
        raise RunLengthError("it overlaps another mask of the same frame", second, first)
    return runs, areas


def add_intersections(
    first: Runs, second: Runs, rows: np.ndarray, columns: np.ndarray, total: np.ndarray
) -> None:
    """Count the pixels that masks of one strip share with those of another.

    Args:
        first: N masks.
        second: M masks, of images in the same order.
        rows: ``(N,)`` int64.
        columns: ``(M,)`` int64.
        total: int64; what mask i of the first shares with mask j of the second is added to
            ``total[rows[i] + columns[j]]``.

    Example:
        >>> image = np.zeros(1, np.int64)
        >>> first, _ = strip_of_runs(b"231", image, image + 3, 6, image)
        >>> second, _ = strip_of_runs(b"321", image, image + 3, 6, image)
        >>> total = np.zeros(1, np.int64)
        >>> add_intersections(first, second, image, image, total)
        >>> int(total[0])
        2
    """
    _walk(
        first.begins,
        first.ends,
        rows[first.owners],
        second.begins,
        second.ends,
        columns[second.owners],
        total,
    )


CUT_OFF, NO_CHARACTER, NEGATIVE, WRONG_LENGTH = -1, -2, -3, -4
PROBLEMS = {
    CUT_OFF: "cut off within a number",
    NO_CHARACTER: "not in the form of COCO: a character is none of '0' to 'o'",
    NEGATIVE: "damaged: one of them is negative",
}


def _shortened(string: str) -> str:
    return repr(string if len(string) <= 24 else f"{string[:20]}...")


@compiled
def _write_string(lengths: np.ndarray, characters: np.ndarray) -> int:
    """Write run lengths as COCO does. Returns the number of characters."""
    count = 0
    for i in range(len(lengths)):
        number = lengths[i] - lengths[i - 2] if i > 2 else lengths[i]
        more = True
        while more:
            piece = number & 31
            number >>= 5
            # What is left must be nothing but the sign that the fifth bit repeats.
            more = number != (-1 if piece & 16 else 0)
            characters[count] = 48 + piece + (32 if more else 0)
            count += 1
    return count


@compiled
def _read_string(text: np.ndarray, lengths: np.ndarray) -> int:
    """Read the run lengths in a string. Returns how many there are, or what is wrong."""
    count, number, bits = 0, 0, 0
    for character in text:
        piece = int(character) - 48
        if piece < 0 or piece > 63 or bits > 50:
            return -2
        number |= (piece & 31) << bits
        bits += 5
        if piece & 32 == 0:
            if piece & 16:
                number |= -1 << bits  # a negative number: ones before it
            lengths[count] = number + lengths[count - 2] if count > 2 else number
            count, number, bits = count + 1, 0, 0
    return -1 if bits else count


@compiled
def _read_strip(
    text: np.ndarray,
    starts: np.ndarray,
    stops: np.ndarray,
    pixels: int,
    shift: np.ndarray,
    begins: np.ndarray,
    ends: np.ndarray,
    owners: np.ndarray,
    areas: np.ndarray,
) -> tuple[int, int, int]:
    """Read all masks into the last four arrays.

    Returns:
        The number of runs; or what is wrong, with which mask, and how long its runs are.
    """
    count = 0
    for mask in range(len(starts)):
        before, last, position, area, run = 0, 0, 0, 0, 0
        number, bits = 0, 0
        for i in range(starts[mask], stops[mask]):
            piece = int(text[i]) - 48
            if piece < 0 or piece > 63 or bits > 50:
                return -2, mask, 0
            number |= (piece & 31) << bits
            bits += 5
            if piece & 32:
                continue
            if piece & 16:
                number |= -1 << bits
            length = number + before if run > 2 else number
            if length < 0:
                return -3, mask, 0
            if length > pixels - position:
                return -4, mask, position + length
            if run % 2 and length:
                begins[count] = shift[mask] + position
                ends[count] = shift[mask] + position + length
                owners[count] = mask
                count += 1
                area += length
            position += length
            before, last = last, length
            run, number, bits = run + 1, 0, 0
        if bits:
            return -1, mask, 0
        if position != pixels:
            return -4, mask, position
        areas[mask] = area
    return count, 0, 0


@compiled
def _walk(
    first_begins: np.ndarray,
    first_ends: np.ndarray,
    rows: np.ndarray,
    second_begins: np.ndarray,
    second_ends: np.ndarray,
    columns: np.ndarray,
    total: np.ndarray,
) -> None:
    """Walk along both lists of runs at once, and add up what they share."""
    i, j = 0, 0
    while i < len(first_begins) and j < len(second_begins):
        shared = min(first_ends[i], second_ends[j]) - max(first_begins[i], second_begins[j])
        if shared > 0:
            total[rows[i] + columns[j]] += shared
        # The run that ends first meets nothing more.
        if first_ends[i] < second_ends[j]:
            i += 1
        else:
            j += 1

"""Two operations on binary masks that take most of the time of the boundary measure."""

import numpy as np

from vos_lab.compiled import compiled


def dilate_disk(mask: np.ndarray, radius: int) -> np.ndarray:
    """Widen a mask by a disk: every pixel within ``radius`` of one that is set.

    Args:
        mask: ``(H, W)`` bool.
        radius: pixels; the disk is ``x*x + y*y <= radius*radius``.

    Returns:
        ``(H, W)`` bool.

    Example:
        >>> mask = np.zeros((3, 3), bool)
        >>> mask[1, 1] = True
        >>> dilate_disk(mask, 1).astype(int)
        array([[0, 1, 0],
               [1, 1, 1],
               [0, 1, 0]])
    """
    near = dilate_words(pack(mask), radius).view(np.uint8)
    return np.unpackbits(near, axis=1, count=mask.shape[1], bitorder="little").view(bool)


def count_near(points: np.ndarray, target: np.ndarray, radius: int) -> int:
    """How many points have a pixel of the target within ``radius``?

    Args:
        points: ``(H, W)`` bool.
        target: ``(H, W)`` bool.
        radius: pixels; near is ``x*x + y*y <= radius*radius``.

    Example:
        >>> row = np.array([[True, True, True, False]])
        >>> count_near(row, np.array([[False, False, True, False]]), radius=1)
        2
    """
    near = pack(points) & dilate_words(pack(target), radius)
    return int(np.bitwise_count(near).sum())


def pack(mask: np.ndarray) -> np.ndarray:
    """Put 64 pixels of a row into a word, so that one operation works on all of them.

    Args:
        mask: ``(H, W)`` bool.

    Returns:
        ``(H, columns)`` uint64: pixel x of a row is bit x % 64 of word x // 64. Bits beyond the
        width are 0.

    Example:
        >>> pack(np.array([[True, False, True]])).tolist()
        [[5]]
    """
    packed = np.packbits(mask, axis=1, bitorder="little")
    words = np.zeros((len(mask), -(-mask.shape[1] // 64)), np.uint64)
    words.view(np.uint8)[:, : packed.shape[1]] = packed
    return words


@compiled
def boundary_words(words: np.ndarray, width: int) -> np.ndarray:
    """As ``mask_boundary``, but of a packed mask that is ``width`` pixels wide."""
    height, columns = words.shape
    boundary = np.empty((height, columns), np.uint64)
    one, top = np.uint64(1), np.uint64(63)
    last = one << np.uint64((width - 1) % 64)
    for y in range(height):
        here, below, result = words[y], words[min(y + 1, height - 1)], boundary[y]
        for x in range(columns):
            if x + 1 < columns:
                right = here[x] >> one | here[x + 1] << top
                lower_right = below[x] >> one | below[x + 1] << top
            else:  # the last pixel of a row is repeated
                right = here[x] >> one | here[x] & last
                lower_right = below[x] >> one | below[x] & last
            result[x] = (here[x] ^ right) | (here[x] ^ below[x]) | (here[x] ^ lower_right)
    return boundary


@compiled
def dilate_words(words: np.ndarray, radius: int) -> np.ndarray:
    """As ``dilate_disk``, but of a packed mask. Bits beyond the width may be set afterwards."""
    height, columns = words.shape
    one, last = np.uint64(1), np.uint64(63)
    # Each column of words lies in a row here: the inner loops are long, and the compiler can work
    # on several words at once. Around the columns is a frame of background.
    wide = np.zeros((columns + 2, height), np.uint64)
    wide[1:-1] = words.T
    wider = wide.copy()
    near = np.zeros((columns, height), np.uint64)
    half_width = 0
    # The disk is a stack of lines. Those at its top and bottom are the shortest.
    for dy in range(radius, -1, -1):
        while (half_width + 1) ** 2 + dy**2 <= radius**2:
            half_width += 1
            for x in range(1, columns + 1):
                left, here, right, grown = wide[x - 1], wide[x], wide[x + 1], wider[x]
                for y in range(height):
                    moved = here[y] << one | here[y] >> one | left[y] >> last | right[y] << last
                    grown[y] = here[y] | moved
            wide, wider = wider, wide
        if dy < height:
            for x in range(columns):
                upper, lower = near[x, : height - dy], near[x, dy:]
                from_lower, from_upper = wide[x + 1, dy:], wide[x + 1, : height - dy]
                for y in range(height - dy):
                    upper[y] |= from_lower[y]
                for y in range(height - dy):
                    lower[y] |= from_upper[y]
    return near.T.copy()


def box_around(first: np.ndarray, second: np.ndarray) -> tuple[slice, slice]:
    """The part of the image where at least one of two masks has something, and a margin.

    Args:
        first: ``(H, W)`` bool.
        second: the same.

    Returns:
        Rows and columns, with at least one pixel more on each side where the image has one. (Not
        the smallest box: it is found by steps of 8 pixels.) One pixel where both are empty.

    Example:
        >>> mask = np.zeros((100, 100), bool)
        >>> mask[50, 40:60] = True
        >>> box_around(mask, mask)
        (slice(49, 52, None), slice(32, 65, None))
    """
    height, width = first.shape
    words = [np.ascontiguousarray(mask).ravel().view(np.uint8) for mask in (first, second)]
    if first.size % 8:
        words = [np.pad(mask, (0, -first.size % 8)) for mask in words]
    rows, columns = _rows_and_columns(
        words[0].view(np.uint64), words[1].view(np.uint64), height, width
    )
    if not rows.any():
        return slice(0, 1), slice(0, 1)
    top, bottom = np.flatnonzero(rows)[[0, -1]].tolist()
    left, right = np.flatnonzero(columns)[[0, -1]].tolist()
    return slice(max(top - 1, 0), bottom + 2), slice(max(8 * left - 8, 0), 8 * right + 9)


@compiled
def _rows_and_columns(
    first: np.ndarray, second: np.ndarray, height: int, width: int
) -> tuple[np.ndarray, np.ndarray]:
    """In which rows and columns two masks have something; 8 pixels to a word.

    A word may begin up to 7 pixels before its row, so element i of the columns, ``(W / 8 + 2,)``,
    is about the pixels from ``8 * i - 7`` to ``8 * i + 7``.
    """
    rows, columns = np.zeros(height, np.bool_), np.zeros(width // 8 + 2, np.uint64)
    for y in range(height):
        start, stop = y * width // 8, ((y + 1) * width - 1) // 8 + 1
        a, b = first[start:stop], second[start:stop]
        there = np.uint64(0)
        for i in range(stop - start):
            word = a[i] | b[i]
            columns[i] |= word
            there |= word
        rows[y] = there != 0
    return rows, columns

"""Binary masks with 64 pixels in a word: what makes the boundary measure fast.

A mask of 480 x 854 pixels is 410 KB as bool and 51 KB as bits, and one operation on a word works
on 64 pixels. Nothing is approximated: every function here gives the same mask as its slow form.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

WORD = 64


@dataclass(frozen=True)
class Bits:
    """A binary mask, or several, packed: pixel x of a row is bit ``x % 64`` of word ``x // 64``.

    Attributes:
        words: ``(..., H, ceil(width / 64))`` uint64. Bits beyond the width are 0.
        width: of the mask, pixels.

    Example:
        >>> mask = np.array([[True, False, True]])
        >>> bits = Bits.pack(mask)
        >>> bits.words, bits.count()
        (array([[5]], dtype=uint64), 2)
        >>> bits.unpack()
        array([[ True, False,  True]])
    """

    words: np.ndarray
    width: int

    @staticmethod
    def pack(mask: np.ndarray) -> "Bits":
        """Pack bool masks ``(..., H, W)``."""
        return Bits(_as_words(np.packbits(mask, axis=-1, bitorder="little")), mask.shape[-1])

    def unpack(self) -> np.ndarray:
        """The bool masks ``(..., H, W)`` again."""
        bits = np.unpackbits(
            self.words.view(np.uint8), axis=-1, count=self.width, bitorder="little"
        )
        return bits.view(bool)

    def count(self) -> int:
        """The number of pixels that are set."""
        return int(np.bitwise_count(self.words).sum(dtype=np.int64))

    def __getitem__(self, index: int) -> "Bits":
        """One of several masks."""
        return Bits(self.words[index], self.width)

    def __and__(self, other: "Bits") -> "Bits":
        return Bits(self.words & other.words, self.width)

    def __or__(self, other: "Bits") -> "Bits":
        return Bits(self.words | other.words, self.width)

    def __xor__(self, other: "Bits") -> "Bits":
        return Bits(self.words ^ other.words, self.width)

    def right(self) -> "Bits":
        """At each pixel its right neighbour; the last column is repeated."""
        words = self.words >> 1
        words[..., :-1] |= self.words[..., 1:] << (WORD - 1)
        last = np.uint64(1 << ((self.width - 1) % WORD))
        words[..., -1] |= self.words[..., -1] & last
        return Bits(words, self.width)

    def lower(self) -> "Bits":
        """At each pixel its lower neighbour; the last row is repeated."""
        words = np.empty_like(self.words)
        words[..., :-1, :] = self.words[..., 1:, :]
        words[..., -1, :] = self.words[..., -1, :]
        return Bits(words, self.width)

    def dilate(self, radius: int) -> "Bits":
        """Every pixel within a disk ``x*x + y*y <= radius*radius`` of one that is set."""
        # The disk is a stack of rectangles. From the tallest, which is narrow, to the flattest:
        # widen the rows of the mask (wide), and let what is there so far grow up and down.
        wide = disk = _with_halo(self.words)
        half_width, half_height, fresh = 0, radius, HALO
        for next_width, next_height in _rectangles(radius):
            disk = _grow_rows(disk, half_height - next_height)
            half_height = next_height
            while half_width < next_width:
                if fresh == 0:
                    wide, fresh = _renew_halo(wide), HALO
                # Each step may double the reach. A longer one would leave holes at the border.
                step = min(next_width - half_width, half_width + 1, fresh)
                wider = wide << step
                wider |= wide >> step
                wider |= wide
                wide = wider
                half_width += step
                fresh -= step
            disk = disk | wide
        words = _without_halo(_grow_rows(disk, half_height), self.words.shape[-1])
        words[..., -1] &= np.uint64(2**WORD - 1 >> (-self.width % WORD))
        return Bits(words, self.width)


# Widening moves bits from one word to the next. To have them at hand, a word here holds 48 pixels
# of its own, and on both sides 8 that belong to its neighbours: the halo. One step of widening
# spoils as many pixels of the halo as it moves, so the halo is renewed when it is used up.
HALO = 8
OWN = np.uint64(((1 << (WORD - 2 * HALO)) - 1) << HALO)


def _with_halo(words: np.ndarray) -> np.ndarray:
    *outer, height, columns = words.shape
    rows = np.zeros((*outer, height, columns * 8 + 16), np.uint8)
    rows[..., 1 : columns * 8 + 1] = words.view(np.uint8)
    # Word i is made of the bytes 6 i to 6 i + 8: six of its own, one of each neighbour.
    shape, strides = (*outer, height, -(-columns * 8 // 6)), (*rows.strides[:-1], 6)
    return np.ndarray(shape, "<u8", buffer=rows, strides=strides).copy()


def _without_halo(words: np.ndarray, columns: int) -> np.ndarray:
    own = words.view(np.uint8).reshape(*words.shape, 8)[..., 1:7]
    rows = own.reshape(*words.shape[:-1], words.shape[-1] * 6)
    return np.ascontiguousarray(rows[..., : columns * 8]).view("<u8")


def _renew_halo(words: np.ndarray) -> np.ndarray:
    own = words & OWN
    words = own.copy()
    words[..., 1:] |= own[..., :-1] >> (WORD - 2 * HALO)
    words[..., :-1] |= own[..., 1:] << (WORD - 2 * HALO)
    return words


@cache
def _rectangles(radius: int) -> list[tuple[int, int]]:
    """Half widths and half heights of rectangles whose union is the disk, the tallest first."""
    half_widths = [int((radius**2 - y**2) ** 0.5) for y in range(radius + 1)]
    return [
        (half_widths[y], y)
        for y in range(radius, -1, -1)
        if y == radius or half_widths[y] > half_widths[y + 1]
    ]


def _grow_rows(words: np.ndarray, reach: int) -> np.ndarray:
    """Let every bit grow up and down by ``reach`` rows."""
    done = 0
    while done < reach:
        # Each step may double the reach. A longer one would leave holes at the border.
        step = min(reach - done, done + 1)
        grown = words.copy()
        grown[..., step:, :] |= words[..., :-step, :]
        grown[..., :-step, :] |= words[..., step:, :]
        words, done = grown, done + step
    return words


def pack_pair(first: np.ndarray, second: np.ndarray) -> Bits:
    """Pack two masks ``(H, W)``, both cut to the rows and bytes where either has something.

    Around the pixels that are set stays a margin, so that no boundary is cut off.
    """
    pair = [np.packbits(mask, axis=1, bitorder="little") for mask in (first, second)]
    both = pair[0] | pair[1]
    rows = np.flatnonzero(both.any(axis=1))
    columns = np.flatnonzero(np.bitwise_or.reduce(both, axis=0))
    if len(rows) == 0:
        rows = columns = np.zeros(1, int)
    top, bottom = max(rows[0] - 1, 0), rows[-1] + 2
    left, right = max(int(columns[0]) - 1, 0), int(columns[-1]) + 2
    width = min(first.shape[1], right * 8) - left * 8
    return Bits(_as_words(*(packed[top:bottom, left:right] for packed in pair)), width)


def _as_words(*packed: np.ndarray) -> np.ndarray:
    """Rows of bytes as rows of words; zeros where the last word is not full."""
    *outer, width = packed[0].shape
    rows = np.zeros((len(packed), *outer, -(-width // 8) * 8), np.uint8)
    for row, part in zip(rows, packed, strict=True):
        row[..., :width] = part
    return rows.view("<u8") if len(packed) > 1 else rows[0].view("<u8")

"""Which masks of the truth and of a result meet, and in how many pixels.

Everything that MOTS measures follows from these counts. They are found by walking along the run
lengths of both, some frames at a time; no mask is ever drawn.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from vos_lab.datasets.mots import IGNORE, MotsSequence, blocks
from vos_lab.datasets.run_lengths import add_intersections


@dataclass(frozen=True, eq=False)
class Overlaps:
    """The masks of one category, and the pairs of them that meet.

    N masks of the truth and M of the result, both by frame, and P pairs by frame, then by mask.

    Attributes:
        frames: how many frames the video has.
        truth_frame: ``(N,)`` int64: the number of the frame.
        truth_id: ``(N,)`` int64: which of the objects, from 0.
        truth_area: ``(N,)`` int64, pixels.
        result_frame: ``(M,)`` int64.
        result_id: ``(M,)`` int64: which of the tracks, from 0.
        result_area: ``(M,)`` int64, pixels.
        ignored: ``(M,)`` float64: the share of each mask that lies in regions to ignore.
        truth: ``(P,)`` int64: the mask of the truth in each pair.
        result: ``(P,)`` int64: the mask of the result.
        shared: ``(P,)`` int64: the pixels that both have, at least 1.
    """

    frames: int
    truth_frame: np.ndarray
    truth_id: np.ndarray
    truth_area: np.ndarray
    result_frame: np.ndarray
    result_id: np.ndarray
    result_area: np.ndarray
    ignored: np.ndarray
    truth: np.ndarray
    result: np.ndarray
    shared: np.ndarray

    @property
    def objects(self) -> int:
        """How many objects the truth has."""
        return int(self.truth_id.max(initial=-1)) + 1

    @property
    def tracks(self) -> int:
        """How many tracks the result has."""
        return int(self.result_id.max(initial=-1)) + 1

    @cached_property
    def iou(self) -> np.ndarray:
        """``(P,)`` float64: intersection over union of each pair."""
        union = self.truth_area[self.truth] + self.result_area[self.result] - self.shared
        return self.shared / union

    @cached_property
    def pair_frame(self) -> np.ndarray:
        """``(P,)`` int64: the frame of each pair."""
        return self.truth_frame[self.truth]

    @cached_property
    def rows(self) -> dict[int, tuple[slice, slice, slice]]:
        """For each frame with a pair: the masks of the truth, of the result, and the pairs."""
        frames = np.unique(self.pair_frame)
        columns = (self.truth_frame, self.result_frame, self.pair_frame)
        starts = [np.searchsorted(column, frames).tolist() for column in columns]
        stops = [np.searchsorted(column, frames, side="right").tolist() for column in columns]
        slices = [list(map(slice, *both)) for both in zip(starts, stops, strict=True)]
        return dict(zip(frames.tolist(), zip(*slices, strict=True), strict=True))

    def matrix(self, frame: int, values: np.ndarray) -> np.ndarray:
        """What each pair of a frame has, as ``(n, m)``: 0 where two masks do not meet.

        Args:
            frame: its number.
            values: ``(P,)``, one for each pair.
        """
        truth, result, pairs = self.rows[frame]
        shape = (truth.stop - truth.start, result.stop - result.start)
        filled = np.zeros(shape, values.dtype)
        filled[self.truth[pairs] - truth.start, self.result[pairs] - result.start] = values[pairs]
        return filled

    def ambiguous_frames(self, possible: np.ndarray) -> list[int]:
        """The frames in which a mask has several partners, so that one must be chosen.

        Args:
            possible: ``(P,)`` bool: the pairs that may be matched.
        """
        truth, result = self.truth[possible], self.result[possible]
        several = (np.bincount(truth)[truth] > 1) | (np.bincount(result)[result] > 1)
        return np.unique(self.pair_frame[possible][several]).tolist()

    def without(self, removed: np.ndarray) -> "Overlaps":
        """The same without some masks of the result.

        Args:
            removed: ``(M,)`` bool.
        """
        if not removed.any():
            return self
        kept = ~removed
        pairs = kept[self.result]
        return replace(
            self,
            result_frame=self.result_frame[kept],
            result_id=_numbered(self.result_id[kept]),
            result_area=self.result_area[kept],
            ignored=self.ignored[kept],
            truth=self.truth[pairs],
            result=(np.cumsum(kept) - 1)[self.result[pairs]],
            shared=self.shared[pairs],
        )


def find_overlaps(
    truth: MotsSequence, result: MotsSequence, categories: dict[str, int]
) -> dict[str, Overlaps]:
    """Compare two sequences, category by category.

    Args:
        truth: the true objects.
        result: those of a tracker, in the same frames.
        categories: the categories to look at, by name.

    Returns:
        What meets what, for each category.

    Raises:
        ValueError: their frames or the size of their images differ.

    Example:
        >>> from vos_lab.datasets.mots import MotsObject
        >>> mask = np.array([[0, 1, 1], [0, 1, 0]], bool)
        >>> truth = MotsSequence.of("street", [[MotsObject.of(1001, 1, mask)]])
        >>> result = MotsSequence.of("street", [[MotsObject.of(7, 1, mask | True)]])
        >>> find_overlaps(truth, result, {"car": 1})["car"].iou.tolist()
        [0.5]
    """
    if truth.numbers != result.numbers:
        raise ValueError(
            f"{result.source}: has the frames {result.numbers.start} to {result.numbers.stop - 1}, "
            f"but {truth.source} has {truth.numbers.start} to {truth.numbers.stop - 1}"
        )
    if truth.size and result.size and truth.size != result.size:
        raise ValueError(
            f"{result.where(0)}: the mask belongs to an image of {result.size[1]} x "
            f"{result.size[0]} pixels, that of {truth.where(0)} to one of {truth.size[1]} x "
            f"{truth.size[0]}"
        )
    pairs, areas = _pairs(truth, result)
    return {
        name: _of_category(truth, result, pairs, areas, each) for name, each in categories.items()
    }


def _of_category(
    truth: MotsSequence,
    result: MotsSequence,
    pairs: np.ndarray,
    areas: tuple[np.ndarray, np.ndarray],
    category: int,
) -> Overlaps:
    ours, theirs = truth.category == category, result.category == category
    first, second, shared = pairs
    truth_area, result_area = areas[0][ours], areas[1][theirs]
    # Regions to ignore do not overlap, so what a mask shares with each of them adds up.
    ignore = truth.category[first] == IGNORE
    inside = np.bincount(second[ignore], shared[ignore], len(theirs))
    chosen = ours[first] & theirs[second]
    return Overlaps(
        frames=len(truth.numbers),
        truth_frame=truth.frame[ours],
        truth_id=_numbered(truth.id[ours]),
        truth_area=truth_area,
        result_frame=result.frame[theirs],
        result_id=_numbered(result.id[theirs]),
        result_area=result_area,
        ignored=inside[theirs] / np.maximum(result_area, 1),
        truth=(np.cumsum(ours) - 1)[first[chosen]],
        result=(np.cumsum(theirs) - 1)[second[chosen]],
        shared=shared[chosen],
    )


def _numbered(ids: np.ndarray) -> np.ndarray:
    """Number the ids from 0, in ascending order."""
    return np.unique(ids, return_inverse=True)[1]


def _pairs(
    truth: MotsSequence, result: MotsSequence
) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """All pairs that share a pixel: masks of the truth, of the result, and the pixels, (3, P).

    Also the areas of all masks, as every one is read here.
    """
    found = [np.empty((3, 0), np.int64)]
    areas = np.empty(len(truth.frame), np.int64), np.empty(len(result.frame), np.int64)
    both = np.concatenate([truth.frame, result.frame])
    order = np.argsort(both, kind="stable")
    frames, lengths = both[order], np.concatenate([truth.lengths, result.lengths])[order]
    for start, stop in blocks(frames, lengths):
        first, last = frames[start], frames[stop - 1]
        a, b = (
            slice(*np.searchsorted(each.frame, [first, last + 1]).tolist())
            for each in (truth, result)
        )
        runs_a, areas[0][a] = truth.strip(a, first)
        runs_b, areas[1][b] = result.strip(b, first)
        # In each frame all n masks could meet all m: n rows of m counts, frame after frame.
        frame_a, frame_b = truth.frame[a] - first, result.frame[b] - first
        n, m = (np.bincount(each, minlength=last - first + 1) for each in (frame_a, frame_b))
        first_a, first_b, first_count = (np.cumsum(each) - each for each in (n, m, n * m))
        rows = first_count[frame_a] + (np.arange(len(frame_a)) - first_a[frame_a]) * m[frame_a]
        columns = np.arange(len(frame_b)) - first_b[frame_b]
        counts = np.zeros(int(n @ m), np.int64)
        add_intersections(runs_a, runs_b, rows, columns, counts)
        met = np.flatnonzero(counts)
        row = np.searchsorted(rows, met, side="right") - 1
        column = met - rows[row] + first_b[frame_a[row]]
        found.append(np.stack([row + a.start, column + b.start, counts[met]]))
    return np.concatenate(found, axis=1), areas

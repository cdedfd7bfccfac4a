"""A tracker for MOTS: many objects, no first mask, objects that come and go.

After TrackR-CNN (Voigtlaender et al., "MOTS: Multi-Object Tracking and Segmentation", CVPR 2019,
Section 5): a detector proposes masks in each frame, and the tracker decides which of them are the
same object. There one network gives masks and embeddings. Here the proposals come from outside,
and association asks two questions. Does the mask lie where optical flow carries the track (the
baseline "mask propagation" of the paper)? And does it look like the track (ReID)?

The tracker is online: it sees each frame once and never looks ahead. What it keeps is bounded.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import find_objects
from scipy.optimize import linear_sum_assignment

from vos_lab import flow
from vos_lab.datasets.detections import Detection
from vos_lab.datasets.mots import CATEGORIES, MotsObject, MotsSequence
from vos_lab.exercise import exercise

MOTS_CATEGORIES = set(CATEGORIES.values())  # a track of another category does not come out
BINS = 6  # of each colour channel in an appearance
GROWING = np.array([-1, -1, 1, 1])  # a box that grows by a pixel on each side


@exercise(minutes=20, difficulty=3, importance=5)
def associate(
    overlap: np.ndarray,
    likeness: np.ndarray,
    appearance_weight: float = 0.5,
    least: float = 0.3,
    greedy: bool = False,
) -> np.ndarray:
    """Which proposal continues which track?

    A pair scores (1 - w) overlap + w likeness. It chooses the pairs with the largest sum of scores
    (Hungarian), or again and again the best pair that is left (greedy).

    Args:
        overlap: ``(T, N)`` float, IoU of each track's expected mask with each of N proposals.
        likeness: ``(T, N)`` float, 0 to 1, how alike they look.
        appearance_weight: w, 0 to 1.
        least: pairs with a score below it are impossible, and so are those without overlap.
        greedy: choose greedily.

    Returns:
        ``(T,)`` int64: the number of the proposal, or -1 for a track that no proposal continues.

    Example:
        >>> overlap = np.array([[0.9, 0.8], [0.8, 0.0]])
        >>> associate(overlap, overlap).tolist(), associate(overlap, overlap, greedy=True).tolist()
        ([1, 0], [0, -1])
    """
    # Step 1: one score for each pair, from place and looks.
    score = (1 - appearance_weight) * overlap + appearance_weight * likeness
    # Step 2: impossible pairs get the score 0, before anything is chosen: a pair that is thrown
    # away afterwards has already taken the place of a possible one.
    score = np.where((overlap > 0) & (score >= least), score, 0.0)
    # Step 3: choose pairs, at most one in each row and each column.
    if greedy:
        rows, columns = greedy_pairs(score)
    else:
        rows, columns = linear_sum_assignment(score, maximize=True)
    # Step 4: an assignment fills every row that it can. Leave out the impossible pairs.
    match = np.full(len(score), -1, np.int64)
    for row, column in zip(rows, columns, strict=True):
        if score[row, column] > 0:
            match[row] = column
    return match


def greedy_pairs(score: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The best pair, then the best of what is left, and so on.

    Args:
        score: ``(T, N)`` float.

    Returns:
        Rows and columns of the pairs, as many as the smaller side of ``score``.

    Example:
        >>> rows, columns = greedy_pairs(np.array([[0.9, 0.8], [0.8, 0.1]]))
        >>> rows.tolist(), columns.tolist()
        ([0, 1], [0, 1])
    """
    left = score.astype(float)
    rows, columns = [], []
    for _ in range(min(score.shape)):
        row, column = np.unravel_index(left.argmax(), left.shape)
        left[row], left[:, column] = -np.inf, -np.inf
        rows.append(int(row))
        columns.append(int(column))
    return np.array(rows, int), np.array(columns, int)


# --- what is proposed, where it lies, how it looks --------------------------------------------


def flatten_proposals(proposals: Sequence[Detection], size: tuple[int, int]) -> np.ndarray:
    """At most one proposal for each pixel: the most confident one lies on top.

    Args:
        proposals: N of them.
        size: height and width of the image.

    Returns:
        ``(H, W)`` int32: 0 background, i + 1 proposal i.

    Example:
        >>> left = Detection(np.array([[True, True, False]]), score=0.4, category=2)
        >>> right = Detection(np.array([[False, True, True]]), score=0.9, category=2)
        >>> flatten_proposals([left, right], (1, 3)).tolist()
        [[1, 2, 2]]
    """
    labels = np.zeros(size, np.int32)
    for i in np.argsort([proposal.score for proposal in proposals], kind="stable"):
        labels[proposals[i].mask] = i + 1
    return labels


def overlaps(first: np.ndarray, second: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """The IoU of each region of one label map with each of another.

    Args:
        first: ``(H, W)`` whole numbers, regions 1 to ``rows``, 0 is background.
        second: the same, regions 1 to ``columns``.
        rows: how many regions the first has.
        columns: how many the second has.

    Returns:
        ``(rows, columns)`` float64; 0 for a region without pixels.

    Example:
        >>> overlaps(np.array([[1, 1, 0]]), np.array([[1, 2, 2]]), 1, 2).round(2)
        array([[0.5 , 0.33]])
    """
    # One count for each pair of labels: the joint histogram of both maps.
    pairs = first.astype(np.int64) * (columns + 1) + second
    counts = np.bincount(pairs.ravel(), minlength=(rows + 1) * (columns + 1))
    shared = counts.reshape(rows + 1, columns + 1)
    union = np.add.outer(shared.sum(1), shared.sum(0)) - shared
    return shared[1:, 1:] / np.maximum(union[1:, 1:], 1)


def appearances(frame: np.ndarray, labels: np.ndarray, count: int) -> np.ndarray:
    """How each region looks: the share of its pixels in each of 6 x 6 x 6 colours.

    Args:
        frame: ``(H, W, 3)`` uint8.
        labels: ``(H, W)`` whole numbers, regions 1 to ``count``.
        count: N, how many regions there are.

    Returns:
        ``(N, 216)`` float64: square roots of the shares, so that the product of two appearances is
        their Bhattacharyya coefficient: 1 for the same colours, 0 for no colour in common.

    Example:
        >>> red_and_blue = np.array([[[200, 0, 0], [0, 0, 200]]], np.uint8)
        >>> looks = appearances(red_and_blue, np.array([[1, 2]]), 2)
        >>> (looks @ looks.T).tolist()
        [[1.0, 0.0], [0.0, 1.0]]
    """
    where = labels > 0
    red, green, blue = (frame[where].astype(np.int64) * BINS // 256).T
    colour = (red * BINS + green) * BINS + blue
    bins = (labels[where].astype(np.int64) - 1) * BINS**3 + colour
    counts = np.bincount(bins, minlength=count * BINS**3).reshape(count, BINS**3)
    return np.sqrt(counts / np.maximum(counts.sum(1, keepdims=True), 1))


def boxes(labels: np.ndarray, count: int) -> np.ndarray:
    """The box around each region.

    Args:
        labels: ``(H, W)`` whole numbers, regions 1 to ``count``.
        count: N, how many regions there are.

    Returns:
        ``(N, 4)`` float64: left, top, right, bottom, in pixels, the last two beyond the region; 0
        for a region without pixels.

    Example:
        >>> boxes(np.array([[0, 1, 1]]), 1).tolist()
        [[1.0, 0.0, 3.0, 1.0]]
    """
    found = np.zeros((count, 4))
    for i, slices in enumerate(find_objects(labels, count)):
        if slices is not None:
            rows, columns = slices
            found[i] = columns.start, rows.start, columns.stop, rows.stop
    return found


def box_overlaps(box: np.ndarray, labels: np.ndarray, areas: np.ndarray) -> np.ndarray:
    """The IoU of a box with each region of a label map.

    Args:
        box: left, top, right, bottom, in pixels; it may reach out of the image.
        labels: ``(H, W)`` whole numbers, regions 1 to N.
        areas: ``(N,)``, how many pixels each region has.

    Returns:
        ``(N,)`` float64.

    Example:
        >>> box_overlaps(np.array([0, 0, 2, 1]), np.array([[1, 0, 0]]), np.array([1])).tolist()
        [0.5]
    """
    left, top, right, bottom = np.maximum(np.rint(box).astype(int), 0)
    inside = labels[top:bottom, left:right]
    shared = np.bincount(inside.ravel(), minlength=len(areas) + 1)[1:]
    return shared / np.maximum(inside.size + areas - shared, 1)


# --- the tracker ------------------------------------------------------------------------------


@dataclass
class Track:
    """An object that is followed. Its mask, where it is seen, lies in the tracker's label map.

    Attributes:
        identity: its number, 1 and up, never given twice.
        look: its appearance, a running mean.
        box: left, top, right, bottom in pixels: where it is, or while it is hidden, may be.
        motion: dx, dy in pixels for each frame, a running mean.
        votes: for each category the sum of the confidence of its proposals.
        confirmed: whether it is believed, and comes out.
        hits: frames in which a proposal continued it.
        missed: frames since the last of these.
        hidden: frames since it was last seen. What the detector missed may still be seen.
    """

    identity: int
    look: np.ndarray
    box: np.ndarray
    motion: np.ndarray
    votes: dict[int, float]
    confirmed: bool
    hits: int = 1
    missed: int = 0
    hidden: int = 0

    @property
    def category(self) -> int:
        """The category with the most votes."""
        return max(self.votes, key=lambda category: self.votes[category])


@dataclass
class MotsTracker:
    """Tracks any number of objects through a video, one frame at a time.

    Args:
        use_flow: carry masks along optical flow; without it, they are expected where they were.
        appearance_weight: of likeness in the score of a pair, against overlap; 0 to 1.
        min_score: that a pair needs.
        greedy: take the best pairs one after another, and not the best sum of all together. The
            best sum would rather give two tracks a poor partner each than one of them a good one,
            and the other none; that is worse in crowds.
        min_confidence: proposals below it are not looked at.
        start_confidence: the confidence that a proposal needs to start a track.
        sure_confidence: from this confidence on a new track comes out at once.
        min_hits: others come out when so many proposals in a row have continued them.
        coast: for so many frames a track without a proposal still comes out, where flow has
            carried it, if what lies there still looks like it.
        min_likeness: how alike it must be for that, 0 to 1.
        patience: a hidden track ends after so many frames.
        reach: the box of a hidden track grows by so many pixels a frame on each side.
        flow_method: as in :func:`vos_lab.flow.estimate`.

    Example:
        >>> frame = np.zeros((40, 60, 3), np.uint8)
        >>> person = Detection(np.arange(2400).reshape(40, 60) % 60 < 9, score=0.9, category=2)
        >>> tracker = MotsTracker()
        >>> [[each.id for each in tracker.step(frame, [person])] for _ in range(3)]
        [[1], [1], [1]]
    """

    use_flow: bool = True
    appearance_weight: float = 0.5
    min_score: float = 0.3
    greedy: bool = True
    min_confidence: float = 0.1
    start_confidence: float = 0.5
    sure_confidence: float = 0.8
    min_hits: int = 2
    coast: int = 3
    min_likeness: float = 0.8
    patience: int = 30
    reach: float = 2.0
    flow_method: str = "dis"

    def __post_init__(self) -> None:
        self.tracks: list[Track] = []
        self.seen = np.zeros((0, 0), np.int32)  # i + 1 where tracks[i] was seen
        self.last_frame: np.ndarray | None = None
        self.count = 0

    def step(self, frame: np.ndarray, detections: Sequence[Detection]) -> list[MotsObject]:
        """Track the next frame.

        Args:
            frame: ``(H, W, 3)`` uint8, of the size of those before.
            detections: what a detector found in it; the masks may overlap.

        Returns:
            The objects that are seen, with masks that do not overlap.

        Raises:
            ValueError: the frame or a mask has another size.
        """
        proposals = [each for each in detections if each.score >= self.min_confidence]
        self._check(frame, proposals)
        count = len(proposals)
        labels = flatten_proposals(proposals, frame.shape[:2])
        looks = appearances(frame, labels, count)
        # Where should each track be now? Flow is taken backwards, as backward warping needs it.
        back = self._flow_to_last(frame)
        expected = flow.warp_mask(self.seen, back)
        match = self._associate(expected, labels, looks, proposals)

        places = boxes(labels, count)
        track_of = np.zeros(count + 1, np.int32)  # of each proposal, counted from 1; 0 is none
        for number, (track, i) in enumerate(zip(self.tracks, match.tolist(), strict=True), 1):
            if i >= 0:
                self._go_on(track, proposals[i], looks[i], places[i])
                track_of[i + 1] = number
        missed = match < 0
        for i in range(count):
            if (
                track_of[i + 1] == 0
                and proposals[i].score >= self.start_confidence
                and places[i].any()
            ):
                self._begin(proposals[i], looks[i], places[i])
                track_of[i + 1] = len(self.tracks)
        # What a proposal shows is seen; and so is what goes on without one, in full view.
        self.seen = track_of[labels] + self._coast(frame, expected, labels, missed)
        self._end()
        self.last_frame = frame
        return [
            MotsObject.of(track.identity, track.category, self.seen == number)
            for number, track in enumerate(self.tracks, 1)
            if track.confirmed and not track.hidden and track.category in MOTS_CATEGORIES
        ]

    def _associate(
        self,
        expected: np.ndarray,
        labels: np.ndarray,
        looks: np.ndarray,
        proposals: Sequence[Detection],
    ) -> np.ndarray:
        """The number of the proposal that continues each track, or -1."""
        shape = len(self.tracks), len(proposals)
        # Flow is wrong on what is small: a track may also still be where it was.
        overlap = np.maximum(
            overlaps(expected, labels, *shape), overlaps(self.seen, labels, *shape)
        )
        likeness = np.array([track.look for track in self.tracks]).reshape(-1, BINS**3) @ looks.T
        areas = np.bincount(labels.ravel(), minlength=len(proposals) + 1)[1:]
        for row, track in enumerate(self.tracks):
            if track.hidden:  # it may be anywhere in its box
                overlap[row] = box_overlaps(track.box, labels, areas)
        tracked = np.array([track.category for track in self.tracks])
        proposed = np.array([proposal.category for proposal in proposals])
        # A detector may take a car for a bus once. That makes a pair less likely, not impossible.
        doubt = np.where(np.equal.outer(tracked, proposed), 1.0, 0.5).reshape(shape)
        return associate(
            doubt * overlap, doubt * likeness, self.appearance_weight, self.min_score, self.greedy
        )

    def _begin(self, proposal: Detection, look: np.ndarray, box: np.ndarray) -> None:
        """Start a track. One false alarm looks like one object: the less sure have to wait."""
        self.count += 1
        votes = {proposal.category: proposal.score}
        confirmed = proposal.score >= self.sure_confidence or self.min_hits <= 1
        self.tracks.append(Track(self.count, look, box, np.zeros(2), votes, confirmed))

    def _go_on(self, track: Track, proposal: Detection, look: np.ndarray, box: np.ndarray) -> None:
        """Continue a track with a proposal."""
        # Running means: one bad mask, with a piece of somebody else, does not change much.
        track.look = 0.8 * track.look + 0.2 * look
        if track.missed == 0:
            # Of who is being hidden, or comes out again, only one edge moves: the one that is seen.
            edges = (box - track.box).reshape(2, 2)
            step = np.where(np.abs(edges[0]) > np.abs(edges[1]), edges[0], edges[1])
            track.motion = step if track.hits == 1 else 0.5 * track.motion + 0.5 * step
        track.box = box
        track.votes[proposal.category] = track.votes.get(proposal.category, 0) + proposal.score
        track.hits += 1
        track.missed = track.hidden = 0
        track.confirmed |= track.hits >= self.min_hits or proposal.score >= self.sure_confidence

    def _coast(
        self, frame: np.ndarray, expected: np.ndarray, labels: np.ndarray, missed: np.ndarray
    ) -> np.ndarray:
        """Go on with the tracks that no proposal continues.

        The detector may have missed what is in full view: what no proposal covers, and still looks
        like the track, is seen. The others are hidden, and move on as they did.

        Args:
            frame: ``(H, W, 3)`` uint8.
            expected: ``(H, W)``, i + 1 where flow has carried track i.
            labels: ``(H, W)``, the proposals; 0 is background.
            missed: for each track of the last frame, whether nothing continues it.

        Returns:
            ``(H, W)`` int32: i + 1 where track i is seen without a proposal.
        """
        uncovered = np.where(labels == 0, expected, 0)
        count = len(missed)
        looks, places = appearances(frame, uncovered, count), boxes(uncovered, count)
        areas, whole = (np.bincount(m.ravel(), minlength=count + 1) for m in (uncovered, expected))
        goes_on = np.zeros(count + 1, np.int32)
        for i in np.flatnonzero(missed):
            track = self.tracks[i]
            track.missed += 1
            in_view = areas[i + 1] > 0.5 * whole[i + 1]
            alike = looks[i] @ track.look >= self.min_likeness
            if track.confirmed and track.missed <= self.coast and in_view and alike:
                goes_on[i + 1] = i + 1
                track.box = places[i]
            else:
                track.hidden += 1
                track.box = track.box + np.tile(track.motion, 2) + self.reach * GROWING
        return goes_on[uncovered]

    def _end(self) -> None:
        """End tracks: never confirmed, hidden for too long, or gone out of the image."""
        height, width = self.seen.shape
        new_number, kept = np.zeros(len(self.tracks) + 1, np.int32), []
        for number, track in enumerate(self.tracks, 1):
            left, top, right, bottom = track.box
            inside = right > 0 and bottom > 0 and left < width and top < height
            waits = track.confirmed and track.hidden <= self.patience and inside
            if track.missed == 0 or waits:
                kept.append(track)
                new_number[number] = len(kept)
        self.tracks, self.seen = kept, new_number[self.seen]

    def _flow_to_last(self, frame: np.ndarray) -> np.ndarray:
        if self.last_frame is None or not self.use_flow:
            return np.zeros((*frame.shape[:2], 2), np.float32)
        return flow.estimate(frame, self.last_frame, self.flow_method)

    def _check(self, frame: np.ndarray, proposals: Sequence[Detection]) -> None:
        if self.last_frame is None:
            self.seen = np.zeros(frame.shape[:2], np.int32)
        elif frame.shape != self.last_frame.shape:
            raise ValueError(
                f"the frame is {frame.shape}, those before {self.last_frame.shape}; for another "
                "video, make another tracker"
            )
        for proposal in proposals:
            if proposal.mask.shape != frame.shape[:2]:
                raise ValueError(
                    f"a proposal has a mask of {proposal.mask.shape}, the frame {frame.shape[:2]}"
                )


def track(
    frames: Iterable[np.ndarray],
    detections: Iterable[Sequence[Detection]],
    tracker: MotsTracker | None = None,
    name: str = "video",
    first: int = 0,
) -> MotsSequence:
    """Track a whole video, frame by frame.

    Args:
        frames: T images, ``(H, W, 3)`` uint8.
        detections: T lists of what a detector has found.
        tracker: a fresh one; by default with its usual settings.
        name: of the video.
        first: the number of its first frame: 0 in KITTI MOTS, 1 in MOTS20.

    Returns:
        The tracks; ``write_mots_txt`` writes them for ``vos-lab evaluate-mots``.

    Raises:
        ValueError: the numbers of frames differ, or as in :meth:`MotsTracker.step`.

    Example:
        >>> frame = np.zeros((40, 60, 3), np.uint8)
        >>> person = Detection(np.arange(2400).reshape(40, 60) % 60 < 9, score=0.9, category=2)
        >>> track([frame] * 3, [[person], [], [person]]).id.tolist()
        [1, 1, 1]
    """
    tracker = tracker or MotsTracker()
    steps = (tracker.step(*both) for both in zip(frames, detections, strict=True))
    return MotsSequence.of(name, steps, first)

"""The track timeline: which track has followed which object, frame by frame, and where it broke."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import traitlets

from vos_lab.datasets.mots import IGNORE, MotsObject, MotsSequence
from vos_lab.metrics.mots import match_masks
from vos_lab.video import OBJECT_COLOURS, Lazy, Video
from vos_lab.view.encoding import encode_frames
from vos_lab.view.figures.page import (
    DARK,
    INK,
    WIDTH,
    Figure,
    Page,
    luminance,
    object_colour,
)
from vos_lab.view.widget import Widget, source

ROW, LABELS, AXIS = 18, 96, 44  # of the figure: a row, room for names, room below; pixels
ABSENT, MISSED = -1, 0


@dataclass(frozen=True)
class Timeline:
    """Which track matches which object in which frame.

    Attributes:
        objects: ``(K,)`` the true ids, by their first frame.
        tracks: ``(K, T)`` int64: the id of the track that matches the object, 0 where none does, -1
            where the object is not there.
        switches: for each identity switch the row of the object and the frame.
        boxes: ``(K, T, 4)`` int64: left, top, width and height of each object, in pixels; 0 where
            it is not there.
    """

    objects: np.ndarray
    tracks: np.ndarray
    switches: list[tuple[int, int]]
    boxes: np.ndarray


def timeline(truth: MotsSequence, result: MotsSequence) -> Timeline:
    """Follow every object of the truth through the tracks of a result.

    Args:
        truth: the true objects.
        result: those of a tracker, in the same frames.

    Returns:
        The timeline; a mask matches an object of its category above an IoU of 0.5.

    Raises:
        ValueError: the frames differ.

    Example:
        >>> mask = np.array([[0, 1, 1], [0, 1, 0]], bool)
        >>> truth = MotsSequence.of("street", [[MotsObject.of(3, 1, mask)]] * 4)
        >>> found = [[MotsObject.of(7, 1, mask)], [], [MotsObject.of(8, 1, mask)], []]
        >>> lines = timeline(truth, MotsSequence.of("street", found))
        >>> lines.tracks.tolist(), lines.switches
        ([[7, 0, 8, 0]], [(0, 2)])
    """
    if truth.numbers != result.numbers:
        raise ValueError(f"the truth has the frames {truth.numbers}, the result {result.numbers}")
    real = truth.category != IGNORE
    ids, first = np.unique(truth.id[real], return_index=True)
    objects = ids[np.argsort(truth.frame[real][first], kind="stable")]
    row_of = {int(id): row for row, id in enumerate(objects)}
    tracks = np.full((len(objects), len(truth)), ABSENT, np.int64)
    boxes = np.zeros((len(objects), len(truth), 4), np.int64)
    for t, (ours, theirs) in enumerate(zip(truth.frames, result.frames, strict=True)):
        for each in ours:
            if each.category != IGNORE:
                tracks[row_of[each.id], t] = MISSED
                boxes[row_of[each.id], t] = each.box
        for category in {each.category for each in ours} - {IGNORE}:
            mine = [each for each in ours if each.category == category]
            found = [each for each in theirs if each.category == category]
            for a, b in zip(*match_masks(*_shared(mine, found))[:2], strict=True):
                tracks[row_of[mine[a].id], t] = found[b].id
    return Timeline(objects, tracks, _switches(tracks), boxes)


def identity_maps(sequence: MotsSequence, size: tuple[int, int]) -> Lazy[np.ndarray]:
    """Label maps to show the identities of a sequence: the same colour for the same id.

    There are more ids than labels, so from 254 on labels are used again.

    Args:
        sequence: T frames of objects.
        size: height and width in pixels.

    Returns:
        T label maps, ``(H, W)`` uint8, drawn when they are asked for.

    Example:
        >>> one = MotsObject.of(255, 1, np.array([[True, False]]))
        >>> identity_maps(MotsSequence.of("street", [[one]]), (1, 2))[0].tolist()
        [[1, 0]]
    """

    def drawn(t: int) -> np.ndarray:
        labels = np.zeros(size, np.uint8)
        for each in sequence.frames[t]:
            if each.category != IGNORE:
                labels[each.mask] = label_of(each.id)
        return labels

    return Lazy(len(sequence), drawn)


def label_of(identity: int) -> int:
    """The label, 1 to 254, in whose colour an identity is shown."""
    return (identity - 1) % 254 + 1


def timeline_figure(lines: Timeline, *, title: str, alt: str = "", most: int = 24) -> Figure:
    """A row for each object: bars in the colours of its tracks, and a mark at each switch.

    Args:
        lines: from :func:`timeline`.
        title: a sentence that says what to see.
        alt: what the picture shows, in words.
        most: show at most so many objects: those that are there longest.

    Returns:
        The figure. A thin line is an object that no track matches.

    Raises:
        ValueError: no ``alt``, or no object.
    """
    if not len(lines.objects):
        raise ValueError("the truth has no object, so there is no timeline")
    there = (lines.tracks != ABSENT).sum(1)
    rows = np.sort(np.argsort(-there, kind="stable")[:most]).tolist()
    frames = lines.tracks.shape[1]
    with Page(title, alt, ROW * len(rows) + AXIS + 26) as page:
        axes = page.axes(LABELS, 26, WIDTH - LABELS - 8, ROW * len(rows))
        axes.set(xlim=(0, frames), ylim=(len(rows), 0), xlabel="frame")
        axes.set_yticks(np.arange(len(rows)) + 0.5, [f"object {lines.objects[r]}" for r in rows])
        axes.tick_params(axis="y", length=0)
        for y, row in enumerate(rows):
            for start, stop, track in segments(lines.tracks[row]):
                if track == MISSED:
                    axes.plot((start, stop), (y + 0.5, y + 0.5), color=INK, linewidth=1)
                elif track != ABSENT:
                    colour = object_colour(label_of(track))
                    axes.barh(y + 0.5, stop - start, 0.78, start, color=colour)
                    # The number, beside the mark of a switch, where there is room for it.
                    left = start + (0.012 if (row, start) in lines.switches else 0.005) * frames
                    if stop - left > (0.012 + 0.009 * len(str(track))) * frames:
                        ink = DARK if luminance(colour) > 0.18 else "white"
                        axes.text(left, y + 0.54, str(track), va="center", color=ink, fontsize=9)
        marks = [(t, rows.index(row) + 0.5) for row, t in lines.switches if row in rows]
        if marks:
            axes.plot(*zip(*marks, strict=True), linestyle="", marker="D", markersize=6,
                      color=DARK, markeredgecolor="white", markeredgewidth=1)  # fmt: skip
        page.text(LABELS, 4, "bars: the track, by number and colour   ", va="top", color=INK)
        page.text(LABELS + 300, 4, "◆ identity switch", va="top", color=INK)
        page.text(LABELS + 460, 4, "— visible, but not found", va="top", color=INK)
        return page.finished(photographic=False)


def segments(tracks: np.ndarray) -> list[tuple[int, int, int]]:
    """Runs of one number in a row of a timeline: first frame, frame after the last, number.

    Example:
        >>> segments(np.array([7, 7, 0, 8]))
        [(0, 2, 7), (2, 3, 0), (3, 4, 8)]
    """
    borders = [0, *(np.flatnonzero(np.diff(tracks)) + 1).tolist(), len(tracks)]
    return [(a, b, int(tracks[a])) for a, b in pairwise(borders)]


class TrackTimeline(Widget):
    """A tracker's result over time: click a bar to see the object in that frame.

    Everything goes to the browser once. Click or drag in the timeline, and then: left and right
    move by a frame, up and down go to another object, n and p to the next and the previous identity
    switch, Home and End to the ends. Without a kernel a figure stands in its place.

    Args:
        video: the frames.
        truth: the true objects.
        result: the tracks, in the same frames.
        title: a line above.

    Attributes:
        frame: the frame that is shown. Set it from Python, or observe it.
        row: the number of the object that is marked, counted from 0 in the order of the rows; -1
            for none.
        timeline: what is shown, as a :class:`Timeline`.

    Raises:
        ValueError: video, truth and result have different numbers of frames.

    Example:
        >>> mask = np.array([[0, 1, 1], [0, 1, 0]], bool)
        >>> truth = MotsSequence.of("street", [[MotsObject.of(3, 1, mask)]] * 4)
        >>> video = Video("street", np.zeros((4, 2, 3, 3), np.uint8))
        >>> TrackTimeline(video, truth, truth)
        TrackTimeline of street: 4 frames, 1 object, 0 identity switches
    """

    needs_kernel = False
    _esm = source("widgets/mots.js")
    _css = source("widgets/mots.css")

    # Without echo: it would take back where one has gone meanwhile.
    frame = traitlets.Int(0).tag(sync=True, echo_update=False)
    row = traitlets.Int(-1).tag(sync=True, echo_update=False)

    _images = traitlets.List(traitlets.Bytes()).tag(sync=True)
    _masks = traitlets.List(traitlets.Bytes()).tag(sync=True)
    _indices = traitlets.List(traitlets.Int()).tag(sync=True)
    _size = traitlets.List(traitlets.Int()).tag(sync=True)  # of the pictures that were sent
    _objects = traitlets.List(traitlets.Int()).tag(sync=True)
    _frames = traitlets.Int(0).tag(sync=True)
    _tracks = traitlets.Bytes(b"").tag(sync=True)  # int32, little endian, row by row
    _boxes = traitlets.Bytes(b"").tag(sync=True)  # float32, shares of width and height
    _switches: Any = traitlets.List().tag(sync=True)
    _colours = traitlets.Bytes(b"").tag(sync=True)
    _note = traitlets.Unicode("").tag(sync=True)

    def __init__(
        self,
        video: Video,
        truth: MotsSequence,
        result: MotsSequence,
        title: str = "Who is who? Click a bar to see the frame",
    ) -> None:
        if len(video) != len(truth):
            raise ValueError(f"{video.name}: {len(video)} frames, the truth has {len(truth)}")
        self.timeline = timeline(truth, result)
        self._name = video.name
        height, width = video.size
        sent = encode_frames(video, {"tracks": identity_maps(result, video.size)})
        super().__init__(
            _images=sent.images,
            _masks=sent.masks["tracks"],
            _indices=sent.indices,
            _size=list(sent.size),
            _objects=self.timeline.objects.tolist(),
            _frames=len(truth),
            _tracks=self.timeline.tracks.astype("<i4").tobytes(),
            _boxes=(self.timeline.boxes / [width, height, width, height]).astype("<f4").tobytes(),
            _switches=[list(switch) for switch in self.timeline.switches],
            _colours=OBJECT_COLOURS.tobytes(),
            _title=title,
            _note=sent.note,
        )

    @traitlets.validate("frame", "row")
    def _there_is(self, proposal: Any) -> int:
        name, value = proposal["trait"].name, proposal["value"]
        low, high = (0, self._frames) if name == "frame" else (-1, len(self._objects))
        if self._images and not low <= value < high:
            raise traitlets.TraitError(f"{name} goes from {low} to {high - 1}, not {value}")
        return int(value)

    def figure(self) -> Figure:
        """The timeline, for a page without a kernel."""
        return timeline_figure(
            self.timeline,
            title=self._title,
            alt=f"{self!r}. A row for each object, with bars in the colours of the tracks that "
            "follow it, and a mark at each switch.",
        )

    def __repr__(self) -> str:
        objects, switches = len(self._objects), len(self.timeline.switches)
        return (
            f"TrackTimeline of {self._name}: {self._frames} frames, {objects} "
            f"object{'s' if objects != 1 else ''}, {switches} identity "
            f"switch{'es' if switches != 1 else ''}"
        )


def _shared(
    truth: Sequence[MotsObject], result: Sequence[MotsObject]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What each pair of masks shares, and the areas of both, in pixels."""
    areas = [np.array([each.area for each in part], np.int64) for part in (truth, result)]
    shared = np.zeros((len(truth), len(result)), np.int64)
    if len(truth) and len(result):
        labels = np.zeros(truth[0].size, np.int32)  # masks of one frame do not overlap
        for number, each in enumerate(result, 1):
            labels[each.mask] = number
        for row, each in enumerate(truth):
            shared[row] = np.bincount(labels[each.mask], minlength=len(result) + 1)[1:]
    return shared, areas[0], areas[1]


def _switches(tracks: np.ndarray) -> list[tuple[int, int]]:
    """Where an object is matched by another track than the last time, however long ago."""
    found = []
    for row, line in enumerate(tracks):
        matched = np.flatnonzero(line > MISSED)
        changes = matched[1:][np.diff(line[matched]) != 0]
        found += [(row, int(t)) for t in changes]
    return found

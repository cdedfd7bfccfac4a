"""The track timeline: which track follows whom, where it switches, and what the browser gets."""

import io

import numpy as np
import pytest
import traitlets
from PIL import Image

from vos_lab.datasets.mots import MotsObject, MotsSequence
from vos_lab.metrics.mots import evaluate_mots
from vos_lab.video import OBJECT_COLOURS, Video
from vos_lab.view.widgets.mots import (
    TrackTimeline,
    identity_maps,
    label_of,
    segments,
    timeline,
    timeline_figure,
)

SIZE = (20, 40)


def box(left: int, width: int = 8) -> np.ndarray:
    mask = np.zeros(SIZE, bool)
    mask[4:14, left : left + width] = True
    return mask


def sequence(name: str, *frames: dict[int, np.ndarray], category: int = 2) -> MotsSequence:
    return MotsSequence.of(
        name,
        [[MotsObject.of(id, category, mask) for id, mask in frame.items()] for frame in frames],
    )


BOTH = {1: box(2), 2: box(20)}
TRUTH = sequence("street", {1: box(2)}, BOTH, BOTH, {2: box(20)}, BOTH)
RESULT = sequence("found", {7: box(2)}, {7: box(2), 9: box(20)}, {9: box(20)}, {300: box(21)},
                  {8: box(2), 9: box(34, 3)})  # fmt: skip
VIDEO = Video("street", np.full((5, *SIZE, 3), 90, np.uint8))


def test_a_row_holds_the_track_of_each_frame():
    lines = timeline(TRUTH, RESULT)
    assert lines.objects.tolist() == [1, 2]
    assert lines.tracks.tolist() == [[7, 7, 0, -1, 8], [-1, 9, 9, 300, 0]]
    assert lines.boxes[1, 1].tolist() == [20, 4, 8, 10]
    assert not lines.boxes[1, 0].any()


def test_switches_are_those_of_the_measure():
    lines = timeline(TRUTH, RESULT)
    assert lines.switches == [(0, 4), (1, 3)]  # also after a gap
    figures = evaluate_mots(TRUTH, RESULT, like="trackeval")["pedestrian"]["street"]
    assert figures["CLEAR"]["IDSW"] == 2


def test_a_track_of_another_category_follows_nobody():
    cars = sequence("cars", *[{7: box(2)}] * 5, category=1)
    assert set(timeline(TRUTH, cars).tracks.ravel().tolist()) == {-1, 0}


def test_regions_to_ignore_are_no_object():
    ignored = MotsObject.of(10000, 10, box(30))
    truth = MotsSequence.of("street", [[*objects, ignored] for objects in TRUTH.frames])
    assert timeline(truth, RESULT).tracks.tolist() == timeline(TRUTH, RESULT).tracks.tolist()


def test_frames_must_be_as_many():
    with pytest.raises(ValueError, match="the result"):
        timeline(TRUTH, sequence("short", {}))
    with pytest.raises(ValueError, match="4 frames, the truth has 5"):
        TrackTimeline(VIDEO.part(0, 4), TRUTH, RESULT)


def test_identities_are_label_maps_even_beyond_254():
    maps = identity_maps(RESULT, SIZE)
    assert set(np.unique(maps[1]).tolist()) == {0, 7, 9}
    assert set(np.unique(maps[3]).tolist()) == {0, 46}  # 300
    assert (label_of(1), label_of(254), label_of(255)) == (1, 254, 1)


def test_segments_cover_a_row():
    assert segments(np.array([5])) == [(0, 1, 5)]
    assert segments(np.array([-1, 0, 0, 4])) == [(0, 1, -1), (1, 3, 0), (3, 4, 4)]


def test_the_browser_gets_all_that_it_needs():
    widget = TrackTimeline(VIDEO, TRUTH, RESULT)
    tracks = np.frombuffer(widget._tracks, "<i4").reshape(2, 5)
    assert tracks.tolist() == widget.timeline.tracks.tolist()
    boxes = np.frombuffer(widget._boxes, "<f4").reshape(2, 5, 4)
    assert boxes[1, 1].tolist() == pytest.approx([0.5, 0.2, 0.2, 0.5])
    assert widget._switches == [[0, 4], [1, 3]]
    shown = Image.open(io.BytesIO(widget._masks[1]))
    assert set(np.unique(np.array(shown)).tolist()) == {0, 7, 9}
    assert np.frombuffer(widget._colours, np.uint8).reshape(-1, 3).tolist() == (
        OBJECT_COLOURS.tolist()
    )
    assert "2 objects, 2 identity switches" in repr(widget)


def test_frame_and_row_stay_inside():
    widget = TrackTimeline(VIDEO, TRUTH, RESULT)
    widget.frame, widget.row = 4, 1
    with pytest.raises(traitlets.TraitError, match="frame goes from 0 to 4, not 5"):
        widget.frame = 5
    with pytest.raises(traitlets.TraitError, match="row goes from -1 to 1, not 2"):
        widget.row = 2


def test_a_figure_with_words_stands_in_where_no_kernel_runs(static_picture):
    data, alt = static_picture(TrackTimeline(VIDEO, TRUTH, RESULT))
    assert alt.startswith("TrackTimeline of street: 5 frames, 2 objects, 2 identity switches")
    picture = np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)
    colour = OBJECT_COLOURS[label_of(7)].astype(int)
    assert (np.abs(picture - colour).max(-1) < 12).sum() > 200  # the bar of track 7


def test_a_figure_needs_words_and_an_object():
    lines = timeline(TRUTH, RESULT)
    with pytest.raises(ValueError, match="alt"):
        timeline_figure(lines, title="Two switches")
    empty = timeline(sequence("none", {}), sequence("none", {}))
    with pytest.raises(ValueError, match="no object"):
        timeline_figure(empty, title="Nobody", alt="Nothing.")


def test_only_those_who_are_there_longest_are_drawn():
    one = timeline_figure(timeline(TRUTH, RESULT), title="One", alt="One row.", most=1)
    two = timeline_figure(timeline(TRUTH, RESULT), title="Two", alt="Two rows.", most=2)
    heights = [Image.open(io.BytesIO(each.data)).height for each in (one, two)]
    assert heights[1] > heights[0]

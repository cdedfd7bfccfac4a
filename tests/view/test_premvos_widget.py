"""The merge explorer, from Python."""

import io
from functools import partial

import numpy as np
import pytest
from PIL import Image

from vos_lab.datasets.procedural import suites as procedural
from vos_lab.methods.premvos import SCORE_WEIGHTS, Candidates, PReMVOS, ScoreWeights, merge_video
from vos_lab.video import Video
from vos_lab.view.widgets.premvos import MergeExplorer, record

SIZE = (40, 60)


def box(top, bottom, left, right, size=SIZE):
    mask = np.zeros(size, np.float32)
    mask[top:bottom, left:right] = 1
    return mask


LEFT, RIGHT = box(10, 30, 5, 20), box(10, 30, 35, 50)


def candidates(reid, objectness=(0.5, 0.5, 0.5), flow=(0, 0)):
    """The left box, the right one, and both together."""
    masks = np.stack([LEFT, RIGHT, np.maximum(LEFT, RIGHT)])
    carried = np.zeros((*SIZE, 2), np.float32) + np.float32(flow)
    return Candidates(masks, np.array(objectness), np.array(reid, float), carried)


def two_boxes(count=4, masks=True):
    first = (LEFT + 2 * RIGHT).astype(np.uint8)
    frames = np.full((count, *SIZE, 3), 90, np.uint8)
    return Video(
        "boxes", frames, masks=[first] * count if masks else [first] + [None] * (count - 1)
    )


# The looks say that the two have changed places; the flow says that they stay.
SWAPPED = [[0.1, 0.9], [0.9, 0.1], [0.5, 0.5]]
ALONE = dict.fromkeys(ScoreWeights._fields, 0)


def picture(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def test_it_starts_with_the_weights_of_the_method():
    explorer = MergeExplorer(two_boxes(), [candidates(SWAPPED)] * 3)
    assert explorer.weights == SCORE_WEIGHTS
    assert set(explorer.values) == {*ScoreWeights._fields, "frame"}
    assert explorer.masks.shape == (4, *SIZE)


def test_a_turn_merges_the_whole_clip():
    video = two_boxes()
    explorer = MergeExplorer(video, [candidates(SWAPPED)] * 3)
    explorer.values = {**ALONE, "flow": 1}
    assert explorer.chosen.tolist() == [0, 1]
    assert (explorer.masks == video.first_mask).all()
    assert explorer.j == {1: 1, 2: 1}
    before = list(explorer._clip)
    explorer.values = {**ALONE, "reid": 1}
    assert explorer.chosen.tolist() == [1, 0]
    assert (explorer.masks[1:] == (RIGHT + 2 * LEFT)).all()
    assert explorer.j == {1: 0, 2: 0}
    assert explorer._clip[0] == before[0]  # frame 0 is given
    assert all(now != then for now, then in zip(explorer._clip[1:], before[1:], strict=True))
    assert "object 1 takes proposal 1 with a score of 0.90" in repr(explorer)
    assert explorer.seconds > 0


def test_it_merges_as_the_method_does():
    rng = np.random.default_rng(0)
    made = [
        Candidates(
            rng.random((6, *SIZE)).astype(np.float32),
            rng.random(6),
            rng.random((6, 2)),
            rng.uniform(-2, 2, (*SIZE, 2)).astype(np.float32),
        )
        for _ in range(3)
    ]
    explorer = MergeExplorer(two_boxes(), made, frame=3)
    weights = {"objectness": 0.1, "reid": 0.6, "flow": 0.3, "inverse_reid": 0, "inverse_flow": 1}
    explorer.values = weights
    found = merge_video(made, np.stack([LEFT, RIGHT]), ScoreWeights(**weights))
    for t, merged in enumerate(found, start=1):
        for k, mask in enumerate(merged):
            assert ((explorer.masks[t] == k + 1) == (mask > 0.5)).all()
    # What is drawn as taken is what the masks of that frame are made of.
    for k, proposal in enumerate(explorer.chosen):
        if proposal == -1:
            assert not (explorer.masks[3] == k + 1).any()
            continue
        assert (made[2].masks[proposal] > 0.5)[explorer.masks[3] == k + 1].all()


def test_the_frame_that_is_shown_can_be_chosen():
    made = [candidates(SWAPPED), candidates(1 - np.array(SWAPPED)), candidates(SWAPPED)]
    explorer = MergeExplorer(two_boxes(), made, frame=1)
    explorer.values = {**ALONE, "reid": 1}
    assert explorer.chosen.tolist() == [1, 0]
    explorer.values = {"frame": 2}
    assert explorer.chosen.tolist() == [0, 1]
    assert "Frame 2" in explorer._pictures[0][0]


def test_what_is_taken_is_outlined_in_the_colour_of_its_object():
    explorer = MergeExplorer(two_boxes(), [candidates(SWAPPED)] * 3)
    explorer.values = {**ALONE, "flow": 1}
    (_, words, png), *_ = explorer._pictures
    assert words == explorer._words()
    shown = picture(png)
    assert shown.shape[0] >= 360
    scale = shown.shape[0] / SIZE[0]
    left, right = (shown[round(20 * scale), round(x * scale)] for x in (5, 35))
    assert np.abs(left - right).sum() > 100


def test_an_object_that_is_not_there_takes_none():
    explorer = MergeExplorer(two_boxes(), [candidates(SWAPPED)] * 3, least=2)
    assert explorer.chosen.tolist() == [-1, -1]
    assert not explorer.masks[1:].any()
    assert "object 1 takes none" in repr(explorer)


def test_frames_without_proposals_and_videos_without_masks():
    nothing = Candidates(
        np.zeros((0, *SIZE), np.float32),
        np.zeros(0),
        np.zeros((0, 2)),
        np.zeros((*SIZE, 2), np.float32),
    )
    explorer = MergeExplorer(two_boxes(masks=False), [nothing] * 3)
    assert not explorer.masks[1:].any()
    assert explorer.j == {}
    assert "has 0 proposals" in explorer.figure().alt


def test_labels_need_not_count_from_one_and_void_is_no_object():
    video = two_boxes(masks=False)
    first = (3 * LEFT + 7 * RIGHT).astype(np.uint8)
    first[0] = 255
    explorer = MergeExplorer(video, [candidates(SWAPPED)] * 3, first, weights=(0, 0, 1, 0, 0))
    assert set(np.unique(explorer.masks[1])) == {0, 3, 7}


def test_a_larger_video_than_what_is_merged():
    large = np.kron(two_boxes().first_mask, np.ones((3, 3), np.uint8))
    video = Video("large", np.zeros((2, *large.shape, 3), np.uint8), masks=[large, large])
    explorer = MergeExplorer(video, [candidates(SWAPPED)])
    explorer.values = {**ALONE, "flow": 1}
    assert explorer.masks.shape == (2, *large.shape)
    assert min(explorer.j.values()) > 0.9


@pytest.mark.parametrize(
    ("count", "options", "message"),
    [
        (2, {}, "candidates of 3"),
        (3, {"frame": 0}, "frames 1 to 3"),
        (3, {"frame": 4}, "frames 1 to 3"),
        (3, {"first": np.zeros(SIZE, np.uint8)}, "no object"),
    ],
)
def test_what_does_not_fit_is_refused(count, options, message):
    with pytest.raises(ValueError, match=message):
        MergeExplorer(two_boxes(), [candidates(SWAPPED)] * count, **options)


def test_an_error_of_a_student_is_shown_and_not_raised(monkeypatch):
    explorer = MergeExplorer(two_boxes(), [candidates(SWAPPED)] * 3)

    def broken(*_):
        raise ZeroDivisionError("of a student")

    monkeypatch.setattr("vos_lab.methods.premvos.proposal_scores", broken)
    explorer.values = {"reid": 1}
    assert "of a student" in explorer._error


def test_recorded_once_and_merged_as_the_method_would():
    video = procedural.render(procedural.Spec(frames=4, size=(64, 96), objects=2), 5)
    # Without anything that has to be learned.
    quick = partial(PReMVOS, without=("proposals", "appearance", "refinement"), reid="random")
    made = record(quick(), video)
    assert len(made) == 3
    explorer = MergeExplorer(video, made)
    again = quick()
    again.start(video.frames[0], video.first_mask)
    for t in range(1, 4):
        assert (again.step(video.frames[t]) == explorer.masks[t]).all()
    assert set(explorer.j) == {1, 2}

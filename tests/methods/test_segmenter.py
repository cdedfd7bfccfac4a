import numpy as np
import pytest

from vos_lab.methods import Segmenter, create, run, segment
from vos_lab.methods.baseline import Baseline, first_mask_everywhere
from vos_lab.video import Lazy, Video

FRAMES = np.arange(4 * 2 * 3 * 3, dtype=np.uint8).reshape(4, 2, 3, 3)
MASK = np.array([[0, 1, 1], [0, 0, 2]], np.uint8)
VIDEO = Video("clip", FRAMES, masks=[MASK, None, None, None])


class Recorder:
    """Answers with the number of frames it has seen."""

    def start(self, frame, mask=None):
        self.seen, self.mask = [frame], mask

    def step(self, frame):
        self.seen.append(frame)
        return np.full(frame.shape[:2], len(self.seen), np.uint8)


class ZeroShot(Recorder):
    zero_shot = True


def test_the_method_gets_each_frame_once_and_in_order():
    recorder = Recorder()
    masks = run(recorder, VIDEO, progress=False)
    np.testing.assert_array_equal(recorder.seen, FRAMES)
    np.testing.assert_array_equal(recorder.mask, MASK)
    np.testing.assert_array_equal(masks[0], MASK)
    assert masks[1:, 0, 0].tolist() == [2, 3, 4]


def test_a_zero_shot_method_starts_without_a_mask_and_answers_the_first_frame():
    recorder = ZeroShot()
    masks = run(recorder, Video("bare", FRAMES), progress=False)
    assert recorder.mask is None
    assert masks[:, 0, 0].tolist() == [2, 3, 4, 5]


def test_frames_are_read_one_at_a_time_and_never_ahead():
    read = []

    def frame(t):
        read.append(t)
        return FRAMES[t]

    masks = segment(Recorder(), Video("lazy", Lazy(4, frame), masks=[MASK, None, None, None]))
    next(masks)
    next(masks)
    assert max(read) == 1


def test_objects_that_appear_later_are_taken_up():
    late = np.array([[3, 0, 0], [0, 0, 0]], np.uint8)
    masks = run(Baseline(), VIDEO, given={0: MASK, 2: late}, progress=False)
    assert masks[1, 0, 0] == 0
    assert masks[2, 0, 0] == masks[3, 0, 0] == 3
    assert masks[3, 0, 1] == 1
    with pytest.raises(ValueError, match="Recorder cannot take up objects"):
        run(Recorder(), VIDEO, given={0: MASK, 2: late}, progress=False)


def test_a_given_mask_is_not_changed_by_what_the_caller_does_with_the_answer():
    masks = segment(Baseline(), VIDEO)
    next(masks)[:] = 9
    assert VIDEO.first_mask.max() == 2


class Odd(Recorder):
    def __init__(self, answer):
        self.answer = answer

    def step(self, frame):
        return self.answer


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (np.zeros((3, 3), np.uint8), r"what Odd.step gave for frame 1 has the shape \(3, 3\)"),
        (np.zeros((2, 3), np.float32), "frame 1: a label map holds whole numbers"),
        (np.full((2, 3), 300), "labels go from 0 to 255"),
        (None, "frame 1: a label map has the shape"),
    ],
)
def test_an_answer_that_is_no_mask_is_refused_by_name(answer, message):
    with pytest.raises(ValueError, match=message):
        run(Odd(answer), VIDEO, progress=False)


def test_a_one_shot_method_without_a_mask_says_how_to_get_one():
    with pytest.raises(ValueError, match="has no mask for its first frame"):
        run(Baseline(), Video("bare", FRAMES), progress=False)
    with pytest.raises(ValueError, match="the mask given for frame 0 has the shape"):
        run(Baseline(), VIDEO, given={0: MASK[:1]}, progress=False)


def test_methods_are_made_by_name():
    assert isinstance(create("baseline"), Segmenter)
    with pytest.raises(ValueError, match=r"no method 'magic'; there are: baseline"):
        create("magic")


def test_the_baseline_runs_on_the_students_version_once_it_is_adopted():
    first_mask_everywhere.adopt(lambda first_mask, frames: [first_mask * 0 + 7 for _ in frames])
    try:
        assert run(Baseline(), VIDEO, progress=False)[1:].min() == 7
    finally:
        first_mask_everywhere.restore()
    assert run(Baseline(), VIDEO, progress=False)[1:].max() == 2


def test_the_masks_of_the_baseline_do_not_share_memory():
    masks = first_mask_everywhere(MASK, FRAMES)
    masks[0][:] = 9
    np.testing.assert_array_equal(masks[1], MASK)


def test_void_in_the_first_mask_is_no_object():
    recorder = Recorder()
    void = np.where(MASK == 2, 255, MASK).astype(np.uint8)
    masks = run(recorder, Video("clip", FRAMES, masks=[void, None, None, None]), progress=False)
    assert recorder.mask.max() == masks[0].max() == 1

"""Videos in which one cue is destroyed: what must change, and what must not."""

import numpy as np
import pytest

from vos_lab.bench import load
from vos_lab.datasets.cues import CUES, blobbed, cue_videos, mirrored, recoloured
from vos_lab.datasets.procedural import SUITES, suite
from vos_lab.video import VOID, Video

SMALL = suite("easy", length=1, frames=4, size=(60, 108))[0]


def test_every_other_frame_is_mirrored_with_its_mask():
    turned = mirrored(SMALL)
    for t in range(4):
        frame, mask = SMALL.frames[t], SMALL.masks[t]
        if t % 2:
            frame, mask = frame[:, ::-1], mask[:, ::-1]
        assert np.array_equal(turned.frames[t], frame)
        assert np.array_equal(turned.masks[t], mask)
    assert turned.flow is None


def test_a_mask_that_is_missing_stays_missing():
    frames = np.zeros((2, 4, 6, 3), np.uint8)
    video = Video("one mask", frames, [np.zeros((4, 6), np.uint8), None])
    assert mirrored(video).masks[1] is None
    assert mirrored(Video("no mask", frames)).masks is None
    with pytest.raises(ValueError, match="every frame needs a mask"):
        blobbed(video)


def test_another_hue_in_every_frame_and_the_same_brightness():
    coloured = recoloured(SMALL)
    luma = np.array([0.299, 0.587, 0.114])
    for t in range(4):
        before, after = SMALL.frames[t].astype(float), coloured.frames[t].astype(float)
        assert np.array_equal(coloured.masks[t], SMALL.masks[t])
        # A few strong colours do not exist in another hue, and are cut off.
        assert np.median(np.abs(before @ luma - after @ luma)) < 2
        changed = np.abs(before - after).mean()
        assert changed < 2 if t == 0 else changed > 5


def test_a_blob_has_place_and_size_of_its_object_and_another_outline_in_each_frame():
    blobs = blobbed(SMALL)
    shapes = []
    for t in range(4):
        true, blob = SMALL.masks[t] == 1, blobs.masks[t] == 1
        assert blob.sum() == true.sum()
        middle = [np.mean(np.nonzero(mask), axis=1) for mask in (true, blob)]
        assert np.abs(middle[0] - middle[1]).max() < 6
        assert not np.array_equal(true, blob)
        # Far from both nothing is touched.
        rows = np.nonzero((true | blob).any(axis=1))[0]
        assert np.array_equal(blobs.frames[t][rows[-1] + 3 :], SMALL.frames[t][rows[-1] + 3 :])
        shapes.append(np.roll(blob, (30, 54) - middle[1].astype(int), (0, 1)))
    assert (shapes[0] ^ shapes[1]).sum() > 0.1 * shapes[0].sum()
    assert np.array_equal(blobbed(SMALL).frames[2], blobs.frames[2])
    assert not np.array_equal(blobbed(SMALL, seed=1).masks[2], blobs.masks[2])


def test_void_and_several_objects_keep_their_labels():
    mask = np.zeros((20, 30), np.uint8)
    mask[4:10, 3:10], mask[12:14, 20:26], mask[0, :] = 1, 2, VOID
    frame = np.full((20, 30, 3), 80, np.uint8)
    frame[mask == 1] = (200, 0, 0)
    drawn = blobbed(Video("two", [frame], [mask]))
    for label in (1, 2):
        assert (drawn.masks[0] == label).sum() == (mask == label).sum()
    assert ((drawn.masks[0] == VOID) <= (mask == VOID)).all()
    assert (drawn.frames[0][drawn.masks[0] == 1] == (200, 0, 0)).all()


@pytest.mark.parametrize("name", CUES)
def test_test_beds_have_the_same_videos_and_are_found_by_bench(name):
    videos = cue_videos(name)
    assert [video.name for video in videos] == [video.name for video in cue_videos()]
    assert [video.name for video in load(name, sequences=["camera-test-00"])] == ["camera-test-00"]
    whole = cue_videos()[1]
    same = np.array_equal(videos[1].frames[1], whole.frames[1])
    assert same == (name == "cues")
    assert all(video.seed % 3 == 2 for video in cue_videos())  # of the test split
    assert name not in SUITES


def test_a_test_bed_that_does_not_exist():
    with pytest.raises(ValueError, match="cues-without-shape"):
        cue_videos("cues-without-smell")

"""The player: what is sent to the browser, and what stands in its place without a kernel."""

import io

import numpy as np
import pytest
import traitlets
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from vos_lab.video import OBJECT_COLOURS, Lazy, Video, overlay
from vos_lab.view.encoding import encode_frames, encode_mask
from vos_lab.view.widgets.player import Player


def noise(count: int, height: int = 12, width: int = 20) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, height, width, 3), np.uint8)


def decoded(file: bytes) -> np.ndarray:
    return np.array(Image.open(io.BytesIO(file)))


@settings(max_examples=25, deadline=None)
@given(arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9))))
def test_a_mask_arrives_exactly_and_in_the_colours_of_its_objects(mask):
    file = encode_mask(mask)
    assert (decoded(file) == mask).all()
    rgba = np.array(Image.open(io.BytesIO(file)).convert("RGBA"))
    assert (rgba[..., :3] == OBJECT_COLOURS[mask]).all()
    assert (rgba[..., 3] == np.where(mask > 0, 255, 0)).all()


def test_the_browser_gets_every_frame_and_mask_once():
    masks = [np.full((12, 20), t, np.uint8) for t in range(4)]
    masks[2] = None
    encoded = encode_frames(Video("v", noise(4)), {"a": masks})
    assert encoded.indices == [0, 1, 2, 3]
    assert encoded.size == (12, 20)
    assert encoded.note == ""
    assert [decoded(image).shape for image in encoded.images] == [(12, 20, 3)] * 4
    assert encoded.masks["a"][2] == b""
    assert (decoded(encoded.masks["a"][3]) == 3).all()


def test_a_long_video_is_thinned_and_says_so():
    encoded = encode_frames(Video("v", noise(50)), max_frames=20)
    assert encoded.indices == list(range(0, 50, 3))
    assert "every 3rd of 50 frames" in encoded.note


def test_the_budget_holds_and_the_kept_frames_are_evenly_spaced():
    budget = 4 * len(encode_frames(Video("v", noise(1))).images[0])
    encoded = encode_frames(Video("v", noise(30)), max_bytes=budget)
    assert sum(map(len, encoded.images)) <= budget
    assert len(encoded.indices) >= 2
    assert set(np.diff(encoded.indices)) == {encoded.indices[1]}
    assert encoded.indices[1] > 1
    assert "every" in encoded.note


def test_one_frame_is_kept_whatever_the_budget():
    assert len(encode_frames(Video("v", noise(3)), max_bytes=1).images) == 1


def test_a_large_video_is_made_smaller_with_exact_labels():
    mask = np.zeros((40, 60), np.uint8)
    mask[:, 30:] = 2
    encoded = encode_frames(Video("v", noise(1, 40, 60)), {"m": [mask]}, max_height=10)
    assert encoded.size == (10, 15)
    assert set(np.unique(decoded(encoded.masks["m"][0]))) == {0, 2}
    assert "15 x 10" in encoded.note
    assert "60 x 40" in encoded.note


def test_only_frames_that_are_kept_are_read():
    read = []

    def frame(t):
        read.append(t)
        return noise(1)[0]

    encode_frames(Video("v", Lazy(100, frame)), max_frames=10)
    assert set(read) == set(range(0, 100, 10))


@pytest.mark.parametrize(
    ("masks", "message"),
    [
        (np.zeros((2, 12, 20), np.uint8), "truth: 2 masks for the 3 frames"),
        (np.zeros((3, 10, 20), np.uint8), "truth, frame 0: the mask is 20 x 10 pixels"),
        (np.zeros((3, 12, 20)), "truth, frame 0: a label map holds whole numbers"),
    ],
)
def test_masks_that_do_not_fit_are_named(masks, message):
    with pytest.raises(ValueError, match=message):
        Player(noise(3), {"truth": masks})


def test_masks_of_the_video_are_shown_unless_told_otherwise():
    video = Video("v", noise(3), np.ones((3, 12, 20), np.uint8))
    assert Player(video)._names == ["masks"]
    assert Player(video, {})._names == []
    two = Player(video, {"truth": video.masks, "other": video.masks})
    assert two.compare
    assert not Player(video, {"truth": video.masks, "other": video.masks}, compare=False).compare


def test_frame_is_driven_from_python_and_checked():
    player = Player(noise(3))
    seen = []
    player.observe(lambda change: seen.append(change["new"]), "frame")
    player.frame = 2
    assert seen == [2]
    with pytest.raises(traitlets.TraitError, match="there is no frame 3, they go from 0 to 2"):
        player.frame = 3


def test_a_picture_stands_where_no_kernel_runs(static_picture):
    masks = np.zeros((9, 48, 80), np.uint8)
    masks[:, 10:40, 10:40] = 1
    frames = np.full((9, 48, 80, 3), 100, np.uint8)
    player = Player(Video("camel", frames), masks, opacity=0.5)
    data, _ = player._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    assert "camel" in data["text/plain"]
    file, alt = static_picture(player)
    assert "camel" in alt
    assert len(file) < 60_000
    expected = overlay(frames[0], masks[0])[25, 25].astype(int)
    near = np.abs(decoded(file)[..., :3].astype(int) - expected).max(axis=-1) < 12
    assert near.mean() > 0.1


def test_the_picture_stays_small_for_a_large_noisy_video(static_picture):
    masks = np.ones((5, 480, 854), np.uint8)
    player = Player(noise(5, 480, 854), {"a": masks, "b": masks, "c": masks})
    assert len(static_picture(player)[0]) < 60_000

"""The painter: the label map crosses between Python and the browser exactly."""

import io

import numpy as np
import pytest
import traitlets
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from vos_lab.video import Video
from vos_lab.view.widgets.painter import Painter, decode_runs, encode_runs

label_maps = arrays(
    np.uint8,
    st.tuples(st.integers(1, 12), st.integers(1, 12)),
    elements=st.sampled_from([0, 0, 0, 1, 2, 254, 255]),
)


def video(count: int = 3) -> Video:
    frames = np.random.default_rng(0).integers(0, 256, (count, 30, 40, 3), np.uint8)
    return Video("v", frames)


@settings(max_examples=50, deadline=None)
@given(label_maps)
def test_runs_are_exact(mask):
    assert (decode_runs(encode_runs(mask), mask.shape) == mask).all()


@settings(max_examples=25, deadline=None)
@given(label_maps)
def test_neighbouring_runs_differ(mask):
    runs = np.frombuffer(encode_runs(mask), "<u4").reshape(-1, 2)
    assert (runs[1:, 0] != runs[:-1, 0]).all()
    assert (runs[:, 1] > 0).all()


def test_runs_of_another_size_are_refused():
    with pytest.raises(ValueError, match="6 pixels of a mask for 4 x 2 pixels"):
        decode_runs(encode_runs(np.zeros((2, 3), np.uint8)), (2, 4))


def test_a_mask_can_be_given_set_and_read():
    mask = np.zeros((30, 40), np.uint8)
    mask[5:10, 5:10] = 3
    painter = Painter(video(), mask)
    assert (painter.mask == mask).all()
    assert painter.mask.dtype == np.uint8
    assert painter.objects == 3
    painter.mask = mask > 0
    assert (painter.mask == (mask > 0)).all()


def test_void_is_no_object_to_choose():
    assert Painter(video(), np.full((30, 40), 255, np.uint8)).objects == 1


def test_what_the_browser_sends_is_the_mask():
    painter = Painter(video())
    mask = np.eye(30, 40, dtype=np.uint8)
    painter.set_state({"_painted": {"0": memoryview(encode_runs(mask))}})
    assert (painter.mask == mask).all()


def test_each_frame_has_a_mask_of_its_own():
    painter = Painter(video(), np.ones((30, 40), np.uint8))
    painter.frame = 2
    assert painter._picture["frame"] == 2
    assert not painter.mask.any()
    painter.mask = np.full((30, 40), 2, np.uint8)
    painter.frame = 1
    painter.mask = np.zeros((30, 40), np.uint8)
    assert {t: int(mask.max()) for t, mask in painter.masks.items()} == {0: 1, 2: 2}


def test_a_single_image_can_be_painted():
    painter = Painter(np.zeros((4, 6, 3), np.uint8))
    assert painter.mask.shape == (4, 6)
    assert not painter.mask.any()


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (np.zeros((15, 40), np.uint8), "mask: is 40 x 15 pixels, but v is 40 x 30"),
        (np.zeros((30, 40, 3), np.uint8), r"shape \(H, W\)"),
        (np.zeros((30, 40)), "whole numbers"),
    ],
)
def test_a_mask_that_does_not_fit_is_refused_politely(mask, message):
    with pytest.raises(ValueError, match=message):
        Painter(video(), mask)


def test_a_frame_that_is_not_there_is_refused():
    with pytest.raises(traitlets.TraitError, match="there is no frame 3, they go from 0 to 2"):
        Painter(video(), frame=3)


def test_a_picture_of_the_mask_stands_where_no_kernel_runs(static_picture):
    mask = np.zeros((30, 40), np.uint8)
    mask[:, 20:] = 1
    grey = np.full((30, 40, 3), 100, np.uint8)
    painter = Painter(grey, mask, title="dog")
    assert "application/vnd.jupyter.widget-view+json" in painter._repr_mimebundle_()[0]
    file, alt = static_picture(painter)
    assert alt == "Frame 0 of image, with 1 painted object."
    picture = np.array(Image.open(io.BytesIO(file))).astype(int)
    row = picture[picture.shape[0] * 2 // 3]
    spread = np.ptp(row[row[:, 3] > 250, :3], axis=-1)
    assert 0.4 < (spread > 60).mean() < 0.6
    assert 0.4 < (spread < 20).mean() < 0.6

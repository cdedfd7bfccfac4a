"""The dream studio: its knobs do what they say, on the student's own function."""

import io

import numpy as np
import pytest
from PIL import Image

from vos_lab.methods.lucid_frames import lucid_frame
from vos_lab.video import Video
from vos_lab.view.widgets.masktrack import KNOBS, DreamStudio


def square(height=60, width=100, top=20, left=40, side=16):
    """A bright square on dark ground, as a video of one frame."""
    image = np.full((height, width, 3), 40, np.uint8)
    mask = np.zeros((height, width), np.uint8)
    inside = np.s_[top : top + side, left : left + side]
    image[inside], mask[inside] = 200, 1
    return Video("square", [image], masks=[mask])


def middle(mask):
    rows, columns = np.nonzero(mask > 0.5)
    return columns.mean(), rows.mean()


def test_without_a_turned_knob_the_frame_stays_as_it_was():
    studio = DreamStudio(square())
    off = np.abs(studio.frame.astype(int) - studio.image).max(axis=-1)
    assert off.max() < 40  # at the soft edge of the object
    assert (off[10:18] == 0).all()
    assert (off[23:33, 43:53] <= 1).all()
    assert ((studio.mask > 0.5) == (studio.labels == 1)).mean() > 0.999


def test_each_knob_does_what_its_name_says():
    studio = DreamStudio(square())
    x, y = middle(studio.mask)
    area = float(studio.mask.sum())
    studio.values = {"right": 0.5, "down": -0.25}
    assert middle(studio.mask) == pytest.approx((x + 8, y - 4), abs=0.3)
    assert studio.frame[y.astype(int) - 4, x.astype(int) + 8].min() > 190
    studio.reset()
    studio.values = {"scale": 1.5}
    assert studio.mask.sum() == pytest.approx(1.5**2 * area, rel=0.03)
    assert middle(studio.mask) == pytest.approx((x, y), abs=0.3)
    studio.values = {"scale": 1.0, "turn": 45}
    assert studio.mask.sum() == pytest.approx(area, rel=0.05)
    assert (studio.mask > 0.5).any(axis=0).sum() > 20  # a square on its corner is wider
    studio.reset()
    studio.values = {"light": 0.5}
    assert int(studio.frame[0, 0, 0]) == 60


def test_turn_goes_with_the_clock():
    video = square(side=8)
    video.masks[0][20:28, 40:60] = 1  # long to the right
    studio = DreamStudio(video, turn=30)
    rows, columns = np.nonzero(studio.mask > 0.5)
    assert np.corrcoef(rows, columns)[0, 1] > 0.3  # further right is further down


def test_the_ground_moves_alone_and_without_streaks():
    video = square()
    video.frames[0][:, ::7] = 90
    studio = DreamStudio(video, ground=20)
    assert ((studio.mask > 0.5) == (studio.labels == 1)).mean() > 0.999
    moved = studio.frame[50, :, 0].astype(int)
    assert np.abs(moved[20:] - studio.image[50, :-20, 0]).max() <= 1
    assert np.abs(moved[:20] - moved[40:20:-1]).max() <= 1  # mirrored, not repeated
    assert moved[:20].std() > 5


def test_it_runs_on_the_students_function():
    studio = DreamStudio(square())
    try:
        lucid_frame.adopt(lambda ground, *rest: (np.zeros_like(ground), rest[1]))
        studio.values = {"right": 0.2}
        assert studio.frame.max() == 0
    finally:
        lucid_frame.restore()


def test_pictures_and_figure_show_the_dream():
    studio = DreamStudio(square(), right=0.5)
    shown = np.asarray(Image.open(io.BytesIO(studio._pictures[1][2])).convert("RGB"))
    assert shown.shape == (120, 200, 3)
    studio.values = {"down": 0.25}
    assert "shift to the right 0.5, shift down 0.25" in studio.figure().alt
    data, _ = studio._repr_mimebundle_()
    assert '<img alt="A frame with the mask' in data["text/html"]


def test_what_cannot_be_dreamt_is_refused():
    with pytest.raises(ValueError, match="no masks"):
        DreamStudio(Video("bare", square().frames))
    with pytest.raises(ValueError, match="no object 3"):
        DreamStudio(square(), label=3)
    with pytest.raises(ValueError, match="no knob colour"):
        DreamStudio(square(), colour=1)


@pytest.mark.parametrize("knob", KNOBS, ids=lambda knob: knob.name)
def test_the_ends_of_every_knob(knob):
    studio = DreamStudio(square())
    for value in (knob.low, knob.high):
        studio.values = {knob.name: value}
        assert not studio._error
        assert studio.frame.shape == studio.image.shape

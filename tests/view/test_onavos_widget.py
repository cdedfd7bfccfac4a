"""The sample map: its colours are the training pixels, and its knobs are the two thresholds."""

import copy
import io

import numpy as np
import pytest
import traitlets
from PIL import Image

from vos_lab.methods.onavos import OnAVOS, select_training_pixels
from vos_lab.video import Video
from vos_lab.view.widgets.onavos import (
    NEGATIVE,
    POSITIVE,
    Moment,
    SampleMap,
    checked,
    counts,
    distance_picture,
    paint_samples,
    probability_picture,
    sample_figure,
    watch,
)


def moments(count=3, size=(40, 60)):
    """A square that goes to the right; the network is sure of its middle."""
    found = []
    for t in range(1, count + 1):
        truth = np.zeros(size, bool)
        truth[10:20, 4 * t : 4 * t + 10] = True
        last = np.roll(truth, -4, axis=1)
        probability = np.where(truth, 0.9, 0.1).astype(np.float32)
        probability[12:18, 4 * t + 2 : 4 * t + 8] = 0.99
        found.append(Moment(t, np.full((*size, 3), 90, np.uint8), probability, last, truth))
    return found


def picture(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


# --- the picture ------------------------------------------------------------------------------


def reddish(colours):
    return (colours[..., 0] - colours[..., 2] > 30).all()


def test_each_kind_of_pixel_has_its_colour():
    chosen = np.full((12, 30), 255, np.uint8)
    chosen[:, :10], chosen[:, 20:] = 1, 0
    painted = paint_samples(np.full((12, 30, 3), 128, np.uint8), chosen).astype(int)
    assert reddish(painted[:, :10])
    assert reddish(painted[:, 20:, ::-1])
    assert (np.ptp(painted[:, 10:20], axis=-1) == 0).all()  # ignored: no colour


def test_colours_are_told_apart_without_seeing_colour():
    grey = np.full((40, 40, 3), 128, np.uint8)
    kinds = [
        paint_samples(grey, np.full((40, 40), v, np.uint8)) @ [0.3, 0.59, 0.11] for v in (1, 0)
    ]
    stripes, dots = (kind > kind.min() + 20 for kind in kinds)
    assert 0.2 < stripes.mean() < 0.35
    assert 0.02 < dots.mean() < 0.15
    # A stripe crosses every row, dots leave most rows free.
    assert stripes.any(axis=1).all()
    assert dots.any(axis=1).mean() < 0.6
    assert np.linalg.norm(np.subtract(POSITIVE, NEGATIVE)) > 150


def test_the_frame_is_grey_so_that_its_own_colours_are_no_samples():
    red = np.zeros((8, 8, 3), np.uint8)
    red[..., 0] = 200
    painted = paint_samples(red, np.full((8, 8), 255, np.uint8))
    assert (np.ptp(painted.astype(int), axis=-1) == 0).all()


def test_a_larger_picture_shows_the_same():
    chosen = np.random.default_rng(0).choice([0, 1, 255], (9, 11)).astype(np.uint8)
    painted = paint_samples(np.full((9, 11, 3), 128, np.uint8), chosen, scale=4).astype(int)
    assert painted.shape == (36, 44, 3)
    warm = painted[..., 0] - painted[..., 2]
    large = np.repeat(np.repeat(chosen, 4, 0), 4, 1)
    assert (warm[large == 1] > 0).all()
    assert (warm[large == 0] < 0).all()
    assert (warm[large == 255] == 0).all()


def test_the_last_mask_is_a_white_line():
    last = np.zeros((20, 20), bool)
    last[5:15, 5:15] = True
    black, ignored = np.zeros((20, 20, 3), np.uint8), np.full((20, 20), 255, np.uint8)
    painted = paint_samples(black, ignored, last, scale=4)
    assert painted.max() > 240
    assert painted[:10].max() < 100  # outside of it, only the frame


def test_what_is_no_map_is_refused():
    with pytest.raises(ValueError, match=r"the training pixels have the shape \(3, 4\)"):
        checked(np.zeros((3, 4)), (4, 3))
    with pytest.raises(ValueError, match="0, 1 or 255, not 7"):
        checked(np.full((2, 2), 7), (2, 2))
    with pytest.raises(ValueError, match="frame 5: truth has the shape"):
        Moment(5, np.zeros((4, 4, 3), np.uint8), *np.zeros((2, 4, 4)), np.zeros((3, 4), bool))


def test_lines_lie_where_the_thresholds_are():
    moment = moments(1)[0]
    edges = probability_picture(moment, 0.95, 4).max(axis=-1) == 255
    rows = np.flatnonzero(edges.any(1)) / 4
    assert 11 <= rows.min() <= 13
    assert 17 <= rows.max() <= 19
    empty = Moment(1, moment.frame, moment.probability, np.zeros((40, 60), bool))
    assert np.ptp(distance_picture(empty, 5.0)) == np.ptp(distance_picture(empty, 5.0)[0, 0])


# --- counting ---------------------------------------------------------------------------------


def test_counts_are_shares_of_the_pixels():
    chosen = np.array([[1, 1, 1, 0, 0, 255, 255, 255, 255, 255]], np.uint8)
    truth = np.zeros((1, 10), bool)
    truth[0, 1:4] = True
    found = counts(chosen, truth)
    assert found["positive"] == (0.3, pytest.approx(2 / 3))
    assert found["negative"] == (0.2, 0.5)
    assert found["ignored"] == (0.5, None)
    assert counts(np.full((2, 2), 255, np.uint8), np.ones((2, 2), bool))["positive"] == (0, None)


# --- the explorer -----------------------------------------------------------------------------


def test_the_map_is_that_of_the_function():
    samples = SampleMap(moments(), far=8)
    for frame, sure, far in ((1, 0.97, 8), (2, 0.85, 3), (3, 1.0, 20)):
        samples.values = {"frame": frame, "sure": sure, "far": far}
        moment = moments()[frame - 1]
        expected = select_training_pixels(moment.probability, moment.last_mask, sure, far)
        assert (samples.chosen == expected).all()
        shares = [row[1] for row in samples._numbers]
        assert shares == [(expected == value).mean() for value in (1, 0, 255)]


def test_it_begins_as_onavos_does_it():
    samples = SampleMap(moments())
    assert samples.values == {"frame": 3, "sure": 0.97, "far": round(0.25 * 2400**0.5)}


def test_the_picture_has_the_colours_of_the_map():
    samples = SampleMap(moments(), far=8)
    shown = picture(samples._pictures[0][2])
    scale = shown.shape[0] // 40
    warm = (shown[..., 0] - shown[..., 2])[scale // 2 :: scale, scale // 2 :: scale]
    white = shown.min(axis=-1)[scale // 2 :: scale, scale // 2 :: scale] > 180
    assert (warm[(samples.chosen == 0) & ~white] < -20).all()
    assert (warm[samples.chosen == 255] == 0).all()
    assert (warm[samples.chosen == 1] > 20).mean() > 0.6  # the line of the last mask crosses it


def test_it_runs_on_the_students_function():
    def mine(probability, last_mask, sure, far):
        return np.ones(probability.shape, np.uint8)

    try:
        select_training_pixels.adopt(mine)
        samples = SampleMap(moments())
        assert (samples.chosen == 1).all()
    finally:
        select_training_pixels.restore()


def test_a_function_that_fails_is_shown_and_not_swallowed():
    samples = SampleMap(moments())
    try:
        select_training_pixels.adopt(lambda *all_of_them: np.zeros((2, 2), np.uint8))
        samples.set_state({"values": {**samples.values, "frame": 1}, "_asked": 1})
        assert samples._error.startswith("ValueError: the training pixels have the shape (2, 2)")
        assert samples._answered == 1
    finally:
        select_training_pixels.restore()
    samples.set_state({"values": {**samples.values, "frame": 2}, "_asked": 2})
    assert samples._error == ""


def test_knobs_stay_within_the_video_and_what_is_missing_is_named():
    samples = SampleMap(moments())
    with pytest.raises((ValueError, traitlets.TraitError), match="frame goes from 1 to 3"):
        samples.values = {"frame": 4}
    with pytest.raises(ValueError, match="there is no frame"):
        SampleMap([])
    with pytest.raises(ValueError, match="a frame is missing between 1 and 3"):
        SampleMap([moments()[0], moments()[2]])


def test_without_a_truth_nothing_is_called_right():
    moment = moments(1)[0]
    samples = SampleMap([Moment(1, moment.frame, moment.probability, moment.last_mask)])
    assert all("right" not in row[3] for row in samples._numbers)
    assert "of them are right" in SampleMap(moments())._numbers[0][3]


def test_a_figure_with_words_stands_in():
    samples = SampleMap(moments(), far=8)
    data, _ = samples._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    assert '<img alt="Frame 3 in grey: ' in data["text/html"]
    assert "red and striped" in data["text/html"][:400]
    assert len(data["text/html"]) < 100_000
    with pytest.raises(ValueError, match="alt="):
        sample_figure(samples.moment, samples.chosen, 0.97, 8, title="A map.")


# --- what OnAVOS knew -------------------------------------------------------------------------


def test_watching_changes_nothing_and_notes_what_was_known():
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 80, (4, 32, 48, 3)).astype(np.uint8)
    masks = np.zeros((4, 32, 48), np.uint8)
    for t in range(4):
        masks[t, 8:20, 6 + 3 * t : 20 + 3 * t] = 2
        frames[t][masks[t] == 2] += 150
    video = Video("square", frames, masks)
    options = {"parent": None, "steps": 8, "snapping": False, "far": 0.2}
    method = OnAVOS(**options)
    method.start(frames[0], masks[0])
    seen, found = watch(copy.deepcopy(method), video, label=2)
    assert (found == [masks[0], *(method.step(frame) for frame in frames[1:])]).all()
    assert [moment.number for moment in seen] == [1, 2, 3]
    assert (seen[0].last_mask == (masks[0] == 2)).all()
    assert (seen[2].truth == (masks[3] == 2)).all()
    assert ((seen[2].last_mask & (found[2] == 0)).mean()) < 0.02
    with pytest.raises(ValueError, match="square: has no masks"):
        watch(method, Video("square", frames))

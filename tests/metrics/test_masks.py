"""J, F and their statistics: against the official numbers, and against a slow, obvious form."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from vos_lab.metrics import masks
from vos_lab.metrics.masks import (
    boundary_f,
    boundary_precision_recall,
    boundary_radius,
    decay,
    jaccard,
    mask_boundary,
    statistics,
)
from vos_lab.metrics.packed import j_and_f
from vos_lab.metrics.pixels import dilate_disk

# --- the slow, obvious form -------------------------------------------------------------------


def slow_jaccard(prediction, truth):
    intersection = union = 0
    for p, t in zip(prediction.ravel().tolist(), truth.ravel().tolist(), strict=True):
        intersection += p and t
        union += p or t
    return intersection / union if union else 1.0


def slow_boundary(mask):
    height, width = mask.shape
    result = np.zeros((height, width), bool)
    for y in range(height):
        for x in range(width):
            below, right = min(y + 1, height - 1), min(x + 1, width - 1)
            others = (mask[y, right], mask[below, x], mask[below, right])
            result[y, x] = any(other != mask[y, x] for other in others)
    return result


def slow_near(points, target, radius):
    """Of the points, how many have a pixel of the target within the radius."""
    ys, xs = np.nonzero(target)
    return sum(
        bool(((ys - y) ** 2 + (xs - x) ** 2 <= radius**2).any())
        for y, x in zip(*np.nonzero(points), strict=True)
    )


def slow_f(prediction, truth, radius):
    predicted, true = slow_boundary(prediction), slow_boundary(truth)
    if not predicted.any() and not true.any():
        precision, recall = 1.0, 1.0
    elif not predicted.any():
        precision, recall = 1.0, 0.0
    elif not true.any():
        precision, recall = 0.0, 1.0
    else:
        precision = slow_near(predicted, true, radius) / predicted.sum()
        recall = slow_near(true, predicted, radius) / true.sum()
    return 0.0 if precision + recall == 0 else 2 * precision * recall / (precision + recall)


@st.composite
def mask_pairs(draw, count=2, largest=140):
    """Masks of one size: empty, full, one pixel, rectangles (also at the border), noise."""
    width = draw(st.sampled_from([1, 2, 63, 64, 65, 127, 128, 129]) | st.integers(1, largest))
    height = draw(st.just(1) | st.integers(1, 40))
    result = []
    for _ in range(count):
        mask = np.zeros((height, width), bool)
        kind = draw(st.sampled_from(["empty", "full", "pixel", "rectangle", "noise", "sparse"]))
        generator = np.random.default_rng(draw(st.integers(0, 2**32)))
        y, x = generator.integers(height), generator.integers(width)
        if kind == "full":
            mask[:] = True
        elif kind == "pixel":
            mask[y, x] = True
        elif kind == "rectangle":
            mask[y : y + generator.integers(1, 20), x : x + generator.integers(1, 80)] = True
        elif kind != "empty":
            mask = generator.random((height, width)) < (0.5 if kind == "noise" else 0.02)
        result.append(mask)
    return result


@settings(max_examples=50, deadline=None)
@given(mask_pairs())
def test_jaccard_is_that_of_pixels_counted_one_by_one(pair):
    assert jaccard(*pair) == slow_jaccard(*pair)


@settings(max_examples=50, deadline=None)
@given(mask_pairs(count=1))
def test_boundary_is_that_of_pixels_compared_one_by_one(pair):
    assert (mask_boundary(pair[0]) == slow_boundary(pair[0])).all()


@settings(max_examples=50, deadline=None)
@given(mask_pairs(), st.sampled_from([0.0, 0.008, 0.05, 0.2, 0.9, 1, 2, 5.5, 70]))
def test_boundary_f_is_that_of_pixels_compared_one_by_one(pair, tolerance):
    radius = boundary_radius(pair[0].shape, tolerance)
    assert boundary_f(*pair, tolerance=tolerance) == slow_f(*pair, radius)


@settings(max_examples=30, deadline=None)
@given(mask_pairs(count=1), st.integers(0, 140))
def test_dilation_sets_every_pixel_within_the_disk_and_no_other(pair, radius):
    (mask,) = pair
    expected = np.zeros_like(mask)
    rows, columns = np.indices(mask.shape)
    for y, x in zip(*np.nonzero(mask), strict=True):
        expected |= (rows - y) ** 2 + (columns - x) ** 2 <= radius**2
    assert (dilate_disk(mask, radius) == expected).all()


@settings(max_examples=30, deadline=None)
@given(mask_pairs(count=3))
def test_void_pixels_count_as_background_on_both_sides(triple):
    prediction, truth, void = triple
    assert jaccard(prediction, truth, void) == slow_jaccard(prediction & ~void, truth & ~void)
    assert boundary_f(prediction, truth, void) == slow_f(
        prediction & ~void, truth & ~void, boundary_radius(truth.shape)
    )


@settings(max_examples=100, deadline=None)
@given(mask_pairs(count=3, largest=400), st.sampled_from([0.0, 0.008, 0.05, 1, 5.5]), st.booleans())
def test_packed_words_give_the_same_values(triple, tolerance, with_void):
    prediction, truth, void = triple if with_void else (*triple[:2], None)
    j, f = j_and_f(prediction, truth, void, tolerance)
    assert j == jaccard(prediction, truth, void)
    assert f == boundary_f(prediction, truth, void, tolerance)


@settings(max_examples=30, deadline=None)
@given(mask_pairs())
def test_f_is_the_harmonic_mean_of_precision_and_recall_and_symmetric(pair):
    precision, recall = boundary_precision_recall(*pair)
    f = boundary_f(*pair)
    assert f == (2 * precision * recall / (precision + recall) if precision + recall else 0.0)
    assert boundary_precision_recall(*pair[::-1]) == (recall, precision)
    assert boundary_f(pair[0], pair[0]) == 1.0
    assert jaccard(pair[0], pair[0]) == 1.0


def test_a_video_is_scored_frame_by_frame():
    generator = np.random.default_rng(0)
    prediction, truth, void = generator.random((3, 5, 20, 30)) < 0.3
    for measure in (jaccard, boundary_f):
        values = measure(prediction, truth, void)
        assert values.shape == (5,)
        assert values.dtype == np.float64
        frames = zip(prediction, truth, void, strict=True)
        assert values.tolist() == [measure(*frame) for frame in frames]
        assert isinstance(measure(prediction[0], truth[0]), float)
    assert (mask_boundary(truth) == [slow_boundary(mask) for mask in truth]).all()


def test_a_mask_of_4000_by_4000():
    # Two squares whose outlines lie 40 pixels apart, within the radius of 46, and far outside it.
    truth = np.zeros((4000, 4000), bool)
    truth[1000:3000, 1000:3000] = True
    assert boundary_radius(truth.shape) == 46
    assert boundary_f(np.roll(truth, 40, axis=1), truth) == 1.0
    shifted = np.roll(truth, 500, axis=1)
    assert jaccard(shifted, truth) == 1500 / 2500
    # The distance to an upright rectangle needs no dilation.
    predicted, true = mask_boundary(shifted), mask_boundary(truth)
    near = np.zeros_like(true)
    ys, xs = np.nonzero(true)
    top, bottom, left, right = ys.min(), ys.max(), xs.min(), xs.max()
    y, x = np.nonzero(predicted)
    dx = np.maximum(np.maximum(left - x, x - right), 0)
    dy = np.maximum(np.maximum(top - y, y - bottom), 0)
    to_rows = np.minimum(abs(y - top), abs(y - bottom)) ** 2 + dx**2
    to_columns = np.minimum(abs(x - left), abs(x - right)) ** 2 + dy**2
    near[y, x] = np.minimum(to_rows, to_columns) <= 46**2
    share = near.sum() / predicted.sum()
    precision, recall = boundary_precision_recall(shifted, truth)
    assert precision == recall == share


def test_the_radius_at_usual_sizes():
    assert boundary_radius((480, 854)) == 8
    assert boundary_radius((1080, 1920)) == 18
    assert boundary_radius((100, 100), 5) == 5
    assert boundary_radius((100, 100), 0) == 0


# --- statistics -------------------------------------------------------------------------------


def test_recall_is_strictly_above_one_half():
    assert statistics(np.array([0.5, 0.5, 0.50001, 0.0]))["recall"] == 0.25


@pytest.mark.parametrize("frames", [1, 2, 3, 4, 5, 8, 255, 256, 257, 300, 1000])
def test_decay_of_a_straight_line_is_the_distance_of_the_quarters(frames):
    values = np.linspace(1, 0, frames) if frames > 1 else np.array([0.7])
    edges = [math.floor(1 + quarter * (frames - 1) / 4 + 0.5) for quarter in range(5)]
    first = values[edges[0] - 1 : edges[1]]
    last = values[edges[3] - 1 : edges[4]]
    assert decay(values) == pytest.approx(first.mean() - last.mean(), abs=1e-12)
    if frames > 2:
        assert decay(values) > 0.5


@pytest.mark.parametrize("values", [np.array([]), np.array([[1.0]]), np.array([0.5, np.nan])])
def test_statistics_refuse_what_is_no_row_of_numbers(values):
    with pytest.raises(ValueError, match=r"a value for each frame|frame 1 is nan"):
        statistics(values)


# --- errors, and a student's version ----------------------------------------------------------


@pytest.mark.parametrize("measure", [jaccard, boundary_f, boundary_precision_recall])
def test_errors_name_the_mask_and_what_is_wrong(measure):
    mask = np.zeros((4, 6), bool)
    with pytest.raises(ValueError, match=r"prediction has the shape \(4, 5\), truth \(4, 6\)"):
        measure(mask[:, 1:], mask)
    with pytest.raises(ValueError, match="truth is uint8, a binary mask is a bool array"):
        measure(mask, mask.astype(np.uint8))
    with pytest.raises(ValueError, match=r"void has the shape \(3, 6\)"):
        measure(mask, mask, mask[1:])
    with pytest.raises(ValueError, match=r"shape \(6,\)"):
        measure(mask[0], mask[0])


def test_a_negative_tolerance_is_refused():
    mask = np.zeros((4, 6), bool)
    with pytest.raises(ValueError, match="tolerance is -1"):
        boundary_f(mask, mask, tolerance=-1)


def test_boundary_f_runs_on_an_adopted_boundary():
    generator = np.random.default_rng(1)
    prediction, truth = generator.random((2, 30, 90)) < 0.02
    seen = []

    def mine(mask):
        seen.append(mask.dtype)
        return slow_boundary(mask)

    expected = boundary_f(prediction, truth)
    mask_boundary.adopt(mine)
    try:
        assert boundary_f(prediction, truth) == expected
        mask_boundary.adopt(np.zeros_like)
        assert boundary_f(prediction, truth) == 1.0
    finally:
        mask_boundary.restore()
    assert seen == [bool, bool]


def test_statistics_run_on_an_adopted_decay():
    decay.adopt(lambda values: 42.0)
    try:
        assert statistics(np.ones(3))["decay"] == 42.0
    finally:
        decay.restore()


# --- the official numbers ---------------------------------------------------------------------


def test_davis_2016_as_the_official_evaluator(real_data):
    golden = real_data / "golden" / "davis16_osvos"
    if not golden.is_dir():
        pytest.skip("no golden numbers")
    for name, expected in json.loads((golden / "golden.json").read_text())["sequences"].items():
        found = {"J": [], "F": []}
        for frame in expected["frames"]:
            mask = np.array(Image.open(golden / "masks" / name / f"{frame}.png")) > 0
            path = real_data / "davis2016" / "Annotations" / "480p" / name / f"{frame}.png"
            truth = np.array(Image.open(path)) > 0
            found["J"].append(jaccard(mask, truth))
            found["F"].append(boundary_f(mask, truth))
        for measure, values in found.items():
            np.testing.assert_allclose(values, expected[measure], rtol=0, atol=1e-12)
            for key, value in statistics(np.array(values[1:-1])).items():
                official = expected["excl_first_last"][f"{measure}_{key}"]
                assert value == pytest.approx(official, abs=1e-12), (name, measure, key)


def test_davis_2017_as_the_official_evaluator(real_data):
    golden = real_data / "golden" / "davis17_multi.json"
    if not golden.is_file():
        pytest.skip("no golden numbers")
    inputs = np.load(golden.with_name("davis17_multi_inputs.npz"))
    for name, expected in json.loads(golden.read_text()).items():
        truth, prediction = inputs[f"{name}_gt"], inputs[f"{name}_semi_pred"]
        for label in range(1, expected["n_gt"] + 1):
            for measure, function in (("J", jaccard), ("F", boundary_f)):
                values = function(prediction == label, truth == label)
                official = expected[f"semi_{measure}"][label - 1]
                np.testing.assert_allclose(values, official, rtol=0, atol=1e-12)
                official = expected[f"semi_{measure}_stats"][label - 1]
                found = list(statistics(values).values())
                np.testing.assert_allclose(found, official, rtol=0, atol=1e-12)


def test_every_public_function_can_be_reached_from_the_room():
    import vos_lab.metrics as room

    assert room.jaccard is masks.jaccard
    assert room.boundary_f is masks.boundary_f

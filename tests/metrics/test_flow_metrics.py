"""Endpoint error, outliers, angular error, and where the mistakes are."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from vos_lab.metrics.flow import (
    angular_error,
    endpoint_error,
    evaluate_flow,
    fl_all,
    motion_boundaries,
    near,
    outliers,
)

flows = hnp.arrays(np.float32, (3, 4, 2), elements=st.floats(-200, 200, width=32))


@settings(max_examples=50, deadline=None)
@given(flow=flows, truth=flows)
def test_against_the_formulas_pixel_by_pixel(flow, truth):
    error, angle, wrong = (
        endpoint_error(flow, truth),
        angular_error(flow, truth),
        outliers(flow, truth),
    )
    for i in np.ndindex(3, 4):
        (a, b), (c, d) = flow[i].astype(float), truth[i].astype(float)
        epe = math.hypot(a - c, b - d)
        assert error[i] == pytest.approx(epe, rel=1e-5, abs=1e-5)
        cosine = (a * c + b * d + 1) / math.sqrt((a * a + b * b + 1) * (c * c + d * d + 1))
        assert angle[i] == pytest.approx(math.degrees(math.acos(max(-1, min(1, cosine)))), abs=1e-2)
        length = math.hypot(c, d)
        if abs(epe - 3) > 1e-3 and abs(epe - 0.05 * length) > 1e-3:
            assert wrong[i] == (epe > 3 and epe / max(length, 1e-9) > 0.05)


@settings(max_examples=30, deadline=None)
@given(flow=flows, truth=flows)
def test_symmetric_and_0_for_the_truth(flow, truth):
    np.testing.assert_array_equal(endpoint_error(flow, truth), endpoint_error(truth, flow))
    assert not endpoint_error(flow, flow).any()
    assert not angular_error(flow, flow).any()
    assert fl_all(flow, flow) == 0


def test_unknown_truth_does_not_count():
    truth = np.zeros((2, 2, 2), np.float32)
    truth[0, 0] = np.nan
    flow = np.full((2, 2, 2), 3, np.float32)
    flow[1, 1] = 0
    assert np.isnan(endpoint_error(flow, truth)[0, 0])
    assert fl_all(flow, truth) == pytest.approx(2 / 3)
    report = evaluate_flow(flow, truth)
    assert report["all"]["pixels"] == 3
    assert report["all"]["epe"] == pytest.approx(2 * math.sqrt(18) / 3)
    assert math.isnan(fl_all(flow, np.full((2, 2, 2), np.nan)))


def test_parts_add_up():
    rng = np.random.default_rng(0)
    truth = np.zeros((30, 40, 2), np.float32)
    truth[10:20, 10:25] = [9, -3]
    flow = truth + rng.normal(0, 2, truth.shape).astype(np.float32)
    hidden = rng.random((30, 40)) < 0.3
    report = evaluate_flow(flow, truth, occluded=hidden)
    whole = report["all"]
    for parts in (
        ("near boundaries", "away from boundaries"),
        ("occluded", "visible"),
        ("0 to 2", "2 to 8", "8 and more"),
    ):
        counted = [report[p] for p in parts if report[p]["pixels"]]
        assert sum(p["pixels"] for p in counted) == whole["pixels"] == 1200
        for figure in ("epe", "fl", "angle"):
            total = sum(p["pixels"] * p[figure] for p in counted)
            assert total / 1200 == pytest.approx(whole[figure], rel=1e-5)
    assert report["2 to 8"]["pixels"] == 0
    assert math.isnan(report["2 to 8"]["epe"])


def test_motion_boundaries_lie_around_the_square_that_moves():
    flow = np.zeros((30, 40, 2), np.float32)
    flow[10:20, 10:25] = 5
    boundary = motion_boundaries(flow)
    assert all(boundary[place] for place in [(15, 9), (15, 10), (9, 15), (20, 15)])
    assert not any(boundary[place] for place in [(15, 17), (3, 3)])
    assert not motion_boundaries(np.full((4, 5, 2), 7, np.float32)).any()
    assert motion_boundaries(np.zeros((1, 1, 2), np.float32)).shape == (1, 1)


def test_near_is_a_disk():
    place = np.zeros((9, 9), bool)
    place[4, 4] = True
    y, x = np.mgrid[-4:5, -4:5]
    np.testing.assert_array_equal(near(place, 3), x * x + y * y <= 9)
    assert not near(np.zeros((3, 3), bool), 2).any()


def test_refusals():
    with pytest.raises(ValueError, match=r"\(2, 2, 2\) and \(2, 3, 2\)"):
        endpoint_error(np.zeros((2, 2, 2)), np.zeros((2, 3, 2)))
    with pytest.raises(ValueError, match="NaN or infinite at 4 pixels"):
        endpoint_error(np.full((2, 2, 2), np.nan), np.zeros((2, 2, 2)))

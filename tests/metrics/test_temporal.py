"""Temporal instability: its parts by hand, and what it should and should not notice."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from vos_lab.metrics.temporal import (
    ANGLES,
    RADII,
    chi_square,
    outline,
    shape_contexts,
    shortest_path,
    temporal_instability,
)

SMALL = st.integers(0, 3)


def blob(radius=18, bumps=0.0, phase=0.0, centre=(40, 50), size=(80, 100)):
    y, x = np.indices(size)
    dy, dx = y - centre[0], x - centre[1]
    return np.hypot(dy, dx) < radius * (1 + bumps * np.sin(6 * np.arctan2(dy, dx) + phase))


def test_a_shape_that_stays_or_only_moves_costs_nothing():
    still = np.stack([blob(bumps=0.2)] * 3)
    assert temporal_instability(still) == pytest.approx(0, abs=1e-12)
    moving = np.stack([blob(bumps=0.2, centre=(35 + t, 40 + 2 * t)) for t in range(4)])
    assert temporal_instability(moving) == pytest.approx(0, abs=1e-12)


def test_flicker_costs_more_than_smooth_change():
    smooth = np.stack([blob(bumps=0.05 * t) for t in range(6)])
    flicker = np.stack([blob(bumps=0.25 * (t % 2), phase=t) for t in range(6)])
    assert 0 < temporal_instability(smooth) < temporal_instability(flicker) < 1


def test_size_does_not_count():
    small = np.stack([blob(12), blob(24)])
    assert temporal_instability(small) < 0.1


def test_frames_with_an_empty_mask_are_left_out():
    empty = np.zeros((80, 100), bool)
    assert np.isnan(temporal_instability(np.stack([empty, blob(), empty])))
    pair = np.stack([blob(bumps=0.1), blob(bumps=0.2)])
    with_gap = np.concatenate([pair, empty[None], pair[:1]])
    assert temporal_instability(with_gap) == temporal_instability(pair)


def test_one_pixel_has_an_outline():
    one = np.zeros((3, 5, 5), bool)
    one[:, 2, 2] = True
    assert temporal_instability(one) == 0.0


def test_points_of_an_outline_lie_close_and_on_the_longest_part():
    mask = blob()
    mask[:4, :4] = True
    points = outline(mask)
    gaps = np.hypot(*(points - np.roll(points, 1, axis=0)).T)
    assert gaps.max() <= 3
    assert np.hypot(points[:, 0] - 50, points[:, 1] - 40).min() > 12
    assert outline(np.zeros((4, 4), bool)) is None


def test_shape_contexts_count_each_point_once_by_ring_and_direction():
    points = np.random.default_rng(0).random((20, 2)) * 30
    contexts = shape_contexts(points)
    distances = np.hypot(*(points[:, None] - points).transpose(2, 0, 1))
    mean = distances.mean()
    for i, j in [(0, 1), (3, 7), (19, 2)]:
        counts = np.zeros((ANGLES, len(RADII)))
        for k in range(20):
            ring = sum(distances[i, k] / mean >= edge for edge in RADII)
            if ring < len(RADII):
                dx, dy = points[k] - points[i]
                counts[int(np.arctan2(dy, dx) % (2 * np.pi) // (np.pi / 6)), ring] += 1
        assert contexts[i] == pytest.approx(counts.ravel() / counts.sum()), j


def test_chi_square_is_its_formula():
    generator = np.random.default_rng(1)
    first, second = generator.random((4, 10)), generator.random((6, 10))
    first[:, 3] = second[2] = 0
    second[2, 5] = 1
    first /= first.sum(axis=1, keepdims=True)
    second /= second.sum(axis=1, keepdims=True)
    for (i, a), (j, b) in itertools.product(enumerate(first), enumerate(second)):
        terms = [(x - y) ** 2 / (x + y) for x, y in zip(a, b, strict=True) if x + y > 0]
        assert chi_square(first, second)[i, j] == pytest.approx(sum(terms) / 2)


@pytest.mark.parametrize("seed", range(5))
def test_no_way_is_cheaper_than_the_shortest(seed):
    cost = np.random.default_rng(seed).random((4, 5))
    path = shortest_path(cost)
    assert path[0].tolist() == [0, 0]
    assert path[-1].tolist() == [3, 4]
    steps = np.diff(path, axis=0)
    assert ((steps >= 0) & (steps <= 1)).all()
    assert steps.any(axis=1).all()

    def cheapest(row, column):
        before = [(row - 1, column), (row, column - 1), (row - 1, column - 1)]
        there = [cheapest(*at) for at in before if min(at) >= 0]
        return cost[row, column] + (min(there) if there else 0)

    assert cost[path[:, 0], path[:, 1]].sum() == pytest.approx(cheapest(3, 4))


@settings(max_examples=40, deadline=None)
@given(
    arrays(np.int8, array_shapes(min_dims=2, max_dims=2, max_side=9), elements=st.integers(0, 3))
)
def test_among_ways_that_cost_the_same_the_official_one_is_taken(cost):
    height, width = cost.shape
    total = {(0, 0): int(cost[0, 0])}

    def before(row, column):
        steps = [(row - 1, column - 1), (row - 1, column), (row, column - 1)]
        return min((at for at in steps if at in total), key=total.__getitem__)

    for row, column in itertools.product(range(height), range(width)):
        if row or column:
            total[row, column] = int(cost[row, column]) + total[before(row, column)]
    path = [(height - 1, width - 1)]
    while path[-1] != (0, 0):
        path.append(before(*path[-1]))
    assert shortest_path(cost.astype(float)).tolist() == [list(at) for at in path[::-1]]


def test_only_videos_of_bool_masks():
    with pytest.raises(ValueError, match=r"\(T, H, W\) bool"):
        temporal_instability(np.zeros((4, 4), bool))

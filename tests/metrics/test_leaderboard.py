"""Cue dependence, paired intervals, the Pareto front, rank correlation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from vos_lab.metrics.leaderboard import (
    cue_dependence,
    paired_interval,
    pareto_front,
    rank_correlation,
    tail_share,
)

SCORES = st.floats(0, 1, width=32)


@given(hnp.arrays(np.float64, 5, elements=SCORES), hnp.arrays(np.float64, (3, 5), elements=SCORES))
def test_dependence_is_a_share_for_each_cue(whole, without):
    lost = cue_dependence(whole, without)
    assert lost.shape == (3,)
    assert ((lost >= 0) & (lost <= 1)).all()
    assert (cue_dependence(whole, np.tile(whole, (2, 1))) == 0).all()


def test_half_of_everything_is_half_whatever_the_method_had():
    for whole in (np.array([0.9, 0.7]), np.array([0.02, 0.04])):
        assert cue_dependence(whole, 0.5 * whole[None]) == pytest.approx([0.5])


def test_pairs_make_a_lead_sure_that_is_lost_among_hard_and_easy_videos():
    rng = np.random.default_rng(0)
    hard = rng.uniform(0.1, 0.9, 20)
    one, other = hard + 0.03 + rng.normal(0, 0.01, 20), hard
    mean, low, high = paired_interval(one, other)
    assert low > 0.02
    assert high < 0.04
    assert mean == pytest.approx(0.03, abs=0.01)
    _, low, _ = paired_interval(one, np.roll(other, 1))  # other videos are compared
    assert low < 0


def test_the_interval_turns_round_with_the_methods():
    one, other = np.array([0.9, 0.7, 0.4, 0.3]), np.array([0.8, 0.5, 0.4, 0.2])
    mean, low, high = paired_interval(one, other)
    assert (-mean, -high, -low) == pytest.approx(paired_interval(other, one), abs=1e-9)
    assert low <= mean <= high
    wide = paired_interval(one, other, confidence=0.99)
    assert wide[1] <= low
    assert wide[2] >= high


def test_intervals_of_five_videos_hold_the_truth_nine_times_in_ten():
    rng = np.random.default_rng(1)
    held = 0
    for seed in range(300):
        ahead = rng.normal(0.1, 0.05, 5)
        _, low, high = paired_interval(ahead, np.zeros(5), resamples=1000, seed=seed)
        held += low <= 0.1 <= high
    assert held / 300 > 0.88


def test_less_is_cut_off_of_few_values():
    shares = [tail_share(count, 0.95) for count in (3, 5, 10, 100)]
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(0.025, abs=0.002)


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(0, 5)), min_size=1, max_size=12))
def test_the_front_is_what_nobody_dominates(points):
    seconds, j = np.array(points, float).T
    expected = [
        not any(s <= t and q >= p and (s < t or q > p) for s, q in points) for t, p in points
    ]
    front = pareto_front(seconds, j)
    assert front.tolist() == expected
    assert front.any()
    # With seconds and J turned into each other, it is the same front.
    assert pareto_front(-j, -seconds).tolist() == expected


def test_rank_correlation():
    one = np.array([0.2, 0.5, 0.3, 0.9])
    assert rank_correlation(one, one**3) == pytest.approx(1)
    assert rank_correlation(one, -one) == pytest.approx(-1)
    assert rank_correlation(one, np.full(4, 0.5)) == 0

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vos_lab.claims.claim import Claim, judge, mean_interval, measure

SEEDS = (0, 1, 2, 3, 4)


def claim(experiment, seeds=SEEDS):
    return Claim("00_test/word", "Two is more than one.", "difference", experiment, seeds)


@pytest.mark.parametrize(
    ("experiment", "verdict"),
    [
        (lambda seed: 1 + 0.01 * seed, "holds"),
        (lambda seed: -1 - 0.01 * seed, "does not hold"),
        (lambda seed: seed - 1.5, "undecided"),
        (lambda seed: 0.0, "does not hold"),
        (lambda seed: 0.5, "holds"),
    ],
)
def test_the_verdict_follows_the_interval(experiment, verdict):
    result = measure(claim(experiment), progress=False)
    assert result.verdict == verdict
    assert result.effects == tuple(float(experiment(seed)) for seed in SEEDS)
    assert json.loads(json.dumps(result.as_dict()))["verdict"] == verdict
    assert verdict in str(result)


def test_few_seeds_are_refused():
    with pytest.raises(ValueError, match="4 seeds are too few"):
        claim(lambda seed: 1.0, seeds=(0, 1, 2, 3))


def test_an_effect_that_is_no_number_gives_no_verdict():
    with pytest.raises(ValueError, match="finite"):
        judge(claim(lambda seed: 1.0), (1.0, 2.0, float("nan"), 1.0, 1.0))


def test_the_interval_covers_the_true_mean_as_often_as_it_says():
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(1000):
        _, low, high = mean_interval(rng.normal(3.0, 2.0, 6))
        covered += low <= 3.0 <= high
    assert 930 <= covered <= 970


@settings(max_examples=50)
@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=20), st.floats(-10, 10))
def test_shifting_the_values_shifts_the_interval(values, shift):
    before = np.array(mean_interval(np.array(values)))
    after = np.array(mean_interval(np.array(values) + shift))
    np.testing.assert_allclose(after, before + shift, atol=1e-6)

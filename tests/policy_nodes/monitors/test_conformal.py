import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy_nodes.errors import CalibrationError
from policy_nodes.monitors.bands import extend, functional_band, pointwise_quantile
from policy_nodes.monitors.conformal import (
    conformal_rank,
    constant_quantile,
    rank_threshold,
    required_rollouts,
    rollout_maxima,
)
from tests.policy_nodes.monitors.synthetic import digest_rollouts, successes


@pytest.mark.parametrize(
    ("n", "q", "rank"),
    [(9, 0.9, 9), (10, 0.9, 10), (19, 0.95, 19), (20, 0.95, 20), (50, 0.9, 46), (50, 0.95, 49), (99, 0.99, 99)],
)
def test_ranks_by_hand(n, q, rank):
    assert conformal_rank(n, q) == rank
    assert rank_threshold(np.arange(1, n + 1), q) == rank


def test_too_few_rollouts_are_refused_with_the_number_needed():
    assert [required_rollouts(q) for q in (0.5, 0.8, 0.9, 0.95, 0.97, 0.98, 0.99)] == [1, 4, 9, 19, 33, 49, 99]
    rank_threshold(np.ones(10), 0.90)
    with pytest.raises(CalibrationError, match=r"10 successful.*q = 0.95.*at least 19"):
        rank_threshold(np.ones(10), 0.95)
    with pytest.raises(CalibrationError, match="at least 9"):
        rank_threshold([], 0.9)


@settings(max_examples=50, deadline=None)
@given(st.floats(0.01, 0.995))
def test_required_rollouts_is_the_smallest_that_works(q):
    n = required_rollouts(q)
    assert conformal_rank(n, q) <= n and (n == 1 or conformal_rank(n - 1, q) > n - 1)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0.1, 10), min_size=19, max_size=80), st.sampled_from([0.5, 0.8, 0.9, 0.95]))
def test_rank_rule_is_never_looser_than_its_definition(maxima, q):
    threshold = rank_threshold(maxima, q)
    assert np.sum(np.array(maxima) <= threshold) >= (len(maxima) + 1) * q - 1e-9
    assert np.sum(np.array(maxima) < threshold) < (len(maxima) + 1) * q


@pytest.mark.parametrize("q", [0.0, 1.0, -1.0, 2.0])
def test_impossible_quantiles(q):
    with pytest.raises(CalibrationError, match="quantile"):
        rank_threshold(np.ones(10), q)


def test_maxima():
    assert rollout_maxima([np.array([1.0, 3.0, 2.0]), np.array([5.0])]).tolist() == [3.0, 5.0]
    for bad in (np.array([]), np.array([1.0, np.nan])):
        with pytest.raises(CalibrationError, match="rollout 1"):
            rollout_maxima([np.ones(2), bad])
    with pytest.raises(CalibrationError, match="infinite"):
        rank_threshold([*[1.0] * 20, np.inf], 0.9)


def test_published_constant_quantile_vector():
    assert constant_quantile(rollout_maxima(digest_rollouts()), 0.9) == pytest.approx(1.42)


def false_alarms(test, threshold):
    return np.mean([(s > extend(threshold, len(s))).any() for s in test])


def test_realised_false_alarms_with_50_calibration_rollouts():
    """1000 unseen successes against each of 40 calibration sets, q = 0.9."""
    rng = np.random.default_rng(0)
    test = successes(1000, rng)
    maxima = rollout_maxima(test)
    rank, band_released, pointwise = [], [], []
    for _ in range(40):
        calibration = successes(50, rng)
        rank.append(np.mean(maxima > rank_threshold(rollout_maxima(calibration), 0.9)))
        if len(pointwise) < 10:
            pointwise.append(false_alarms(test, pointwise_quantile(calibration, 0.9)))
            band_released.append(false_alarms(test, functional_band(calibration, 0.9, released_sign=True)))
    # With rank 46 of 50 the rate is Beta(5, 46): mean 0.098, deviation 0.0413; plus binomial noise over 1000 rollouts.
    sigma = np.sqrt((0.0413**2 + 0.1 * 0.9 / 1000) / 40)
    assert 0.098 - 4 * sigma <= np.mean(rank) <= 0.10 + 3 * sigma
    assert np.mean(pointwise) > 0.5
    assert np.mean(band_released) > 0.2

import numpy as np
import pytest

from policy_nodes.errors import CalibrationError
from policy_nodes.monitors.bands import extend, functional_band, pointwise_quantile, split_longest_first, upper_band
from tests.policy_nodes.monitors.synthetic import digest_rollouts, successes
from tests.policy_nodes.monitors.test_conformal import false_alarms


def test_pointwise_vector():
    expected = [0.76, 0.86, 0.96, 1.1, 1.16, 1.3, 1.375, 1.47]
    np.testing.assert_allclose(pointwise_quantile(digest_rollouts(), 0.9), expected, atol=1e-9)


def test_released_band_vector():
    expected = [0.94677, 0.953, 1.11885, 1.213, 1.32677, 1.403, 1.38269, 1.72404]
    np.testing.assert_allclose(functional_band(digest_rollouts(), 0.9, released_sign=True), expected, atol=5e-6)


def test_fail_detect_upper_band_vector():
    rows = np.stack([scores[:6] for scores in digest_rollouts()])
    np.testing.assert_allclose(upper_band(rows[:4], rows[4:], 0.9), [0.93, 0.93, 1.155, 1.2, 1.18, 1.38], atol=1e-9)


def test_the_sign_matters_by_hand():
    # Shape set {0, 1}: mean 1, largest deviation 1. Calibration {2, 3}: 1 above (3) and 1 below (-4) the mean at t = 0.
    series = [np.array([0.0, 0.0]), np.array([2.0, 2.0]), np.array([4.0, 1.0]), np.array([-5.0, 1.0])]
    assert split_longest_first(series) == ([0, 1], [2, 3])
    upper = functional_band(series, 0.99)  # excesses max_t(s - mu) = 3 and 0: quantile 2.97
    np.testing.assert_allclose(upper, [3.97, 3.97])
    released = functional_band(series, 0.99, released_sign=True)  # max_t(mu - s) = 0 and 6: quantile 5.94
    np.testing.assert_allclose(released, [6.94, 6.94])


def test_longest_rollout_shapes_the_band():
    series = [np.ones(3), np.ones(5), np.ones(4), np.ones(5), np.ones(2)]
    assert split_longest_first(series) == ([1, 0, 2], [3, 4])
    assert functional_band(series, 0.5).shape == (5,)
    np.testing.assert_allclose(functional_band(series, 0.9), 1.0)  # flat: 1 / T scales it, nothing exceeds


def test_outliers_of_the_shape_set_are_trimmed_when_it_is_large():
    rng = np.random.default_rng(0)
    series = [rng.uniform(0, 1, 10) for _ in range(80)]
    spiked = [*series]
    spiked[3] = series[3] + 100.0
    trimmed = functional_band(spiked, 0.9)
    assert trimmed.max() < 10.0


def test_rank_rule_refuses_small_sets_and_covers():
    rng = np.random.default_rng(1)
    with pytest.raises(CalibrationError, match="cannot support"):
        functional_band(successes(15, rng), 0.9, rank_rule=True)
    with pytest.raises(CalibrationError, match="cannot make a band"):
        functional_band(successes(2, rng), 0.9)
    test = successes(400, rng)
    rates = [false_alarms(test, functional_band(successes(50, rng), 0.9, rank_rule=True)) for _ in range(15)]
    # Only 25 rollouts calibrate: rank 24, Beta(2, 24), deviation 0.051.
    assert np.mean(rates) <= 0.10 + 3 * 0.051 / np.sqrt(15)


def test_extension():
    band = np.array([1.0, 2.0, 6.0])
    assert extend(band, 5).tolist() == [1.0, 2.0, 6.0, 6.0, 6.0]
    assert extend(band, 5, "mean").tolist() == [1.0, 2.0, 6.0, 3.0, 3.0]
    assert extend(band, 2).tolist() == [1.0, 2.0]

import numpy as np
import pytest

from sim.tasks.pick_place.noise import CorrelatedNoise


def series(scale=0.02, time_constant=0.3, n=40_000, size=2):
    noise, rng = CorrelatedNoise(size, scale, time_constant, 0.02), np.random.default_rng(0)
    return np.array([noise.sample(rng) for _ in range(n)])[1000:]


def test_the_stationary_deviation_is_the_scale_and_the_mean_is_zero():
    values = series()
    assert values.std(axis=0) == pytest.approx([0.02, 0.02], rel=0.08)
    assert np.abs(values.mean(axis=0)).max() < 0.003


def test_it_is_correlated_as_two_filters_of_one_time_constant_are():
    values = series()[:, 0]
    lag = round(0.3 / 0.02)
    correlation = np.corrcoef(values[:-lag], values[lag:])[0, 1]
    # Continuous time: (1 + t/T) exp(-t/T), at t = T: 2/e.
    assert correlation == pytest.approx(2 / np.e, abs=0.05)


def test_its_velocity_is_bounded_like_a_drift_and_not_like_white_noise():
    values = series()[:, 0]
    speed = np.diff(values).std() / 0.02
    assert speed == pytest.approx(0.02 / 0.3, rel=0.1)  # standard deviation of the derivative is scale / T


def test_channels_are_independent_and_the_seed_repeats_them():
    values = series()
    assert abs(np.corrcoef(values.T)[0, 1]) < 0.1
    np.testing.assert_array_equal(values, series())


def test_reset_starts_at_zero_again():
    noise = CorrelatedNoise(3, 1.0, 0.3, 0.02)
    first = noise.sample(np.random.default_rng(5))
    noise.sample(np.random.default_rng(6))
    noise.reset()
    np.testing.assert_array_equal(noise.sample(np.random.default_rng(5)), first)

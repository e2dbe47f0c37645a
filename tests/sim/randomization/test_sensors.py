"""Noise, bias and delay of a measured signal."""

from __future__ import annotations

import numpy as np
import pytest

from sim.randomization.ranges import RandomizationError
from sim.randomization.sensors import Sensor, SensorModel

ALL = np.arange(500)


def _sensor(model: SensorModel) -> Sensor:
    sensor = Sensor(model, 500, 2, np.random.default_rng(0))
    sensor.reset(ALL, np.zeros((500, 2)))
    return sensor


def test_a_perfect_sensor_changes_nothing() -> None:
    value = np.random.default_rng(1).normal(size=(500, 2))
    np.testing.assert_array_equal(_sensor(SensorModel()).measure(value), value)


@pytest.mark.parametrize(("gaussian", "spread"), [(False, 0.3 / np.sqrt(3)), (True, 0.3)])
def test_noise_is_new_every_time_and_has_the_asked_spread(gaussian: bool, spread: float) -> None:
    sensor = _sensor(SensorModel(noise=0.3, gaussian=gaussian))
    first, second = sensor.measure(np.zeros((500, 2))), sensor.measure(np.zeros((500, 2)))
    assert (first != second).all()
    assert first.std() == pytest.approx(spread, rel=0.1)


def test_bias_stays_until_the_reset() -> None:
    sensor = _sensor(SensorModel(bias=0.5))
    first, second = sensor.measure(np.zeros((500, 2))), sensor.measure(np.ones((500, 2)))
    np.testing.assert_allclose(second - first, 1.0)
    np.testing.assert_allclose(first, sensor.bias)
    assert 0.45 < np.abs(sensor.bias).max() <= 0.5
    kept = sensor.bias[1:].copy()
    sensor.reset(np.array([0]), np.zeros((1, 2)))
    np.testing.assert_array_equal(sensor.bias[1:], kept)
    assert (sensor.bias[0] != first[0]).all()


def test_delay_is_per_world() -> None:
    sensor = _sensor(SensorModel(delay=2))
    assert set(sensor.delay.tolist()) == {0, 1, 2}
    for step in range(1, 4):
        read = sensor.measure(np.full((500, 2), float(step)))
    np.testing.assert_allclose(read[:, 0], 3.0 - sensor.delay)


@pytest.mark.parametrize("wrong", [{"noise": -0.1}, {"bias": -1.0}, {"delay": -1}, {"delay": 1.5}])
def test_impossible_sensors_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(RandomizationError, match=next(iter(wrong))):
        SensorModel(**wrong)

"""The observation vector number by number: the order and scales that the deployment contract repeats."""

from __future__ import annotations

import numpy as np

from sim.tasks.velocity.config import ObservationNoise, ObservationScales
from sim.tasks.velocity.observations import actor_observation, actor_size, add_noise, noise_vector


def test_order_and_scales() -> None:
    joints = np.arange(1.0, 13.0)[None]
    vector = actor_observation(
        angular_velocity=np.array([[4.0, 8.0, 12.0]]),
        gravity=np.array([[0.1, 0.2, -0.97]]),
        command=np.array([[0.8, -0.4, 2.0]]),
        joint_offset=joints,
        joint_velocity=20.0 * joints,
        last_action=-joints,
        scales=ObservationScales(),
    )
    expected = [1, 2, 3, 0.1, 0.2, -0.97, 1.6, -0.8, 0.5, *range(1, 13), *range(1, 13), *range(-1, -13, -1)]
    assert vector.dtype == np.float32
    assert vector.shape == (1, actor_size(12)) == (1, 45)
    np.testing.assert_allclose(vector[0], expected, rtol=1e-6)


def test_writes_into_the_given_array() -> None:
    out = np.full((2, 45), np.nan, dtype=np.float32)
    zeros = np.zeros((2, 12))
    result = actor_observation(
        np.zeros((2, 3)), np.zeros((2, 3)), np.zeros((2, 3)), zeros, zeros, zeros, ObservationScales(), out=out
    )
    assert result is out
    assert not out.any()


def test_noise_widths_are_in_scaled_units() -> None:
    widths = noise_vector(ObservationNoise(), ObservationScales(), 12)
    np.testing.assert_allclose(widths[:3], 0.2 * 0.25)
    np.testing.assert_allclose(widths[3:6], 0.05)
    np.testing.assert_allclose(widths[6:9], 0.0)
    np.testing.assert_allclose(widths[9:21], 0.01)
    np.testing.assert_allclose(widths[21:33], 1.5 * 0.05)
    np.testing.assert_allclose(widths[33:], 0.0)


def test_noise_stays_within_its_width_and_is_centred() -> None:
    widths = noise_vector(ObservationNoise(), ObservationScales(), 12)
    observation = np.zeros((4000, 45), dtype=np.float32)
    add_noise(observation, widths, np.random.default_rng(0))
    assert (np.abs(observation) <= widths + 1e-7).all()
    np.testing.assert_allclose(observation.mean(axis=0), 0.0, atol=4e-3)
    np.testing.assert_allclose(observation[:, :3].std(), 0.05 / np.sqrt(3), rtol=0.02)

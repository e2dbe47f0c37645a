"""Every reward term against numbers worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from sim.tasks.velocity import rewards

COMMAND = np.array([[0.8, 0.0, 0.5], [0.0, 0.0, 0.0]])
VELOCITY = np.array([[0.3, 0.0, 0.2], [0.0, 0.1, 0.0]])


def test_tracking_kernels() -> None:
    linear = rewards.track_linear_velocity(VELOCITY, COMMAND, 0.25)
    np.testing.assert_allclose(linear, [np.exp(-1.0), np.exp(-0.04)])
    rates = np.array([[9.0, 9.0, 0.0], [9.0, 9.0, 0.0]])
    np.testing.assert_allclose(rewards.track_yaw_rate(rates, COMMAND, 0.25), [np.exp(-1.0), 1.0])


def test_progress_is_the_share_of_the_commanded_speed() -> None:
    np.testing.assert_allclose(rewards.progress(VELOCITY, COMMAND), [0.375, 0.0])
    sideways = np.array([[0.0, -2.0, 0.0]])
    np.testing.assert_allclose(rewards.progress(sideways, np.array([[0.0, 0.5, 0.0]])), [-1.0])
    diagonal = np.array([[0.3, 0.4, 0.0]])
    np.testing.assert_allclose(rewards.progress(diagonal, np.array([[0.3, 0.4, 0.0]])), [1.0])


def test_turn_progress_is_the_share_of_the_commanded_rate() -> None:
    rates = np.array([[0.0, 0.0, 0.25], [0.0, 0.0, -2.0], [0.0, 0.0, 0.1], [0.0, 0.0, 1.0]])
    command = np.array([[0.0, 0.0, 0.5], [0.0, 0.0, 0.5], [0.0, 0.0, 0.1], [1.0, 0.0, 0.0]])
    np.testing.assert_allclose(rewards.turn_progress(rates, command), [0.5, -1.0, 0.25, 0.0])


def test_squared_terms() -> None:
    np.testing.assert_allclose(rewards.vertical_velocity(VELOCITY), [0.04, 0.0])
    rates = np.array([[3.0, 4.0, 7.0]])
    np.testing.assert_allclose(rewards.roll_pitch_rate(rates), [25.0])
    np.testing.assert_allclose(rewards.tilt(np.array([[0.6, 0.0, -0.8]])), [0.36])
    np.testing.assert_allclose(rewards.base_height(np.array([0.2, 0.3]), 0.25), [0.0025, 0.0025])
    np.testing.assert_allclose(rewards.torque(np.array([[1.0, -2.0, 3.0]])), [14.0])


def test_rates_of_change() -> None:
    now, before = np.array([[0.5, 1.0]]), np.array([[0.3, 1.0]])
    np.testing.assert_allclose(rewards.joint_acceleration(now, before, 0.02), [100.0])
    np.testing.assert_allclose(rewards.action_rate(now, before), [0.04])


def test_joint_limits_count_only_what_is_beyond() -> None:
    limits = np.array([[-1.0, 1.0], [0.0, 2.0]])
    position = np.array([[0.0, 1.0], [-1.2, 2.3]])
    np.testing.assert_allclose(rewards.joint_limits(position, limits), [0.0, 0.5])


def test_air_time_pays_at_landing_only_while_moving() -> None:
    landed = np.array([[True, False], [True, False]])
    swing = np.array([[0.3, 9.0], [0.3, 9.0]])
    np.testing.assert_allclose(rewards.air_time(landed, swing, 0.1, COMMAND), [0.2, 0.0])


@pytest.mark.parametrize(("swing", "paid"), [(0.05, 0.0), (0.2, 0.1), (0.35, 0.25), (5.0, 0.25)])
def test_air_time_ignores_short_steps_and_caps_long_ones(swing: float, paid: float) -> None:
    value = rewards.air_time(np.array([[True]]), np.array([[swing]]), 0.1, COMMAND[:1])
    np.testing.assert_allclose(value, [paid], atol=1e-12)


def test_slip_counts_feet_on_the_ground_and_horizontal_motion() -> None:
    velocity = np.array([[[3.0, 4.0, 9.0], [1.0, 0.0, 0.0]]])
    np.testing.assert_allclose(rewards.foot_slip(velocity, np.array([[True, False]])), [25.0])
    np.testing.assert_allclose(rewards.foot_slip(velocity, np.array([[False, True]])), [1.0])


def test_contacts_posture_and_standing() -> None:
    np.testing.assert_allclose(rewards.leg_contact(np.array([[0.0, 0.2, 5.0], [0.0, 0.0, 0.05]])), [2.0, 0.0])
    offset = np.array([[0.1, 1.0, -0.2], [0.1, 1.0, -0.2]])
    np.testing.assert_allclose(rewards.hip_posture(offset, np.array([0, 2])), [0.05, 0.05])
    np.testing.assert_allclose(rewards.stand_still(offset, COMMAND), [0.0, 1.3])
    assert rewards.is_moving(COMMAND).tolist() == [True, False]


def test_total_weighs_and_cuts() -> None:
    values = {"good": np.array([1.0, 0.1]), "bad": np.array([2.0, 2.0])}
    weights = {"good": 3.0, "bad": -0.5}
    np.testing.assert_allclose(rewards.total(values, weights, 0.02, positive=False), [0.04, -0.014])
    np.testing.assert_allclose(rewards.total(values, weights, 0.02, positive=True), [0.04, 0.0])
    with pytest.raises(KeyError):
        rewards.total(values, {"missing": 1.0}, 0.02, positive=True)

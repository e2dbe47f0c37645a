"""SimulatedGo1 against physics: it stands on its gains, its IMU says what its body does, commands are checked."""

from __future__ import annotations

import numpy as np
import pytest

from sim.errors import CommandError
from sim.robots import go1
from sim.tasks.velocity.simulated_robot import SimulatedGo1


def test_it_stands_and_the_accelerometer_feels_gravity_upwards():
    robot = SimulatedGo1()
    robot.advance(go1.DEFAULT_POSE, 1.0)
    quat_xyzw, rates, force = robot.imu()
    assert not robot.failed() and abs(quat_xyzw[3]) > 0.99
    assert np.abs(rates).max() < 0.05
    assert force == pytest.approx([0, 0, 9.81], abs=1.0)
    assert robot.odometry()[0][2] == pytest.approx(0.25, abs=0.03)


def test_time_of_commands_that_do_not_divide_into_steps_is_carried_over():
    robot = SimulatedGo1()
    for _ in range(10):
        robot.advance(go1.DEFAULT_POSE, 0.005)
    assert robot.episode_time == pytest.approx(0.05, abs=1e-9)


def test_a_push_moves_the_trunk_in_its_own_frame_and_a_new_episode_puts_it_up():
    robot = SimulatedGo1()
    robot.push((0.0, 2.0))
    assert robot.odometry()[1][1] == pytest.approx(2.0, abs=0.1)
    robot.displace_object()
    robot.advance(go1.DEFAULT_POSE, 1.5)
    robot.restore_object()
    assert not robot.failed() and robot.episode_time == 0.0
    assert np.abs(robot.joint_state()[0] - go1.DEFAULT_POSE).max() < 0.35


@pytest.mark.parametrize("command", [np.zeros(11), np.full(12, np.nan)])
def test_a_command_that_is_none_is_refused(command):
    with pytest.raises(CommandError):
        SimulatedGo1().advance(command, 0.01)


def test_upside_down_is_a_fall_and_sitting_is_not():
    robot = SimulatedGo1()
    robot.advance(np.tile([0.0, 1.4, -2.65], 4), 2.0)
    assert not robot.failed()
    robot.data.qpos[3:7] = [0, 1, 0, 0]
    robot.advance(go1.DEFAULT_POSE, 0.01)
    assert robot.failed()

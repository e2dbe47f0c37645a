"""What the terms of the task see of a batch of worlds, from MuJoCo's positions, velocities and sensors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.tasks.velocity.frames import projected_gravity, rotate_to_body

Floats = NDArray[np.floating]


@dataclass
class LeggedState:
    """A batch of N robots with J joints and F feet at the end of a control step.

    Attributes:
        height: (N,) of the base above the ground under it [m].
        quat_wxyz: (N, 4) base to world.
        linear_velocity: (N, 3) of the base, in its own frame [m/s].
        angular_velocity: (N, 3) of the base, in its own frame [rad/s].
        gravity: (N, 3) unit vector in the base frame.
        joint_position: (N, J) [rad]; joint_velocity: (N, J) [rad/s]; torque: (N, J) [N m].
        foot_force: (N, F) normal contact force [N].
        foot_position: (N, F, 3) in the world [m]; foot_velocity: (N, F, 3) in the world [m/s].
        leg_force: (N, 2 F) normal contact force on thighs and calves [N].
        base_force: (N,) normal contact force on the trunk [N].
    """

    height: Floats
    quat_wxyz: Floats
    linear_velocity: Floats
    angular_velocity: Floats
    gravity: Floats
    joint_position: Floats
    joint_velocity: Floats
    torque: Floats
    foot_force: Floats
    foot_position: Floats
    foot_velocity: Floats
    leg_force: Floats
    base_force: Floats


@dataclass(frozen=True)
class SensorLayout:
    """Where the task's sensors are in ``sensordata``; see ``scene.add_sensors``."""

    torque: slice
    foot_position: slice
    foot_velocity: slice
    foot_force: slice
    leg_force: slice
    base_force: slice


def read_state(
    qpos: Floats, qvel: Floats, sensors: Floats, layout: SensorLayout, ground: Floats | float = 0.0
) -> LeggedState:
    """Interpret MuJoCo's arrays of worlds with one free joint followed by J hinges.

    A free joint's ``qvel`` holds the linear velocity in the world's frame and the angular one in the body's.

    Args:
        qpos: (N, 7 + J); qvel: (N, 6 + J); sensors: (N, S).
        layout: of the sensors.
        ground: (N,) height of the ground under the base [m].
    """
    count = len(qpos)
    quat = qpos[:, 3:7]
    return LeggedState(
        height=qpos[:, 2] - ground,
        quat_wxyz=quat,
        linear_velocity=rotate_to_body(quat, qvel[:, :3]),
        angular_velocity=qvel[:, 3:6],
        gravity=projected_gravity(quat),
        joint_position=qpos[:, 7:],
        joint_velocity=qvel[:, 6:],
        torque=sensors[:, layout.torque],
        foot_force=sensors[:, layout.foot_force],
        foot_position=sensors[:, layout.foot_position].reshape(count, -1, 3),
        foot_velocity=sensors[:, layout.foot_velocity].reshape(count, -1, 3),
        leg_force=sensors[:, layout.leg_force],
        base_force=sensors[:, layout.base_force].reshape(count, -1).sum(axis=1),
    )

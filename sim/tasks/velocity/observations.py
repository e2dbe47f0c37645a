"""What actor and critic see. The actor sees what a robot measures; the critic also sees what only a simulator knows.

Order of the actor's vector, for J joints (J = 12: 45 numbers): angular velocity (3), projected gravity (3), command
(3), joint position minus default (J), joint velocity (J), previous action (J), each times its scale. The critic's
vector is the same without noise, followed by the base's linear velocity (3) and privileged terms. The deployment
contract of the robot repeats this order: change both or neither.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from sim.tasks.velocity.config import ObservationNoise, ObservationScales
from sim.tasks.velocity.state import Floats

ACTOR_TERMS = ("base_ang_vel", "projected_gravity", "velocity_command", "joint_pos", "joint_vel", "last_action")
"""Names of the actor's terms in order, as written into exported files."""


def actor_size(joints: int) -> int:
    """Length of the actor's vector."""
    return 9 + 3 * joints


def actor_observation(
    angular_velocity: Floats,
    gravity: Floats,
    command: Floats,
    joint_offset: Floats,
    joint_velocity: Floats,
    last_action: Floats,
    scales: ObservationScales,
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """The actor's vector.

    Args:
        angular_velocity: (N, 3) body frame [rad/s].
        gravity: (N, 3) unit vector, body frame.
        command: (N, 3) vx, vy [m/s], yaw rate [rad/s].
        joint_offset: (N, J) position minus default pose [rad].
        joint_velocity: (N, J) [rad/s].
        last_action: (N, J) the action before scaling, as the network put it out.
        scales: factors.
        out: (N, 9 + 3 J) array to write into.

    Returns:
        ``out``, or a new array.
    """
    joints = joint_offset.shape[1]
    if out is None:
        out = np.empty((len(gravity), actor_size(joints)), dtype=np.float32)
    out[:, 0:3], out[:, 3:6], out[:, 6:9] = angular_velocity, gravity, command
    out[:, 9 : 9 + joints] = joint_offset
    out[:, 9 + joints : 9 + 2 * joints] = joint_velocity
    out[:, 9 + 2 * joints :] = last_action
    out *= scale_vector(scales, joints)
    return out


@cache
def scale_vector(scales: ObservationScales, joints: int) -> NDArray[np.float32]:
    """(9 + 3 J,) factor on each number of the actor's vector."""
    parts = [[scales.angular_velocity] * 3, [1.0] * 3, scales.command, [scales.joint_position] * joints,
             [scales.joint_velocity] * joints, [1.0] * joints]  # fmt: skip
    return np.concatenate(parts).astype(np.float32)


def noise_vector(noise: ObservationNoise, scales: ObservationScales, joints: int) -> NDArray[np.float32]:
    """(9 + 3 J,) half width of the noise on each scaled number; zero on command and previous action."""
    widths = np.zeros(actor_size(joints), dtype=np.float32)
    widths[0:3] = noise.angular_velocity * scales.angular_velocity
    widths[3:6] = noise.gravity
    widths[9 : 9 + joints] = noise.joint_position * scales.joint_position
    widths[9 + joints : 9 + 2 * joints] = noise.joint_velocity * scales.joint_velocity
    return widths


def add_noise(observation: NDArray[np.float32], widths: NDArray[np.float32], rng: np.random.Generator) -> None:
    """Add uniform noise of half width ``widths`` (d,) to the (N, d) observation, in place."""
    draw = rng.random(observation.shape, dtype=np.float32)
    draw *= 2.0
    draw -= 1.0
    draw *= widths
    observation += draw

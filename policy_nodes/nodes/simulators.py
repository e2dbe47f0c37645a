"""What a simulator must offer to stand behind a robot's topics, and how it is found: by name, as a plug-in."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Protocol, runtime_checkable

import numpy as np

from policy_nodes.errors import ConfigError, KeelError


class WalkingRobot(Protocol):
    """What a legged simulator offers besides, as its ``walking``."""

    base_frame: str

    def imu(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Orientation quat_xyzw (4,), angular velocity [rad/s] and specific force [m/s^2] (3,), in ``base_frame``."""

    def odometry(self) -> tuple[np.ndarray, np.ndarray]:
        """Pose (7,) xyz + quat_xyzw in ``frame_id``; twist (6,) linear, angular in ``base_frame``."""


@runtime_checkable
class FeelingRobot(Protocol):
    """What a simulator with force sensors offers besides."""

    def wrenches(self) -> dict[str, np.ndarray]:
        """Force [N] and torque [N m] (6,) by topic, in ``frame_id``."""


class SimulatedRobot(Protocol):
    """A robot in a world that runs on for ever; positions in rad and m, poses as xyz + quat_xyzw in ``frame_id``."""

    joint_names: tuple[str, ...]
    frame_id: str
    episode_time: float

    def advance(self, command: np.ndarray, seconds: float) -> None:
        """Run the physics under joint position targets (n,)."""

    def joint_state(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Position, velocity and effort, each (n,)."""

    def object_poses(self) -> dict[str, np.ndarray]:
        """Poses (7,) by object name."""

    def new_episode(self, seed: int | None = None) -> None:
        """Place the objects anew; the robot stays where it is."""

    def displace_object(self) -> str:
        """Move an object out of the training distribution; what was done, in words."""

    def restore_object(self) -> str:
        """Put the displaced object back where it was; what was done, in words."""

    def success(self) -> bool:
        """The task is done."""

    def failed(self) -> bool:
        """The task can no longer be done."""

    @property
    def walking(self) -> WalkingRobot | None:
        """IMU and odometry of a robot that walks; None for one that stands where it is bolted down."""


SIMULATORS = {
    "aloha_transfer": "sim.tasks.aloha_transfer.simulated_robot:SimulatedAloha",
    "panda_insertion": "sim.tasks.insertion.simulated_robot:SimulatedInsertion",
    "panda_lift": "sim.tasks.lift.simulated_robot:SimulatedLift",
    "panda_reach_avoid": "sim.tasks.reach_avoid.simulated_robot:SimulatedReachAvoid",
    "wiping": "training.suites.live:wiping",
    "unitree_go1": "sim.tasks.velocity.simulated_robot:SimulatedGo1",
}
"""Simulated robot by the task or the robot of a bundle, where it is not the launch file's default."""


_PARTS = sorted({*SimulatedRobot.__annotations__, *(name for name in vars(SimulatedRobot) if name[0] != "_")})


def load_simulator(reference: str, seed: int) -> SimulatedRobot:
    """Build the simulator ``module:factory`` with a seed.

    Raises:
        ConfigError: the reference cannot be imported, or what it makes lacks a part of :class:`SimulatedRobot`.
        KeelError: the simulator itself refuses; with its own cause and fix.
    """
    module, _, factory = reference.partition(":")
    try:
        make: Callable[..., SimulatedRobot] = getattr(import_module(module), factory)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(
            f"cannot load the simulator '{reference}': {error}.",
            "give module:factory, and install it (pip install keel[sim]).",
        ) from error
    try:
        robot = make(seed=seed)
    except Exception as error:
        if hasattr(error, "cause") and hasattr(error, "fix"):
            raise KeelError(str(error.cause), str(error.fix)) from error
        raise
    if missing := [name for name in _PARTS if not hasattr(robot, name)]:
        raise ConfigError(
            f"the simulator '{reference}' has no {', '.join(missing)}.",
            "offer everything of policy_nodes.nodes.simulators.SimulatedRobot; 'walking' may be None.",
        )
    return robot

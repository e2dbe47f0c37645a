"""What makes torque of joint targets: MuJoCo's position servos, or a law of ``sim.actuators`` at every physics step.

A law replaces the servos of compiled models by motors and keeps the gains and limits that the servos had, randomised or
not; so every range of ``ModelRandomization`` means the same for all drives, and motor strength is part of the limits.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from sim.actuators.dc_motor import DcMotor, saturate
from sim.actuators.network import ActuatorNet, network_torque
from sim.actuators.pd import PdGains, pd_torque
from sim.tasks.velocity.config import ActuatorConfig

Floats = NDArray[np.floating]


class Drives:
    """The drives of J joints in N worlds.

    Args:
        config: which law; not ``"servo"``.
        speeds: (J,) no-load speed of each joint [rad/s].

    Raises:
        RobotModelError: the network's file is missing or incomplete.
    """

    def __init__(self, config: ActuatorConfig, speeds: Floats) -> None:
        self.config, self._speeds = config, speeds
        self._net = ActuatorNet.load(Path(config.network)) if config.kind == "network" else None
        self._past = 0 if self._net is None else (self._net.history - 1) * config.moment_steps + 1

    def take_over(self, models: Sequence[mujoco.MjModel]) -> None:
        """Make motors of the servos of the worlds' models, in place; entries may repeat. Remembers gains and limits."""
        servos = {}
        for model in models:
            if id(model) not in servos:
                gains = (-model.actuator_biasprm[:, 1], -model.actuator_biasprm[:, 2], model.actuator_forcerange[:, 1])
                servos[id(model)] = np.stack(gains)
                model.actuator_gainprm[:, 0] = 1.0
                model.actuator_biasprm[:, :3] = 0.0
                model.actuator_ctrllimited[:] = 0
        stiffness, damping, limit = np.stack([servos[id(model)] for model in models], axis=1)
        self.gains = PdGains(stiffness, damping, limit)
        self._motor = DcMotor(self.config.stall_ratio * limit, limit, np.broadcast_to(self._speeds, limit.shape))

    def memory(self, count: int, joints: int) -> dict[str, NDArray[Any]]:
        """Physics step inside the control step, and what a network remembers, newest first."""
        past = (count, self._past, joints)
        return {"substep": np.zeros(count, dtype=np.int64), "errors": np.zeros(past), "speeds": np.zeros(past)}

    def torque(self, targets: Floats, position: Floats, velocity: Floats, memory: dict[str, NDArray[Any]]) -> Floats:
        """Torque (N, J) [N m] for this physics step.

        Args:
            targets: (N, J) joint targets [rad]; position: (N, J) [rad]; velocity: (N, J) [rad/s].
            memory: of :meth:`memory`; a network's past moves on by one step.
        """
        if self._net is None:
            torque = pd_torque(targets, position, velocity, self.gains)
            return saturate(torque, velocity, self._motor) if self.config.kind == "dc_motor" else torque
        for name, value in (("errors", targets - position), ("speeds", velocity)):
            memory[name][:, 1:] = memory[name][:, :-1].copy()
            memory[name][:, 0] = value
        moments = range(0, self._past, self.config.moment_steps)
        torque = network_torque(
            [memory["errors"][:, k] for k in moments], [memory["speeds"][:, k] for k in moments], self._net
        )
        return np.clip(torque, -self.gains.effort_limit, self.gains.effort_limit)

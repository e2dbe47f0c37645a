"""The torque that a DC motor can give at a speed: full at rest, none at the no-load speed, more when it brakes.

Linear speed-torque line between the stall torque and the no-load speed, cut at the drive's continuous limit, as in
Isaac Lab's ``DCMotor`` and in the effort-speed saturation of legged_control2::

    upper(v) = clip(stall (1 - v / no_load_speed),  0 .. limit),    lower(v) = -upper(-v)

A motor that turns against its torque is not limited by the line: back-EMF then helps the drive.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.errors import RobotModelError

Floats = NDArray[np.floating]


@dataclass(frozen=True)
class DcMotor:
    """Parameters of J motors at the joint, behind their gears.

    Attributes:
        stall_torque: (J,) at speed zero [N m].
        effort_limit: (J,) of the drive [N m], at most the stall torque.
        no_load_speed: (J,) at torque zero [rad/s].

    Raises:
        RobotModelError: a value is not positive, or a limit exceeds the stall torque.
    """

    stall_torque: Floats
    effort_limit: Floats
    no_load_speed: Floats

    def __post_init__(self) -> None:
        for name in ("stall_torque", "effort_limit", "no_load_speed"):
            if not (np.asarray(getattr(self, name)) > 0.0).all():
                raise RobotModelError(f"DcMotor.{name} is not positive.", "give the motor's data sheet values.")
        if (np.asarray(self.effort_limit) > np.asarray(self.stall_torque)).any():
            raise RobotModelError("DcMotor.effort_limit exceeds the stall torque.", "lower the limit.")


def torque_bounds(velocity: Floats, motor: DcMotor) -> tuple[Floats, Floats]:
    """Smallest and largest torque (N, J) that the motors can give at these velocities (N, J) [rad/s]."""
    share = velocity / motor.no_load_speed
    upper = np.clip(motor.stall_torque * (1.0 - share), 0.0, motor.effort_limit)
    lower = np.clip(motor.stall_torque * (-1.0 - share), -motor.effort_limit, 0.0)
    return lower, upper


def saturate(torque: Floats, velocity: Floats, motor: DcMotor) -> Floats:
    """The asked torque (N, J) [N m], cut to what the motors can give."""
    lower, upper = torque_bounds(velocity, motor)
    return np.clip(torque, lower, upper)

"""What can be set about the two-arm transfer: timing, the cube, where it starts and where it changes hands."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from sim.errors import TaskError
from sim.robots import aloha
from sim.tasks.pick_place.config import CubeConfig, Region, SimTiming

_RIGHT_BASE = aloha.BASES["right"][:2]


@dataclass(frozen=True)
class TransferConfig:
    """The task; regions are in the frame ``world`` and measure their reach from the right arm's base.

    Attributes:
        timing: physics and control periods; 50 Hz is ALOHA's own rate.
        cube: the object, ACT's 4 cm cube.
        training_region: where the cube is placed.
        reachable_region: where the right arm can still fetch it.
        cube_yaw: bounds of the cube's yaw [rad]; a cube repeats every 90 degrees.
        home_noise: standard deviation of the arms' joints around home at reset [rad].
        lifted: height of the cube's centre over the table from which it counts as in the air [m].
        withdrawn: distance of the right gripper from the cube from which the cube counts as handed over [m].

    Raises:
        TaskError: a size is impossible.
    """

    timing: SimTiming = field(default_factory=SimTiming)
    cube: CubeConfig = field(
        default_factory=lambda: CubeConfig(0.02, 0.05, friction=(1.0, 0.005, 0.0001), rgba=(0.85, 0.10, 0.10, 1.0))
    )
    training_region: Region = field(
        default_factory=lambda: Region(x=(0.02, 0.20), y=(-0.12, 0.10), reach=(0.25, 0.50), base=_RIGHT_BASE)
    )
    reachable_region: Region = field(
        default_factory=lambda: Region(x=(-0.02, 0.24), y=(-0.33, 0.30), reach=(0.23, 0.53), base=_RIGHT_BASE)
    )
    cube_yaw: tuple[float, float] = (-np.pi / 4, np.pi / 4)
    home_noise: float = 0.02
    lifted: float = 0.08
    withdrawn: float = 0.08

    def __post_init__(self) -> None:
        widest = aloha.FINGER_RANGE[1] - aloha.CLOSED_FINGER - 0.004
        if not 0.008 <= self.cube.half_size <= widest:
            raise TaskError(
                f"TransferConfig.cube.half_size is {self.cube.half_size}.",
                f"give 0.008 to {widest:g}: the grippers must get round the cube with some room.",
            )
        if self.lifted <= self.cube.half_size or self.withdrawn <= 0.0:
            raise TaskError(
                f"lifted {self.lifted} m, withdrawn {self.withdrawn} m.",
                "give more than the cube's half size, and more than 0.",
            )

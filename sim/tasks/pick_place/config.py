"""What can be set about the pick-and-place world: timing, objects, regions, tolerances."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike


@dataclass(frozen=True)
class Region:
    """A rectangle on the table in the frame of the task's poses, cut by a ring around the robot's base.

    Attributes:
        x: lower and upper bound [m].
        y: lower and upper bound [m].
        reach: smallest and largest distance from the base axis [m].
        base: where that axis is [m].
    """

    x: tuple[float, float]
    y: tuple[float, float]
    reach: tuple[float, float] = (0.30, 0.75)
    base: tuple[float, float] = (0.0, 0.0)

    def radius(self, xy: ArrayLike) -> float:
        """Distance of the point (2,) from the base axis [m]."""
        x, y = np.asarray(xy, dtype=float)[:2]
        return float(np.hypot(x - self.base[0], y - self.base[1]))

    def contains(self, xy: ArrayLike) -> bool:
        """Whether the point (2,) lies inside, borders included."""
        x, y = np.asarray(xy, dtype=float)[:2]
        radius = self.radius(xy)
        inside = self.x[0] <= x <= self.x[1] and self.y[0] <= y <= self.y[1]
        return bool(inside and self.reach[0] <= radius <= self.reach[1])


@dataclass(frozen=True)
class SimTiming:
    """Periods of the simulation [s]; a control period is a whole number of physics steps."""

    physics_dt: float = 0.002
    control_dt: float = 0.02


@dataclass(frozen=True)
class CubeConfig:
    """The object: a beech cube with a rubbery finish.

    Attributes:
        half_size: half of the edge [m].
        mass: [kg].
        friction: sliding [1], torsional [m] and rolling [m] coefficients of MuJoCo's contact model.
        rgba: colour.
    """

    half_size: float = 0.0225
    mass: float = 0.08
    friction: tuple[float, float, float] = (1.0, 0.01, 0.0001)
    rgba: tuple[float, float, float, float] = (0.91, 0.30, 0.16, 1.0)


@dataclass(frozen=True)
class GripperConfig:
    """Servo of the gripper; Menagerie's default holds with 1 N, the real hand with 30 N and more.

    Attributes:
        stiffness: tendon force per finger position error [N/m].
        damping: tendon force per finger speed [N s/m].
    """

    stiffness: float = 1000.0
    damping: float = 40.0


@dataclass(frozen=True)
class PickPlaceConfig:
    """The task.

    Attributes:
        timing: physics and control periods.
        cube: the object.
        gripper: the gripper's servo.
        training_region: where cube and goal are placed by ``reset`` and ``new_episode``.
        reachable_region: where a displaced cube is plausible and can be picked; larger than the training region.
        cube_yaw: bounds of the cube's yaw [rad]. A cube repeats every 90 degrees: the default holds all distinct poses.
        min_goal_distance: smallest distance between the placed cube and goal [m].
        goal_tolerance: cube centre to goal, horizontally [m].
        retreat_height: the tool counts as retreated when this far above the cube's centre [m].
        home_noise: standard deviation of the arm's joints around home at reset [rad].
        table_half_size: half extents of the table top in x and y [m]; the top is the plane z = 0, at the robot's base.
        table_centre_x: x of the table's centre [m].
    """

    timing: SimTiming = field(default_factory=SimTiming)
    cube: CubeConfig = field(default_factory=CubeConfig)
    gripper: GripperConfig = field(default_factory=GripperConfig)
    training_region: Region = Region(x=(0.40, 0.60), y=(-0.20, 0.20))
    reachable_region: Region = Region(x=(0.32, 0.66), y=(-0.45, 0.45), reach=(0.32, 0.70))
    cube_yaw: tuple[float, float] = (-np.pi / 4, np.pi / 4)
    min_goal_distance: float = 0.12
    goal_tolerance: float = 0.02
    retreat_height: float = 0.08
    home_noise: float = 0.02
    table_half_size: tuple[float, float] = (0.60, 0.75)
    table_centre_x: float = 0.35

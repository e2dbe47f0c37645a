"""What the scripted expert wants, as a pure function of what can be seen now.

No timers and no script counter: the phase follows from the poses and the finger position alone, so that recovery from
a missed grasp, a dropped or a displaced cube is the same code as the first attempt, and a network that sees the same
state can learn it. All poses are in the base frame; the tool points down.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from sim.tasks.pick_place.config import PickPlaceConfig
from sim.tasks.pick_place.geometry import braking_speed, grasp_yaw, ramp, wrap


class Phase(Enum):
    """What the expert is doing."""

    APPROACH = "approach"
    GRASP = "grasp"
    CARRY = "carry"
    RELEASE = "release"
    RETREAT = "retreat"
    REOPEN = "reopen"
    WAIT = "wait"


@dataclass(frozen=True)
class StrategyConfig:
    """Speeds and shapes of the motion.

    Attributes:
        speed: top speed of the tool, horizontally and vertically [m/s].
        deceleration: braking of the tool [m/s^2].
        rate: rate of the exponential end of every motion [1/s].
        turn_speed: top yaw rate [rad/s].
        hover: height of the tool above the grasp while it is not yet over the cube [m].
        carry: height at which the cube is carried [m].
        clear: tool height from which the way home is free [m].
    """

    speed: float = 0.5
    deceleration: float = 0.8
    rate: float = 8.0
    turn_speed: float = 1.6
    hover: float = 0.09
    carry: float = 0.09
    clear: float = 0.12


@dataclass(frozen=True)
class View:
    """What the strategy looks at.

    Attributes:
        tool: (3,) grasp centre [m].
        tool_yaw: [rad].
        finger: finger position [m].
        cube: (3,) centre [m].
        cube_yaw: yaw of the sides in [-pi/4, pi/4) [rad].
        cube_speed: [m/s].
        goal: (2,) [m].
    """

    tool: NDArray[np.float64]
    tool_yaw: float
    finger: float
    cube: NDArray[np.float64]
    cube_yaw: float
    cube_speed: float
    goal: NDArray[np.float64]


@dataclass(frozen=True)
class Intent:
    """What the tool should do now.

    Attributes:
        phase: for logs and tests.
        linear: (3,) tool velocity [m/s].
        yaw: wanted yaw of the tool [rad].
        open_gripper: open or close.
        home: 0 to 1, share of the joint motion towards the home posture.
    """

    phase: Phase
    linear: NDArray[np.float64] = field(default_factory=lambda: np.zeros(3))
    yaw: float = 0.0
    open_gripper: bool = True
    home: float = 0.0


def is_held(view: View, task: PickPlaceConfig) -> bool:
    """The cube is between the fingertips and the fingers rest on it."""
    half = task.cube.half_size
    offset = np.abs(_in_tool(view, view.cube[:2] - view.tool[:2]))
    closed = half - 0.003 < view.finger < half + 0.0015
    return bool(closed and offset[0] < 0.018 and offset[1] < 0.008 and abs(view.cube[2] - view.tool[2]) < 0.018)


def is_at_goal(view: View, task: PickPlaceConfig) -> bool:
    """The cube is on the table, close enough to the goal to be let go."""
    distance = np.hypot(*(view.cube[:2] - view.goal))
    return bool(distance < 0.6 * task.goal_tolerance and view.cube[2] < task.cube.half_size + 0.004)


def decide(view: View, task: PickPlaceConfig, config: StrategyConfig) -> Intent:
    """The intent for this view."""
    if is_at_goal(view, task):
        return _let_go(view, task, config)
    if is_held(view, task):
        return _carry(view, task, config)
    near, far = task.reachable_region.reach
    if not near - 0.03 < np.hypot(*view.cube[:2]) < far + 0.02 or view.cube[2] < 0.0:
        return Intent(Phase.WAIT, _up(view, config), view.tool_yaw, True, ramp(view.tool[2], 0.07, config.clear))
    return _fetch(view, task, config)


def _let_go(view: View, task: PickPlaceConfig, config: StrategyConfig) -> Intent:
    near_cube = np.hypot(*(view.cube[:2] - view.tool[:2])) < 0.05 and view.tool[2] < view.cube[2] + 0.03
    if near_cube and view.finger < task.cube.half_size + 0.008:
        return Intent(Phase.RELEASE, yaw=view.tool_yaw)
    return Intent(Phase.RETREAT, _up(view, config), view.tool_yaw, True, ramp(view.tool[2], 0.07, config.clear))


def _carry(view: View, task: PickPlaceConfig, config: StrategyConfig) -> Intent:
    half = task.cube.half_size
    to_goal = view.goal - view.cube[:2]
    distance = float(np.hypot(*to_goal))
    height = view.cube[2] - half
    wanted = config.carry * ramp(distance, 0.006, 0.05)
    # Sideways only when off the table; over the goal small corrections are allowed down to the last millimetres.
    free = max(ramp(height, 0.006, 0.035), ramp(height, 0.001, 0.004) * (distance < 0.02))
    down_margin = 0.001 if distance < 0.01 else 0.0
    linear = np.append(free * _towards(to_goal, config), _vertical(wanted - height - down_margin, config))
    return Intent(Phase.CARRY, linear, 0.0 if height > 0.01 else view.tool_yaw, False)


def _fetch(view: View, task: PickPlaceConfig, config: StrategyConfig) -> Intent:
    half = task.cube.half_size
    to_cube = view.cube[:2] - view.tool[:2]
    distance = float(np.hypot(*to_cube))
    bearing = float(np.arctan2(view.cube[1], view.cube[0]))
    yaw = grasp_yaw(view.cube_yaw, view.tool_yaw, bearing)
    turn = abs(wrap(yaw - view.tool_yaw))
    rise = view.tool[2] - max(view.cube[2], half)
    offset = np.abs(_in_tool(view, to_cube))
    # Once the fingers move, the cube is being centred: the tolerance is wider, and the finger position shows it.
    slack = 1.0 if view.finger > 0.037 else 1.7
    if offset[0] < 0.009 * slack and offset[1] < 0.009 * slack and abs(rise) < 0.008 * slack and turn < 0.15 * slack:
        return Intent(Phase.GRASP, np.append(0.5 * _towards(to_cube, config), _vertical(-rise, config)), yaw, False)
    if view.finger < 0.034 and distance < 0.06 and rise < half + 0.03:
        return Intent(Phase.REOPEN, np.array([0.0, 0.0, 0.1]), view.tool_yaw, True)
    misaligned = max(ramp(distance, 0.007, 0.029), ramp(turn, 0.10, 0.45), ramp(view.cube_speed, 0.03, 0.10))
    above = config.hover * misaligned
    free = 1.0 - ramp(above - rise, 0.01, 0.04)
    linear = np.append(free * _towards(to_cube, config), _vertical(above - rise, config))
    return Intent(Phase.APPROACH, linear, yaw, True)


def _in_tool(view: View, offset: NDArray[np.float64]) -> NDArray[np.float64]:
    """Horizontal offset (2,) along the tool's x axis (finger width) and across it (finger travel)."""
    c, s = np.cos(view.tool_yaw), np.sin(view.tool_yaw)
    return np.array([c * offset[0] + s * offset[1], -s * offset[0] + c * offset[1]])


def _towards(offset: NDArray[np.float64], config: StrategyConfig) -> NDArray[np.float64]:
    distance = float(np.linalg.norm(offset))
    if distance < 1e-9:
        return np.zeros_like(offset)
    return offset / distance * braking_speed(distance, config.speed, config.deceleration, config.rate)


def _vertical(offset: float, config: StrategyConfig) -> float:
    return float(np.sign(offset)) * braking_speed(abs(offset), config.speed, config.deceleration, config.rate)


def _up(view: View, config: StrategyConfig) -> NDArray[np.float64]:
    return np.array([0.0, 0.0, _vertical(max(config.clear + 0.1 - view.tool[2], 0.0), config)])

"""What the scripted expert wants of both arms, as a pure function of what can be seen now.

As in ``sim.tasks.pick_place.strategy`` there are no timers: the phase follows from the poses and the fingers, so that
picking up a dropped cube again is the same code as the first attempt.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from sim.robots import aloha
from sim.robots.aloha_arm import ToolPose, forward
from sim.tasks.pick_place.geometry import QUARTER, ramp, wrap

DOWN = np.pi / 2
LEFT_ROLL = np.pi / 2
"""The left fingers close on the cube from above and below, where the right ones leave it free."""
HANDOVER = np.array([0.0, -0.019, 0.25])
"""Where the cube changes hands: midway between the arms [m]."""
OPEN = aloha.FINGER_RANGE[1]
IS_OPEN = OPEN - 0.003
SQUEEZE = 0.013
"""How far beyond the cube's face a closing finger is commanded; the servo then holds with 26 N [m]."""


class Phase(Enum):
    """What one arm is doing."""

    APPROACH = "approach"
    GRASP = "grasp"
    CARRY = "carry"
    OFFER = "offer"
    WAIT = "wait"
    HOLD = "hold"
    RELEASE = "release"
    RETREAT = "retreat"
    REOPEN = "reopen"


@dataclass(frozen=True)
class Hand:
    """One gripper: its pose, and the position of its fingers [m]."""

    tool: ToolPose
    finger: float


@dataclass(frozen=True)
class View:
    """What the strategy looks at.

    Attributes:
        left, right: the grippers.
        cube: (3,) centre [m].
        cube_yaw: of its sides, modulo a quarter turn [rad].
        half: half of its edge [m].
    """

    left: Hand
    right: Hand
    cube: NDArray[np.float64]
    cube_yaw: float
    half: float

    def holds(self, hand: Hand) -> bool:
        """The cube is between the fingertips and the fingers rest on it."""
        closed = -0.0035 < hand.finger - aloha.CLOSED_FINGER - self.half < 0.0008
        return bool(closed and np.linalg.norm(self.cube - hand.tool.position) < 0.014)


@dataclass(frozen=True)
class Aim:
    """Where one gripper should go: the phase for logs and tests, the pose, and whether it should be open."""

    phase: Phase
    pose: ToolPose
    open_gripper: bool = True


def home(side: str) -> ToolPose:
    """Tool pose of the home posture, with the roll that the arm's part of the task needs."""
    pose = forward(side, aloha.HOME[: aloha.ARM])
    return ToolPose(pose.position, pose.pitch, LEFT_ROLL if side == "left" else 0.0)


def decide(view: View) -> dict[str, Aim]:
    """What each arm should do."""
    held_right = view.holds(view.right)
    return {"left": _left(view, held_right), "right": _right(view, held_right)}


def _right(view: View, held: bool) -> Aim:
    if view.holds(view.left):
        return _let_go(view)
    if not held:
        return _fetch(view)
    tool = view.right.tool
    height = view.cube[2] - view.half
    to_handover = float(np.hypot(*(HANDOVER[:2] - tool.position[:2])))
    if height < 0.05 and to_handover > 0.02:
        up = np.array([*tool.position[:2], max(tool.position[2], view.half) + 0.12])
        return Aim(Phase.CARRY, ToolPose(up, DOWN, tool.roll), False)
    phase = Phase.OFFER if _offered(view) else Phase.CARRY
    return Aim(phase, ToolPose(HANDOVER, 0.0, 0.0), False)


def _let_go(view: View) -> Aim:
    tool = view.right.tool
    if np.linalg.norm(tool.position - view.cube) < 0.06 and view.right.finger < IS_OPEN:
        return Aim(Phase.RELEASE, ToolPose(HANDOVER, 0.0, 0.0))
    return Aim(Phase.RETREAT, ToolPose(HANDOVER + np.array([0.13, 0.0, 0.0]), 0.0, 0.0))


def _fetch(view: View) -> Aim:
    tool = view.right.tool
    way = view.cube - tool.position
    aside = float(np.hypot(*way[:2]))
    base = np.array(aloha.BASES["right"][:2])
    bearing = float(np.arctan2(*(view.cube[:2] - base)[::-1]))
    # Pointing down, the fingers open at the bearing plus a quarter turn minus the roll.
    roll = wrap(bearing - view.cube_yaw, QUARTER)
    roll += QUARTER * round((tool.roll - roll) / QUARTER) if abs(tool.roll) < QUARTER else 0.0
    turn = max(abs(tool.roll - roll), abs(tool.pitch - DOWN))
    if aside < 0.006 and abs(way[2]) < 0.006 and turn < 0.12:
        return Aim(Phase.GRASP, ToolPose(view.cube, DOWN, roll), False)
    if view.right.finger < IS_OPEN - 0.004 and aside < 0.06 and way[2] > -0.06:
        return Aim(Phase.REOPEN, ToolPose(tool.position + np.array([0.0, 0.0, 0.03]), tool.pitch, tool.roll))
    above = 0.10 * max(ramp(aside, 0.006, 0.03), ramp(turn, 0.10, 0.35))
    return Aim(Phase.APPROACH, ToolPose(view.cube + np.array([0.0, 0.0, above]), DOWN, roll))


def _offered(view: View) -> bool:
    tool = view.right.tool
    near = np.linalg.norm(tool.position - HANDOVER) < 0.02
    return bool(near and abs(tool.pitch) < 0.1 and abs(tool.roll) < 0.1)


def _left(view: View, held_right: bool) -> Aim:
    tool, finger = view.left.tool, view.left.finger
    if view.holds(view.left):
        return Aim(Phase.HOLD, ToolPose(HANDOVER, 0.0, LEFT_ROLL), False)
    before = ToolPose(HANDOVER - np.array([0.10, 0.0, 0.0]), 0.0, LEFT_ROLL)
    if not (held_right and _offered(view)):
        return Aim(Phase.WAIT, before)
    way = view.cube - tool.position
    aside = float(np.hypot(way[1], way[2]))
    turn = max(abs(tool.roll - LEFT_ROLL), abs(tool.pitch))
    if aside < 0.006 and abs(way[0]) < 0.006 and turn < 0.12:
        return Aim(Phase.GRASP, ToolPose(view.cube, 0.0, LEFT_ROLL), False)
    if finger < IS_OPEN and way[0] < 0.06:
        back = tool.position - np.array([0.03, 0.0, 0.0])
        return Aim(Phase.REOPEN, ToolPose(back, 0.0, LEFT_ROLL))
    behind = 0.09 * max(ramp(aside, 0.005, 0.02), ramp(turn, 0.08, 0.3))
    return Aim(Phase.APPROACH, ToolPose(view.cube - np.array([behind, 0.0, 0.0]), 0.0, LEFT_ROLL))

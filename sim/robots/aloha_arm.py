"""Closed-form kinematics of one ViperX 300 whose forearm does not roll: a planar arm that its waist turns.

With the forearm's roll at zero the arm moves in a vertical plane through its base axis: two links and a wrist (Lynch &
Park, *Modern Robotics*, 2017, section 6.1). A pose is then five numbers: position, pitch and roll of the tool; the
tool's heading is the bearing of its position. The sixth joint stays free for what a person or a policy does with it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.robots.aloha import BASES, HEADINGS, TOOL_REACH

SHOULDER_HEIGHT = 0.079 + 0.04805
UPPER = (0.05955, 0.3)
FOREARM = 0.3
WRIST = 0.069744 + TOOL_REACH
"""Link lengths of Menagerie's model [m]: shoulder over the base, elbow from the shoulder at rest, elbow to wrist, wrist
to where the fingertips touch."""
_UPPER = float(np.hypot(*UPPER))
_REST = -float(np.arctan2(UPPER[1], UPPER[0]))


@dataclass(frozen=True)
class ToolPose:
    """Where a gripper is.

    Attributes:
        position: (3,) of the pinch point in the frame ``world`` [m].
        pitch: of the gripper below the horizontal [rad]; pi/2 points straight down.
        roll: about its own axis [rad]; at 0 the fingers open horizontally.
    """

    position: NDArray[np.float64]
    pitch: float
    roll: float


def forward(side: str, joints: ArrayLike) -> ToolPose:
    """Pose for arm joints (6,) [rad], as if the forearm's roll were 0."""
    waist, shoulder, elbow, _, wrist, roll = np.asarray(joints, dtype=float)[:6]
    pitch = shoulder + elbow + wrist
    angles = np.array([shoulder + _REST, shoulder + elbow, pitch])
    lengths = np.array([_UPPER, FOREARM, WRIST])
    reach, height = float(lengths @ np.cos(angles)), SHOULDER_HEIGHT - float(lengths @ np.sin(angles))
    bearing = HEADINGS[side] + waist
    offset = np.array([reach * np.cos(bearing), reach * np.sin(bearing), height])
    return ToolPose(np.array(BASES[side]) + offset, float(pitch), float(roll))


def inverse(side: str, pose: ToolPose) -> NDArray[np.float64]:
    """Arm joints (6,) [rad] for a pose, elbow up; out of reach, the arm points towards it as far as it goes."""
    offset = pose.position - np.array(BASES[side])
    waist = float(np.arctan2(offset[1], offset[0])) - HEADINGS[side]
    waist = float((waist + np.pi) % (2 * np.pi) - np.pi)
    x = float(np.hypot(offset[0], offset[1])) - WRIST * np.cos(pose.pitch)
    z = float(offset[2]) - SHOULDER_HEIGHT + WRIST * np.sin(pose.pitch)
    square = float(np.clip(x * x + z * z, (_UPPER - FOREARM) ** 2, (_UPPER + FOREARM) ** 2))
    bend = float(np.arccos(np.clip((square - _UPPER**2 - FOREARM**2) / (2 * _UPPER * FOREARM), -1.0, 1.0)))
    lift = -float(np.arctan2(z, x)) - float(np.arctan2(FOREARM * np.sin(bend), _UPPER + FOREARM * np.cos(bend)))
    shoulder, elbow = lift - _REST, bend + _REST
    return np.array([waist, shoulder, elbow, 0.0, pose.pitch - shoulder - elbow, pose.roll])

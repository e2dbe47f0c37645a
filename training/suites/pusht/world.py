"""gym-pusht as a simulated robot: two commanded axes that push a block over a table of half a metre.

The physics (pymunk), the PD control of the pusher, the start distribution and the success criterion (95 % of the goal's
area covered) are gym-pusht's own. Its pixels are read as millimetres, its y axis points down the screen, and its angle
becomes a rotation about z; nothing else is changed. Source of the task as used here: Chi et al., "Diffusion Policy",
arXiv 2303.04137.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from training.suites.errors import SuiteError

AXES = ("pusher_x", "pusher_y")
METRES = 1e-3
"""Metres per pixel of gym-pusht."""
CONTROL_DT = 0.1
SIZE = 512.0 * METRES


class PushTWorld:
    """The push-T task.

    Attributes:
        joint_names: the commanded axes.
        control_dt: period of ``step`` (s).
        environment: gym-pusht's environment, unwrapped.

    Raises:
        SuiteError: gym-pusht is not installed.
    """

    joint_names: tuple[str, ...] = AXES
    control_dt = CONTROL_DT

    def __init__(self) -> None:
        try:
            from gym_pusht.envs.pusht import PushTEnv
        except ImportError as error:
            raise SuiteError(f"gym-pusht cannot be imported: {error}.", "pip install 'keel[bench]'.") from error
        self.environment: Any = PushTEnv(obs_type="state")
        self._success = False
        self.reset(0)

    def reset(self, seed: int | None = None) -> None:
        """Pusher and block at random, as gym-pusht places them for this seed."""
        self.environment.reset(seed=seed)
        self.coverage = 0.0
        self._success = False

    def step(self, command: ArrayLike) -> None:
        """Advance one control period under a position target (2,) in m.

        Raises:
            SuiteError: wrong shape or not finite.
        """
        target = np.asarray(command, dtype=np.float64)
        if target.shape != (2,) or not np.isfinite(target).all():
            raise SuiteError(f"the command {target} is not two finite numbers.", f"send {', '.join(AXES)} in m.")
        *_, info = self.environment.step(np.clip(target, 0.0, SIZE) / METRES)
        self.coverage = float(info["coverage"])
        self._success = bool(info["is_success"])

    def joint_state(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Position (m), velocity (m/s) and effort (zeros: not measured) of the pusher, each (2,)."""
        agent = self.environment.agent
        return METRES * np.array(agent.position), METRES * np.array(agent.velocity), np.zeros(2)

    def object_poses(self) -> dict[str, NDArray[np.float64]]:
        """Poses (7,) of ``"block"`` and ``"goal"``: xyz (m, z = 0) and quat_xyzw."""
        block = self.environment.block
        goal = self.environment.goal_pose
        return {
            "block": _planar_pose(np.array(block.position), block.angle),
            "goal": _planar_pose(goal[:2], goal[2]),
        }

    def success(self) -> bool:
        """At least 95 % of the goal's area was covered after the last step."""
        return self._success

    def failed(self) -> bool:
        """Never: the walls keep the block on the table."""
        return False


def _planar_pose(position: NDArray[np.float64], yaw: float) -> NDArray[np.float64]:
    """Pose (7,) of a block at ``position`` (2,) in px, turned about z."""
    x, y = METRES * position
    return np.array([x, y, 0.0, 0.0, 0.0, np.sin(0.5 * yaw), np.cos(0.5 * yaw)])

"""A point robot on a plane: two position-commanded axes with a largest speed, and a goal."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from training.suites.errors import SuiteError
from training.suites.toys.layouts import CORNERS, RADIUS, Start, layout

AXES = ("x", "y")
CONTROL_DT = 0.05
SPEED = 1.0
"""Of the robot (m/s), in any direction."""
SIZE = 1.0
"""Half the side of the square it may move in (m)."""


class PlanarWorld:
    """One toy.

    Attributes:
        joint_names: the commanded axes.
        control_dt: period of ``step`` (s).
        modes: the ways of doing the task, of which :meth:`mode` is one.
        start: how the present episode began.

    Args:
        name: of the layout.
    """

    joint_names: tuple[str, ...] = AXES
    control_dt = CONTROL_DT

    def __init__(self, name: str) -> None:
        self.layout = layout(name)
        self.modes = self.layout.modes
        self.reset(0)

    def reset(self, seed: int | None = None) -> None:
        """Start an episode; without a seed that of seed 0."""
        self.start: Start = self.layout.place(np.random.default_rng([seed or 0, 7]))
        self.position = self.start.position.copy()
        self.velocity = np.zeros(2)
        self._side = ""

    def step(self, command: ArrayLike) -> None:
        """Advance one control period towards a position target (2,) in m.

        Raises:
            SuiteError: wrong shape or not finite.
        """
        target = np.asarray(command, dtype=np.float64)
        if target.shape != (2,) or not np.isfinite(target).all():
            raise SuiteError(f"the command {target} is not two finite numbers.", f"send {', '.join(AXES)} in m.")
        before = self.position
        self.position = before + limited(np.clip(target, -SIZE, SIZE) - before, SPEED * CONTROL_DT)
        self.velocity = (self.position - before) / CONTROL_DT
        if before[1] < 0.0 <= self.position[1]:
            self._side = "left" if self.position[0] < 0.0 else "right"

    def joint_state(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Position (m), velocity (m/s) and effort (zeros: not measured), each (2,)."""
        return self.position.copy(), self.velocity.copy(), np.zeros(2)

    def object_poses(self) -> dict[str, NDArray[np.float64]]:
        """Pose (7,) of the goal: xyz (m, z = 0) and quat_xyzw."""
        return {"goal": np.array([*self.start.goal, 0.0, 0.0, 0.0, 0.0, 1.0])}

    def success(self) -> bool:
        """A target is reached."""
        return self._reached(self.start.targets) != ""

    def failed(self) -> bool:
        """The robot is on the obstacle."""
        return bool(np.linalg.norm(self.position) < self.layout.obstacle)

    def mode(self) -> str:
        """The way that was taken; empty as long as none was."""
        if self.layout.obstacle:
            return self._side
        scale = float(np.abs(self.start.goal[0]))
        return self._reached({name: scale * np.array(CORNERS[name]) for name in self.modes})

    def _reached(self, targets: dict[str, NDArray[np.float64]]) -> str:
        near = (name for name, target in targets.items() if np.linalg.norm(self.position - target) < RADIUS)
        return next(near, "")


def limited(vector: NDArray[np.float64], length: float) -> NDArray[np.float64]:
    """The vector, shortened to a length."""
    size = float(np.linalg.norm(vector))
    return vector if size <= length else vector * (length / size)

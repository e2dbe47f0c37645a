"""A task's world behind a cause: what closed-loop episodes see when something goes wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.disturbances.cause import Array, Cause, ObservedState, Poses
from training.suites.interface import TaskWorld

_SEED = 7
"""Stream of the cause's random numbers, apart from those of world and policy."""


class DisturbedCell:
    """Offers the interface of a task's world, with what the cause leaves of commands and observations.

    Attributes:
        world: the true world.
        cause: what goes wrong.
        joint_names: of the world.
        control_dt: of the world (s).

    Args:
        world: the true world.
        cause: what goes wrong.
    """

    def __init__(self, world: TaskWorld, cause: Cause) -> None:
        self.world, self.cause = world, cause
        self.joint_names, self.control_dt = world.joint_names, world.control_dt
        self._observed: ObservedState | None = None
        self._begun = False

    def reset(self, seed: int | None = None) -> None:
        """Undo the last episode's changes, reset the world, then draw the cause."""
        self.close()
        self.world.reset(seed)
        self.cause.begin(self.world, np.random.default_rng([seed or 0, _SEED]))
        self._begun = True
        self._refresh()

    def close(self) -> None:
        """Leave the world's model as it was."""
        if self._begun:
            self.cause.end(self.world)
        self._begun = False

    def step(self, command: NDArray[np.float64]) -> None:
        """One control period under what the cause leaves of the command."""
        self.world.step(self.cause.command(np.asarray(command, dtype=float)))
        self._refresh()

    def after(self, seconds: float) -> None:
        """Tell the cause the time since enabling."""
        self.cause.advance(self.world, seconds)

    def joint_state(self) -> tuple[Array, Array, Array]:
        """Observed joint state."""
        assert self._observed is not None
        return self._observed[1]

    def object_poses(self) -> Poses:
        """Observed poses."""
        assert self._observed is not None
        return self._observed[0]

    def vectors(self) -> dict[str, Array]:
        """The world's other signals, undisturbed."""
        found: dict[str, Array] = getattr(self.world, "vectors", dict)()
        return found

    def success(self) -> bool:
        """Of the true world."""
        return self.world.success()

    def failed(self) -> bool:
        """Of the true world."""
        return self.world.failed()

    @property
    def model(self) -> Any:
        """MuJoCo model of the true world, for films."""
        return self.world.model  # type: ignore[attr-defined]

    @property
    def data(self) -> Any:
        """MuJoCo state of the true world, for films."""
        return self.world.data  # type: ignore[attr-defined]

    def _refresh(self) -> None:
        self._observed = self.cause.observe((self.world.object_poses(), self.world.joint_state()))

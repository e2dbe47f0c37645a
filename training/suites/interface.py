"""What a task offers beside its contract: a world to act in and an expert to learn from."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from training.simulation import World


class TaskWorld(World, Protocol):
    """A simulated robot with a task, stepped once per control period.

    ``model`` and ``data`` are a MuJoCo world's, for filming; a world without them cannot be filmed. A world with
    signals that are neither joint states nor object poses offers ``vectors()``: topic -> (n,) values, and
    ``wrenches()``: topic -> (6,) force [N] and torque [N m].
    """

    control_dt: float

    def reset(self, seed: int | None = None) -> None:
        """Start an episode; equal seeds give equal episodes, and the seed chooses the variant of the task."""

    def step(self, command: NDArray[np.float64]) -> None:
        """Advance one control period under a command (A,) in contract order and units."""

    def success(self) -> bool:
        """The task is done now."""

    def failed(self) -> bool:
        """The task can no longer be done."""


class Expert(Protocol):
    """Does the task, with labels that stay clean while the executed command is perturbed (DART, arXiv 1703.09327)."""

    noise: float

    @property
    def done(self) -> bool:
        """The task has succeeded and nothing is left to do, as of the last ``act``."""

    def reset(self, world: Any, seed: int | None = None) -> None:
        """Start from the present state of a world."""

    def act(self, world: Any) -> NDArray[np.float64]:
        """Command (A,) for the next control period, in contract order and units."""

    def perturb(self, command: NDArray[np.float64]) -> NDArray[np.float64]:
        """The command (A,) to execute instead."""

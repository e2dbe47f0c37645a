"""Demonstrators of the toys: they choose one way at random and go it straight."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sim.tasks.pick_place.noise import CorrelatedNoise
from training.suites.toys.world import CONTROL_DT, SPEED, PlanarWorld, limited

NOISE_TIME_S = 0.2
PASS_AT = 0.6
"""Distance from the origin at which the obstacle is passed (m)."""
NEAR = 0.05
"""Distance at which a way point counts as passed (m)."""


class PlanarExpert:
    """Chooses among the layout's modes with equal probability.

    Args:
        noise: stationary standard deviation of the perturbation of the command (m), per axis.
        seed: of choice and perturbation.
    """

    def __init__(self, noise: float = 0.0, seed: int = 0) -> None:
        self.noise = noise
        self._rng = np.random.default_rng(seed)
        self._done = False

    @property
    def done(self) -> bool:
        """A target was reached before the last ``act``."""
        return self._done

    def reset(self, world: PlanarWorld, seed: int | None = None) -> None:
        """Choose a way from the world's start."""
        if seed is not None:
            self._rng = np.random.default_rng(seed)
        self._noise = CorrelatedNoise(2, self.noise, NOISE_TIME_S, CONTROL_DT)
        self._done = False
        targets = list(world.start.targets.values())
        self._way = [targets[int(self._rng.integers(len(targets)))]]
        if world.layout.obstacle:
            side = -1.0 if self._rng.random() < 0.5 else 1.0
            self._way = [np.array([side * PASS_AT, -0.25]), np.array([side * PASS_AT, 0.25]), *self._way]

    def act(self, world: PlanarWorld) -> NDArray[np.float64]:
        """Command (2,): position target (m)."""
        self._done = world.success()
        if len(self._way) > 1 and np.linalg.norm(world.position - self._way[0]) < NEAR:
            self._way = self._way[1:]
        return world.position + limited(self._way[0] - world.position, SPEED * CONTROL_DT)

    def perturb(self, command: NDArray[np.float64]) -> NDArray[np.float64]:
        """The command (2,) to execute."""
        executed = np.array(command, dtype=np.float64)
        return executed + self._noise.sample(self._rng) if self.noise > 0.0 else executed

"""Demonstrator of wiping: admittance control on the felt force, as a compliant arm does it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sim.tasks.wiping.surface import AdmittanceExpert
from training.suites.wiping.world import WipingWorld


class WipingExpert:
    """Commands a height that reduces the force error.

    Args:
        noise: standard deviation of the perturbation of the command (m).
        seed: of the perturbation.
    """

    def __init__(self, noise: float = 0.0, seed: int = 0) -> None:
        self.noise = noise
        self.reset(WipingWorld(), seed)

    @property
    def done(self) -> bool:
        """The stroke was over at the last ``act``."""
        return self._done

    def reset(self, world: WipingWorld, seed: int | None = None) -> None:
        """Start on a world's surface, whose stiffness the expert does not know."""
        self._law = AdmittanceExpert(world.surface.config)
        self._rng, self._done = np.random.default_rng(seed), False

    def act(self, world: WipingWorld) -> NDArray[np.float64]:
        """Command (1,): height (m)."""
        self._done = world.over
        return np.array([self._law.act(world.surface)])

    def perturb(self, command: NDArray[np.float64]) -> NDArray[np.float64]:
        """The command (1,) to execute."""
        return command + self._rng.normal(0.0, self.noise, 1) if self.noise > 0.0 else command

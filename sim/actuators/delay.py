"""Targets that arrive late: a ring of past commands per world."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sim.randomization.ranges import RandomizationError


class DelayLine:
    """Delays (N, d) signals by a whole number of steps that differs between worlds.

    Args:
        count: N worlds.
        width: d numbers each.
        longest: largest delay [steps].

    Raises:
        RandomizationError: ``longest`` is negative.

    Attributes:
        delay: (N,) steps of each world, 0 .. ``longest``; set it, or draw it with ``reset``.
    """

    def __init__(self, count: int, width: int, longest: int) -> None:
        if longest < 0:
            raise RandomizationError(f"a delay of {longest} steps is negative.", "give 0 or more.")
        self.longest = longest
        self.delay = np.zeros(count, dtype=np.int64)
        self._ring = np.zeros((longest + 1, count, width))
        self._newest = 0
        self._rows = np.arange(count)

    def reset(
        self, ids: NDArray[np.integer], value: NDArray[np.floating] | float, rng: np.random.Generator | None = None
    ) -> None:
        """Fill the past of the worlds ``ids`` with ``value`` (k, d); with ``rng``, also draw their delay uniformly."""
        self._ring[:, ids] = value
        if rng is not None:
            self.delay[ids] = rng.integers(0, self.longest + 1, size=len(ids))

    def push(self, value: NDArray[np.floating]) -> NDArray[np.float64]:
        """Store the newest (N, d) and return what arrives now: the value of ``delay`` steps ago."""
        self._newest = (self._newest + 1) % (self.longest + 1)
        self._ring[self._newest] = value
        result: NDArray[np.float64] = self._ring[(self._newest - self.delay) % (self.longest + 1), self._rows]
        return result


def held_targets(
    now: NDArray[np.floating], before: NDArray[np.floating], delay: NDArray[np.integer], substeps: int
) -> NDArray[np.floating]:
    """Targets of every physics step when a new one arrives only after ``delay`` of them.

    HIMLoco (Long et al. 2024, arXiv 2312.11460) trains with such a random switch-over inside the control step.

    Args:
        now: (N, J) new targets; before: (N, J) those of the previous control step.
        delay: (N,) physics steps for which the old ones still hold.
        substeps: physics steps per control step.

    Returns:
        (N, substeps, J).
    """
    late = np.arange(substeps) < delay[:, None]
    return np.where(late[:, :, None], before[:, None], now[:, None])

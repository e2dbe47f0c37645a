"""Smooth, temporally correlated noise on executed commands, as in DART.

Laskey et al., "DART: Noise Injection for Robust Imitation Learning" (arXiv 1703.09327): the supervisor acts under noise
while the recorded label stays its own intended action, so demonstrations show how to come back from deviations.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


class CorrelatedNoise:
    """An Ornstein-Uhlenbeck process passed through a first-order filter of the same time constant.

    The filter makes the sample paths differentiable, so that the noise is a drift and not a rattle: its velocity is
    bounded and a servo follows it. The stationary standard deviation is ``scale``.

    Args:
        size: number of independent channels.
        scale: stationary standard deviation of each channel, e.g. [rad].
        time_constant: correlation time [s].
        dt: sampling period [s].
    """

    def __init__(self, size: int, scale: float, time_constant: float, dt: float) -> None:
        self.size, self.scale = size, scale
        self._decay = float(np.exp(-dt / time_constant))
        a = self._decay
        # Variance of y in x' = a x + w, y' = a y + (1 - a) x' with unit stationary variance of x.
        variance = (1.0 - a) ** 2 * (1.0 + a * a) / (1.0 - a * a) ** 2
        self._scale_y = scale / np.sqrt(variance)
        self._x = np.zeros(size)
        self._y = np.zeros(size)

    def reset(self) -> None:
        """Starts again at zero."""
        self._x[:] = 0.0
        self._y[:] = 0.0

    def sample(self, rng: np.random.Generator) -> NDArray[np.float64]:
        """Next value (size,)."""
        a = self._decay
        self._x = a * self._x + np.sqrt(1.0 - a * a) * rng.standard_normal(self.size)
        self._y = a * self._y + (1.0 - a) * self._x
        return self._scale_y * self._y

"""Imperfect sensors: white noise, a bias per episode, and observations that arrive late."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from sim.actuators.delay import DelayLine
from sim.randomization.ranges import RandomizationError, check_range, draw


@dataclass(frozen=True)
class SensorModel:
    """Errors of one signal of d numbers, in its raw unit.

    Attributes:
        noise: half width of uniform noise, or standard deviation of Gaussian noise.
        gaussian: which of the two.
        bias: half width of an offset that is drawn at each reset and then stays.
        delay: largest number of control steps by which the signal is late, drawn at each reset.

    Raises:
        RandomizationError: a value is negative.
    """

    noise: float = 0.0
    gaussian: bool = False
    bias: float = 0.0
    delay: int = 0

    def __post_init__(self) -> None:
        for item in fields(self):
            value = float(getattr(self, item.name))
            if item.name != "gaussian":
                check_range(f"SensorModel.{item.name}", (value, value), 0.0)
        if self.delay != int(self.delay):
            raise RandomizationError(f"SensorModel.delay is {self.delay}.", "give a whole number of control steps.")


class Sensor:
    """One signal of N worlds as it is measured.

    Args:
        model: its errors.
        count: N; width: d.
        rng: source of randomness.

    Attributes:
        bias: (N, d) offsets of this episode, for the record.
    """

    def __init__(self, model: SensorModel, count: int, width: int, rng: np.random.Generator) -> None:
        self.model, self._rng = model, rng
        self.bias = np.zeros((count, width))
        self._line = DelayLine(count, width, int(model.delay))

    @property
    def delay(self) -> NDArray[np.int64]:
        """(N,) control steps by which each world's signal is late."""
        return self._line.delay

    def reset(self, ids: NDArray[np.integer], value: NDArray[np.floating]) -> None:
        """New bias and delay for the worlds ``ids``, whose signal is ``value`` (k, d) and was so before."""
        self.bias[ids] = draw((-self.model.bias, self.model.bias), (len(ids), self.bias.shape[1]), self._rng)
        self._line.reset(ids, value, self._rng)

    def measure(self, value: NDArray[np.floating]) -> NDArray[np.float64]:
        """What is read now of a signal (N, d): late, with bias and fresh noise."""
        late = self._line.push(value)
        if not self.model.noise:
            return late + self.bias
        if self.model.gaussian:
            return late + self.bias + self._rng.normal(0.0, self.model.noise, size=late.shape)
        return late + self.bias + draw((-self.model.noise, self.model.noise), late.shape, self._rng)

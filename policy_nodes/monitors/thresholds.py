"""What a windowed score is divided by at a call: a constant, one number per task phase, or a band over time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from policy_nodes.errors import CalibrationError

SMALLEST = 1e-12
"""A band may dip to zero or below, where every score, being positive, is above it."""


class Threshold(Protocol):
    """Threshold of one signal."""

    def at(self, call: int, phase: int) -> float:
        """Positive value for call ``call`` (from 0) of an episode, in phase ``phase``."""


@dataclass(frozen=True)
class ConstantThreshold:
    """The default: one number, by the rank rule on whole rollouts."""

    value: float

    def __post_init__(self) -> None:
        if not (np.isfinite(self.value) and self.value > 0):
            raise CalibrationError(f"threshold is {self.value}.", "calibrate again.")

    def at(self, call: int, phase: int) -> float:
        """The number."""
        return self.value


@dataclass(frozen=True)
class PhaseThreshold:
    """One number per phase (Mondrian); see :mod:`policy_nodes.monitors.mondrian`."""

    values: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.values or not all(np.isfinite(v) and v > 0 for v in self.values):
            raise CalibrationError(f"phase thresholds are {self.values}.", "calibrate again.")

    def at(self, call: int, phase: int) -> float:
        """The phase's number."""
        return self.values[phase]


@dataclass(frozen=True, eq=False)
class BandThreshold:
    """(T,) numbers over the calls of an episode, then the last one; see :mod:`policy_nodes.monitors.bands`."""

    values: NDArray[np.float64]

    def __post_init__(self) -> None:
        if np.ndim(self.values) != 1 or not len(self.values) or not np.isfinite(self.values).all():
            raise CalibrationError("the band is empty or not finite.", "calibrate again.")

    def at(self, call: int, phase: int) -> float:
        """The call's number."""
        return max(float(self.values[min(call, len(self.values) - 1)]), SMALLEST)

"""The part of two consecutive chunks that speaks about the same instants."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from policy_nodes.errors import CalibrationError
from policy_nodes.types import FloatArray

Number = TypeVar("Number", bound=np.generic)


def overlap(
    previous: NDArray[Number], current: NDArray[Number], elapsed: int
) -> tuple[NDArray[Number], NDArray[Number]]:
    """Last ``H - elapsed`` steps of the earlier chunks and first ``H - elapsed`` of the later ones.

    Args:
        previous: (B, H, C).
        current: (B, H, C), sampled ``elapsed`` steps later.
        elapsed: chunk steps between the two calls, >= 0.

    Returns:
        Two (B, max(0, H - elapsed), C) views.
    """
    common = max(0, previous.shape[1] - elapsed)
    return previous[:, previous.shape[1] - common :], current[:, :common]


class PreviousCall:
    """Remembers one call's array, so that a score can compare it with the next.

    Args:
        execution: chunk steps between calls when a call does not say otherwise, 1 <= execution.

    Raises:
        CalibrationError: ``execution`` is below 1.
    """

    def __init__(self, execution: int) -> None:
        if execution < 1:
            raise CalibrationError(f"execution horizon is {execution} steps.", "use the contract's, at least 1.")
        self.execution = execution
        self._value: NDArray[np.float64] | None = None

    def reset(self) -> None:
        """Forget it."""
        self._value = None

    def step(self, value: FloatArray, elapsed: int | None) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
        """The overlap of the remembered and this (B, H, C) value, or None at the first call or without overlap."""
        current = np.asarray(value, dtype=np.float64)
        previous, self._value = self._value, current
        if previous is None:
            return None
        old, new = overlap(previous, current, self.execution if elapsed is None else elapsed)
        return (old, new) if old.shape[1] else None

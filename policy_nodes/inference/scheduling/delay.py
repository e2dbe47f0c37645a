"""The delay to plan with: the longest of the last few measured ones.

As in real-time chunking (Black et al., "Real-Time Execution of Action Chunking Flow Policies", arXiv 2506.07339): too
long costs a little reaction, too short breaks the seam, so the maximum of a window and not its mean.
"""

from __future__ import annotations

import math
from collections import deque


class DelayEstimator:
    """Remembers measured delays, observation stamp to chunk in use, in seconds.

    Args:
        window: how many are remembered (b in the paper, where it is 10).
        initial_s: what to expect before the first measurement.

    Raises:
        ValueError: the window is empty, or the initial delay negative or not finite.
    """

    def __init__(self, window: int, initial_s: float = 0.0) -> None:
        if window < 1 or not (math.isfinite(initial_s) and initial_s >= 0.0):
            raise ValueError(f"window {window} or initial delay {initial_s} s is out of range")
        self._initial_s = initial_s
        self._delays: deque[float] = deque(maxlen=window)

    @property
    def expected_s(self) -> float:
        """The longest delay in the window; the initial one before any was measured."""
        return max(self._delays, default=self._initial_s)

    @property
    def last_s(self) -> float:
        """The newest measured delay, 0 before the first."""
        return self._delays[-1] if self._delays else 0.0

    def add(self, seconds: float) -> None:
        """Note a delay. A negative or not finite one is a clock that jumped, says nothing, and is left out."""
        if math.isfinite(seconds) and seconds >= 0.0:
            self._delays.append(seconds)

    def reset(self) -> None:
        """Forget the measurements."""
        self._delays.clear()

    def steps(self, step_s: float) -> int:
        """Expected delay in whole steps, rounded up: the steps of a new chunk that will never be executed from it."""
        return delay_steps(self.expected_s, step_s)


def delay_steps(delay_s: float, step_s: float) -> int:
    """``ceil(delay / step)``. The paper rounds down because its controller changes chunks on whole steps; here samples
    are interpolated, so the sample *after* the instant of arrival still belongs to the frozen part.

    Raises:
        ValueError: the step is not positive.
    """
    if not step_s > 0.0:
        raise ValueError(f"step {step_s} s is not positive")
    return math.ceil(max(delay_s, 0.0) / step_s - 1e-9)

"""Duration: how many policy calls the episode is expected to take in all.

The other scores ask whether the scene is familiar and whether the plan is decided. A policy that tries the same thing
again and again is both, and gets nowhere: a failure of *progress*, for which Sentinel (Agia et al., arXiv 2410.04640)
asks a vision-language model every few seconds. Here a small network, trained on successful rollouts only, estimates
from the policy's embedding e how many calls V(e) are left; after t of them the episode is expected to take
``t + V(e_t)``.

While the task advances as the successes did, that number stays where it is; while it stands still, it grows by one per
call; when something is undone, it jumps. A time limit notices when an episode *has* taken too long, this when it
*will*.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from policy_nodes.errors import CalibrationError
from policy_nodes.monitors.fitted import Fitted
from policy_nodes.monitors.interface import SCORE_OFFSET, CallFeatures
from policy_nodes.monitors.layers import forward, stored_layers


class DurationScore:
    """Calls made and calls expected, plus the published offset; infinite when not a number.

    Time is what the robot executed of the policy (``elapsed``), and it stops while fewer than ``done`` calls are
    expected: what comes after the end is no failure. A robot that rests begins a new attempt: time starts again, or an
    alarm could never be answered.

    Args:
        fitted: ``mean`` and ``std`` (E,) of the embedding, ``weight_k`` and ``bias_k`` of the network from E inputs to
            one output, the remaining calls, ``longest`` (1,), the longest training rollout, and ``done`` (1,).
        embedding_size: E.
        execution: chunk steps between two calls.

    Raises:
        CalibrationError: arrays are missing or do not fit together.
    """

    name = "duration"

    def __init__(self, fitted: Fitted, embedding_size: int, execution: int) -> None:
        self._mean, self._std = fitted.array("mean", embedding_size), fitted.array("std", embedding_size)
        self._layers = stored_layers(fitted, embedding_size, 1)
        self._longest, self._done = float(fitted.array("longest", 1)[0]), float(fitted.array("done", 1)[0])
        if (self._std <= 0).any() or execution < 1:
            raise CalibrationError("duration has no scale or no execution horizon.", "run keel calibrate again.")
        self._execution = execution
        self.reset()

    def reset(self) -> None:
        """Forget the episode."""
        self._time, self._ended = 0.0, True

    def step(self, call: CallFeatures) -> float:
        """Expected duration after one more call."""
        remaining = self.remaining(np.asarray(call.embedding, dtype=np.float64))
        if not math.isfinite(remaining):
            return math.inf
        if not call.driving:
            self.reset()
        elif not self._ended:
            self._time += 1.0 if call.elapsed is None else call.elapsed / self._execution
        self._ended = remaining <= self._done
        return self._time + remaining + SCORE_OFFSET

    def remaining(self, embedding: NDArray[np.float64]) -> float:
        """Expected calls to the end of the task, between 0 and the longest of the successes."""
        value = float(forward(self._layers, (embedding - self._mean) / self._std)[0])
        return min(max(value, 0.0), self._longest) if math.isfinite(value) else value

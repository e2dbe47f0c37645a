"""Temporal consistency error: how far the plan of a call ago and the plan of now disagree about the same instants.

The one-sample baseline of the action-only detectors (STAC-single in SAFE, arXiv 2506.09937; ActProbe): mean squared
difference over the overlapping steps and all action channels. It needs no batch: only the first sample is read.
"""

from __future__ import annotations

import math

import numpy as np

from policy_nodes.monitors.interface import SCORE_OFFSET, CallFeatures
from policy_nodes.monitors.overlap import PreviousCall


class TemporalConsistencyScore:
    """Mean squared error of overlapping actions of consecutive calls; 0 (plus offset) at the first call.

    Args:
        execution: chunk steps between two calls.
    """

    name = "consistency"

    def __init__(self, execution: int) -> None:
        self._previous = PreviousCall(execution)

    def reset(self) -> None:
        """Forget the episode."""
        self._previous.reset()

    def step(self, call: CallFeatures) -> float:
        """Squared contract units plus the published offset; infinite on chunks that are not finite."""
        chunk = np.asarray(call.chunks[:1], dtype=np.float64)
        if not np.isfinite(chunk).all():
            self.reset()
            return math.inf
        pair = self._previous.step(chunk, call.elapsed)
        return SCORE_OFFSET if pair is None else float(np.square(pair[1] - pair[0]).mean()) + SCORE_OFFSET

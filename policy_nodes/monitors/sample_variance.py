"""Total variance of the sampled chunks: the simplest answer to "does the policy know what to do?".

The output-variance baseline of Sentinel (arXiv 2410.04640) and SAFE (arXiv 2506.09937). Unlike the entropy it grows
with the size of the disagreement and not only with the number of occupied cells, so it neither saturates nor has a
cell, and a threshold transfers between sample counts up to sampling noise.
"""

from __future__ import annotations

import math

import numpy as np

from policy_nodes.monitors.interface import SCORE_OFFSET, CallFeatures
from policy_nodes.types import FloatArray


def total_variance(positions: FloatArray) -> float:
    """Trace of the samples' covariance, averaged over the horizon: (B, H, C) -> squared units, >= 0."""
    return float(np.asarray(positions, dtype=np.float64).var(axis=0).sum(axis=-1).mean())


class SampleVarianceScore:
    """:func:`total_variance` of the end-effector positions, mm^2, plus the published offset; infinite on bad values."""

    name = "variance"

    def reset(self) -> None:
        """Nothing is kept between calls."""

    def step(self, call: CallFeatures) -> float:
        """Variance in mm^2: in m^2 the offset of 1e-6 would be a millimetre."""
        if not np.isfinite(call.positions).all():
            return math.inf
        return 1e6 * total_variance(call.positions) + SCORE_OFFSET

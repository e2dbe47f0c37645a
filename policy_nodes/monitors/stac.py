"""STAC: do the chunks sampled now agree with the ones sampled a call ago, where they overlap in time?

Agia et al., *Unpacking Failure Modes of Generative Policies* (Sentinel), arXiv 2410.04640 (CoRL 2024); distance as in
the re-implementation of FIPER, arXiv 2510.09459: maximum mean discrepancy with a Gaussian kernel whose width follows
the pooled samples. STAC sums over the whole episode: give the signal a window longer than any episode.

A width that always follows the samples makes the distance blind to scale: while the arm rests, samples that agree
within a tenth of a millimetre are compared with the same severity as a plan that turns round. ``resolution`` is our
remedy: the kernel never gets narrower than samples scattered by that much in every coordinate. 0 is the published
score.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from policy_nodes.errors import CalibrationError
from policy_nodes.monitors.interface import SCORE_OFFSET, CallFeatures
from policy_nodes.monitors.overlap import PreviousCall

RESOLUTION = 0.005
"""m; a disagreement that a parallel gripper forgives."""
CUMULATIVE = 1_000_000
"""A window that no episode fills."""


def squared_distances(left: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, M) squared Euclidean distances of the rows of (N, D) and (M, D), without negative rounding errors."""
    gram = left @ right.T
    squares = np.square(left).sum(axis=1)[:, None] + np.square(right).sum(axis=1) - 2.0 * gram
    return np.maximum(squares, 0.0)


def median_gamma(pooled: NDArray[np.float64]) -> float:
    """``1 / (2 median)`` of the non-zero squared distances of the (N, D) pooled samples; 0 when all are equal."""
    centred = pooled - pooled.mean(axis=0)
    distances = squared_distances(centred, centred)
    # Off the diagonal only: there rounding leaves tiny values where the true distance is zero.
    upper = distances[np.triu_indices(len(pooled), 1)]
    positive = upper[upper > 1e-12 * max(float(upper.max(initial=0.0)), 1e-300)]
    return 1.0 / (2.0 * float(np.median(positive))) if len(positive) else 0.0


def mean_discrepancy(
    left: NDArray[np.float64], right: NDArray[np.float64], resolution: float = 0.0
) -> tuple[float, float]:
    """Biased squared maximum mean discrepancy ``mean Kxx + mean Kyy - 2 mean Kxy``, and the gamma it used.

    Args:
        left: (N, D) samples.
        right: (M, D) samples.
        resolution: standard deviation per coordinate below which samples count as close, same unit.

    Returns:
        Discrepancy in [0, 2] and gamma of ``K = exp(-gamma d^2)``; the discrepancy is 0 when all samples are equal.
    """
    pooled = np.concatenate([left, right])
    gamma = median_gamma(pooled)
    if resolution > 0.0:
        # Two samples scattered by sigma in each of D coordinates are 2 D sigma^2 apart on average.
        widest = 1.0 / (4.0 * pooled.shape[1] * resolution**2)
        gamma = min(gamma, widest)
    centred = pooled - pooled.mean(axis=0)
    kernel = np.exp(-gamma * squared_distances(centred, centred))
    n = len(left)
    value = kernel[:n, :n].mean() + kernel[n:, n:].mean() - 2.0 * kernel[:n, n:].mean()
    return max(float(value), 0.0), gamma


class StacScore:
    """MMD of the overlapping end-effector positions of consecutive calls; 0 (plus offset) at the first call.

    Args:
        execution: chunk steps between two calls.
        resolution: m; see the module. The score is then called ``stac_floor``.

    Raises:
        CalibrationError: a negative resolution.
    """

    def __init__(self, execution: int, resolution: float = 0.0) -> None:
        if not resolution >= 0.0:
            raise CalibrationError(f"resolution is {resolution} m.", "use a small positive length, or 0.")
        self.name = "stac_floor" if resolution > 0.0 else "stac"
        self.resolution = resolution
        self._previous = PreviousCall(execution)

    def reset(self) -> None:
        """Forget the episode."""
        self._previous.reset()

    def step(self, call: CallFeatures) -> float:
        """Discrepancy plus the published offset; infinite on positions that are not finite."""
        if not np.isfinite(call.positions).all():
            self.reset()
            return math.inf
        pair = self._previous.step(call.positions, call.elapsed)
        if pair is None:
            return SCORE_OFFSET
        old, new = (chunk.reshape(len(chunk), -1) for chunk in pair)
        return mean_discrepancy(old, new, self.resolution)[0] + SCORE_OFFSET

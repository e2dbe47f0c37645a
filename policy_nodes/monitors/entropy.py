"""Action-chunk entropy: how far the sampled chunks disagree about where the end effector should go.

FIPER, arXiv 2510.09459 (NeurIPS 2025), as computed by the released code: at every horizon step the B positions are
binned on a grid of calibrated cell size that is anchored at the samples' own minimum (padded by 1 % of their extent),
and the Shannon entropy of the bin counts is averaged over the horizon. (The paper's text sums; a constant factor.)
The value is shift-invariant and at most log2 B bits, so a threshold never transfers to another B.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from policy_nodes.errors import CalibrationError
from policy_nodes.monitors.interface import SCORE_OFFSET, CallFeatures
from policy_nodes.types import FloatArray

CELL_FACTOR = 0.03
PADDING = 0.01
NEGLIGIBLE_RANGE = 1e-6
"""A dimension whose range is below this share of the largest one is constant up to rounding."""


def step_entropies(positions: FloatArray, cell: FloatArray) -> NDArray[np.float64]:
    """Entropy in bits at every horizon step.

    Args:
        positions: (B, H, 3) m, finite.
        cell: (3,) grid spacing, m, positive.

    Returns:
        (H,) values in [0, log2 B].
    """
    points = np.asarray(positions, dtype=np.float64)
    low, high = points.min(axis=0), points.max(axis=0)
    x, y, z = np.floor((points - (low - PADDING * (high - low))) / cell).transpose(2, 1, 0)
    # Entropy needs only how many samples share each sample's bin: no grid is ever allocated, however large the box.
    together = (x[:, :, None] == x[:, None]) & (y[:, :, None] == y[:, None]) & (z[:, :, None] == z[:, None])
    # `+ 0.0` turns the -0.0 of a single occupied bin into 0.0.
    return -np.log2(together.mean(axis=-1)).mean(axis=-1) + 0.0


def action_chunk_entropy(positions: FloatArray, cell: FloatArray) -> float:
    """Mean entropy over the horizon, bits. Arguments as in :func:`step_entropies`.

    Raises:
        ValueError: shapes are not (B, H, 3) and (3,), or a position is NaN or infinite.
    """
    if np.ndim(positions) != 3 or np.shape(positions)[2] != 3 or np.shape(cell) != (3,):
        raise ValueError(f"expected (B, H, 3) positions and (3,) cell, got {np.shape(positions)} and {np.shape(cell)}")
    if not np.isfinite(positions).all():
        raise ValueError("positions contain NaN or infinity")
    return float(step_entropies(positions, cell).mean())


def calibrate_cell(position_range: ArrayLike, factor: float = CELL_FACTOR) -> NDArray[np.float64]:
    """Cell size from the range of all positions predicted during calibration.

    Args:
        position_range: (3,) max - min over all rollouts, calls, samples and steps, m.
        factor: share of the range.

    Returns:
        (3,) ``factor * range``; a dimension in which nothing moves takes the largest range instead.

    Raises:
        CalibrationError: a range is negative or not finite, or nothing moves in any dimension.
    """
    extent = np.asarray(position_range, dtype=np.float64)
    if extent.shape != (3,) or not np.isfinite(extent).all() or (extent < 0).any():
        raise CalibrationError(f"position range {extent.tolist()} is not three finite lengths.", "check the rollouts.")
    largest = extent.max()
    if largest == 0.0:
        raise CalibrationError(
            "All predicted positions are identical, so the entropy has no scale.",
            "check that the chunks and the position channels of the calibration rollouts are the right ones.",
        )
    return factor * np.where(extent <= NEGLIGIBLE_RANGE * largest, largest, extent)


class EntropyScore:
    """:func:`action_chunk_entropy` as a :class:`~policy_nodes.monitors.interface.Score`; infinite on bad positions.

    Args:
        cell: (3,) calibrated cell size, m.
    """

    name = "entropy"

    def __init__(self, cell: FloatArray) -> None:
        self.cell = np.asarray(cell, dtype=np.float64)

    def reset(self) -> None:
        """Nothing is kept between calls."""

    def step(self, call: CallFeatures) -> float:
        """Bits plus the published offset."""
        if not np.isfinite(call.positions).all():
            return float("inf")
        return action_chunk_entropy(call.positions, self.cell) + SCORE_OFFSET

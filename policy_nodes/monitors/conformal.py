"""The threshold that may stop a robot: a constant, by the conformal rank rule on per-rollout maxima.

If the n calibration successes and the next success are exchangeable, the next one's maximal score exceeds the
``ceil((n + 1) q)``-th smallest calibration maximum with probability at most ``1 - q`` (Vovk et al., *Algorithmic
Learning in a Random World*, 2005; split conformal prediction). The guarantee is for whole rollouts, whatever their
length, because the maximum over time is the score. It says nothing about failures, and nothing once the deployed
successes differ from the recorded ones.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from policy_nodes.errors import CalibrationError

Series = Sequence[NDArray[np.float64]]
"""One (T_i,) array of windowed scores per rollout."""
_ROUNDING = 1e-9


def conformal_rank(n: int, q: float) -> int:
    """``ceil((n + 1) q)``, immune to the rounding of ``(n + 1) * q``.

    Raises:
        CalibrationError: ``q`` is not in (0, 1).
    """
    if not 0.0 < q < 1.0:
        raise CalibrationError(f"quantile q is {q}.", "use a number in (0, 1), for example 0.9.")
    return max(math.ceil((n + 1) * q - _ROUNDING), 1)


def required_rollouts(q: float) -> int:
    """Smallest n for which the rank rule has a finite threshold: 9 for 0.90, 19 for 0.95, 99 for 0.99."""
    n = max(1, math.floor(q / (1.0 - q)) - 1) if 0.0 < q < 1.0 else 1
    while conformal_rank(n, q) > n:
        n += 1
    return n


def rollout_maxima(series: Series) -> NDArray[np.float64]:
    """(n,) largest score of every rollout.

    Raises:
        CalibrationError: a rollout is empty or has a NaN.
    """
    for index, scores in enumerate(series):
        if not len(scores) or np.isnan(scores).any():
            raise CalibrationError(f"calibration rollout {index} has no scores or a NaN score.", "drop that rollout.")
    return np.array([scores.max() for scores in series])


def rank_threshold(maxima: ArrayLike, q: float) -> float:
    """Threshold whose false-alarm probability on the next successful rollout is at most ``1 - q``.

    Args:
        maxima: (n,) per-rollout maxima of SUCCESSFUL rollouts that trained nothing the score depends on.
        q: 1 minus the accepted share of good rollouts with an alarm.

    Raises:
        CalibrationError: too few rollouts for ``q`` (the threshold would be infinite), or maxima that are not finite.
    """
    ordered = np.sort(np.asarray(maxima, dtype=np.float64))
    rank = conformal_rank(len(ordered), q)
    if rank > len(ordered):
        raise CalibrationError(
            f"{len(ordered)} successful calibration rollouts cannot support q = {q}: rank {rank} exceeds them.",
            f"record at least {required_rollouts(q)} successful rollouts for calibration, or lower q.",
        )
    if not np.isfinite(ordered).all():
        raise CalibrationError("a calibration rollout has an infinite score.", "find its NaN or drop that rollout.")
    return float(ordered[rank - 1])


def constant_quantile(maxima: ArrayLike, q: float) -> float:
    """``ct_quantile`` of FIPER: interpolated quantile without the (n + 1) correction.

    Alarms on more than ``1 - q`` of the good rollouts (16 % at n = 10, q = 0.9); for comparison only.
    """
    return float(np.quantile(np.asarray(maxima, dtype=np.float64), q))

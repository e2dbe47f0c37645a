"""Rank thresholds by task phase: each phase is calibrated on the rollouts that reach it.

Mondrian conformal prediction (Vovk et al., *Algorithmic Learning in a Random World*, 2005, section 4.5). A score that
is always higher while grasping than while carrying has one constant threshold that is loose in the quiet phases; per
phase it is tight everywhere. With K phases there are K chances of a false alarm, so the accepted rate is divided among
them (``budget="rollout"``, the default): the whole rollout still alarms with probability at most ``1 - q``, and every
phase needs ``ceil((n + 1)(1 - (1 - q) / K)) <= n`` rollouts. ``budget="phase"`` gives every phase the full ``1 - q``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from policy_nodes.errors import CalibrationError
from policy_nodes.monitors.conformal import Series, conformal_rank, rank_threshold, required_rollouts

Budget = Literal["rollout", "phase"]


def phase_quantile(q: float, phases: int, budget: Budget = "rollout") -> float:
    """Quantile of every single phase when the rollout is promised ``q``.

    Raises:
        CalibrationError: ``q`` is not in (0, 1), or there is no phase.
    """
    conformal_rank(1, q)
    if phases < 1:
        raise CalibrationError(f"{phases} phases.", "define at least one.")
    return q if budget == "phase" else 1.0 - (1.0 - q) / phases


def phase_maxima(series: Series, phases: Sequence[NDArray[np.integer]], count: int) -> list[NDArray[np.float64]]:
    """Largest windowed score of every rollout within every phase.

    Args:
        series: (T_i,) windowed scores per successful rollout.
        phases: (T_i,) phase of every call, 0 .. count - 1.
        count: K.

    Returns:
        K arrays; phase k has one entry per rollout that reaches it.

    Raises:
        CalibrationError: a score is NaN.
        ValueError: scores and phases differ in length, or a phase is out of range.
    """
    found: list[list[float]] = [[] for _ in range(count)]
    for index, (scores, labels) in enumerate(zip(series, phases, strict=True)):
        if len(scores) != len(labels) or (len(labels) and not 0 <= labels.min() <= labels.max() < count):
            raise ValueError(f"rollout {index}: {len(scores)} scores with phases {np.unique(labels)} of {count}")
        if np.isnan(scores).any():
            raise CalibrationError(f"calibration rollout {index} has a NaN score.", "drop that rollout.")
        for phase in np.unique(labels):
            found[phase].append(float(scores[labels == phase].max()))
    return [np.array(values) for values in found]


def mondrian_thresholds(
    maxima: Sequence[NDArray[np.float64]], names: Sequence[str], q: float, budget: Budget = "rollout"
) -> tuple[float, ...]:
    """One rank threshold per phase.

    Args:
        maxima: from :func:`phase_maxima`.
        names: of the phases, for messages.
        q: of a whole rollout, or of one phase, by ``budget``.

    Raises:
        CalibrationError: a phase was reached by too few rollouts; it is named with the number it needs.
    """
    level = phase_quantile(q, len(maxima), budget)
    needed = required_rollouts(level)
    short = [f"'{name}' has {len(v)}" for name, v in zip(names, maxima, strict=True) if len(v) < needed]
    if short:
        raise CalibrationError(
            f"every phase needs {needed} successful rollouts for q = {level:.4g}: {', '.join(short)}.",
            "record more rollouts, merge phases, or lower q.",
        )
    return tuple(rank_threshold(values, level) for values in maxima)

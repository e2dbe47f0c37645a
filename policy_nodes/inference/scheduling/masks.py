"""How much each step of the previous chunk counts for the next one (prefix weights of real-time chunking).

Source: Black et al., arXiv 2506.07339, section 3 and the authors' Kinetix code; ``linear`` as in LeRobot's variant.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Schedule = Literal["exponential", "linear", "hard", "ones"]


def prefix_weights(horizon: int, frozen: int, overlap: int, schedule: Schedule = "exponential") -> NDArray[np.float32]:
    """Weights W (horizon,): 1 for the first ``frozen`` steps, falling to 0 at ``overlap``, 0 from there on.

    With H the horizon, d = ``frozen`` and H - s = ``overlap``:

        exponential  W_i = c (e^c - 1) / (e - 1),  c = (H - s - i) / (H - s - d + 1)   for d <= i < H - s
        linear       the inner points of an even grid from 1 to 0
        hard         0 from d on
        ones         1 until the overlap ends

    Args:
        horizon: H.
        frozen: steps that will have been executed from the previous chunk before the next one arrives (d).
        overlap: steps for which the previous chunk still has samples (H - s). A delay longer than the overlap freezes
            all of it and nothing more.
        schedule: what lies between.

    Raises:
        ValueError: a number is negative, the horizon is 0, or the schedule is unknown.
    """
    if horizon < 1 or frozen < 0 or overlap < 0:
        raise ValueError(f"horizon {horizon}, frozen {frozen} or overlap {overlap} is out of range")
    overlap = min(overlap, horizon)
    frozen = min(frozen, overlap)
    steps = np.arange(horizon, dtype=np.float64)
    inner = (overlap - steps) / (overlap - frozen + 1)
    soft = {
        "exponential": inner * np.expm1(inner) / np.expm1(1.0),
        "linear": inner,
        "hard": np.zeros(horizon),
        "ones": np.ones(horizon),
    }
    if schedule not in soft:
        raise ValueError(f"schedule '{schedule}' is none of {sorted(soft)}")
    weights = np.where(steps < frozen, 1.0, np.where(steps < overlap, soft[schedule], 0.0))
    return weights.astype(np.float32)


def horizons_fit(horizon: int, frozen: int, executed: int) -> bool:
    """Whether ``d <= s <= H - d``: every chunk is used for at least its own delay, and lasts until the next one."""
    return frozen <= executed <= horizon - frozen

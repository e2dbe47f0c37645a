"""Solvers of the flow equation ``dx / dt = velocity(x, t)`` from noise (t = 0) to data (t = 1)."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from torch import Tensor

from training.samplers.model import Model


def flow_euler(model: Model, times: Sequence[float], draws: Sequence[Tensor]) -> Tensor:
    """Explicit Euler; one evaluation per step."""
    x = draws[0]
    for now, then in itertools.pairwise(times):
        x = x + (then - now) * model.velocity(x, now)
    return x


def flow_midpoint(model: Model, times: Sequence[float], draws: Sequence[Tensor]) -> Tensor:
    """Explicit midpoint rule, second order; two evaluations per step."""
    x = draws[0]
    for now, then in itertools.pairwise(times):
        half = 0.5 * (then - now)
        x = x + (then - now) * model.velocity(x + half * model.velocity(x, now), now + half)
    return x

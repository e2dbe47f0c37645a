"""DPM-Solver++(2M): second order from the previous step's clean estimate, one evaluation per step.

In ``lambda = log(alpha / sigma)``, with ``h`` the step and ``r`` the ratio of the last step to it,

    D = (1 + 1 / (2 r)) D_i - 1 / (2 r) D_{i-1},        x' = (sigma' / sigma) x - alpha' (exp(-h) - 1) D.

The first step, and the last one to sigma 0 (where lambda is infinite), are of first order.

Source: Lu et al., "DPM-Solver++", arXiv 2211.01095, algorithm 2.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from torch import Tensor

from training.samplers.diffusion import prior_scale
from training.samplers.model import Model


def dpmpp_2m(model: Model, times: Sequence[float], draws: Sequence[Tensor]) -> Tensor:
    """Integrate from ``times[0]`` to ``times[-1]``."""
    x = draws[0] * prior_scale(model, times[0])
    previous: Tensor | None = None
    last_step = 0.0
    for now, then in itertools.pairwise(times):
        data = model.data(x, now)
        if model.sigma(then) == 0.0:
            return model.alpha(then) * data
        step = _lambda(model, then) - _lambda(model, now)
        estimate = data
        if previous is not None:
            share = step / (2.0 * last_step)
            estimate = (1.0 + share) * data - share * previous
        x = model.sigma(then) / model.sigma(now) * x - model.alpha(then) * math.expm1(-step) * estimate
        previous, last_step = data, step
    return x


def _lambda(model: Model, t: float) -> float:
    return math.log(model.alpha(t)) - math.log(model.sigma(t))

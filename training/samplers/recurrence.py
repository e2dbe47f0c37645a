"""A sampler as numbers: from which earlier quantities each point comes at which the network is evaluated.

Every sampler of ``table.py`` is linear in its noise draws z and in the clean estimates d of the network, so running it
on unit vectors reveals its coefficients. They are then written over the two points and estimates before,

    x_k = a x_{k-1} + b x_{k-2} + c d_{k-1} + e d_{k-2} + s z_k,

which is exact for one-step, Heun's and two-step multistep rules. A robot can so run a sampler one step at a time, with
any number of steps, from one graph of the network.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from policy_nodes.errors import ConfigError
from training.objectives.conversions import velocity_from_data
from training.objectives.interface import Objective
from training.samplers.model import Model
from training.samplers.table import SamplerInfo

EXACT = 1e-9
TRIALS = ((0, 2, 4), (0, 2, 3, 4), (0, 1, 2, 3, 4))
"""Columns that may be used, sparsest first: x_{k-1}, x_{k-2}, d_{k-1}, d_{k-2}, z_k."""


@dataclass(frozen=True)
class Recurrence:
    """One sampler with a fixed number of steps.

    Attributes:
        times: at which the network is evaluated, in order.
        mix: per evaluation (a, b, c, e, s) of the module's description; the sample is the last clean estimate.
        draws: standard normal chunks that are used.
    """

    times: tuple[float, ...]
    mix: tuple[tuple[float, ...], ...]
    draws: int


def recurrence(info: SamplerInfo, objective: Objective, steps: int, grid: str) -> Recurrence:
    """The coefficients of a sampler.

    Args:
        info: the sampler.
        objective: its path and times.
        steps: of the sampler.
        grid: of noise levels, where the objective has one.

    Raises:
        ConfigError: the sampler does not end with a clean estimate, or looks further back than two evaluations.
    """
    draws = info.draws(steps)
    basis = torch.eye(draws + info.evaluations(steps), dtype=torch.float64)
    times: list[float] = []
    points: list[Tensor] = []

    def data(x: Tensor, t: float) -> Tensor:
        times.append(t)
        points.append(x)
        return basis[draws + len(points) - 1]

    def velocity(x: Tensor, t: float) -> Tensor:
        return velocity_from_data(x, data(x, t), objective.sigma(t))

    model = Model(data, velocity, objective.alpha, objective.sigma)
    sample = info.sample(model, objective.times(steps, grid), [basis[i] for i in range(draws)])
    if not torch.allclose(sample, basis[draws + len(points) - 1], rtol=0, atol=EXACT):
        raise ConfigError(
            "this sampler does not end with a clean estimate of the network, so it cannot run step by step.",
            "use the default sampler of the objective.",
        )
    return Recurrence(tuple(times), tuple(_row(points, basis, draws, k) for k in range(len(points))), draws)


def _row(points: list[Tensor], basis: Tensor, draws: int, k: int) -> tuple[float, ...]:
    nothing = torch.zeros_like(basis[0])
    columns = [
        points[k - 1] if k > 0 else nothing,
        points[k - 2] if k > 1 else nothing,
        basis[draws + k - 1] if k > 0 else nothing,
        basis[draws + k - 2] if k > 1 else nothing,
        basis[k] if k < draws else nothing,
    ]
    for trial in TRIALS:
        matrix = torch.stack([columns[i] for i in trial], dim=1)
        found = torch.linalg.pinv(matrix) @ points[k]
        if torch.allclose(matrix @ found, points[k], rtol=0, atol=EXACT * max(1.0, float(points[k].abs().max()))):
            row = [0.0] * len(columns)
            for i, value in zip(trial, found.tolist(), strict=True):
                row[i] = value
            return tuple(row)
    raise ConfigError("this sampler looks further back than two evaluations.", "use the objective's default sampler.")

"""Denoisers of N(MEAN, STD^2) on the paths of the objectives, for one-dimensional chunks."""

from __future__ import annotations

import torch

from tests.training.objectives.oracle import MEAN, STD, posterior
from training.objectives.conversions import velocity_from_data
from training.objectives.interface import Objective
from training.samplers.model import Model

__all__ = ["MEAN", "NOISE", "STD", "counted", "denoiser", "normal", "of"]

NOISE = torch.tensor([[-1.5], [0.2], [1.0]], dtype=torch.float64)


def denoiser(alpha, sigma):
    """The best denoiser on a path, given as two functions of time."""

    def data(x, t):
        return posterior(x, alpha(t), sigma(t))

    return Model(data, lambda x, t: velocity_from_data(x, data(x, t), sigma(t)), alpha, sigma)


def of(objective: Objective) -> Model:
    return denoiser(objective.alpha, objective.sigma)


def counted(model: Model) -> tuple[Model, list[float]]:
    """The same model, and the times at which it is asked."""
    asked: list[float] = []

    def data(x, t):
        asked.append(t)
        return model.data(x, t)

    def velocity(x, t):
        asked.append(t)
        return model.velocity(x, t)

    return Model(data, velocity, model.alpha, model.sigma), asked


def normal(count: int, rows: int = 20_000, seed: int = 0) -> list[torch.Tensor]:
    """``count`` independent standard normal draws (rows, 1)."""
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(rows, 1, generator=generator, dtype=torch.float64) for _ in range(count)]

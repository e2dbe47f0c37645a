"""Fits the flow behind logpZO (FAIL-Detect, arXiv 2503.08558) and hands it over as plain arrays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from policy_nodes.monitors.fitted import Fitted, checked_embeddings, floored_std
from training.monitors.layers import arrays_of


@dataclass(frozen=True)
class FlowTraining:
    """Recipe; rate, epochs and batch are the published ones, the rate times ten for an MLP a tenth as wide.

    Attributes:
        hidden: widths between input and output.
        learning_rate: Adam.
        epochs: passes over the data.
        batch_size: embeddings per step.
        seed: initialisation, noise, times and shuffling.
    """

    hidden: tuple[int, ...] = (256, 256)
    learning_rate: float = 1e-3
    epochs: int = 200
    batch_size: int = 128
    seed: int = 0


class VelocityField(nn.Module):
    """MLP (N, E), (N,) -> (N, E) with SiLU between the layers.

    Args:
        size: E.
        hidden: widths.
    """

    def __init__(self, size: int, hidden: tuple[int, ...]) -> None:
        super().__init__()
        widths = (size + 1, *hidden, size)
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))

    def forward(self, value: Tensor, time: Tensor) -> Tensor:
        """Velocity at ``value`` and ``time`` in [0, 1]."""
        value = torch.cat([value, time[:, None]], dim=-1)
        for index, layer in enumerate(self.layers):
            value = layer(value)
            if index + 1 < len(self.layers):
                value = nn.functional.silu(value)
        return value


def fit_logpzo(
    embeddings: NDArray[np.floating],
    training: FlowTraining | None = None,
    progress: Callable[[int, int, float], None] | None = None,
) -> Fitted:
    """Train data -> noise along straight lines: ``x_t = (1 - t) x + t z``, velocity target ``z - x``.

    Args:
        embeddings: (N, E) of successful rollouts that calibrate nothing.
        training: recipe.
        progress: called after every epoch with (epoch from 1, epochs, loss).

    Returns:
        Arrays for :class:`policy_nodes.monitors.logpzo.LogpzoScore`.

    Raises:
        CalibrationError: unusable embeddings.
    """
    training = training or FlowTraining()
    data = checked_embeddings(embeddings, least=2)
    mean, std = data.mean(axis=0), floored_std(data)
    points = torch.as_tensor((data - mean) / std, dtype=torch.float32)
    generator = torch.Generator().manual_seed(training.seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(training.seed)
        field = VelocityField(points.shape[1], training.hidden)
    optimizer = torch.optim.Adam(field.parameters(), training.learning_rate)
    for epoch in range(training.epochs):
        total = 0.0
        for rows in torch.randperm(len(points), generator=generator).split(training.batch_size):
            start = points[rows]
            noise = torch.randn(start.shape, generator=generator)
            time = torch.rand(len(start), generator=generator)
            middle = start + time[:, None] * (noise - start)
            loss = (field(middle, time) - (noise - start)).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += float(loss.detach()) * len(start)
        if progress is not None:
            progress(epoch + 1, training.epochs, total / len(points))
    return Fitted({"mean": mean, "std": std, **_arrays(field)})


def _arrays(field: VelocityField) -> dict[str, NDArray[np.floating]]:
    arrays = arrays_of(layer for layer in field.layers if isinstance(layer, nn.Linear))
    # The score evaluates at t = 0 only, so the first layer's time column never contributes.
    arrays["weight_0"] = arrays["weight_0"][:, :-1].copy()
    return arrays

"""Fits the expected remaining calls behind the duration score and hands it over as plain arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from policy_nodes.errors import CalibrationError
from policy_nodes.monitors.fitted import Fitted, checked_embeddings, floored_std
from training.monitors.layers import arrays_of


@dataclass(frozen=True)
class RemainingTraining:
    """Recipe of the regression; small and strongly regularised, because a few dozen rollouts are all there is.

    Attributes:
        hidden: widths between input and output.
        learning_rate: Adam with decoupled weight decay.
        weight_decay: of the weights.
        noise: standard deviation of the noise on the standardised embedding.
        steps: updates.
        batch_size: embeddings per update.
        done: calls; time stops while fewer are left.
        seed: initialisation, noise and shuffling.
    """

    hidden: tuple[int, ...] = (64,)
    learning_rate: float = 3e-3
    weight_decay: float = 0.1
    noise: float = 0.3
    steps: int = 1500
    batch_size: int = 128
    done: float = 0.25
    seed: int = 0


def fit_remaining(
    embeddings: NDArray[np.floating], lengths: Sequence[int], training: RemainingTraining | None = None
) -> Fitted:
    """Regress the calls that are left, ``length - 1 - t`` at call t, on the embedding (absolute error).

    Args:
        embeddings: (N, E) of successful rollouts that calibrate nothing, one after the other.
        lengths: calls of each rollout; their sum is N.
        training: recipe.

    Returns:
        Arrays for :class:`policy_nodes.monitors.duration.DurationScore`.

    Raises:
        CalibrationError: unusable embeddings, or lengths that do not add up.
    """
    training = training or RemainingTraining()
    data = checked_embeddings(embeddings, least=2)
    if sum(lengths) != len(data) or min(lengths, default=0) < 1:
        raise CalibrationError(f"{len(data)} embeddings of rollouts of {list(lengths)} calls.", "give all rollouts.")
    mean, std = data.mean(axis=0), floored_std(data)
    longest = float(max(lengths) - 1) or 1.0
    points = torch.as_tensor((data - mean) / std, dtype=torch.float32)
    left = np.concatenate([np.arange(n, dtype=np.float64)[::-1] for n in lengths])
    targets = torch.as_tensor(left / longest, dtype=torch.float32)
    generator = torch.Generator().manual_seed(training.seed)
    widths = (points.shape[1], *training.hidden, 1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(training.seed)
        layers = [nn.Linear(a, b) for a, b in pairwise(widths)]
    network = nn.Sequential(*[part for layer in layers for part in (layer, nn.SiLU())][:-1])
    optimizer = torch.optim.AdamW(network.parameters(), training.learning_rate, weight_decay=training.weight_decay)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, training.steps)
    for _ in range(training.steps):
        rows = torch.randint(len(points), (min(training.batch_size, len(points)),), generator=generator)
        seen = points[rows] + training.noise * torch.randn(len(rows), points.shape[1], generator=generator)
        loss = (network(seen).squeeze(-1) - targets[rows]).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    arrays = arrays_of(layers)
    # In calls, so that the score needs no scale of its own.
    arrays[f"weight_{len(layers) - 1}"] *= longest
    arrays[f"bias_{len(layers) - 1}"] *= longest
    fixed = {"longest": np.array([longest]), "done": np.array([training.done])}
    return Fitted({"mean": mean, "std": std, **fixed, **arrays})

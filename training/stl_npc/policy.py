"""The network: augmented state in, whole control sequence out."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from training.stl_npc.task import ControlTask


class PredictivePolicy(nn.Module):
    """MLP from the task's features to all controls of one plan, squashed to their limits.

    Args:
        task: gives sizes and features.
        width: hidden units; depth: hidden layers. The paper uses 3 x 64 and 3 x 256.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, task: ControlTask, width: int = 128, depth: int = 3) -> None:
        super().__init__()
        self.task = task
        size = task.features(task.sample(2, torch.Generator().manual_seed(0))).shape[1]
        sizes = [size, *[width] * depth]
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise(sizes):
            layers += [nn.Linear(inputs, outputs), nn.ReLU()]
        self.hidden = nn.Sequential(*layers)
        self.head = nn.Linear(width, task.steps * task.control_size)
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("std", torch.ones(size))

    def fit_statistics(self, states: Tensor) -> None:
        """Scale of the features over initial states (N, S)."""
        features = self.task.features(states)
        self.mean.copy_(features.mean(0))
        self.std.copy_(features.std(0).clamp(min=1e-3))

    def embedding(self, state: Tensor) -> Tensor:
        """(N, S) -> (N, width) last hidden layer."""
        hidden: Tensor = self.hidden((self.task.features(state) - self.mean) / self.std)
        return hidden

    def forward(self, state: Tensor) -> Tensor:
        """(N, S) -> (N, steps, M) controls."""
        return self.controls(self.embedding(state))

    def controls(self, embedding: Tensor) -> Tensor:
        """(N, width) -> (N, steps, M) controls."""
        raw = self.head(embedding).unflatten(1, (self.task.steps, self.task.control_size))
        return torch.tanh(raw) * self.task.control_limit

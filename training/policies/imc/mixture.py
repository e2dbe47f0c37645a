"""A policy that draws one of K experts for a chunk and executes its mean.

Raw observation history and noise in, raw chunk and embedding out, as every chunk policy; one number of the noise draws
the expert. Experts are one network with K outputs and unit variance, as in the released code; the gate is a network of
its own, trained afterwards.

Source: Blessing et al., arXiv 2303.15349.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from training.contracts.task import TaskContract
from training.policies.normalizer import STD_FLOOR, Normalizer

Observation = dict[str, Tensor]


class ResidualNet(nn.Module):
    """Residual blocks of two layers between two linear maps, (B, D) -> hidden (B, W).

    Args:
        size: D.
        width: W.
        layers: hidden layers in all, an even number.
    """

    def __init__(self, size: int, width: int, layers: int) -> None:
        super().__init__()
        self.input = nn.Linear(size, width)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.SiLU(), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
            for _ in range(layers // 2)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Hidden features."""
        hidden: Tensor = self.input(x)
        for block in self.blocks:
            hidden = hidden + block(hidden)
        return nn.functional.silu(hidden)


class MixturePolicy(nn.Module):
    """Experts and their gate.

    Args:
        contract: of the task.
        experts: K.
        width: of the experts' network; ``gate_width`` of the gate's.
        layers: hidden layers of both.
    """

    relative: Tensor
    noise_rows = 1

    def __init__(self, contract: TaskContract, experts: int, width: int, layers: int, gate_width: int) -> None:
        super().__init__()
        self.encoder, self.experts = contract.make_encoder(), experts
        self.horizon, self.action_dim = contract.actions.horizon, len(contract.actions.joints)
        self.observation_normalizer = Normalizer((self.encoder.size,))
        self.action_normalizer = Normalizer((self.horizon, self.action_dim), constant_scale=STD_FLOOR)
        self.trunk = ResidualNet(self.encoder.size, width, layers)
        self.heads = nn.Linear(width, experts * self.horizon * self.action_dim)
        self.gate = ResidualNet(self.encoder.size, gate_width, layers)
        self.gate_head = nn.Linear(gate_width, experts)
        self.register_buffer("relative", torch.tensor(contract.relative, dtype=torch.float32), persistent=False)

    def features(self, observation: Observation) -> Tensor:
        """Normalised features (B, D) of raw observations, each (B, history, size)."""
        normalised: Tensor = self.observation_normalizer(self.encoder(observation))
        return normalised

    def base(self, observation: Observation) -> Tensor:
        """(B, 1, A) what relative targets are added to: the measured joints, zero for absolute targets."""
        return (observation[self.encoder.STATE][:, -1, : len(self.relative)] * self.relative).unsqueeze(1)

    def means(self, features: Tensor) -> Tensor:
        """(B, K, H, A) normalised mean chunk of every expert."""
        return self.heads(self.trunk(features)).unflatten(1, (self.experts, self.horizon, self.action_dim))

    def forward(self, observation: Observation, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Draw an expert and answer its mean.

        Args:
            observation: raw features, each (B, history, size).
            noise: (B, 1, A) standard normal; the first number draws the expert.

        Returns:
            raw chunk (B, H, A) and embedding (B, W), the gate's last hidden layer.
        """
        features = self.features(observation)
        hidden = self.gate(features)
        expert = draw(self.gate_head(hidden), noise[:, 0, 0])
        chosen = nn.functional.one_hot(expert, self.experts).to(hidden.dtype)
        chunk = (self.means(features) * chosen[:, :, None, None]).sum(1)
        return self.action_normalizer.inverse(chunk) + self.base(observation), hidden

    def keep(self, experts: Tensor) -> None:
        """Drop all experts but these (M,), and the gate's head, which is trained for those that are left."""
        rows = self.horizon * self.action_dim
        old, self.experts = self.heads, len(experts)
        self.heads = nn.Linear(old.in_features, self.experts * rows)
        with torch.no_grad():
            for name in ("weight", "bias"):
                picked = getattr(old, name).unflatten(0, (-1, rows))[experts].flatten(0, 1)
                getattr(self.heads, name).copy_(picked)
        self.gate_head = nn.Linear(self.gate_head.in_features, self.experts)


def draw(logits: Tensor, normal: Tensor) -> Tensor:
    """Index (B,) drawn from softmax(logits (B, K)) by the inverse of its distribution at Phi(normal (B,))."""
    cumulated = torch.softmax(logits, dim=-1).cumsum(dim=-1)[:, :-1]
    uniform = 0.5 * (1.0 + torch.erf(normal / math.sqrt(2.0)))
    return (cumulated < uniform.unsqueeze(-1)).sum(dim=-1)

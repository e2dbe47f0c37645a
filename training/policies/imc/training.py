"""Trains a mixture on a dataset of a task: experts and curricula in turns, then the gate.

A chunk's log-likelihood is the mean over its steps of -|a - mu|^2 / 2, in normalised units, so that the pacing means
the same for every horizon. Settings as in the released code but for the number of experts and the gate's epochs.

Source: Blessing et al., arXiv 2303.15349.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from policy_nodes.errors import ConfigError
from training.contracts.task import TaskContract
from training.datasets.lerobot_v3.reader import Dataset
from training.imitation.build import build_sampler
from training.imitation.config import TrainConfig
from training.imitation.trainer import to_tensors
from training.policies.config import PolicyConfig
from training.policies.imc.alternation import Assignment, Method, alternate
from training.policies.imc.curriculum import Normalisation
from training.policies.imc.mixture import MixturePolicy
from training.policies.normalizer import masked_moments

Progress = Callable[[str, dict[str, float]], None]
"""Called with the stage and what it reached."""


@dataclass(frozen=True)
class MixtureTraining:
    """Sizes and lengths of training."""

    method: Method = "imc"
    """``imc``, or the baseline ``em`` with the same experts."""
    experts: int = 10
    """Experts to begin with (the paper's code: 50)."""
    pacing: float = 2.0
    """eta: small lets an expert keep the few points it represents well, large lets it average."""
    normalisation: Normalisation = "point"
    """Of the curricula: the released code's ``point``, or the paper's ``expert``."""
    iterations: int = 50
    """Rounds of curricula and fit."""
    epochs: int = 5
    """Passes over the data per round."""
    gate_epochs: int = 100
    """Passes of the gate (the paper's code: 800)."""
    batch_size: int = 1024
    """Windows per step."""
    learning_rate: float = 5e-4
    """Of the experts; the gate has twice as much."""
    width: int = 128
    """Of the experts' network."""
    gate_width: int = 256
    """Of the gate."""
    layers: int = 6
    """Hidden layers of both."""
    smallest_share: float = 1e-3
    """Experts with less of the data are dropped."""
    seed: int = 0
    """Of weights and batches."""

    def __post_init__(self) -> None:
        counts = (self.experts, self.iterations, self.epochs, self.gate_epochs, self.batch_size, self.width,
                  self.gate_width)  # fmt: skip
        if min(counts) < 1 or self.layers < 2 or self.layers % 2:
            raise ConfigError(
                "a number of experts, rounds, epochs, windows or units is below 1, or the layers are not in pairs.",
                "give 1 or more of each, and an even number of layers.",
            )
        if not (self.pacing > 0.0 and self.learning_rate > 0.0 and 0.0 <= self.smallest_share < 1.0 / self.experts):
            raise ConfigError(
                f"pacing {self.pacing:g}, learning rate {self.learning_rate:g}, smallest share "
                f"{self.smallest_share:g} of {self.experts} experts.",
                "pacing and learning rate are positive, the share is below 1 / experts.",
            )


class NetworkExperts:
    """The experts of a policy on all windows of a dataset.

    Args:
        policy: normalisers already fitted.
        features: (N, D) normalised.
        chunks: (N, H, A) normalised targets.
        valid: (N, H) 1 for steps before the end of the episode.
        config: of the training.
    """

    def __init__(
        self, policy: MixturePolicy, features: Tensor, chunks: Tensor, valid: Tensor, config: MixtureTraining
    ) -> None:
        self.policy, self.config = policy, config
        self.features, self.chunks = features, chunks
        self._share = valid / valid.sum(dim=1, keepdim=True)
        self._generator = torch.Generator().manual_seed(config.seed)
        parameters = [*policy.trunk.parameters(), *policy.heads.parameters()]
        self._optimizer = torch.optim.Adam(parameters, lr=config.learning_rate)

    def _log_likelihood(self, rows: Tensor) -> Tensor:
        errors = (self.policy.means(self.features[rows]) - self.chunks[rows].unsqueeze(1)).square().sum(dim=-1)
        return -0.5 * (errors * self._share[rows].unsqueeze(1)).sum(dim=-1)

    @torch.no_grad()
    def log_likelihood(self) -> Tensor:
        """(N, K) of all windows."""
        rows = torch.arange(len(self.features))
        return torch.cat([self._log_likelihood(part) for part in rows.split(self.config.batch_size)])

    def fit(self, weights: Tensor) -> None:
        """Some epochs of weighted maximum likelihood."""
        weights = weights.float()
        for _ in range(self.config.epochs):
            for rows in self.batches():
                loss = -(weights[rows] * self._log_likelihood(rows)).sum(dim=1).mean()
                _step(self._optimizer, loss)

    def batches(self) -> tuple[Tensor, ...]:
        """Rows of one epoch, shuffled."""
        return torch.randperm(len(self.features), generator=self._generator).split(self.config.batch_size)

    def fit_gate(self, posterior: Tensor) -> float:
        """Cross-entropy to q(z|D) (N, K); returns the last epoch's mean."""
        policy, config, target = self.policy, self.config, posterior.float()
        parameters = [*policy.gate.parameters(), *policy.gate_head.parameters()]
        optimizer = torch.optim.Adam(parameters, lr=2.0 * config.learning_rate)
        total = math.inf
        for _ in range(config.gate_epochs):
            total = 0.0
            for rows in self.batches():
                logits = policy.gate_head(policy.gate(self.features[rows]))
                loss = nn.functional.cross_entropy(logits, target[rows])
                _step(optimizer, loss)
                total += float(loss.detach()) * len(rows) / len(self.features)
        return total


def train_mixture(
    contract: TaskContract, dataset: Dataset, config: MixtureTraining, progress: Progress = lambda stage, values: None
) -> tuple[MixturePolicy, Assignment]:
    """Experts, then the gate of those that own something; the policy is in evaluation mode.

    Raises:
        ConfigError: the loss is not finite.
        ContractError: the dataset is of another contract, or not finite.
    """
    torch.manual_seed(config.seed)
    policy = MixturePolicy(contract, config.experts, config.width, config.layers, config.gate_width)
    sampler = build_sampler(dataset, contract, windows(contract))
    with torch.no_grad():
        observation, action, is_pad = to_tensors(sampler.gather(sampler.frames("train")))
        raw = policy.encoder(observation)
        policy.observation_normalizer.fit(raw.mean(0), raw.std(0))
        relative = action - policy.base(observation)
        policy.action_normalizer.fit(*masked_moments(relative, is_pad))
        features, chunks = policy.features(observation), policy.action_normalizer(relative)
    experts = NetworkExperts(policy, features, chunks, (~is_pad).float(), config)
    assignment = alternate(
        experts,
        config.iterations,
        method=config.method,
        pacing=config.pacing,
        normalisation=config.normalisation,
        progress=lambda trace: progress("experts", {"bound": trace.bound[-1]}),
    )
    shares = assignment.posterior.mean(dim=0)
    kept = torch.nonzero(shares >= config.smallest_share).flatten()
    policy.keep(kept)
    posterior = assignment.posterior[:, kept]
    reached = experts.fit_gate(posterior / posterior.sum(dim=1, keepdim=True))
    progress("gate", {"cross-entropy": reached, "experts": float(len(kept))})
    return policy.eval().requires_grad_(False), assignment


def windows(contract: TaskContract) -> TrainConfig:
    """Settings with which windows are cut: chunks of the contract, all episodes."""
    return TrainConfig(policy=PolicyConfig(horizon=contract.actions.horizon), validation_fraction=0.0)


def _step(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    if not bool(torch.isfinite(loss)):
        raise ConfigError(f"the loss became {float(loss)}.", "lower the learning rate.")
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()

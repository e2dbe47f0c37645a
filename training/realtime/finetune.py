"""Trains the denoiser of training-time real-time chunking from a finished policy, on the policy's own dataset.

The observation embedding stays as it is: the failure predictor was calibrated on it, and the other graphs of the bundle
share it. Only a copy of the denoiser, which at first computes what the policy computes, learns to continue a beginning.

Source: Black et al., arXiv 2512.05964, which fine-tunes for 8000 steps.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from policy_nodes.errors import BundleError, ConfigError
from training.datasets.lerobot_v3.reader import Dataset
from training.imitation.build import TrainedPolicy, build_sampler
from training.imitation.ema import Ema
from training.imitation.schedule import learning_rate_scale
from training.imitation.trainer import to_tensors
from training.policies.residual_mlp import ResidualMLP
from training.realtime.parts import flow_parts
from training.realtime.prefix import PrefixMLP, offset_chunk, prefix_loss, sample_prefix_lengths


@dataclass(frozen=True)
class PrefixTraining:
    """How the denoiser is trained.

    Attributes:
        steps: optimiser steps.
        longest: largest number of given steps (d_max); half the horizon and the step in use when None.
        offset: standard deviation of the displacement with which half of the beginnings are given, in multiples of the
            demonstrations' movement per step; 0 for none, as published.
        return_steps: steps in which the rest of the chunk returns from it (to 1/e).
        batch_size: windows per step.
        learning_rate: peak of the cosine schedule.
        seed: of batches, noise and prefix lengths.
    """

    steps: int = 8000
    longest: int | None = None
    offset: float = 1.5
    return_steps: float = 3.0
    batch_size: int = 256
    learning_rate: float = 3e-4
    seed: int = 0

    def __post_init__(self) -> None:
        if self.steps < 1 or self.batch_size < 1:
            raise ConfigError(
                f"{self.steps} steps with batches of {self.batch_size} train nothing.", "give 1 or more of each."
            )
        if not self.offset >= 0.0 or not self.return_steps > 0.0:
            raise ConfigError(
                f"an offset of {self.offset} that returns in {self.return_steps} steps.", "give 0 or more, and above 0."
            )


def train_prefix(
    trained: TrainedPolicy,
    dataset: Dataset,
    config: PrefixTraining,
    progress: Callable[[int, float], None] = lambda step, loss: None,
) -> PrefixMLP:
    """The averaged denoiser, in evaluation mode.

    Args:
        trained: a flow policy; stays as it is.
        dataset: the one it was trained on.
        config: hyper-parameters.
        progress: called after every step with step and loss.

    Raises:
        BundleError: another dataset.
        ConfigError: no flow policy, a prefix as long as the chunk, or the loss is not finite.
    """
    if dataset.sha256() != trained.config["dataset"]["sha256"]:
        raise BundleError(
            f"'{dataset.root}' is not the dataset that this policy was trained on.", "give the training dataset."
        )
    parts, horizon = flow_parts(trained.policy), trained.policy.config.horizon
    longest = horizon // 2 + 1 if config.longest is None else config.longest
    if not 0 < longest < horizon:
        raise ConfigError(f"a prefix of up to {longest} of {horizon} steps.", f"give 1 to {horizon - 1}.")
    base = trained.policy.denoiser
    assert isinstance(base, ResidualMLP)
    network = PrefixMLP(copy.deepcopy(base).requires_grad_(True)).train()
    average = Ema(network)
    optimizer = torch.optim.AdamW(network.parameters(), lr=config.learning_rate, betas=(0.9, 0.95))
    scheduler = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: learning_rate_scale(step, min(200, config.steps // 10 + 1), config.steps)
    )
    sampler = build_sampler(dataset, trained.contract, trained.train)
    frames, rng = sampler.frames("train"), np.random.default_rng(config.seed)
    generator = torch.Generator().manual_seed(config.seed)
    for step in range(1, config.steps + 1):
        batch = sampler.gather(frames[rng.integers(len(frames), size=config.batch_size)])
        observation, action, is_pad = to_tensors(batch)
        lengths = sample_prefix_lengths(len(action), longest, generator)
        with torch.no_grad():
            action = _displaced(action, lengths, config, generator)
            embedding, data = parts.condition(observation), parts.normalise(observation, action)
        optimizer.zero_grad(set_to_none=True)
        loss = prefix_loss(lambda x, t, e=embedding: network(x, t, e), data, is_pad, lengths, generator)  # type: ignore[misc]
        loss.backward()  # type: ignore[no-untyped-call]
        value = float(loss.detach())
        if not math.isfinite(value):
            raise ConfigError(f"the loss became {value} at step {step}.", "lower the learning rate.")
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        scheduler.step()
        average.update(network, step)
        progress(step, value)
    learned = average.module
    assert isinstance(learned, PrefixMLP)
    return learned


def _displaced(action: Tensor, lengths: Tensor, config: PrefixTraining, generator: torch.Generator) -> Tensor:
    """Raw chunks (B, H, A), half of them with a displaced beginning; joints that hardly move are hardly displaced."""
    scale = config.offset * (action[:, 1:] - action[:, :-1]).square().mean((0, 1)).sqrt()
    drawn = torch.randn(action.shape[0], action.shape[2], generator=generator)
    chosen = torch.rand(len(action), 1, generator=generator) < 0.5
    return offset_chunk(action, scale * drawn * chosen, lengths, config.return_steps)

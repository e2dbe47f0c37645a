"""Two-stage training of reactive diffusion policy on a dataset of a task.

Stage 1 trains the asymmetric tokenizer on commanded chunks and what was felt meanwhile, stage 2 the latent policy on
the frozen tokenizer. Optimiser and learning rate as in the official configuration.

Source: Xue et al., arXiv 2503.02881.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from policy_nodes.errors import ConfigError
from training.contracts.task import TaskContract
from training.datasets.lerobot_v3.reader import Dataset
from training.datasets.lerobot_v3.windows import ChunkSampler
from training.imitation.build import ACTION
from training.imitation.ema import Ema
from training.imitation.schedule import learning_rate_scale
from training.imitation.trainer import to_tensors
from training.policies.rdp.policy import FeltTerm, SlowFastPolicy
from training.policies.rdp.tokenizer import TokenizerConfig

Progress = Callable[[str, float], None]
"""Called after every step with the stage and the loss."""


@dataclass(frozen=True)
class SlowFastTraining:
    """Sizes and lengths of training.

    Attributes:
        window: action steps for which a plan can be decoded; twice the chunk's when 0.
        tokenizer_steps: optimiser steps of stage 1.
        policy_steps: of stage 2.
        batch_size: windows per step.
        learning_rate: peak of the cosine schedule.
        hidden: of the tokenizer's convolutions and of its GRU; more for an arm than for one axis.
        latent: channels of the latent; narrow, so that the decoder needs what is felt.
        width: of the latent policy.
        depth: of the latent policy.
        sampling_steps: Euler steps of the latent policy.
        blind: make the ablation, whose decoder feels nothing.
        seed: of weights, batches and noise.
    """

    window: int = 0
    tokenizer_steps: int = 3000
    policy_steps: int = 4000
    batch_size: int = 64
    learning_rate: float = 1e-3
    hidden: int = 32
    latent: int = 4
    width: int = 128
    depth: int = 2
    sampling_steps: int = 8
    blind: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.tokenizer_steps, self.policy_steps, self.batch_size, self.sampling_steps) < 1:
            raise ConfigError("a number of steps, or the batch size, is below 1.", "give 1 or more of each.")
        if self.window < 0 or self.window % 4:
            raise ConfigError(f"a window of {self.window} steps.", "give a multiple of 4, or 0 for twice the chunk.")


def window_sampler(contract: TaskContract, dataset: Dataset, window: int) -> ChunkSampler:
    """Windows as long as a plan can be decoded."""
    return ChunkSampler(dataset, contract.history, ACTION, window)


def train_slow_fast(
    contract: TaskContract,
    dataset: Dataset,
    felt: Sequence[FeltTerm],
    config: SlowFastTraining,
    progress: Progress = lambda stage, loss: None,
) -> SlowFastPolicy:
    """Both stages; the policy is in evaluation mode.

    Raises:
        ConfigError: the window is not longer than a chunk, or the loss is not finite.
        DatasetError: the dataset lacks a feature of the contract.
    """
    actions = contract.actions
    window = config.window or 2 * actions.horizon + (-2 * actions.horizon) % 4
    if window <= actions.horizon:
        raise ConfigError(
            f"a window of {window} steps ends with the chunk of {actions.horizon}.", "plans arrive late: give more."
        )
    torch.manual_seed(config.seed)
    reactive = 0 if config.blind else sum(term.size for term in felt)
    sizes = TokenizerConfig(window, len(actions.joints), reactive, hidden=config.hidden, latent=config.latent)
    policy = SlowFastPolicy(contract, sizes, felt, config.width, config.depth, config.sampling_steps)
    data = _Windows(window_sampler(contract, dataset, window), policy, config.batch_size)
    data.fit_statistics()
    generator = torch.Generator().manual_seed(config.seed)
    policy.tokenizer.requires_grad_(True)  # the latent policy freezes it
    _fit(
        policy.tokenizer,
        lambda: policy.tokenizer.loss(*data.draw()[1:], generator),
        config.tokenizer_steps,
        config,
        lambda loss: progress("tokenizer", loss),
    )
    policy.tokenizer.requires_grad_(False)
    policy.latent.fit_statistics(data.all_actions())
    average = _fit(
        policy.latent.denoiser,
        lambda: policy.latent.loss(*data.draw()[:2], generator),
        config.policy_steps,
        config,
        lambda loss: progress("latent policy", loss),
    )
    policy.latent.denoiser.load_state_dict(average.state_dict())
    return policy.eval().requires_grad_(False)


class _Windows:
    """Normalised training windows of a policy: features (B, D), chunks (B, W, A), signals (B, W, R)."""

    def __init__(self, sampler: ChunkSampler, policy: SlowFastPolicy, batch: int) -> None:
        self.sampler, self.policy, self.batch = sampler, policy, batch
        self.frames = sampler.frames("train")
        self._rng = np.random.default_rng(0)

    def draw(self) -> tuple[Tensor, Tensor, Tensor]:
        """One batch."""
        return self.gather(self.frames[self._rng.integers(len(self.frames), size=self.batch)])

    @torch.no_grad()
    def gather(self, index: np.ndarray) -> tuple[Tensor, Tensor, Tensor]:
        """Windows from the frames ``index`` on."""
        observation, action, _ = to_tensors(self.sampler.gather(index))
        policy = self.policy
        relative = policy.action_normalizer(action - policy.base(observation).unsqueeze(1))
        signals = policy.signals(self._felt(index), policy.felt_now(observation))
        return policy.features(observation), relative, signals

    def all_actions(self, most: int = 20_000) -> Tensor:
        """Normalised chunks of frames spread over the data."""
        return self.gather(self._spread(most))[1]

    @torch.no_grad()
    def fit_statistics(self, most: int = 20_000) -> None:
        """Statistics of features, of every step of the chunks, and of the signals."""
        index, policy = self._spread(most), self.policy
        observation, action, _ = to_tensors(self.sampler.gather(index))
        features = policy.encoder(observation)
        policy.observation_normalizer.fit(features.mean(0), features.std(0))
        relative = action - policy.base(observation).unsqueeze(1)
        policy.action_normalizer.fit(relative.mean(0), relative.std(0))
        felt = self._felt(index) - (policy.felt_now(observation) * policy.displaced).unsqueeze(1)
        policy.felt_normalizer.fit(felt.mean((0, 1)), felt.flatten(0, 1).std(0))

    def _spread(self, most: int) -> np.ndarray:
        return self.sampler.spread(min(most, len(self.frames)))

    def _felt(self, index: np.ndarray) -> Tensor:
        """Raw signals (B, W, R) from each frame on."""
        terms = self.policy.felt
        parts = [self.sampler.following(t.feature, index)[..., t.start : t.stop] for t in terms]
        return torch.from_numpy(np.concatenate(parts, axis=-1).astype(np.float32))


def _fit(
    module: nn.Module,
    loss_of: Callable[[], Tensor],
    steps: int,
    config: SlowFastTraining,
    progress: Callable[[float], None],
) -> nn.Module:
    """Optimise; returns the averaged weights, and leaves the last ones in ``module``."""
    average = Ema(module)
    optimizer = torch.optim.AdamW(module.parameters(), lr=config.learning_rate, weight_decay=1e-4)
    scheduler = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: learning_rate_scale(step, min(100, steps // 10 + 1), steps)
    )
    for step in range(1, steps + 1):
        optimizer.zero_grad(set_to_none=True)
        loss = loss_of()
        loss.backward()  # type: ignore[no-untyped-call]
        value = float(loss.detach())
        if not math.isfinite(value):
            raise ConfigError(f"the loss became {value} at step {step}.", "lower the learning rate.")
        optimizer.step()
        scheduler.step()
        average.update(module, step)
        progress(value)
    return average.module

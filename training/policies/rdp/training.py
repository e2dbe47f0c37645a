"""Two-stage training of reactive diffusion policy, and the chunk policy that it is compared with.

Stage 1 trains the asymmetric tokenizer, stage 2 the latent policy on the frozen tokenizer. The baseline generates the
same chunks from the same observations, but as actions: nothing is felt until the next plan.

Source: Xue et al., arXiv 2503.02881; optimiser and learning rates as in the official configuration.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from training.imitation.schedule import learning_rate_scale
from training.objectives.flow_matching import flow_matching_loss
from training.policies.normalizer import Normalizer
from training.policies.rdp.latent_policy import LatentPolicy
from training.policies.rdp.strokes import ACTION, OBSERVATION, REACTIVE, Chunks
from training.policies.rdp.tokenizer import AsymmetricTokenizer, TokenizerConfig
from training.policies.residual_mlp import ResidualMLP
from training.samplers.euler import euler_flow

Loss = Callable[[Tensor, torch.Generator], Tensor]
"""(rows of the data (B,), source of noise) -> loss."""


@dataclass(frozen=True)
class RdpTraining:
    """Sizes and lengths of training.

    Attributes:
        tokenizer_steps: optimiser steps of stage 1.
        policy_steps: of stage 2, and of the baseline.
        batch_size: chunks per step.
        latent: channels of the latent; narrow, so that the decoder needs what is felt.
        width: of latent policy and baseline.
        sampling_steps: Euler steps of both.
        feel: False makes the tokenizer of the ablation, whose decoder feels nothing.
        seed: of weights, batches and noise.
    """

    tokenizer_steps: int = 1500
    policy_steps: int = 2500
    batch_size: int = 64
    latent: int = 4
    width: int = 128
    sampling_steps: int = 8
    feel: bool = True
    seed: int = 0


class ChunkOnly(nn.Module):
    """The baseline: a flow over chunks of actions.

    Args:
        horizon: H.
        config: its width and steps.
    """

    def __init__(self, horizon: int, config: RdpTraining) -> None:
        super().__init__()
        self.steps = config.sampling_steps
        self.denoiser = ResidualMLP(horizon, ACTION, OBSERVATION, config.width, 2, 2)

    def loss(self, observation: Tensor, actions: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Flow-matching loss on normalised chunks (B, H, 1)."""
        pads = torch.zeros(actions.shape[:2], dtype=torch.bool)
        return flow_matching_loss(lambda x, t: self.denoiser(x, t, observation), actions, pads, "uniform", generator)

    def forward(self, observation: Tensor, noise: Tensor) -> Tensor:
        """Normalised chunks (B, H, 1) for observations (B, 3) from noise of that shape."""
        return euler_flow(lambda x, t: self.denoiser(x, t, observation), noise, self.steps)


def action_normalizer(chunks: Chunks) -> Normalizer:
    """Statistics of every step of the chunks."""
    normalizer = Normalizer(tuple(chunks.action.shape[1:]))
    normalizer.fit(chunks.action.mean(0), chunks.action.std(0))
    return normalizer


def train_rdp(chunks: Chunks, config: RdpTraining) -> LatentPolicy:
    """Both stages; the tokenizer is the policy's ``tokenizer``."""
    torch.manual_seed(config.seed)
    actions, horizon = action_normalizer(chunks)(chunks.action), chunks.action.shape[1]
    sizes = TokenizerConfig(horizon, ACTION, REACTIVE if config.feel else 0, latent=config.latent)
    tokenizer = AsymmetricTokenizer(sizes)
    _fit(
        tokenizer,
        lambda rows, generator: tokenizer.loss(actions[rows], chunks.reactive[rows], generator),
        (len(actions), config.tokenizer_steps, 1e-3),
        config,
    )
    policy = LatentPolicy(tokenizer, OBSERVATION, config.width, steps=config.sampling_steps)
    policy.fit_statistics(actions)
    _fit(
        policy.denoiser,
        lambda rows, generator: policy.loss(chunks.observation[rows], actions[rows], generator),
        (len(actions), config.policy_steps, 1e-3),
        config,
    )
    return policy.eval()


def train_chunk_only(chunks: Chunks, config: RdpTraining) -> ChunkOnly:
    """The baseline, on the same data for as many steps as the latent policy."""
    torch.manual_seed(config.seed)
    actions = action_normalizer(chunks)(chunks.action)
    policy = ChunkOnly(actions.shape[1], config)
    _fit(
        policy,
        lambda rows, generator: policy.loss(chunks.observation[rows], actions[rows], generator),
        (len(actions), config.policy_steps, 1e-3),
        config,
    )
    return policy.eval()


def _fit(module: nn.Module, loss_of: Loss, size: tuple[int, int, float], config: RdpTraining) -> None:
    count, steps, rate = size
    generator = torch.Generator().manual_seed(config.seed)
    weights = [weight for weight in module.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=rate, weight_decay=1e-4)
    scheduler = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: learning_rate_scale(step, min(100, steps // 10 + 1), steps)
    )
    for _ in range(steps):
        rows = torch.randint(count, (config.batch_size,), generator=generator)
        optimizer.zero_grad(set_to_none=True)
        loss_of(rows, generator).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        scheduler.step()

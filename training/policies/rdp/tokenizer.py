"""The asymmetric tokenizer of reactive diffusion policy: the encoder sees actions only, the decoder also feels.

Source: Xue et al., "Reactive Diffusion Policy: Slow-Fast Visual-Tactile Policy Learning for Contact-Rich Manipulation",
arXiv 2503.02881, and the official code's sizes. The encoder must not see the reactive signal, whose future is unknown
when a chunk is planned; the latent is kept narrow, so that the decoder needs the signal to reproduce the actions.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class TokenizerConfig:
    """Sizes.

    Attributes:
        horizon: steps of a chunk, a multiple of 4.
        action_dim: A.
        reactive_dim: R, elements of the reactive signal (a wrench, principal components of touch); 0 makes the
            symmetric tokenizer of the ablation.
        hidden: of convolutions and GRU.
        embed: channels of the bottleneck.
        latent: channels after it.
        kl_weight: of the bottleneck's divergence.
    """

    horizon: int = 32
    action_dim: int = 1
    reactive_dim: int = 6
    hidden: int = 32
    embed: int = 16
    latent: int = 4
    kl_weight: float = 1e-6

    @property
    def tokens(self) -> int:
        """Latent steps."""
        return self.horizon // 4


class AsymmetricTokenizer(nn.Module):
    """Chunk -> latent tokens -> chunk.

    Args:
        config: sizes.

    Raises:
        ValueError: the horizon is not a multiple of 4.
    """

    def __init__(self, config: TokenizerConfig) -> None:
        super().__init__()
        if config.horizon < 4 or config.horizon % 4:
            raise ValueError(f"horizon {config.horizon} is not a multiple of 4")
        self.config = config
        self.encoder = nn.Sequential(
            nn.Conv1d(config.action_dim, config.hidden, 5, stride=2, padding=2),
            nn.SiLU(),
            nn.Conv1d(config.hidden, config.hidden, 5, stride=2, padding=2),
        )
        self.moments = nn.Conv1d(config.hidden, 2 * config.embed, 1)
        self.widen = nn.Conv1d(config.embed, config.latent, 1)
        self.gru = nn.GRU(config.tokens * config.latent + config.reactive_dim, config.hidden, batch_first=True)
        self.head = nn.Linear(config.hidden, config.action_dim)

    def encode(self, actions: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance of the posterior, each (B, embed, tokens), of normalised actions (B, H, A)."""
        mean, log_variance = self.moments(self.encoder(actions.transpose(1, 2))).chunk(2, dim=1)
        return mean, log_variance.clamp(-30.0, 20.0)

    def decode(self, tokens: Tensor, reactive: Tensor) -> Tensor:
        """Actions (B, T, A) from tokens (B, embed, tokens) and the reactive signal (B, T, R) since the chunk's start.

        Action k depends on the signal up to k only. T may be shorter than the horizon: that is how the fast loop asks.
        """
        latent = self.widen(tokens).flatten(1).unsqueeze(1).expand(-1, reactive.shape[1], -1)
        inputs = latent if self.config.reactive_dim == 0 else torch.cat([latent, reactive], dim=-1)
        hidden, _ = self.gru(inputs)
        actions: Tensor = self.head(hidden)
        return actions

    def loss(self, actions: Tensor, reactive: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """L1 reconstruction from a posterior sample, plus the weighted KL divergence from N(0, I)."""
        mean, log_variance = self.encode(actions)
        noise = torch.randn(mean.shape, generator=generator)
        tokens = mean + torch.exp(0.5 * log_variance) * noise
        divergence = 0.5 * (mean.square() + log_variance.exp() - 1.0 - log_variance).sum(dim=(1, 2)).mean()
        return (self.decode(tokens, reactive) - actions).abs().mean() + self.config.kl_weight * divergence

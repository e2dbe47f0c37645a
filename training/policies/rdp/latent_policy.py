"""The slow policy of reactive diffusion policy: it generates latent tokens, not actions.

The published policy is a diffusion U-Net over the latent sequence; here it is Keel's flow-matching MLP over the
flattened tokens, which ONNX Runtime evaluates faster. Latents have a normaliser of their own, and the tokenizer stays
as it is.

Source: Xue et al., arXiv 2503.02881, stage 2.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from training.objectives.flow_matching import flow_matching_loss
from training.policies.normalizer import Normalizer
from training.policies.rdp.tokenizer import AsymmetricTokenizer
from training.policies.residual_mlp import ResidualMLP
from training.samplers.euler import euler_flow


class LatentPolicy(nn.Module):
    """Observation -> latent tokens.

    Args:
        tokenizer: trained; its weights are frozen.
        observation_dim: D of the observation, already normalised.
        width: of the network.
        depth: of the network.
        steps: Euler steps.
    """

    def __init__(
        self, tokenizer: AsymmetricTokenizer, observation_dim: int, width: int = 128, depth: int = 2, steps: int = 8
    ) -> None:
        super().__init__()
        config = tokenizer.config
        self.tokenizer = tokenizer.requires_grad_(False)
        self.latent_normalizer = Normalizer((config.embed, config.tokens))
        self.denoiser = ResidualMLP(config.tokens, config.embed, observation_dim, width, depth, 2)
        self.steps = steps

    def fit_statistics(self, actions: Tensor) -> None:
        """Fit the latent normaliser on the posteriors of normalised chunks (N, H, A): targets are sampled from them."""
        with torch.no_grad():
            mean, log_variance = self.tokenizer.encode(actions)
        self.latent_normalizer.fit(mean.mean(0), (mean.var(0) + log_variance.exp().mean(0)).sqrt())

    def loss(self, observation: Tensor, actions: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Flow-matching loss on sampled posterior latents of chunks (B, H, A) given observations (B, D)."""
        with torch.no_grad():
            mean, log_variance = self.tokenizer.encode(actions)
            sampled = mean + torch.exp(0.5 * log_variance) * torch.randn(mean.shape, generator=generator)
            data = self.latent_normalizer(sampled).transpose(1, 2)
        pads = torch.zeros(data.shape[:2], dtype=torch.bool)
        return flow_matching_loss(lambda x, t: self.denoiser(x, t, observation), data, pads, "uniform", generator)

    def forward(self, observation: Tensor, noise: Tensor) -> Tensor:
        """Tokens (B, embed, tokens) for observations (B, D) from noise (B, tokens, embed)."""
        sample = euler_flow(lambda x, t: self.denoiser(x, t, observation), noise, self.steps)
        tokens: Tensor = self.latent_normalizer.inverse(sample.transpose(1, 2))
        return tokens

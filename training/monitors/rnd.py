"""Random network distillation on policy embeddings.

Burda et al., arXiv 1810.12894; widths, initialisation and loss as in FIPER, arXiv 2510.09459. A predictor learns to
imitate a frozen random target on familiar embeddings; elsewhere it was never corrected, so the distance is large.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

STD_FLOOR = 0.1
"""Smallest standardisation divisor, as a share of the root mean square of all standard deviations."""


@dataclass(frozen=True)
class RNDArchitecture:
    """Layer widths.

    Attributes:
        target: hidden and output widths of the frozen network; LeakyReLU between layers.
        predictor: hidden and output widths of the trained one; LeakyReLU after the first three layers, ReLU after.
        standardise: shift and scale the embedding by its training moments first. FIPER's release does not.
    """

    target: tuple[int, ...]
    predictor: tuple[int, ...]
    standardise: bool


PAPER = RNDArchitecture((1024, 2048, 4096, 512), (1024, 2048, 4096, 2048, 1024, 512), standardise=False)
"""FIPER's networks: 34 M parameters at E = 32, 12.6 M of them frozen."""
SMALL = RNDArchitecture((128, 256, 512, 64), (128, 256, 512, 256, 128, 64), standardise=True)
"""Every width divided by 8, so about 1/64 of the parameters (0.53 M at E = 32): fits beside a policy on one core."""
TINY = RNDArchitecture((64, 96, 128, 32), (64, 96, 128, 96, 64, 32), standardise=True)
"""About an eighth of SMALL (70 k parameters at E = 64): for bundles that are shipped with the source."""
UNWATCHED = RNDArchitecture((8, 8, 8, 4), (8, 8, 8, 8, 8, 4), standardise=True)
"""Stands in the exported graph where no score asks."""
ARCHITECTURES = {"paper": PAPER, "small": SMALL, "tiny": TINY}


class RandomNetworkDistillation(nn.Module):
    """Target and predictor.

    Args:
        embedding_size: E.
        architecture: widths.
        seed: of both initialisations (orthogonal, gain sqrt(2), zero bias).
    """

    mean: Tensor
    std: Tensor

    def __init__(self, embedding_size: int, architecture: RNDArchitecture = SMALL, seed: int = 0) -> None:
        super().__init__()
        self.embedding_size, self.architecture = embedding_size, architecture
        generator = torch.Generator().manual_seed(seed)
        self.target = _mlp(embedding_size, architecture.target, len(architecture.target), generator)
        self.predictor = _mlp(embedding_size, architecture.predictor, 3, generator)
        self.target.requires_grad_(False)
        self.register_buffer("mean", torch.zeros(embedding_size))
        self.register_buffer("std", torch.ones(embedding_size))

    def set_moments(self, embeddings: Tensor) -> None:
        """Take the standardisation from (N, E) training embeddings; nothing happens unless the architecture asks.

        Divisors are floored, so that a unit that never moved in training is sensitive but not infinitely so.
        """
        if self.architecture.standardise:
            std = embeddings.double().std(dim=0, correction=0)
            floor = STD_FLOOR * std.square().mean().sqrt()
            # Embeddings that never move at all leave no scale; unit divisors keep the network finite.
            divisor = torch.where(floor > 0, std.clamp_min(floor), torch.ones_like(std))
            self.mean.copy_(embeddings.double().mean(dim=0))
            self.std.copy_(divisor)

    def forward(self, embedding: Tensor) -> Tensor:
        """Distance ``||predictor(e) - target(e)||_2``: (N, E) -> (N,); the score, and averaged the loss."""
        features = (embedding - self.mean) / self.std
        return torch.linalg.vector_norm(self.predictor(features) - self.target(features), dim=-1)


class RNDEnsemble(nn.Module):
    """Mean distance of several independently seeded pairs (FIPER averages seeds 0, 1, 2, 42, 43)."""

    def __init__(self, members: Iterable[RandomNetworkDistillation]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, embedding: Tensor) -> Tensor:
        """(N, E) -> (N,)."""
        return torch.stack([member(embedding) for member in self.members]).mean(dim=0)


def _mlp(inputs: int, widths: Sequence[int], leaky: int, generator: torch.Generator) -> nn.Sequential:
    """Linear layers with LeakyReLU after the first ``leaky`` hidden ones, ReLU after the others, none at the end."""
    layers: list[nn.Module] = []
    for index, width in enumerate(widths):
        linear = nn.Linear(inputs, width)
        nn.init.orthogonal_(linear.weight, gain=2.0**0.5, generator=generator)
        nn.init.zeros_(linear.bias)
        layers.append(linear)
        if index + 1 < len(widths):
            layers.append(nn.LeakyReLU() if index < leaky else nn.ReLU())
        inputs = width
    return nn.Sequential(*layers)

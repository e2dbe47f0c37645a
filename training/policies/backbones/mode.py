"""MoDE: a causal transformer whose experts are chosen by the noise level alone, and fused per level for deployment.

The noise embedding is the first token, is added to every token before attention, and is all that a router reads. At
inference the levels are few and fixed, so the chosen experts of every (layer, level) become one network (:meth:`fuse`).

Source: Reuss et al., "Efficient Diffusion Transformer Policies with Mixture of Expert Denoisers", arXiv 2412.12953.
Deviations: the residual is taken before the second norm (the released code takes it after), and the balance is 1,
not k, when experts are used equally.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from policy_nodes.errors import ConfigError
from training.policies.backbones.attention import Attention, RMSNorm, causal_mask, positions, zero_linear
from training.policies.backbones.experts import ExpertBank, choose, load_balance
from training.policies.backbones.fused import FusedExperts
from training.policies.condition import ConditionLayout, ConditionTokens
from training.policies.config import PolicyConfig


class MoDEBlock(nn.Module):
    """Noise-conditioned attention, then experts routed by the noise."""

    def __init__(self, config: PolicyConfig) -> None:
        super().__init__()
        width, experts = config.width, config.experts
        self.top_k = experts.top_k
        self.norms = nn.ModuleList(RMSNorm(width) for _ in range(2))
        self.attention = Attention(width, config.heads, normalise=True)
        self.router = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, experts.count))
        last: Any = self.router
        for part in (last[0], last[2]):
            nn.init.normal_(part.weight, std=0.02)
            nn.init.zeros_(part.bias)
        self.bank: Any = ExpertBank(experts.count, width, config.expansion * width)
        self.balance: Tensor | None = None

    def probabilities(self, noise: Tensor) -> Tensor:
        """(B, N) of the noise embedding (B, W)."""
        return self.router(noise).softmax(-1)

    def forward(self, x: Tensor, noise: Tensor, mask: Tensor, level: int | None = None) -> Tensor:
        """``x`` (B, T, W), ``noise`` (B, W); ``level`` is the index of a fused level."""
        x = x + self.attention(self.norms[0](x) + noise.unsqueeze(1), mask=mask)
        inner = self.norms[1](x)
        if level is not None:
            return x + self.bank(inner, level)
        probabilities = self.probabilities(noise)
        chosen, weight = choose(probabilities, self.top_k, sample=self.training)
        if self.training:
            self.balance = load_balance(probabilities, chosen)
        return x + self.bank(inner, chosen, weight)


class MoDE(nn.Module):
    """Denoiser with noise-routed experts.

    Args:
        config: sizes and experts.
        action_dim: A.
        layout: of the condition.
    """

    mask: Tensor

    def __init__(self, config: PolicyConfig, action_dim: int, layout: ConditionLayout) -> None:
        super().__init__()
        width, self.horizon, self.weight = config.width, config.horizon, config.experts.balance
        # Linear in log sigma, as published: the level is an affine function of it.
        self.noise = nn.Sequential(nn.Linear(1, width), nn.Linear(width, width, bias=False))
        self.tokens = ConditionTokens(layout, width)
        prefix = 1 + self.tokens.count
        self.input, self.positions = nn.Linear(action_dim, width), positions(prefix + config.horizon, width)
        self.blocks: Any = nn.ModuleList(MoDEBlock(config) for _ in range(config.depth))
        self.norm, self.output = RMSNorm(width), zero_linear(width, action_dim)
        self.register_buffer("mask", causal_mask(prefix + config.horizon), persistent=False)
        self.levels: dict[float, int] = {}

    @property
    def fused(self) -> bool:
        """Whether :meth:`fuse` was called."""
        return bool(self.levels)

    def forward(self, x: Tensor, level: Tensor | float, condition: Tensor) -> Tensor:
        """Raw output (B, H, A); after :meth:`fuse` the level is a number from the list.

        Raises:
            ConfigError: a level that was not fused.
        """
        index = None
        if isinstance(level, float):
            if level not in self.levels:
                raise ConfigError(
                    f"noise level {level!r} is not among the {len(self.levels)} that experts were fused for.",
                    "export again for this sampler and number of steps.",
                )
            index, level = self.levels[level], torch.full_like(x[:, 0, 0], level)
        noise = self.noise(level.unsqueeze(-1))
        h = torch.cat([noise.unsqueeze(1), self.tokens(condition), self.input(x)], dim=1) + self.positions
        for block in self.blocks:
            h = block(h, noise, self.mask, index)
        return self.output(self.norm(h[:, -self.horizon :]))

    def pop_auxiliary(self) -> Tensor:
        """Weighted load balance of the last forward pass, averaged over the layers."""
        values = [block.balance for block in self.blocks if block.balance is not None]
        for block in self.blocks:
            block.balance = None
        return self.weight * torch.stack(values).mean()

    def idle_parameters(self) -> int:
        """Parameters that one evaluation of the fused network does without: the experts not chosen and the routers."""
        routers = sum(p.numel() for block in self.blocks for p in block.router.parameters())
        idle = sum((len(b.bank.experts) - b.top_k) * b.bank.expert_parameters for b in self.blocks)
        return int(routers + idle)

    @torch.no_grad()
    def fuse(self, levels: Sequence[float]) -> None:
        """Replace routers and experts by one network per layer and level; other levels are refused afterwards."""
        noise = self.noise(torch.tensor([[level] for level in levels], dtype=self.positions.dtype))
        for block in self.blocks:
            chosen, weight = choose(block.probabilities(noise), block.top_k, sample=False)
            block.bank = FusedExperts(block.bank, chosen.tolist(), weight)
            del block.router
        self.levels = {level: i for i, level in enumerate(levels)}

    @torch.no_grad()
    def usage(self, levels: Sequence[float]) -> list[list[list[int]]]:
        """Experts chosen in evaluation, by layer and level."""
        noise = self.noise(torch.tensor([[level] for level in levels], dtype=self.positions.dtype))
        return [choose(b.probabilities(noise), b.top_k, sample=False)[0].tolist() for b in self.blocks]

"""MOORE's observation embedding for several tasks: orthogonal experts, mixed by weights of the task.

    u_k = h_k(o);   v = Gram-Schmidt(u_1 .. u_K) per sample;   z = tanh(sum_k w_{task, k} v_k)

The weights are unconstrained, no softmax. Source: Hendawy et al., "Multi-Task Reinforcement Learning with Mixture of
Orthogonal Experts", arXiv 2311.11385, where it is the representation of actor and critics; here it is the policy's.
Deviation: norms have a floor, because collinear experts would otherwise give a direction of rounding noise.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from training.policies.config import PolicyConfig

NORM_FLOOR = 1e-6


def orthonormalise(u: Tensor) -> Tensor:
    """Gram-Schmidt over the experts.

    Args:
        u: (B, K, D) expert features, K at most D.

    Returns:
        (B, K, D), rows orthonormal for every sample. The first is the least constrained.
    """
    basis: list[Tensor] = []
    for k in range(u.shape[1]):
        w = u[:, k]
        for _ in range(2):  # once more: one pass loses orthogonality in float32
            for v in basis:
                w = w - (w * v).sum(-1, keepdim=True) * v
        basis.append(w / w.norm(dim=-1, keepdim=True).clamp(min=NORM_FLOOR))
    return torch.stack(basis, dim=1)


class MooreEmbedding(nn.Module):
    """Features -> embedding.

    Args:
        size: normalised features.
        config: embedding size, experts and tasks.
        task: columns of the one-hot task identity among the raw features; empty for one task.
    """

    def __init__(self, size: int, config: PolicyConfig, task: tuple[int, ...]) -> None:
        super().__init__()
        width = config.embedding_size
        self.task = task
        self.experts = nn.ModuleList(
            nn.Sequential(nn.Linear(size, 2 * width), nn.ReLU(), nn.Linear(2 * width, width))
            for _ in range(config.experts.count)
        )
        self.mix = nn.Linear(max(len(task), 1), config.experts.count, bias=False)
        nn.init.xavier_uniform_(self.mix.weight)
        self.scale = nn.Parameter(torch.tensor(float(width) ** 0.5))

    def forward(self, features: Tensor, raw: Tensor) -> Tensor:
        """(B, E) from normalised and raw features (B, size)."""
        basis = orthonormalise(torch.stack([expert(features) for expert in self.experts], dim=1))
        identity = raw[:, self.task[0] : self.task[-1] + 1] if self.task else torch.ones_like(raw[:, :1])
        return torch.tanh(self.scale * torch.einsum("bk,bkd->bd", self.mix(identity), basis))

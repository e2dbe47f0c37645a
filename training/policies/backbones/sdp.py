"""Sparse Diffusion Policy: the transformer denoiser with task-routed experts, which grows by a task without forgetting.

Every task has a router of its own per layer; experts are shared. Load is not balanced: the information between task and
expert is maximised, so that a task owns few experts and shares some. A new task adds experts and a router; everything
else is frozen, and an old task's router never sees the new experts, so its answers stay the same, up to rounding.

Source: Wang et al., "Sparse Diffusion Policy", arXiv 2407.01531. Deviation: one routing decision per chunk, from the
mean of its action tokens, instead of one per token: that exports as a gather of two experts.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from training.policies.backbones.experts import ExpertBank, SwiGLU, choose
from training.policies.backbones.transformer import DecoderLayer, Transformer
from training.policies.condition import ConditionLayout
from training.policies.config import PolicyConfig

WARM_UP, MOMENTUM, ROUTER_WIDTH = 100, 0.99, 128


class TaskExperts(nn.Module):
    """Experts with one router per task.

    Args:
        config: sizes, experts and tasks.
    """

    joint: Tensor
    updates: Tensor

    def __init__(self, config: PolicyConfig) -> None:
        super().__init__()
        self.width, self.hidden, self.top_k = config.width, config.expansion * config.width, config.experts.top_k
        self.bank: Any = ExpertBank(config.experts.count, self.width, self.hidden)
        self.routers: Any = nn.ModuleList(self._router(config.experts.count) for _ in range(config.tasks))
        tasks, count = config.tasks, config.experts.count
        self.register_buffer("joint", torch.full((tasks, count), 1.0 / (tasks * count)))
        self.register_buffer("updates", torch.zeros((), dtype=torch.int64))
        self.information: Tensor | None = None

    def _router(self, experts: int) -> nn.Module:
        last = nn.Linear(ROUTER_WIDTH, experts)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        return nn.Sequential(nn.Linear(self.width, ROUTER_WIDTH), nn.GELU(), last)

    def probabilities(self, x: Tensor, task: Tensor) -> Tensor:
        """(B, N) for stream (B, T, W) and task indices (B,); experts younger than the task have probability 0."""
        mean, count = x.mean(1), len(self.bank.experts)
        rows = []
        for router in self.routers:
            p = router(mean).softmax(-1) + 1e-4
            rows.append(nn.functional.pad(p, (0, count - p.shape[-1])))
        index = task.view(-1, 1, 1).expand(-1, 1, count)
        return torch.stack(rows, dim=1).gather(1, index).squeeze(1)

    def forward(self, x: Tensor, task: Tensor) -> Tensor:
        """(B, T, W) -> (B, T, W)."""
        probabilities = self.probabilities(x, task)
        if self.training:
            self._inform(probabilities, task)
        return self.bank(x, *choose(probabilities, self.top_k, sample=False, renormalise=False))

    def _inform(self, probabilities: Tensor, task: Tensor) -> None:
        """Follow P(task, expert) and set minus the information whose gradient flows through this batch."""
        tasks = len(self.routers)
        self.updates += 1
        n = int(self.updates)
        keep = 1.0 - 1.0 / n if n <= WARM_UP else MOMENTUM
        total = probabilities.new_zeros(())
        for i in range(tasks):
            rows = (task == i).nonzero().squeeze(-1)
            if len(rows):
                mean = probabilities[rows].mean(0) / tasks
                self.joint[i] = keep * self.joint[i] + (1.0 - keep) * mean.detach()
                marginal = self.joint.sum(0)
                total = total - (mean * (self.joint[i].clamp(min=1e-9).log() - marginal.clamp(min=1e-9).log())).sum()
        self.information = total if n > WARM_UP else torch.zeros_like(total)

    def mutual_information(self) -> float:
        """I(task; expert) of the running table, nats."""
        p = self.joint / self.joint.sum()
        product = p.sum(1, keepdim=True) * p.sum(0, keepdim=True)
        return float((p * (p.clamp(min=1e-12) / product.clamp(min=1e-12)).log()).sum())

    def grow(self, experts: int) -> None:
        """Freeze everything and add experts and a router for one more task."""
        self.requires_grad_(False)
        self.bank.experts.extend(SwiGLU(self.width, self.hidden) for _ in range(experts))
        count = len(self.bank.experts)
        self.routers.append(self._router(count))
        tasks = len(self.routers)
        joint = self.joint.new_zeros(tasks, count)
        joint[-1] = 1.0 / (tasks * count)  # tasks stay equally likely, so the old ones become rarer
        joint[:-1, : self.joint.shape[1]] = self.joint * (tasks - 1) / tasks
        self.joint = joint


class SparseLayer(DecoderLayer):
    """Decoder layer whose feed-forward is a bank of experts."""

    def __init__(self, config: PolicyConfig) -> None:
        super().__init__(config)
        del self.feed_forward
        self.experts = TaskExperts(config)

    def routed(self, x: Tensor, memory: Tensor, mask: Tensor, task: Tensor) -> Tensor:
        """(B, H, W) -> (B, H, W)."""
        x = self.attend(x, memory, mask)
        return x + self.experts(self.norms[2](x), task)


class SparseTransformer(Transformer):
    """Transformer denoiser with task-routed experts.

    Args:
        config: sizes, experts and tasks.
        action_dim: A.
        layout: of the condition; without task identity everything is task 0.
    """

    def __init__(self, config: PolicyConfig, action_dim: int, layout: ConditionLayout) -> None:
        super().__init__(config, action_dim, layout)
        self.layout, self.weight, self.tasks = layout, config.experts.mutual_information, config.tasks
        self.layers: Any = nn.ModuleList(SparseLayer(config) for _ in range(config.depth))
        for _ in range(config.experts.grown):
            self.grow(config.experts.per_task)

    def forward(self, x: Tensor, level: Tensor, condition: Tensor) -> Tensor:
        """Raw output (B, H, A)."""
        memory = self.remember(level, condition)
        if self.layout.tasks and self.tasks > 1:
            task = self.layout.task(condition)[:, : self.tasks].argmax(-1)
        else:
            task = torch.zeros_like(level, dtype=torch.int64)
        h = self.input(x) + self.input_positions
        for layer in self.layers:
            h = layer.routed(h, memory, self.mask, task)
        return self.output(self.norm(h))

    def pop_auxiliary(self) -> Tensor:
        """Weighted negative information of the last forward pass, summed over the layers."""
        values = [layer.experts.information for layer in self.layers if layer.experts.information is not None]
        for layer in self.layers:
            layer.experts.information = None
        return self.weight * torch.stack(values).sum()

    def idle_parameters(self) -> int:
        """Parameters that one evaluation for one task does without: experts not chosen, routers of other tasks."""
        idle = 0
        for layer in self.layers:
            experts: TaskExperts = layer.experts
            idle += (len(experts.bank.experts) - experts.top_k) * experts.bank.expert_parameters
            idle += sum(p.numel() for router in list(experts.routers)[1:] for p in router.parameters())
        return idle

    def grow(self, experts: int) -> None:
        """Add a task: ``experts`` new ones per layer and a router; all that was there is frozen."""
        self.requires_grad_(False)
        for layer in self.layers:
            layer.experts.grow(experts)
        self.tasks += 1

"""Configuration of an imitation-learning run."""

from __future__ import annotations

from dataclasses import dataclass, field

from training.policies.flow_policy import FlowPolicyConfig


@dataclass(frozen=True)
class TrainConfig:
    """Hyper-parameters of an imitation run; written resolved into every checkpoint."""

    policy: FlowPolicyConfig = field(default_factory=FlowPolicyConfig)
    """Architecture and sampler."""
    steps: int = 8000
    """Optimiser steps."""
    batch_size: int = 256
    """Windows per step."""
    learning_rate: float = 1e-3
    """Peak AdamW learning rate; warm-up, then cosine decay to 1 % of it."""
    warmup_steps: int = 200
    """Linear warm-up."""
    weight_decay: float = 1e-4
    """AdamW weight decay."""
    gradient_clip: float = 1.0
    """Largest global gradient norm."""
    ema_max_decay: float = 0.999
    """Ceiling of the weight average's decay; short runs need a lower one than the paper's 0.9999."""
    validation_fraction: float = 0.05
    """Share of the episodes kept for validation."""
    checkpoint_every: int = 1000
    """Steps between checkpoints."""
    log_every: int = 50
    """Steps between log entries."""
    seed: int = 0
    """Seed of weights, batches and noise."""

"""Configuration of an imitation-learning run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from policy_nodes.errors import ConfigError
from training.imitation.processes import Device, Precision, check_precision
from training.policies.config import PolicyConfig, policy_config


@dataclass(frozen=True)
class TrainConfig:
    """Hyper-parameters of an imitation run; written resolved into every checkpoint.

    Raises:
        ConfigError: a value is out of range.
    """

    policy: PolicyConfig = field(default_factory=PolicyConfig)
    """Objective, network and sampler."""
    steps: int = 4000
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
    hindsight: float = 0.0
    """Share of the windows whose goal is replaced by what was achieved later in their episode."""
    validation_fraction: float = 0.05
    """Share of the episodes kept for validation."""
    checkpoint_every: int = 1000
    """Steps between checkpoints, at which the validation loss is measured too."""
    log_every: int = 50
    """Steps between log entries."""
    seed: int = 0
    """Seed of weights, batches and noise."""
    device: Device = "cpu"
    """Where the network is trained."""
    precision: Precision = "float32"
    """Of the products in the network; float16 needs a GPU. Weights, optimiser and statistics stay float32."""
    microbatches: int = 1
    """Equal parts that a batch is computed in, one after the other or shared among processes; at least one for each
    process. A run gives the same weights, up to rounding, however its parts are shared."""

    def __post_init__(self) -> None:
        for name in (
            "steps",
            "batch_size",
            "learning_rate",
            "gradient_clip",
            "checkpoint_every",
            "log_every",
            "microbatches",
        ):
            _require(getattr(self, name) > 0, name, getattr(self, name), "a number above 0")
        for name in ("warmup_steps", "weight_decay", "seed"):
            _require(getattr(self, name) >= 0, name, getattr(self, name), "0 or more")
        for name in ("ema_max_decay", "validation_fraction"):
            _require(0 <= getattr(self, name) < 1, name, getattr(self, name), "a number in [0, 1)")
        _require(0 <= self.hindsight <= 1, "hindsight", self.hindsight, "a number in [0, 1]")
        if self.batch_size % self.microbatches:
            raise ConfigError(
                f"--config.batch-size {self.batch_size} cannot be cut into {self.microbatches} equal parts.",
                "use a multiple of --config.microbatches.",
            )
        if self.device == "cpu":
            check_precision(self.device, self.precision)


def train_config(raw: Mapping[str, Any]) -> TrainConfig:
    """Configuration stored in a checkpoint.

    Raises:
        ConfigError: it has options that this version does not know, or lacks some.
    """
    try:
        return TrainConfig(**{**raw, "policy": policy_config(raw["policy"])})
    except (KeyError, TypeError) as error:
        raise ConfigError(
            f"the checkpoint's configuration does not fit this version: {error}.", "use the version that trained it."
        ) from error


def _require(good: bool, name: str, value: object, allowed: str) -> None:
    if not good:
        raise ConfigError(f"--config.{name.replace('_', '-')} is {value}.", f"give {allowed}.")

"""The training loop: batches -> loss -> AdamW -> weight average, with logs, checkpoints and exact resumption."""

from __future__ import annotations

import dataclasses
import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from policy_nodes.errors import ConfigError, KeelError
from training.datasets.lerobot_v3.windows import ChunkBatch, ChunkSampler
from training.imitation.checkpoint import (
    LAST,
    TrainingState,
    load_training_state,
    load_weights,
    read_config,
    save_checkpoint,
)
from training.imitation.config import TrainConfig
from training.imitation.ema import Ema
from training.policies.flow_policy import FlowPolicy

Progress = Callable[[int, float], None]
"""Called after every step with (step, loss)."""


class DivergenceError(KeelError):
    """The loss became NaN or infinite; the last checkpoint is intact."""


def to_tensors(batch: ChunkBatch) -> tuple[dict[str, Tensor], Tensor, Tensor]:
    """Observation histories, action chunk and padding of a batch as tensors."""
    observation = {name: torch.from_numpy(value) for name, value in batch.observations.items()}
    return observation, torch.from_numpy(batch.actions), torch.from_numpy(batch.action_is_pad)


def learning_rate_scale(step: int, warmup: int, total: int) -> float:
    """Linear warm-up, then cosine decay to 0.01."""
    if step < warmup:
        return (step + 1) / warmup
    progress = (step - warmup) / max(1, total - warmup)
    return 0.01 + 0.99 * 0.5 * (1.0 + math.cos(math.pi * min(1.0, progress)))


class Trainer:
    """Trains a policy on windows of a dataset.

    Args:
        policy: the network; its statistics are fitted here on the training split.
        sampler: source of batches.
        config: hyper-parameters.
        output: directory for ``checkpoints/``, ``tensorboard/`` and ``metrics.jsonl``.
        metadata: JSON-able facts stored with every checkpoint (contract, dataset hash, ...).
    """

    def __init__(
        self, policy: FlowPolicy, sampler: ChunkSampler, config: TrainConfig, output: Path, metadata: dict[str, Any]
    ) -> None:
        self.policy, self.sampler, self.config, self.output, self.metadata = policy, sampler, config, output, metadata
        self.step = 0
        self.ema = Ema(policy, config.ema_max_decay)
        self.optimizer = torch.optim.AdamW(
            policy.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay, betas=(0.9, 0.95)
        )
        self.scheduler = torch.optim.lr_scheduler.LambdaLR(
            self.optimizer, lambda step: learning_rate_scale(step, config.warmup_steps, config.steps)
        )
        self.rng = np.random.default_rng(config.seed)
        self._frames = sampler.frames("train")

    def fit_statistics(self) -> None:
        """Fit the policy's normalisers on every training frame."""
        with torch.no_grad():
            self.policy.fit_statistics(*to_tensors(self.sampler.gather(self._frames)))
            self.ema.update(self.policy, 0)

    def run(self, progress: Progress = lambda step, loss: None) -> float:
        """Train to ``config.steps``; returns the last validation loss (NaN without validation episodes).

        Raises:
            DivergenceError: the loss is not finite.
        """
        self.output.mkdir(parents=True, exist_ok=True)
        began, validation = time.monotonic(), float("nan")
        writer = SummaryWriter(str(self.output / "tensorboard"), purge_step=self.step)
        try:
            while self.step < self.config.steps:
                loss = self._update()
                progress(self.step, loss)
                last = self.step == self.config.steps
                if self.step % self.config.checkpoint_every == 0 or last:
                    validation = self.validation_loss()
                    self.save()
                if self.step % self.config.log_every == 0 or last:
                    self._log(writer, loss, validation, time.monotonic() - began)
        finally:
            writer.close()
        return validation

    def _update(self) -> float:
        """One optimiser step; returns its loss."""
        index = self._frames[self.rng.integers(len(self._frames), size=self.config.batch_size)]
        loss = self.policy.loss(*to_tensors(self.sampler.gather(index)))
        value = float(loss.detach())
        if not math.isfinite(value):
            raise DivergenceError(
                f"the loss became {value} at step {self.step}.",
                f"lower --config.learning-rate and resume; the last good checkpoint is in '{self.output}/checkpoints'.",
            )
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.policy.parameters(), self.config.gradient_clip)
        self.optimizer.step()
        self.scheduler.step()
        self.step += 1
        self.ema.update(self.policy, self.step)
        return value

    def validation_loss(self) -> float:
        """Loss of the averaged weights on the validation episodes with fixed noise; NaN when there are none."""
        frames = self.sampler.frames("validation")
        if len(frames) == 0:
            return float("nan")
        generator = torch.Generator().manual_seed(self.config.seed)
        with torch.no_grad():
            averaged = cast(FlowPolicy, self.ema.module)
            return float(averaged.loss(*to_tensors(self.sampler.gather(frames)), generator))

    def _log(self, writer: SummaryWriter, loss: float, validation: float, seconds: float) -> None:
        writer.add_scalar("loss/train", loss, self.step)
        writer.add_scalar("learning_rate", self.scheduler.get_last_lr()[0], self.step)
        if math.isfinite(validation):
            writer.add_scalar("loss/validation", validation, self.step)
        record = {
            "step": self.step,
            "loss": loss,
            "validation_loss": validation if math.isfinite(validation) else None,
            "seconds": seconds,
        }
        with (self.output / "metrics.jsonl").open("a") as file:
            file.write(json.dumps(record) + "\n")

    def save(self) -> Path:
        """Write ``checkpoints/last`` atomically and return it."""
        state = TrainingState(
            step=self.step,
            optimizer=self.optimizer.state_dict(),
            scheduler=self.scheduler.state_dict(),
            torch_rng=torch.get_rng_state(),
            sampler=dict(self.rng.bit_generator.state),
        )
        directory = self.output / "checkpoints" / LAST
        config = {"train": dataclasses.asdict(self.config), "step": self.step, **self.metadata}
        save_checkpoint(directory, model=self.policy, ema=self.ema.module, state=state, config=config)
        return directory

    def resume(self) -> None:
        """Continue from ``checkpoints/last`` exactly where it stopped.

        Raises:
            ConfigError: the checkpoint was made with another configuration, contract or dataset.
        """
        directory = self.output / "checkpoints" / LAST
        saved = read_config(directory)
        expected = json.loads(json.dumps({"train": dataclasses.asdict(self.config), **self.metadata}))
        expected["train"]["steps"] = saved["train"].get("steps")  # a finished run may be extended
        changed = sorted(key for key, value in expected.items() if saved.get(key) != value)
        if changed:
            raise ConfigError(
                f"cannot resume '{directory}': {', '.join(changed)} differ from the interrupted run.",
                "use the same arguments and dataset, or another --output.",
            )
        load_weights(directory, self.policy, "model")
        load_weights(directory, self.ema.module, "ema")
        state = load_training_state(directory)
        self.step = state.step
        self.optimizer.load_state_dict(state.optimizer)
        self.scheduler.load_state_dict(state.scheduler)
        torch.set_rng_state(state.torch_rng)
        self.rng.bit_generator.state = state.sampler
        self._forget_logs_after(state.step)

    def _forget_logs_after(self, step: int) -> None:
        """Drop log entries of steps that the interruption lost and that will be trained again."""
        path = self.output / "metrics.jsonl"
        if path.is_file():
            lines = [line for line in path.read_text().splitlines() if json.loads(line)["step"] <= step]
            path.write_text("".join(f"{line}\n" for line in lines))

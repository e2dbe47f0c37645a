"""The training loop: batches -> loss -> AdamW -> weight average, with logs, checkpoints and exact resumption.

A batch may be computed in parts, one after the other or by several processes (``processes.py``). Every process draws
the same frames and takes its parts; the noise of a part depends on seed, step and part alone, so that the gradient is
the same, up to rounding, however the parts are shared.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from policy_nodes.errors import ConfigError
from training.datasets.hindsight import Hindsight
from training.datasets.lerobot_v3.windows import ChunkBatch, ChunkSampler
from training.imitation.checkpoint import (
    LAST,
    TrainingState,
    differences,
    load_training_state,
    load_weights,
    read_config,
    save_checkpoint,
)
from training.imitation.config import TrainConfig
from training.imitation.distillation import start_from_teacher
from training.imitation.divergence import DivergenceError, dump_divergence
from training.imitation.ema import Ema
from training.imitation.metrics import MetricsLog, forget_after
from training.imitation.processes import Processes
from training.imitation.schedule import learning_rate_scale
from training.policies.chunk_policy import ChunkPolicy

Progress = Callable[[int, float], None]
"""Called after every step with (step, loss)."""
RELABELLING = 1
"""Tells the generator of hindsight goals from others of the same seed, step and part."""
MAY_CHANGE = ("steps", "checkpoint_every", "log_every")
"""Options that a resumed run may set anew; more ``steps`` also stretch the decay of the learning rate."""


def to_tensors(batch: ChunkBatch, device: torch.device | None = None) -> tuple[dict[str, Tensor], Tensor, Tensor]:
    """Observation histories, action chunk (float32) and padding (bool) of a batch as tensors."""

    def tensor(values: NDArray[Any]) -> Tensor:
        return torch.from_numpy(np.asarray(values, dtype=np.float32)).to(device)

    observation = {name: tensor(value) for name, value in batch.observations.items()}
    return observation, tensor(batch.actions), torch.from_numpy(batch.action_is_pad).to(device)


class _Loss(nn.Module):
    """The policy's loss as a module's ``forward``, which is what gradient averaging hooks into."""

    def __init__(self, policy: ChunkPolicy) -> None:
        super().__init__()
        self.policy = policy

    def forward(
        self,
        observation: dict[str, Tensor],
        action: Tensor,
        is_pad: Tensor,
        generator: torch.Generator | None,
    ) -> Tensor:
        return self.policy.loss(observation, action, is_pad, generator)


class Trainer:
    """Trains a policy on windows of a dataset.

    Args:
        policy: the network; its statistics are fitted here on the training split.
        sampler: source of batches.
        config: hyper-parameters.
        output: directory for ``checkpoints/``, ``tensorboard/`` and ``metrics.jsonl``.
        metadata: JSON-able facts stored with every checkpoint (contract, dataset hash, ...).
        processes: this process among those of the run; by default as the configuration says.
        hindsight: gives some windows of a batch another goal; validation keeps its own.

    Raises:
        ConfigError: the batch cannot be shared among the processes.
    """

    def __init__(
        self,
        policy: ChunkPolicy,
        sampler: ChunkSampler,
        config: TrainConfig,
        output: Path,
        metadata: dict[str, Any],
        processes: Processes | None = None,
        hindsight: Hindsight | None = None,
    ) -> None:
        self.hindsight = hindsight
        self.policy, self.sampler, self.config, self.output, self.metadata = policy, sampler, config, output, metadata
        self.processes = processes or Processes(config.device, config.precision)
        self.parts = _parts(config, self.processes.world)
        self.step = 0
        self._loss = self.processes.shared(_Loss(policy))
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
        """Fit the policy's normalisers on every training frame; a student begins with what its teacher knows."""
        with torch.no_grad():
            self.policy.fit_statistics(*to_tensors(self.sampler.gather(self._frames), self.processes.device))
            start_from_teacher(self.policy)
            self.ema.update(self.policy, 0)

    def run(self, progress: Progress = lambda step, loss: None) -> float | None:
        """Train to ``config.steps``; returns the final validation loss, None without validation episodes.

        Raises:
            DivergenceError: loss or gradient is not finite.
        """
        config, validation, measured = self.config, None, -1
        with MetricsLog(self.output, self.step) if self.processes.first else nullcontext() as log:
            while self.step < config.steps:
                loss = self._update()
                progress(self.step, loss)
                last = self.step == config.steps
                if self.step % config.checkpoint_every == 0 or last:
                    measured = self.step
                    if self.processes.first:
                        validation = self.validation_loss()
                        self.save()
                    self.processes.wait()
                if log is not None and (self.step % config.log_every == 0 or measured == self.step):
                    rate = float(self.scheduler.get_last_lr()[0])
                    log.write(self.step, loss, rate, validation if measured == self.step else None)
        return validation if measured == self.step else self.validation_loss()

    def _update(self) -> float:
        """One optimiser step; returns its loss. The weights stay as they were when it diverges."""
        processes = self.processes
        index = self._frames[self.rng.integers(len(self._frames), size=self.config.batch_size)]
        self.optimizer.zero_grad(set_to_none=True)
        mine = range(processes.rank, self.parts, processes.world)
        value = 0.0
        for part in mine:
            with processes.unsynchronised(self._loss, skip=part != mine[-1]):
                loss = self._part_loss(index, part) / len(mine)
                processes.backward(loss)
            value += float(loss.detach())
        value = processes.mean(value)
        self._require_finite("loss", value, index)
        norm = processes.clip(self.optimizer, list(self.policy.parameters()), self.config.gradient_clip)
        if self.config.precision != "float16":  # there infinite gradients are expected, and the scaler skips the step
            self._require_finite("gradient norm", norm, index)
        processes.step(self.optimizer)
        self.scheduler.step()
        self.step += 1
        self.ema.update(self.policy, self.step)
        return value

    def _part_loss(self, index: NDArray[np.int64], part: int) -> Tensor:
        """Loss of one part of the batch ``index`` (B,)."""
        device, generator = self.processes.device, None
        rows = index.reshape(self.parts, -1)[part]
        if self.parts > 1:
            seed = np.random.SeedSequence([self.config.seed, self.step, part]).generate_state(1)[0]
            generator = torch.Generator(device).manual_seed(int(seed))
        batch = self.sampler.gather(rows)
        if self.hindsight is not None:  # by step and part, so that a resumed run needs no further state
            batch = self.hindsight(batch, np.random.default_rng([self.config.seed, self.step, part, RELABELLING]))
        with device, self.processes.autocast():
            loss: Tensor = self._loss(*to_tensors(batch, device), generator)
        return loss

    def _require_finite(self, name: str, value: float, index: NDArray[np.int64]) -> None:
        if math.isfinite(value):
            return
        saved = self.output / "checkpoints" / LAST
        good = f"the last good checkpoint is '{saved}'" if saved.is_dir() else "there is no checkpoint yet"
        dumped = ""
        if self.processes.first:
            facts = {"step": self.step, "quantity": name, "value": str(value), "seed": self.config.seed}
            batch = self.sampler.gather(index)
            dumped = f"; look at the batch in '{dump_divergence(self.output, batch, self.policy, facts)}'"
        raise DivergenceError(
            f"the {name} became {value} at step {self.step}.",
            f"train again with a lower --config.learning-rate{dumped}; {good}.",
        )

    def validation_loss(self) -> float | None:
        """Loss of the averaged weights on the validation episodes with fixed noise; None when there are none."""
        frames = self.sampler.frames("validation")
        if len(frames) == 0:
            return None
        device = self.processes.device
        generator = torch.Generator(device).manual_seed(self.config.seed)
        with torch.no_grad(), device:
            averaged = cast(ChunkPolicy, self.ema.module)
            return float(averaged.loss(*to_tensors(self.sampler.gather(frames), device), generator))

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
            ConfigError: the checkpoint is damaged, or was made with another configuration, contract or dataset.
        """
        directory = self.output / "checkpoints" / LAST
        saved = read_config(directory)
        wanted = json.loads(json.dumps({"train": dataclasses.asdict(self.config), **self.metadata}))
        for name in MAY_CHANGE:
            del wanted["train"][name]
        changed = differences(saved, wanted)
        if changed:
            raise ConfigError(
                f"cannot resume '{directory}': {', '.join(changed)}.",
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
        forget_after(self.output, state.step)


def _parts(config: TrainConfig, world: int) -> int:
    """Parts of a batch: as configured, and at least one for each process."""
    parts = world if config.microbatches == 1 else config.microbatches
    if parts % world or config.batch_size % parts:
        raise ConfigError(
            f"a batch of {config.batch_size} in {parts} parts cannot be shared by {world} processes.",
            "make --config.microbatches a multiple of the processes, and --config.batch-size one of the parts.",
        )
    return parts

"""The training loop: batches -> loss -> AdamW -> weight average, with logs, checkpoints and exact resumption."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from policy_nodes.errors import ConfigError, KeelError
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
from training.imitation.ema import Ema
from training.imitation.metrics import MetricsLog, forget_after
from training.imitation.schedule import learning_rate_scale
from training.policies.flow_policy import FlowPolicy

Progress = Callable[[int, float], None]
"""Called after every step with (step, loss)."""
MAY_CHANGE = ("steps", "checkpoint_every", "log_every")
"""Options that a resumed run may set anew; more ``steps`` also stretch the decay of the learning rate."""


class DivergenceError(KeelError):
    """Loss or gradient became NaN or infinite; the last checkpoint is intact."""


def to_tensors(batch: ChunkBatch) -> tuple[dict[str, Tensor], Tensor, Tensor]:
    """Observation histories, action chunk (float32) and padding (bool) of a batch as tensors."""

    def tensor(values: NDArray[Any]) -> Tensor:
        return torch.from_numpy(np.asarray(values, dtype=np.float32))

    observation = {name: tensor(value) for name, value in batch.observations.items()}
    return observation, tensor(batch.actions), torch.from_numpy(batch.action_is_pad)


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

    def run(self, progress: Progress = lambda step, loss: None) -> float | None:
        """Train to ``config.steps``; returns the final validation loss, None without validation episodes.

        Raises:
            DivergenceError: loss or gradient is not finite.
        """
        config, validation, measured = self.config, None, -1
        with MetricsLog(self.output, self.step) as log:
            while self.step < config.steps:
                loss = self._update()
                progress(self.step, loss)
                last = self.step == config.steps
                if self.step % config.checkpoint_every == 0 or last:
                    validation, measured = self.validation_loss(), self.step
                    self.save()
                if self.step % config.log_every == 0 or measured == self.step:
                    rate = float(self.scheduler.get_last_lr()[0])
                    log.write(self.step, loss, rate, validation if measured == self.step else None)
        return validation if measured == self.step else self.validation_loss()

    def _update(self) -> float:
        """One optimiser step; returns its loss. The weights stay as they were when it diverges."""
        index = self._frames[self.rng.integers(len(self._frames), size=self.config.batch_size)]
        loss = self.policy.loss(*to_tensors(self.sampler.gather(index)))
        value = float(loss.detach())
        self._require_finite("loss", value)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.policy.parameters(), self.config.gradient_clip)
        self._require_finite("gradient norm", float(norm))
        self.optimizer.step()
        self.scheduler.step()
        self.step += 1
        self.ema.update(self.policy, self.step)
        return value

    def _require_finite(self, name: str, value: float) -> None:
        if math.isfinite(value):
            return
        saved = self.output / "checkpoints" / LAST
        good = f"the last good checkpoint is '{saved}'" if saved.is_dir() else "there is no checkpoint yet"
        raise DivergenceError(
            f"the {name} became {value} at step {self.step}.",
            f"train again with a lower --config.learning-rate; {good}.",
        )

    def validation_loss(self) -> float | None:
        """Loss of the averaged weights on the validation episodes with fixed noise; None when there are none."""
        frames = self.sampler.frames("validation")
        if len(frames) == 0:
            return None
        generator = torch.Generator().manual_seed(self.config.seed)
        with torch.no_grad():
            averaged = cast(FlowPolicy, self.ema.module)
            return float(averaged.loss(*to_tensors(self.sampler.gather(frames)), generator))

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

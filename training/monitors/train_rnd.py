"""Training of the random-network-distillation predictor, with FIPER's recipe (arXiv 2510.09459)."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from policy_nodes.errors import CalibrationError
from training.monitors.rnd import SMALL, RandomNetworkDistillation, RNDArchitecture, RNDEnsemble

Progress = Callable[[int, int, float, float], None]
"""Called after every epoch with (epoch from 1, epochs at most, training loss, validation loss)."""


@dataclass(frozen=True)
class RNDTraining:
    """Recipe. All defaults are the paper's except the learning rate.

    Attributes:
        learning_rate: AdamW; the paper's 1e-4 is for its widths. Adam's step must grow as the width shrinks (maximal
            update parametrisation, arXiv 2203.03466), hence 8e-4 for networks of 1/8 the width.
        final_learning_rate: end of the cosine decay.
        weight_decay: AdamW.
        epsilon: AdamW.
        batch_size: embeddings per step.
        epochs: at most.
        validation_fraction: share of embeddings held out.
        patience: epochs without a better validation loss before stopping.
        ratio_limit: stop when validation / training loss exceeds this ...
        ratio_after: ... after this many epochs.
    """

    learning_rate: float = 8e-4
    final_learning_rate: float = 1e-6
    weight_decay: float = 1e-5
    epsilon: float = 1e-8
    batch_size: int = 256
    epochs: int = 250
    validation_fraction: float = 0.1
    patience: int = 7
    ratio_limit: float = 5.0
    ratio_after: int = 20


PAPER_TRAINING = RNDTraining(learning_rate=1e-4)
"""The published recipe, for the paper-sized networks."""


@dataclass
class RNDHistory:
    """Loss per epoch, the epoch (from 0) whose weights were kept, and why training ended."""

    train: list[float] = field(default_factory=list)
    validation: list[float] = field(default_factory=list)
    best_epoch: int = 0
    stopped: str = "epochs"


def train_rnd(
    embeddings: NDArray[np.floating],
    architecture: RNDArchitecture = SMALL,
    training: RNDTraining | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> tuple[RandomNetworkDistillation, RNDHistory]:
    """Fit one pair; the same seed and data give the same weights on the same machine.

    Args:
        embeddings: (N, E), N >= 2, finite.
        architecture: widths.
        training: recipe.
        seed: initialisation, split and shuffling.
        progress: called after every epoch.

    Returns:
        The pair with its best validation weights, in evaluation mode, and the history.

    Raises:
        CalibrationError: too few embeddings, or NaN or infinity among them.
    """
    training = training or RNDTraining()
    data = torch.as_tensor(np.asarray(embeddings, dtype=np.float32))
    if data.ndim != 2 or len(data) < 2:
        raise CalibrationError(f"embeddings of shape {tuple(data.shape)} cannot train RND.", "record more rollouts.")
    if not torch.isfinite(data).all():
        raise CalibrationError("embeddings contain NaN or infinity.", "find the rollout and drop it.")
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(data), generator=generator)
    held_out = max(1, round(training.validation_fraction * len(data)))
    validation, train = data[order[:held_out]], data[order[held_out:]]
    model = RandomNetworkDistillation(data.shape[1], architecture, seed)
    model.set_moments(train)
    return _fit(model, train, validation, training, generator, progress)


def _fit(
    model: RandomNetworkDistillation,
    train: Tensor,
    validation: Tensor,
    training: RNDTraining,
    generator: torch.Generator,
    progress: Progress | None,
) -> tuple[RandomNetworkDistillation, RNDHistory]:
    optimizer = torch.optim.AdamW(
        model.predictor.parameters(), training.learning_rate, eps=training.epsilon, weight_decay=training.weight_decay
    )
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(
        optimizer, training.epochs, eta_min=training.final_learning_rate
    )
    history, best, kept = RNDHistory(), float("inf"), copy.deepcopy(model.predictor.state_dict())
    for epoch in range(training.epochs):
        history.train.append(_epoch(model, train, training.batch_size, optimizer, generator))
        with torch.no_grad():
            history.validation.append(float(model(validation).mean()))
        schedule.step()
        if progress is not None:
            progress(epoch + 1, training.epochs, history.train[-1], history.validation[-1])
        if history.validation[-1] < best:
            best, history.best_epoch = history.validation[-1], epoch
            kept = copy.deepcopy(model.predictor.state_dict())
        elif epoch - history.best_epoch >= training.patience:
            history.stopped = "patience"
            break
        if epoch >= training.ratio_after and history.validation[-1] > training.ratio_limit * history.train[-1]:
            history.stopped = "ratio"
            break
    model.predictor.load_state_dict(kept)
    return model.eval(), history


def _epoch(
    model: RandomNetworkDistillation, data: Tensor, size: int, optimizer: torch.optim.Optimizer, rng: torch.Generator
) -> float:
    total = 0.0
    for rows in torch.randperm(len(data), generator=rng).split(size):
        optimizer.zero_grad()
        loss = model(data[rows]).mean()
        loss.backward()
        optimizer.step()
        total += float(loss.detach()) * len(rows)
    return total / len(data)


def train_ensemble(
    embeddings: NDArray[np.floating],
    architecture: RNDArchitecture = SMALL,
    training: RNDTraining | None = None,
    seeds: Sequence[int] = (0,),
    progress: Progress | None = None,
) -> tuple[RNDEnsemble, list[RNDHistory]]:
    """Fit one pair per seed; see :func:`train_rnd`."""
    fitted = [train_rnd(embeddings, architecture, training, seed, progress) for seed in seeds]
    return RNDEnsemble(model for model, _ in fitted), [history for _, history in fitted]

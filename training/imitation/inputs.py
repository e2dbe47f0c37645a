"""Is a dataset fit to train on? Asked before the first step, and answered with the name of what is not.

The reader has refused NaN, corrupt files and lengths that disagree; ``build_sampler`` refuses features that are absent,
of another size or in another order than the contract's.
"""

from __future__ import annotations

import numpy as np

from training.contracts.task import TaskContract
from training.datasets.errors import DatasetError
from training.datasets.lerobot_v3.reader import Dataset
from training.imitation.config import TrainConfig

LEAST_VARIATION = 1e-8
"""A feature whose every element stays within this range never changes (raw unit)."""
ACTION, TASK = "action", "observation.task_id"


def check_inputs(dataset: Dataset, contract: TaskContract, config: TrainConfig) -> None:
    """Refuse a dataset from which nothing could be learned.

    Raises:
        DatasetError: too few episodes for the split, every episode shorter than a chunk, or a feature that never
            changes.
    """
    _check_episodes(dataset, config)
    _check_lengths(dataset, contract.actions.horizon)
    one_task = config.policy.experts.grown > 0  # a policy that grows by a task learns from that task alone
    for name in (*(feature.name for feature in contract.observations), ACTION):
        if name == TASK and one_task:
            continue
        if float(np.ptp(dataset[name], axis=0).max()) < LEAST_VARIATION:
            raise DatasetError(
                f"feature '{name}' never changes: every one of {len(dataset)} frames holds the same values.",
                "check the recording; a policy cannot learn from a feature without variance.",
            )


def _check_episodes(dataset: Dataset, config: TrainConfig) -> None:
    if dataset.num_episodes == 1 and config.validation_fraction > 0:
        raise DatasetError(
            "the dataset has one episode, which cannot be split into training and validation.",
            "collect more, or train on all of it with --config.validation-fraction 0.",
        )


def _check_lengths(dataset: Dataset, horizon: int) -> None:
    longest = int(dataset.episode_lengths.max())
    if longest < horizon:
        raise DatasetError(
            f"the longest of {dataset.num_episodes} episodes has {longest} frames, a chunk {horizon}.",
            "record longer episodes, or use a task with a shorter horizon.",
        )

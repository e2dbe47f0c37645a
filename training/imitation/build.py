"""Builds sampler and policy from a contract, a configuration and, for a trained policy, a checkpoint."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from policy_nodes.errors import ConfigError, ContractError
from training.contracts.registry import task_contract
from training.contracts.task import TaskContract
from training.datasets.lerobot_v3.reader import Dataset
from training.datasets.lerobot_v3.windows import ChunkSampler
from training.imitation.checkpoint import load_weights, read_config, resolve_checkpoint
from training.imitation.config import TrainConfig, train_config
from training.policies.flow_policy import FlowPolicy, FlowPolicyConfig

ACTION = "action"


def build_sampler(dataset: Dataset, contract: TaskContract, config: TrainConfig) -> ChunkSampler:
    """Windows of the dataset as the contract describes them.

    Raises:
        ContractError: the dataset's features, their order, or its rate differ from the contract.
    """
    if dataset.fps != round(contract.timing.control_rate_hz):
        raise ContractError(
            f"the dataset was recorded at {dataset.fps} Hz, the contract wants {contract.timing.control_rate_hz:g} Hz.",
            "record it again at the control rate.",
        )
    expected = {feature.name: feature.size for feature in contract.observations} | {
        ACTION: len(contract.actions.joints)
    }
    for name, size in expected.items():
        if name not in dataset or dataset[name].shape[1] != size:
            found = dataset[name].shape[1] if name in dataset else "absent"
            raise ContractError(
                f"dataset feature '{name}' has size {found}, the contract of '{contract.name}' wants {size}.",
                "collect the dataset with the same task.",
            )
        dataset.require_stats(name)
    names = dataset.features[ACTION].names
    if names is not None and list(names) != contract.actions.joints:
        raise ContractError(
            f"the dataset's actions are ordered {list(names)}, the contract's {contract.actions.joints}.",
            "reorder the dataset's action columns by joint name.",
        )
    return ChunkSampler(
        dataset,
        contract.history,
        ACTION,
        config.policy.horizon,
        validation_fraction=config.validation_fraction,
        seed=config.seed,
    )


def build_policy(contract: TaskContract, config: FlowPolicyConfig) -> FlowPolicy:
    """An untrained policy for a contract.

    Raises:
        ContractError: the horizon differs from the contract's.
    """
    if config.horizon != contract.actions.horizon:
        raise ContractError(
            f"the policy predicts {config.horizon} steps, task '{contract.name}' wants {contract.actions.horizon}.",
            f"use --config.policy.horizon {contract.actions.horizon}.",
        )
    return FlowPolicy(config, contract.make_encoder(), len(contract.actions.joints), contract.relative)


@dataclass(frozen=True)
class TrainedPolicy:
    """A checkpoint, loaded.

    Attributes:
        policy: averaged weights, in evaluation mode.
        contract: contract of its task.
        train: the run's hyper-parameters.
        config: everything stored with the checkpoint, as JSON: task, dataset, step, hyper-parameters.
        directory: checkpoint directory.
    """

    policy: FlowPolicy
    contract: TaskContract
    train: TrainConfig
    config: dict[str, Any]
    directory: Path


def load_policy(path: Path) -> TrainedPolicy:
    """Load the averaged weights of a checkpoint or training output directory.

    Raises:
        ConfigError: not a checkpoint, damaged, or of another version or contract.
    """
    directory = resolve_checkpoint(path)
    config = read_config(directory)
    contract = task_contract(str(config["task"]))
    if config.get("contract_sha256", contract.sha256) != contract.sha256:
        raise ConfigError(
            f"the contract of task '{contract.name}' has changed since '{directory}' was trained.",
            "train again, or use the version of Keel that trained it.",
        )
    train = train_config(config["train"])
    policy = build_policy(contract, train.policy)
    load_weights(directory, policy, "ema")
    return TrainedPolicy(policy.eval().requires_grad_(False), contract, train, config, directory)

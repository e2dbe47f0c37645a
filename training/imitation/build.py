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
from training.policies.chunk_policy import ChunkPolicy
from training.policies.condition import FeatureLayout, feature_layout
from training.policies.config import PolicyConfig
from training.policies.flow_policy import FlowPolicy

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


def build_policy(contract: TaskContract, config: PolicyConfig, *, with_teacher: bool = False) -> ChunkPolicy:
    """An untrained policy for a contract.

    Args:
        contract: the task.
        config: which parts.
        with_teacher: load the teacher that ``distillation`` learns from; only training needs it.

    Raises:
        ContractError: the horizon differs from the contract's, or the task lacks what the configuration needs.
        ConfigError: no teacher, or one that cannot teach.
    """
    if config.horizon != contract.actions.horizon:
        raise ContractError(
            f"the policy predicts {config.horizon} steps, task '{contract.name}' wants {contract.actions.horizon}.",
            f"use --config.policy.horizon {contract.actions.horizon}.",
        )
    encoder = contract.make_encoder()
    _check_features(contract, config, feature_layout(encoder))
    kind = FlowPolicy if _embedding_flow(config) else ChunkPolicy
    teacher = _teacher(contract, config) if with_teacher and config.objective == "distillation" else None
    return kind(config, encoder, len(contract.actions.joints), contract.relative, teacher)


def _embedding_flow(config: PolicyConfig) -> bool:
    """Whether the denoiser is a velocity field conditioned on the embedding alone."""
    return (config.objective, config.backbone, config.conditioning) == ("flow", "mlp", "film")


def _check_features(contract: TaskContract, config: PolicyConfig, features: FeatureLayout) -> None:
    if config.condition_dropout and not features.guided:
        raise ContractError(
            f"--config.policy.condition-dropout: task '{contract.name}' has no goal, task or language to leave out.",
            "use a task with one, or drop guidance.",
        )
    if config.backbone == "sdp" and config.tasks > max(len(features.task), 1):
        raise ContractError(
            f"{config.tasks} routers, but task '{contract.name}' tells {max(len(features.task), 1)} tasks apart.",
            f"use --config.policy.tasks {max(len(features.task), 1)} or fewer.",
        )


def _teacher(contract: TaskContract, config: PolicyConfig) -> ChunkPolicy:
    if not config.teacher:
        raise ConfigError(
            "--config.policy.objective distillation needs a teacher.",
            "train an edm policy and give its output as --config.policy.teacher.",
        )
    trained = load_policy(Path(config.teacher))
    if trained.policy.config.objective != "edm" or trained.policy.config.edm != config.edm:
        raise ConfigError(
            f"the teacher '{config.teacher}' is no edm policy, or has another noise range.",
            "use an edm policy with the same --config.policy.edm options.",
        )
    if trained.contract.name != contract.name or trained.policy.config.scaling != config.scaling:
        raise ConfigError(
            f"the teacher '{config.teacher}' was trained on '{trained.contract.name}' with "
            f"{trained.policy.config.scaling} scaling of the actions.",
            "teacher and student need the same task and --config.policy.action-scaling.",
        )
    return trained.policy


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

    policy: ChunkPolicy
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

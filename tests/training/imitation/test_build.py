import json
import shutil
from dataclasses import replace

import pytest

from policy_nodes.errors import ConfigError, ContractError
from training.contracts.registry import task_contract
from training.datasets.errors import DatasetError
from training.datasets.lerobot_v3.schema import Feature
from training.imitation.build import build_policy, build_sampler, load_policy
from training.imitation.config import TrainConfig
from training.policies.flow_policy import FlowPolicyConfig

CONTRACT = task_contract("panda_pick_place")


def test_windows_follow_the_contract(dataset, small_config):
    batch = build_sampler(dataset, CONTRACT, small_config).gather(dataset.episode_starts[:1] + 5)
    assert batch.observations["observation.state"].shape == (1, 2, 8)
    assert batch.observations["observation.environment_state"].shape == (1, 2, 14)
    assert batch.actions.shape == (1, 16, 8)


def edited(dataset, **changes):
    return replace(dataset, **changes)


def test_another_rate_is_refused(dataset, small_config):
    with pytest.raises(ContractError, match=r"recorded at 30 Hz, the contract wants 50 Hz"):
        build_sampler(edited(dataset, fps=30), CONTRACT, small_config)


@pytest.mark.parametrize("name", ["observation.state", "action"])
def test_missing_or_short_features_are_named(dataset, small_config, name):
    without = {key: value for key, value in dataset.arrays.items() if key != name}
    with pytest.raises(ContractError, match=f"feature '{name}' has size absent"):
        build_sampler(edited(dataset, arrays=without), CONTRACT, small_config)
    short = {**dataset.arrays, name: dataset[name][:, :7]}
    with pytest.raises(ContractError, match=f"feature '{name}' has size 7, the contract .* wants 8"):
        build_sampler(edited(dataset, arrays=short), CONTRACT, small_config)


def test_missing_statistics_are_refused(dataset, small_config):
    with pytest.raises(DatasetError, match=r"observation\.state"):
        build_sampler(edited(dataset, stats={}), CONTRACT, small_config)


def test_another_joint_order_is_refused(dataset, small_config):
    reordered = Feature((8,), tuple(reversed(CONTRACT.actions.joints)))
    with pytest.raises(ContractError, match="actions are ordered"):
        build_sampler(
            edited(dataset, features={**dataset.features, "action": reordered}), CONTRACT, small_config
        )  # fmt: skip


def test_another_horizon_is_refused():
    with pytest.raises(ContractError, match="predicts 8 steps, task 'panda_pick_place' wants 16") as caught:
        build_policy(CONTRACT, FlowPolicyConfig(horizon=8))
    assert "--config.policy.horizon 16" in caught.value.fix


def test_a_checkpoint_is_loaded_ready_to_use(training_path):
    trained = load_policy(training_path)
    assert trained.contract.name == "panda_pick_place" and isinstance(trained.train, TrainConfig)
    assert trained.config["step"] == trained.train.steps == 20
    assert trained.directory == training_path / "checkpoints/last"
    assert not trained.policy.training and not any(p.requires_grad for p in trained.policy.parameters())
    trained.policy.require_statistics()


def test_a_changed_contract_or_configuration_is_refused(training_path, tmp_path):
    copy = shutil.copytree(training_path / "checkpoints/last", tmp_path / "last")
    config = json.loads((copy / "config.json").read_text())
    for changes, message in (
        ({"contract_sha256": "0" * 64}, "contract of task 'panda_pick_place' has changed"),
        ({"task": "fold_laundry"}, "unknown task 'fold_laundry'"),
        ({"train": {**config["train"], "surprise": 1}}, "does not fit this version"),
    ):
        (copy / "config.json").write_text(json.dumps(config | changes))
        with pytest.raises(ConfigError, match=message):
            load_policy(copy)

import dataclasses

import numpy as np
import pytest
import torch

from policy_nodes.cli.dispatch import main as keel
from policy_nodes.errors import ContractError
from training.contracts.registry import task_contract
from training.datasets.hindsight import Columns, Hindsight, term_columns
from training.datasets.lerobot_v3.reader import Dataset
from training.datasets.lerobot_v3.windows import ChunkSampler
from training.imitation.build import ACTION, build_policy
from training.imitation.config import TrainConfig
from training.imitation.trainer import Trainer
from training.policies.config import PolicyConfig

CONTRACT = task_contract("toys/goals")
STATE, ENVIRONMENT = "observation.state", "observation.environment_state"


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    root = tmp_path_factory.mktemp("goals") / "dataset"
    words = ["collect", "--task", "toys/goals", "--output", root, "--episodes", "6", "--workers", "1", "--noise", "0"]
    assert keel([str(word) for word in words]) == 0
    return Dataset.open(root)


@pytest.fixture(scope="module")
def sampler(dataset):
    return ChunkSampler(dataset, CONTRACT.history, ACTION, CONTRACT.actions.horizon)


def relabelled(sampler, index, share=1.0, seed=0):
    batch = sampler.gather(np.asarray(index))
    return batch, Hindsight(CONTRACT, sampler, share)(batch, np.random.default_rng(seed))


def test_a_goal_becomes_a_place_that_the_robot_reached_later_in_the_episode(dataset, sampler):
    first = dataset.episode_starts[2]
    last = first + dataset.episode_lengths[2] - 1
    index = np.repeat(first + 7, 300)
    _, found = relabelled(sampler, index)
    goals = found.observations[ENVIRONMENT]
    reached = dataset[STATE][first + 8 : last + 1]
    distance = np.abs(goals[:, -1, None, :2] - reached[None]).max(axis=-1)
    assert distance.min(axis=1).max() == 0.0
    share = np.bincount(distance.argmin(axis=1), minlength=len(reached)) / len(index)
    resting = int((reached == reached[-1]).all(axis=1).sum())  # the robot waits at its goal
    assert (share[: -resting or None] > 0.0).all() and abs(share[-resting] - resting / len(reached)) < 0.1
    np.testing.assert_array_equal(goals[:, 0], goals[:, -1])  # a goal stands still
    np.testing.assert_array_equal(goals[..., 2], 0.0)


def test_only_the_goal_changes_and_the_batch_that_came_stays(dataset, sampler):
    index = np.arange(0, len(dataset), 3)
    batch, found = relabelled(sampler, index)
    again = sampler.gather(index)
    for name, value in again.observations.items():
        np.testing.assert_array_equal(batch.observations[name], value)
    np.testing.assert_array_equal(found.observations[STATE], batch.observations[STATE])
    np.testing.assert_array_equal(found.actions, batch.actions)
    np.testing.assert_array_equal(found.action_is_pad, batch.action_is_pad)


def test_the_share_is_kept_and_the_last_frame_is_its_own_goal(dataset, sampler):
    index = np.resize(np.arange(len(dataset)), 4000)

    def changed(share):
        batch, found = relabelled(sampler, index, share)
        return (batch.observations[ENVIRONMENT] != found.observations[ENVIRONMENT]).any(axis=(1, 2)).mean()

    assert changed(0.0) == 0.0 and abs(changed(0.3) / changed(1.0) - 0.3) < 0.05
    last = dataset.episode_starts + dataset.episode_lengths - 1
    _, found = relabelled(sampler, last)
    np.testing.assert_array_equal(found.observations[ENVIRONMENT][:, -1, :2], dataset[STATE][last])


def test_every_contract_names_terms_that_it_has():
    for name in ("toys/corridors", "toys/goals", "pusht", "panda_pick_place"):
        contract = task_contract(name)
        assert contract.achieved
        for goal, achieved in contract.achieved.items():
            assert term_columns(contract, goal) != term_columns(contract, achieved)
    assert term_columns(task_contract("panda_pick_place"), "goal_pose") == Columns(ENVIRONMENT, 7, 7)
    with pytest.raises(ContractError, match="no observation term 'goal'"):
        term_columns(CONTRACT, "goal")


def test_a_task_without_a_goal_is_refused(sampler):
    with pytest.raises(ContractError, match="observes no goal"):
        Hindsight(dataclasses.replace(CONTRACT, achieved={}), sampler, 0.5)


def train(sampler, output, share):
    policy = PolicyConfig(horizon=CONTRACT.actions.horizon, width=16, depth=1, embedding_size=8)
    config = TrainConfig(policy=policy, steps=4, batch_size=16, hindsight=share, checkpoint_every=2, warmup_steps=0,
                         validation_fraction=0.0)  # fmt: skip
    torch.manual_seed(0)
    trainer = Trainer(build_policy(CONTRACT, policy), sampler, config, output, {},
                      hindsight=Hindsight(CONTRACT, sampler, share) if share else None)  # fmt: skip
    trainer.fit_statistics()
    trainer.run()
    return trainer.policy.state_dict()


def test_training_sees_the_new_goals_and_repeats_itself(sampler, tmp_path):
    whole = train(sampler, tmp_path / "whole", 0.5)
    plain = train(sampler, tmp_path / "plain", 0.0)
    assert any(not value.equal(plain[name]) for name, value in whole.items())
    again = train(sampler, tmp_path / "again", 0.5)
    assert all(value.equal(again[name]) for name, value in whole.items())


def test_the_share_is_checked_before_training(dataset, tmp_path, capsys):
    words = ["train", "--dataset", str(dataset.root), "--output", str(tmp_path / "x"), "--config.hindsight", "1.5"]
    assert keel(words) == 1
    assert "--config.hindsight is 1.5" in capsys.readouterr().err

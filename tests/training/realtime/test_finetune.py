"""Training of the denoiser that continues a beginning: on a policy and data made up here, and once by the command."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from policy_nodes.errors import BundleError, ConfigError
from tests.training.realtime.small_policy import small_policy
from training.commands import realtime
from training.contracts.registry import task_contract
from training.datasets.lerobot_v3.windows import ChunkBatch
from training.realtime import finetune
from training.realtime.finetune import PrefixTraining, train_prefix

HASH = "1" * 64


class Windows:
    """Sixty windows in which every joint moves on at its own constant speed."""

    def frames(self, split):
        return np.arange(60)

    def gather(self, index):
        rng = np.random.default_rng(index.tolist())
        speed = rng.uniform(-0.02, 0.02, (len(index), 1, 8)).astype(np.float32)
        observations = {
            f.name: rng.random((len(index), f.history, f.size), dtype=np.float32)
            for f in task_contract("panda_pick_place").observations
        }
        here = observations["observation.state"][:, -1:, :8]
        actions = here + speed * np.arange(16, dtype=np.float32)[None, :, None]
        return ChunkBatch(observations, actions, np.zeros((len(index), 16), bool), index)


@pytest.fixture
def trained():
    return SimpleNamespace(policy=small_policy("flow"), config={"dataset": {"sha256": HASH}}, contract=None, train=None)


@pytest.fixture
def dataset(monkeypatch):
    monkeypatch.setattr(finetune, "build_sampler", lambda dataset, contract, train: Windows())
    return SimpleNamespace(sha256=lambda: HASH, root="made/up")


def test_the_loss_falls_and_the_policy_stays_as_it_is(trained, dataset):
    before = {name: value.clone() for name, value in trained.policy.state_dict().items()}
    losses = []
    config = PrefixTraining(steps=40, batch_size=32, learning_rate=1e-2)
    network = train_prefix(trained, dataset, config, lambda step, loss: losses.append(loss))
    assert len(losses) == 40 and sum(losses[-10:]) < sum(losses[:10])
    assert all(torch.equal(value, before[name]) for name, value in trained.policy.state_dict().items())
    assert not network.training and network.ahead.weight.abs().max() > 0.0
    assert network.base is not trained.policy.denoiser


def test_the_same_seed_trains_the_same_network(trained, dataset):
    config = PrefixTraining(steps=3, batch_size=8, seed=5)
    first, second = (train_prefix(trained, dataset, config) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


@pytest.mark.parametrize("longest", [0, 16])
def test_a_prefix_that_is_nothing_or_everything_is_refused(trained, dataset, longest):
    with pytest.raises(ConfigError, match=f"prefix of up to {longest}"):
        train_prefix(trained, dataset, PrefixTraining(steps=1, longest=longest))
    with pytest.raises(ConfigError, match="train nothing"):
        PrefixTraining(steps=0)
    for wrong in ({"offset": -1.0}, {"offset": float("nan")}, {"return_steps": 0.0}):
        with pytest.raises(ConfigError, match="that returns in"):
            PrefixTraining(**wrong)


def test_half_of_the_beginnings_are_displaced_by_multiples_of_a_step():
    """Joint 0 moves by 0.1 per step, joint 1 not at all."""
    chunk = torch.zeros(4000, 8, 2)
    chunk[..., 0] = 0.1 * torch.arange(8)
    lengths, config = torch.full((4000,), 3), PrefixTraining(offset=2.0, return_steps=1e-3)
    moved = finetune._displaced(chunk, lengths, config, torch.Generator().manual_seed(0)) - chunk
    assert (moved[..., 1] == 0.0).all() and (moved[:, 3:] == 0.0).all()
    displaced = moved[:, 0, 0] != 0.0
    assert displaced.float().mean() == pytest.approx(0.5, abs=0.04)
    assert moved[displaced, 0, 0].std() == pytest.approx(0.2, rel=0.06)
    none = finetune._displaced(chunk, lengths, PrefixTraining(offset=0.0), torch.Generator().manual_seed(0))
    assert torch.equal(none, chunk)


def test_another_dataset_is_refused(trained, dataset, monkeypatch):
    monkeypatch.setitem(trained.config["dataset"], "sha256", "0" * 64)
    with pytest.raises(BundleError, match="not the dataset"):
        train_prefix(trained, dataset, PrefixTraining(steps=1))


def test_the_command_needs_data_for_it_and_adds_the_graph(training_path, dataset_path, bundle_copy, capsys):
    with pytest.raises(ConfigError, match="needs data"):
        realtime.configs(realtime.Args(bundle_copy, training_path, prefix_steps=4))
    args = realtime.Args(
        bundle_copy,
        training_path,
        warm_steps=(),
        guided_steps=0,
        prefix_steps=2,
        dataset=dataset_path,
        prefix_training=PrefixTraining(steps=2, batch_size=4),
        use="prefix",
    )
    assert realtime.run(args) == 0
    assert "continues chunks by 'prefix'" in capsys.readouterr().out

"""From demonstrations to a bundle whose chunks are drawn from experts."""

import dataclasses

import numpy as np
import pytest
import torch

from policy_nodes.bundle.load import load_bundle
from policy_nodes.cli.dispatch import main as keel
from policy_nodes.errors import ConfigError
from policy_nodes.inference.policy import PolicySession
from training.commands.collect import dataset_features
from training.contracts.registry import task_contract
from training.datasets.lerobot_v3.reader import Dataset
from training.datasets.lerobot_v3.writer import DatasetWriter
from training.datasets.task import TASK_FILE
from training.demonstrations.rollout import demonstrate
from training.evaluation.closed_loop import ClosedLoop
from training.imitation.build import build_sampler
from training.imitation.trainer import to_tensors
from training.policies.imc.mixture import MixturePolicy, draw
from training.policies.imc.training import MixtureTraining, train_mixture, windows

TASK = "toys/targets"
CONTRACT = task_contract(TASK)
QUICK = MixtureTraining(experts=4, iterations=3, epochs=1, gate_epochs=2, batch_size=64, width=16, gate_width=12,
                        layers=2)  # fmt: skip


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    root = tmp_path_factory.mktemp("targets") / "dataset"
    fps, features = round(CONTRACT.timing.control_rate_hz), dataset_features(CONTRACT)
    of_task = {TASK_FILE: f'{{"task": "{TASK}"}}'.encode()}
    with DatasetWriter(root, fps=fps, features=features, robot_type=CONTRACT.robot, extra_files=of_task) as writer:
        for seed in range(4):
            writer.add_episode(demonstrate(TASK, seed, 0.0).frames, task="go")
    return Dataset.open(root)


@pytest.fixture(scope="module")
def trained(dataset):
    return train_mixture(CONTRACT, dataset, QUICK)


@pytest.fixture(scope="module")
def bundle(dataset, tmp_path_factory):
    path = tmp_path_factory.mktemp("bundle") / "targets.keel"
    options = [f"--training.{name.replace('_', '-')}={value}" for name, value in dataclasses.asdict(QUICK).items()]
    assert keel(["imc", "--dataset", str(dataset.root), "--output", str(path), "--samples", "4", *options]) == 0
    return load_bundle(path)


def test_an_expert_is_drawn_as_often_as_the_gate_says():
    logits = torch.tensor([0.2, 0.5, 0.3]).log().expand(20_000, 3)
    normal = torch.randn(20_000, generator=torch.Generator().manual_seed(0))
    shares = torch.bincount(draw(logits, normal), minlength=3) / 20_000
    torch.testing.assert_close(shares, torch.tensor([0.2, 0.5, 0.3]), atol=0.015, rtol=0.0)


@pytest.mark.parametrize("normal", [-40.0, 40.0])
def test_the_ends_of_the_normal_distribution_draw_an_expert_too(normal):
    assert int(draw(torch.zeros(1, 3), torch.tensor([normal]))) == (0 if normal < 0 else 2)


def observation(dataset, rows=6):
    sampler = build_sampler(dataset, CONTRACT, windows(CONTRACT))
    return to_tensors(sampler.gather(np.arange(0, 5 * rows, 5)))


def test_a_chunk_is_the_mean_of_the_expert_that_was_drawn(dataset, trained):
    policy, _ = trained
    raw, _, _ = observation(dataset)
    noise = torch.linspace(-2.0, 2.0, 6).view(6, 1, 1).expand(6, 1, policy.action_dim)
    chunk, embedding = policy(raw, noise)
    features = policy.features(raw)
    expert = draw(policy.gate_head(policy.gate(features)), noise[:, 0, 0])
    expected = policy.action_normalizer.inverse(policy.means(features)[torch.arange(6), expert]) + policy.base(raw)
    torch.testing.assert_close(chunk, expected)
    assert embedding.shape == (6, QUICK.gate_width)


def test_dropping_experts_keeps_the_others_as_they_are(dataset):
    policy = MixturePolicy(CONTRACT, 4, 16, 2, 12)
    raw, _, _ = observation(dataset)
    features = policy.encoder(raw)
    before = policy.means(features)
    policy.keep(torch.tensor([1, 3]))
    torch.testing.assert_close(policy.means(features), before[:, [1, 3]])
    assert policy.gate_head.out_features == policy.experts == 2


def test_the_likelihood_ignores_what_lies_behind_the_end_of_an_episode(dataset):
    from training.policies.imc.training import NetworkExperts

    policy = MixturePolicy(CONTRACT, 3, 16, 2, 12)
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(5, policy.encoder.size, generator=generator)
    chunks = torch.randn(5, policy.horizon, policy.action_dim, generator=generator)
    valid = torch.ones(5, policy.horizon)
    valid[2, 3:] = 0.0
    known = NetworkExperts(policy, features, chunks, valid, QUICK).log_likelihood()
    errors = (policy.means(features) - chunks[:, None]).square().sum(-1)
    torch.testing.assert_close(known[2], -0.5 * errors[2, :, :3].mean(-1))
    torch.testing.assert_close(known[0], -0.5 * errors[0].mean(-1))


def test_training_repeats_itself_and_reports_every_round(dataset, trained):
    policy, assignment = trained
    said = []
    again, _ = train_mixture(CONTRACT, dataset, QUICK, lambda stage, values: said.append((stage, values)))
    assert [stage for stage, _ in said] == ["experts"] * 3 + ["gate"]
    assert [values["bound"] for _, values in said[:3]] == assignment.trace.bound
    for mine, theirs in zip(policy.state_dict().values(), again.state_dict().values(), strict=True):
        assert torch.equal(mine, theirs)
    other, _ = train_mixture(CONTRACT, dataset, dataclasses.replace(QUICK, seed=1))
    assert not torch.equal(other.trunk.input.weight, policy.trunk.input.weight)


def test_what_no_expert_can_reach_is_refused_before_training():
    for wrong in (
        {"experts": 0}, {"layers": 3}, {"pacing": 0.0}, {"learning_rate": -1.0}, {"smallest_share": 0.5},
    ):  # fmt: skip
        with pytest.raises(ConfigError):
            dataclasses.replace(QUICK, **wrong)


def test_the_bundle_answers_as_torch_and_runs_in_the_loop(dataset, trained, bundle):
    info = bundle.manifest.policy
    assert (info.family, info.sampling_steps) == ("mixture_imc", 1)
    assert bundle.manifest.parity.max_abs_error["action"] <= 1e-5
    policy, _ = trained
    raw, _, _ = observation(dataset, 3)
    session = PolicySession(bundle)
    values = {name: value[0].numpy() for name, value in raw.items()}
    chunks = session.sample(values, batch=64, rng=np.random.default_rng(0)).chunk
    features = policy.features({name: value[:1] for name, value in raw.items()})
    means = policy.action_normalizer.inverse(policy.means(features))[0].numpy() + policy.base(raw)[0].numpy()
    nearest = np.abs(chunks[:, None] - means[None]).max(axis=(2, 3)).min(axis=1)
    assert nearest.max() < 1e-4  # nothing between the experts
    episode = ClosedLoop(bundle, CONTRACT.make_world()).run(5, 1.0)
    assert episode.outcome in ("timeout", "success", "failed")


def test_the_command_refuses_what_it_cannot_use(dataset, tmp_path, capsys):
    tail = ["--output", str(tmp_path / "x.keel")]
    for arguments, text in (
        (["--task", "no_such_task"], "unknown task"),
        (["--task", "panda_pick_place"], "the contract wants"),
        (["--samples", "0"], "--samples is 0"),
    ):
        assert keel(["imc", "--dataset", str(dataset.root), *arguments, *tail]) == 1
        assert text in capsys.readouterr().err
    assert not (tmp_path / "x.keel").exists()

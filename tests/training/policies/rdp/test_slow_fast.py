"""From demonstrations to a bundle that reacts: what the halves compute, how they are trained, and that both export."""

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from policy_nodes.bundle.load import load_bundle
from policy_nodes.cli.dispatch import main as keel
from policy_nodes.errors import ConfigError
from training.commands.collect import dataset_features
from training.contracts.registry import task_contract
from training.datasets.lerobot_v3.reader import Dataset
from training.datasets.lerobot_v3.writer import DatasetWriter
from training.datasets.task import TASK_FILE
from training.demonstrations.rollout import demonstrate
from training.evaluation.closed_loop import ClosedLoop
from training.evaluation.latency import Latency
from training.evaluation.latency_loop import LatentLoop
from training.policies.rdp.policy import SlowFastPolicy, felt_terms
from training.policies.rdp.tokenizer import TokenizerConfig
from training.policies.rdp.training import SlowFastTraining, _Windows, train_slow_fast, window_sampler

CONTRACT = task_contract("wiping")
FELT = felt_terms(CONTRACT, ())
QUICK = SlowFastTraining(
    tokenizer_steps=20, policy_steps=3, batch_size=16, width=16, depth=1, sampling_steps=1, hidden=24, latent=3
)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    root = tmp_path_factory.mktemp("wiping") / "dataset"
    of_task = {TASK_FILE: b'{"task": "wiping"}'}
    features = dataset_features(CONTRACT)
    with DatasetWriter(root, fps=50, features=features, robot_type="wiping_tool", extra_files=of_task) as writer:
        for seed in range(3):
            writer.add_episode(demonstrate("wiping", seed, 0.001).frames, task="wipe")
    return Dataset.open(root)


@pytest.fixture(scope="module")
def policy(dataset):
    return train_slow_fast(CONTRACT, dataset, FELT, QUICK)


@pytest.fixture(scope="module")
def bundle(dataset, tmp_path_factory):
    path, sizes = tmp_path_factory.mktemp("bundle") / "wiping.keel", dataclasses.asdict(QUICK)
    options = [f"--training.{name.replace('_', '-')}={sizes[name]}" for name in sizes if name != "blind"]
    assert keel(["slow-fast", "--dataset", str(dataset.root), "--output", str(path), "--samples", "4", *options]) == 0
    return load_bundle(path)


def windows(dataset, policy):
    return window_sampler(CONTRACT, dataset, policy.tokenizer.config.horizon)


def test_force_and_joints_are_felt_unless_told_otherwise():
    assert [(t.name, t.feature, t.start, t.stop, t.displaced) for t in FELT] == [
        ("axis_position", "observation.state", 0, 1, True),
        ("tool_force", "observation.force", 0, 3, False),
    ]
    assert [t.name for t in felt_terms(CONTRACT, ["tool_force"])] == ["tool_force"]
    with pytest.raises(ConfigError, match="no term 'wrist'"):
        felt_terms(CONTRACT, ["wrist"])
    with pytest.raises(ConfigError, match="nothing is felt"):
        felt_terms(task_contract("toys/corridors"), ())


def test_the_tokenizer_has_the_sizes_that_were_asked_for(policy):
    config = policy.tokenizer.config
    assert (config.hidden, config.latent, policy.tokenizer.gru.hidden_size) == (24, 3, 24)


def test_windows_follow_the_frames_and_repeat_the_last_one(dataset, policy):
    sampler = windows(dataset, policy)
    felt = sampler.following("observation.force", np.array([0, 205]))
    np.testing.assert_array_equal(felt[0], dataset["observation.force"][:48])
    np.testing.assert_array_equal(felt[1, :5], dataset["observation.force"][205:210])
    assert (felt[1, 5:] == dataset["observation.force"][209]).all()


def test_training_windows_are_relative_to_where_the_plan_begins(dataset, policy):
    data = _Windows(windows(dataset, policy), policy, 16)
    index = np.arange(0, 160, 10)
    _, chunks, signals = data.gather(index)
    height = dataset["observation.state"][:, 0]
    raw = policy.action_normalizer.inverse(chunks)[..., 0]
    wanted = np.stack([dataset["action"][i : i + 48, 0] - height[i] for i in index])
    np.testing.assert_allclose(raw, wanted, atol=1e-6)
    moved = policy.felt_normalizer.inverse(signals)[..., 0]
    np.testing.assert_allclose(moved, np.stack([height[i : i + 48] - height[i] for i in index]), atol=1e-6)
    force = policy.felt_normalizer.inverse(signals)[..., 3]
    wanted = np.stack([dataset["observation.force"][i : i + 48, 2] for i in index])
    np.testing.assert_allclose(force, wanted, atol=1e-4)


def observed(height):
    force = torch.tensor([[[0.0, 0.0, 4.0], [0.0, 0.0, 5.0]]])
    return {"observation.state": torch.tensor([[[height], [height]]]), "observation.force": force}


def test_the_slow_half_answers_as_if_what_is_felt_stayed_as_it_is(policy):
    noise = torch.zeros(1, *policy.noise_shape)
    chunk, embedding, latent = policy(observed(0.01), noise)
    still = torch.tensor([0.01, 0.0, 0.0, 5.0]).expand(1, 48, 4)
    torch.testing.assert_close(policy.react(latent, still)[:, :24], chunk)
    assert embedding.shape == (1, 4) and latent.shape == (1, 16 * 12 + 1 + 4)
    torch.testing.assert_close(latent[0, -5:], torch.tensor([0.01, 0.01, 0.0, 0.0, 5.0]))


def test_a_plan_moves_with_the_tool(policy):
    noise = torch.randn(1, *policy.noise_shape, generator=torch.Generator().manual_seed(1))
    low, high = policy(observed(0.0), noise)[0], policy(observed(0.02), noise)[0]
    torch.testing.assert_close(high, low + 0.02, atol=1e-5, rtol=0)


def test_reactions_depend_on_the_past_only(policy):
    latent, felt = policy(observed(0.0), torch.zeros(1, *policy.noise_shape))[2], torch.randn(1, 48, 4)
    before, later = policy.react(latent, felt), felt.clone()
    later[:, 30:] += 1.0
    after = policy.react(latent, later)
    assert torch.equal(before[:, :30], after[:, :30]) and not torch.equal(before[:, 30:], after[:, 30:])


def test_training_repeats_with_its_seed_and_its_second_stage_leaves_the_tokenizer_alone(dataset, policy):
    again = train_slow_fast(CONTRACT, dataset, FELT, QUICK)
    assert all(torch.equal(a, b) for a, b in zip(policy.parameters(), again.parameters(), strict=True))
    longer = train_slow_fast(CONTRACT, dataset, FELT, dataclasses.replace(QUICK, policy_steps=4))
    assert torch.equal(policy.tokenizer.head.weight, longer.tokenizer.head.weight)
    assert not torch.equal(policy.latent.denoiser.output.weight, longer.latent.denoiser.output.weight)


def test_the_ablation_feels_nothing(dataset):
    blind = train_slow_fast(CONTRACT, dataset, FELT, dataclasses.replace(QUICK, blind=True, tokenizer_steps=1))
    latent = blind(observed(0.0), torch.zeros(1, *blind.noise_shape))[2]
    assert torch.equal(blind.react(latent, torch.zeros(1, 48, 4)), blind.react(latent, torch.ones(1, 48, 4)))


@pytest.mark.parametrize("wrong", [{"window": 24}, {"window": 30}, {"policy_steps": 0}])
def test_impossible_settings_are_refused(dataset, wrong):
    with pytest.raises(ConfigError):
        train_slow_fast(CONTRACT, dataset, FELT, dataclasses.replace(QUICK, **wrong))


def test_the_bundle_holds_both_halves_with_proof(bundle):
    reactive = bundle.manifest.policy.reactive
    assert reactive.window == 48 and reactive.terms == ["axis_position", "tool_force"]
    assert reactive.parity.max_abs_error["action"] < 1e-5
    assert bundle.manifest.parity.max_abs_error["latent"] < 1e-4


def test_an_episode_runs_both_halves_at_their_rates(bundle):
    loop = ClosedLoop(bundle, CONTRACT.make_world())
    episode = loop.run(5, 1.0)
    assert episode.outcome == "timeout" and episode.steps == 50
    assert loop.reactive.answers == 50  # from the tick that enables on; the first plan is made in it
    assert len(episode.inference_ms) == 4  # 1 s at 16 steps of 20 ms
    open_loop = ClosedLoop(bundle, CONTRACT.make_world(), open_loop=True)
    assert open_loop.reactive is None and open_loop.run(5, 1.0).steps == 50


def test_a_plan_that_arrives_late_is_decoded_from_where_time_is(bundle):
    loop = LatentLoop(bundle, CONTRACT.make_world(), Latency.parse("80"))
    episode = loop.run(5, 1.0)
    assert episode.outcome == "timeout" and set(np.round(episode.delays_s, 6)) == {0.08}
    assert loop.reactive.answers >= episode.steps - 1


def test_two_lengths_of_latent_make_one_window_each():
    for window in (48, 64):
        sizes = TokenizerConfig(window, 1, 4)
        assert SlowFastPolicy(CONTRACT, sizes, FELT).noise_shape == (window // 4, 16)


def test_the_command_refuses_what_it_cannot_use(dataset, tmp_path, capsys):
    tail = ["--output", str(tmp_path / "x.keel")]
    nameless = shutil.copytree(dataset.root, tmp_path / "nameless")
    (nameless / TASK_FILE).unlink()
    for arguments, text in (
        (["--dataset", str(nameless)], "does not name its task"),
        (["--dataset", str(dataset.root), "--task", "no_such_task"], "unknown task"),
        (["--dataset", str(dataset.root), "--feel", "wrist"], "no term 'wrist'"),
        (["--dataset", str(dataset.root), "--samples", "0"], "--samples is 0"),
    ):
        assert keel(["slow-fast", *arguments, *tail]) == 1
        assert text in capsys.readouterr().err
    assert not (tmp_path / "x.keel").exists()


def test_evaluate_refuses_open_loop_where_it_means_nothing(bundle, capsys):
    plain = Path(__file__).parents[4] / "examples" / "panda_pick_place.keel"
    assert keel(["evaluate", str(plain), "--open-loop"]) == 1
    assert "has no fast decoder" in capsys.readouterr().err
    assert keel(["evaluate", str(bundle.path), "--open-loop", "--latency-sweep", "0"]) == 1
    assert "--open-loop goes with none" in capsys.readouterr().err

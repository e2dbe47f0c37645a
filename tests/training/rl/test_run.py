"""Runs of rsl_rl: checkpoints, resuming, refusals; and, slow, that a small budget already raises the return."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from policy_nodes.errors import ConfigError
from sim.vector.errors import UnknownTaskError
from training.rl.config import PpoConfig, rsl_rl_config
from training.rl.h_infinity import HInfinityConfig
from training.rl.run import RunConfig, checkpoints, earlier_configs, latest_checkpoint, train
from training.rl.warm_start import actor_state

SHIPPED = Path(__file__).parents[3] / "examples/go1_velocity_flat/policy.onnx"
TINY = PpoConfig(num_envs=8, steps=4, epochs=1, mini_batches=2, hidden=(8,), save_every=1)


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def test_train_then_resume(tmp_path: Path) -> None:
    steps: list[int] = []
    config = RunConfig(ppo=TINY, overrides={"randomization": None})
    last = train(config, tmp_path, 2, on_step=lambda: steps.append(1))
    assert len(steps) == 2 * TINY.steps
    assert [n for n, _ in checkpoints(tmp_path)] == [0, 1]
    assert last == latest_checkpoint(tmp_path) == tmp_path / "model_1.pt"
    first = torch.load(last, weights_only=True)
    resumed = torch.load(train(config, tmp_path, 3, resume=True), weights_only=True)
    assert resumed["iter"] == 2
    weights, more = first["actor_state_dict"], resumed["actor_state_dict"]
    moved = max(float((more[key] - weights[key]).abs().max()) for key in weights)
    assert 0.0 < moved < 0.1
    with pytest.raises(ConfigError, match="already has 3"):
        train(config, tmp_path, 3, resume=True)
    assert list(tmp_path.glob("events.out.tfevents.*"))
    assert "Mean reward" in (tmp_path / "train.log").read_text() or (tmp_path / "train.log").stat().st_size > 0


def test_what_was_drawn_for_every_world_is_kept_beside_the_checkpoints(tmp_path: Path) -> None:
    train(RunConfig(ppo=TINY, overrides={"bias.gravity": 0.05, "observation_delay": 1}), tmp_path, 1)
    with np.load(tmp_path / "sampled.npz") as sampled:
        assert {"friction", "payload", "strength_scale", "gravity"} <= set(sampled.files)
        assert all(len(sampled[name]) == TINY.num_envs for name in sampled.files)
        assert np.ptp(sampled["friction"]) > 0.0


def test_h_infinity_continues_a_plain_run(tmp_path: Path) -> None:
    config = RunConfig(ppo=TINY, overrides={"randomization": None})
    train(config, tmp_path, 1)
    pushed = replace(config, h_infinity=HInfinityConfig(hidden=(8,)))
    saved = torch.load(train(pushed, tmp_path, 3, resume=True), weights_only=True)
    assert saved["iter"] == 2
    assert saved["h_iteration"] == 2
    assert "disturber_state_dict" in saved
    with pytest.raises(ConfigError, match="Hopper"):
        train(replace(pushed, task="Hopper"), tmp_path / "hopper", 1)


@pytest.mark.parametrize("task", ["Go1-Velocity-Rough", "G1-Velocity-Flat", "Hopper"])
def test_other_tasks_learn_too(tmp_path: Path, task: str) -> None:
    walking = "-Velocity-" in task
    config = RunConfig(task=task, ppo=TINY, overrides={"randomization": None} if walking else {})
    assert train(config, tmp_path, 1).name == "model_0.pt"


def test_same_seed_same_weights(tmp_path: Path) -> None:
    config = RunConfig(ppo=TINY, overrides={"randomization": None})
    runs = [torch.load(train(config, tmp_path / name, 1), weights_only=True) for name in "ab"]
    for key, value in runs[0]["actor_state_dict"].items():
        torch.testing.assert_close(value, runs[1]["actor_state_dict"][key], rtol=0, atol=0)


def test_unknown_tasks_and_empty_runs_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownTaskError, match="Go9"):
        train(RunConfig(task="Go9"), tmp_path, 1)
    with pytest.raises(ConfigError, match="no checkpoint"):
        latest_checkpoint(tmp_path)


def test_checkpoints_are_sorted_by_number(tmp_path: Path) -> None:
    for number in (100, 9, 20):
        (tmp_path / f"model_{number}.pt").touch()
    (tmp_path / "model_best.pt").touch()
    assert [n for n, _ in checkpoints(tmp_path)] == [9, 20, 100]


def test_settings_reach_rsl_rl() -> None:
    settings = rsl_rl_config(PpoConfig(num_envs=64, entropy=0.5, hidden=(7, 5)), seed=3, symmetry=False)
    assert settings["algorithm"]["entropy_coef"] == 0.5
    assert settings["algorithm"]["symmetry_cfg"] is None
    assert settings["actor"]["hidden_dims"] == [7, 5]
    assert "distribution_cfg" not in settings["critic"]
    assert rsl_rl_config(PpoConfig(), 3, symmetry=True)["algorithm"]["symmetry_cfg"]["use_data_augmentation"]
    assert rsl_rl_config(PpoConfig(symmetry=False), 3, symmetry=True)["algorithm"]["symmetry_cfg"] is None


@pytest.mark.slow
def test_a_small_budget_raises_the_return(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    config = RunConfig(ppo=PpoConfig(num_envs=256, hidden=(64, 64), save_every=100), overrides={"distinct_models": 16})
    train(config, tmp_path, 40)
    events = EventAccumulator(str(tmp_path))
    events.Reload()
    rewards = [event.value for event in events.Scalars("Train/mean_reward")]
    assert sum(rewards[-5:]) / 5 > 5 * max(sum(rewards[:5]) / 5, 0.1)


def test_checkpoints_and_configurations_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    """Not of their letters, in which 1000 comes before 200."""
    names = ("model_1000.pt", "model_200.pt", "model_x.pt", "config.until_1000.json", "config.until_200.json")
    for name in (*names, "config.until_.json", "config.until_7.json.bak"):
        (tmp_path / name).touch()
    assert [number for number, _ in checkpoints(tmp_path)] == [200, 1000]
    assert earlier_configs(tmp_path) == [
        (200, tmp_path / "config.until_200.json"),
        (1000, tmp_path / "config.until_1000.json"),
    ]
    assert latest_checkpoint(tmp_path).name == "model_1000.pt"
    with pytest.raises(ConfigError, match="no checkpoint"):
        latest_checkpoint(tmp_path / "empty")


def test_a_run_begins_with_an_exported_actor_and_trains_its_critic_first(tmp_path: Path) -> None:
    ppo = replace(TINY, hidden=(128, 128, 64), init_std=0.2, critic_warm_up=2)
    config = RunConfig(ppo=ppo, initial_policy=SHIPPED)
    wanted = actor_state(SHIPPED)
    last = train(config, tmp_path, 2)
    judged = torch.load(last, weights_only=True)
    first = torch.load(checkpoints(tmp_path)[0][1], weights_only=True)
    assert len(wanted) == 8
    assert all(torch.equal(judged["actor_state_dict"][key], value) for key, value in wanted.items())
    noise = judged["actor_state_dict"]["distribution.log_std_param"]
    torch.testing.assert_close(noise.exp(), torch.full_like(noise, 0.2))
    assert any(not torch.equal(first["critic_state_dict"][k], v) for k, v in judged["critic_state_dict"].items())
    trained = torch.load(train(replace(config, initial_policy=None), tmp_path, 3, resume=True), weights_only=True)
    assert any(not torch.equal(trained["actor_state_dict"][key], value) for key, value in wanted.items())


def test_an_actor_trains_on_after_its_critic_learned(tmp_path: Path) -> None:
    ppo = replace(TINY, hidden=(128, 128, 64), init_std=0.2, critic_warm_up=1)
    last = train(RunConfig(ppo=ppo, initial_policy=SHIPPED), tmp_path, 3)
    assert [n for n, _ in checkpoints(tmp_path)] == [0, 1, 2]
    state = torch.load(last, weights_only=True)["actor_state_dict"]
    assert any(not torch.equal(state[key], value) for key, value in actor_state(SHIPPED).items())


@pytest.mark.parametrize(
    ("content", "message"), [(b"not onnx", "is no ONNX file"), (b"", "no actor of keel export-rl")]
)
def test_a_file_that_is_no_exported_actor_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "policy.onnx").write_bytes(content)
    with pytest.raises(ConfigError, match=message):
        actor_state(tmp_path / "policy.onnx")


def test_an_actor_of_other_layers_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"has other layers than this run: .*--ppo.hidden"):
        train(RunConfig(ppo=TINY, initial_policy=SHIPPED), tmp_path, 1)

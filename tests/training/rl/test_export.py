"""The exported file computes what the trained network computes, from raw terms, and says what it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from rsl_rl.modules import MLP

from policy_nodes.bundle.onnx_metadata import read_metadata
from policy_nodes.errors import ConfigError
from sim.robots import go1
from sim.tasks.velocity.task import VelocityTask
from sim.tasks.velocity.tasks import go1_flat
from training.rl.export import OnnxPolicy, ScaledPolicy, export_actor, load_actor, observation_scale


@pytest.fixture(scope="module")
def task() -> VelocityTask:
    return go1_flat(randomization=None)


@pytest.fixture(scope="module")
def network() -> torch.nn.Module:
    torch.manual_seed(0)
    return MLP(45, 12, [16, 8], "elu").eval()


@pytest.fixture(scope="module")
def content(task: VelocityTask, network: torch.nn.Module) -> bytes:
    return export_actor(network, task)


def test_scales_are_folded_in(task: VelocityTask, network: torch.nn.Module, content: bytes) -> None:
    scale = observation_scale(task)
    np.testing.assert_allclose(scale[:9], [0.25, 0.25, 0.25, 1, 1, 1, 2, 2, 0.25])
    raw = np.random.default_rng(0).normal(size=(7, 45)).astype(np.float32)
    with torch.inference_mode():
        expected = network(torch.from_numpy(raw * scale)).numpy()
    policy = OnnxPolicy(content)
    np.testing.assert_allclose(policy(raw), expected, atol=1e-5)
    np.testing.assert_allclose(ScaledPolicy(policy, scale)(raw * scale), expected, atol=1e-5)


def test_actions_are_cut_as_in_training(content: bytes) -> None:
    actions = OnnxPolicy(content)(np.full((1, 45), 1e5, dtype=np.float32))
    assert np.abs(actions).max() == pytest.approx(10.0)


def test_metadata_says_all_that_a_robot_needs(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "policy.onnx"
    path.write_bytes(content)
    found = read_metadata(path)
    assert found.joint_names == go1.JOINT_NAMES
    np.testing.assert_allclose(found.stiffness, go1.STIFFNESS)
    np.testing.assert_allclose(found.damping, go1.DAMPING)
    np.testing.assert_allclose(found.default_joint_pos, go1.DEFAULT_POSE)
    np.testing.assert_allclose(found.action_scale, 0.25)
    assert found.observation_names is not None
    assert len(found.observation_names) == 6
    assert found.rate_hz == 50.0
    assert found.command_ranges == {"lin_vel_x": (-1, 1), "lin_vel_y": (-0.6, 0.6), "ang_vel_z": (-1, 1)}


def test_checkpoints_of_another_shape_are_refused(tmp_path: Path, network: torch.nn.Module) -> None:
    path = tmp_path / "model_3.pt"
    state = {f"mlp.{key}": value for key, value in network.state_dict().items()}
    torch.save({"actor_state_dict": state, "iter": 3}, path)
    loaded = load_actor(path, (45, 16, 8, 12), "elu")
    x = torch.randn(2, 45)
    torch.testing.assert_close(loaded(x), network(x))
    with pytest.raises(ConfigError, match=r"model_3\.pt"):
        load_actor(path, (45, 32, 8, 12), "elu")
    with pytest.raises(ConfigError, match=r"model_9\.pt"):
        load_actor(tmp_path / "model_9.pt", (45, 16, 8, 12), "elu")

"""Conversions compared with the real lerobot package; `make test-lerobot` builds its environment."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import yaml

pytest.importorskip("lerobot", reason="needs the environment of `make test-lerobot`")

from policy_nodes.inference.policy import PolicySession
from tests.lerobot import reference
from tests.training.convert.lerobot.contracts import filled_template
from training.convert.lerobot.checkpoint import read_checkpoint
from training.convert.lerobot.contract import read_contract
from training.convert.lerobot.convert import convert
from training.convert.lerobot.deployed import build

pytestmark = pytest.mark.lerobot

CASES = {
    "act": ("act", {}),
    "act, normalised before": ("act", {"pre_norm": True, "n_decoder_layers": 2, "feedforward_activation": "gelu"}),
    "act, ranges": ("act", {"normalization_mapping": reference.modes("MIN_MAX")}),
    "act, no variational encoder": ("act", {"use_vae": False}),
    "DDIM": ("diffusion", {}),
    "DDIM, predicts the sample": ("diffusion", {"prediction_type": "sample"}),
    "DDIM, no clipping": ("diffusion", {"clip_sample": False}),
    "DDIM, bias only": ("diffusion", {"use_film_scale_modulation": False}),
    "DDIM, three levels": ("diffusion", {"down_dims": (8, 16, 24), "horizon": 16, "kernel_size": 5}),
    "DDIM, linear schedule": ("diffusion", {"beta_schedule": "linear"}),
    "DDIM, quantiles": ("diffusion", {"normalization_mapping": reference.modes("QUANTILES")}),
    "DDIM, inner quantiles": ("diffusion", {"normalization_mapping": reference.modes("QUANTILE10")}),
    "DDIM, mean and deviation": ("diffusion", {"normalization_mapping": reference.modes("MEAN_STD")}),
    "DDPM": ("diffusion", {"noise_scheduler_type": "DDPM", "num_inference_steps": 10}),
    "DDPM, whole chain": (
        "diffusion", {"noise_scheduler_type": "DDPM", "num_train_timesteps": 20, "num_inference_steps": None}),
    "DDPM, predicts the sample": (
        "diffusion", {"noise_scheduler_type": "DDPM", "num_inference_steps": 5, "prediction_type": "sample"}),
    "one observation": ("diffusion", {"n_obs_steps": 1}),
}  # fmt: skip


def both(name, directory, monkeypatch):
    """LeRobot's answers and ours for the same inputs."""
    family, options = CASES[name]
    policy = reference.save(directory, family, **options)
    ours, shape = build(read_checkpoint(directory), None, None)
    horizon = policy.config.horizon if family == "diffusion" else 1
    given = reference.inputs(shape.history, max(shape.noise_rows // horizon, 1), horizon)
    ddpm = options.get("noise_scheduler_type") == "DDPM"
    expected = reference.answers(policy, directory, given, monkeypatch if ddpm else None)
    return given, expected, ours, shape


@pytest.mark.parametrize("name", CASES)
def test_same_numbers_as_lerobot(name, tmp_path, monkeypatch):
    given, expected, ours, shape = both(name, tmp_path / "checkpoint", monkeypatch)
    observation = {key: torch.from_numpy(value) for key, value in given.items() if key != "noise"}
    with torch.no_grad():
        chunk, _ = ours(observation, torch.from_numpy(given["noise"]))
    assert shape.execution_horizon <= expected.shape[1]
    np.testing.assert_allclose(chunk.numpy()[:, : expected.shape[1]], expected, atol=1e-5)
    assert expected.std() > 0.05  # random weights must not make the comparison empty


@pytest.mark.parametrize("name", ["act", "DDIM"])
def test_the_bundle_answers_as_lerobot(name, tmp_path, monkeypatch):
    directory = tmp_path / "checkpoint"
    given, expected, ours, shape = both(name, directory, monkeypatch)
    checkpoint = read_checkpoint(directory)
    path = tmp_path / "contract.yaml"
    path.write_text(yaml.safe_dump(filled_template(checkpoint)))
    bundle = convert(checkpoint, ours, shape, read_contract(path, checkpoint), tmp_path / "x.keel").bundle
    session = PolicySession(bundle)
    noise = given.pop("noise") if shape.noise_rows else None
    chunk = session.sample(given, noise).chunk
    np.testing.assert_allclose(chunk[:, : expected.shape[1]], expected, atol=1e-5)

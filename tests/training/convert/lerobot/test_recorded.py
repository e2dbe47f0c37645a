"""Conversions compared with answers recorded from lerobot 0.4.4 (tests/lerobot/make_fixtures.py)."""

import numpy as np
import torch
import yaml

from policy_nodes.bundle.load import load_bundle
from policy_nodes.inference.policy import PolicySession
from tests.training.convert.lerobot.contracts import filled_template
from training.commands import convert_lerobot
from training.convert.lerobot.checkpoint import read_checkpoint
from training.convert.lerobot.deployed import build


def recorded(directory):
    with np.load(directory / "answers.npz") as archive:
        return {name: archive[name] for name in archive.files}


def test_same_numbers_as_lerobot(stored):
    given = recorded(stored)
    expected = given.pop("action")
    policy, shape = build(read_checkpoint(stored), None, None)
    observation = {key: torch.from_numpy(value) for key, value in given.items() if key.startswith("observation")}
    with torch.no_grad():
        chunk, embedding = policy(observation, torch.from_numpy(given["noise"]))
    assert chunk.shape[1] == shape.horizon and embedding.dim() == 2
    np.testing.assert_allclose(chunk.numpy()[:, : expected.shape[1]], expected, atol=1e-5)


def test_the_command_writes_a_bundle_that_answers_as_lerobot(act, tmp_path, capsys):
    given = recorded(act)
    config = act / "config.json"  # to be executed to the end, as LeRobot's own default is
    config.write_text(config.read_text().replace('"n_action_steps": 3', '"n_action_steps": 6'))
    contract = tmp_path / "contract.yaml"
    contract.write_text(yaml.safe_dump(filled_template(read_checkpoint(act))))
    output = tmp_path / "push.keel"
    assert convert_lerobot.run(convert_lerobot.Args(act, contract=contract, output=output)) == 0
    said = capsys.readouterr().out
    assert "does not normalise 'observation.environment_state'" in said and "differs from PyTorch by" in said
    bundle = load_bundle(output)
    assert bundle.manifest.policy.family == "lerobot_act"
    # One step of 0.1 s is left for the next chunk, which may take 0.1 s.
    assert (bundle.manifest.actions.horizon, bundle.manifest.actions.execution_horizon) == (6, 5)
    assert "note: 5 steps of a chunk are executed, not n_action_steps 6" in said
    observation = {key: value for key, value in given.items() if key.startswith("observation")}
    chunk = PolicySession(bundle).sample(observation).chunk
    np.testing.assert_allclose(chunk, given["action"], atol=1e-5)


def test_other_samplers_keep_the_shapes(diffusion):
    checkpoint = read_checkpoint(diffusion)
    policy, shape = build(checkpoint, "DDPM", 3)
    assert (shape.sampler, shape.steps, shape.noise_rows, shape.horizon) == ("ddpm", 3, 24, 7)
    zeros = {
        name: torch.zeros(2, 2, size) for name, size in (("observation.state", 3), ("observation.environment_state", 2))
    }
    first, _ = policy(zeros, torch.zeros(2, 24, 2))
    noisy = torch.zeros(2, 24, 2)
    noisy[1, 8:16] = 1.0  # the draw of the first stochastic step
    second, _ = policy(zeros, noisy)
    assert torch.equal(first[0], second[0]) and not torch.allclose(first[1], second[1])

import numpy as np
import pytest
import torch

from policy_nodes.bundle.load import load_bundle
from policy_nodes.errors import ConfigError
from policy_nodes.inference.policy import PolicySession
from sim.robots import panda
from training.commands import train_npc
from training.stl_npc.export import ENVIRONMENT, STATE
from training.stl_npc.task import rollout
from training.stl_npc.train import NpcConfig

TINY = NpcConfig(states=64, batch_size=8, iterations=3)


def test_the_command_writes_a_bundle_that_follows_the_plan(tmp_path, capsys):
    assert train_npc.run(train_npc.Args("panda", tmp_path / "out", TINY)) == 0
    said = capsys.readouterr().out
    assert "of 2000 unseen states" in said and "reach_avoid.keel" in said
    bundle = load_bundle(tmp_path / "out" / "reach_avoid.keel")
    assert bundle.manifest.policy.family == "stl_npc" and bundle.manifest.actions.horizon == 10
    goal, sphere = np.array([0.5, 0.1, 0.4]), np.array([0.4, -0.3, 0.5])
    upright = [0.0, 0.0, 0.0, 1.0]
    observation = {STATE: panda.HOME[None], ENVIRONMENT: np.concatenate([goal, upright, sphere, upright])[None]}
    chunk = PolicySession(bundle).sample(observation).chunk[0]
    np.testing.assert_allclose(chunk[:, 7], panda.HOME[7], atol=1e-6)  # the gripper holds

    from safetensors.torch import load_file

    from training.stl_npc.panda import PandaReachAvoid
    from training.stl_npc.policy import PredictivePolicy

    task = PandaReachAvoid()
    policy = PredictivePolicy(task)
    policy.load_state_dict(load_file(tmp_path / "out" / "policy.safetensors"))
    state = torch.tensor(np.concatenate([panda.HOME[:7], goal, sphere]), dtype=torch.float32)[None]
    with torch.no_grad():
        planned = rollout(task, state, policy(state))[0, 1:, :7].numpy()  # the targets lead by one period
    np.testing.assert_allclose(chunk[:, :7], planned, atol=1e-5)


@pytest.mark.parametrize("wrong", [{"iterations": 0}, {"learning_rate": -1.0}, {"states": 0}])
def test_numbers_out_of_range(tmp_path, wrong):
    with pytest.raises(ConfigError, match="give more than 0"):
        train_npc.run(train_npc.Args("planar", tmp_path, NpcConfig(**wrong)))

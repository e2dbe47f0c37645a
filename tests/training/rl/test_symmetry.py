"""PPO's batches carry the mirror image of every sample."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from sim.isaacgym.adapters.rsl_rl import RslRlEnv
from sim.tasks.velocity.tasks import go1_flat
from sim.vector import VectorEnv
from training.rl.symmetry import augment


@pytest.fixture
def env() -> Iterator[RslRlEnv]:
    wrapped = RslRlEnv(VectorEnv(go1_flat(randomization=None, episode_s=0.1), 4, seed=0, num_threads=0))
    yield wrapped
    wrapped.close()


def test_augmented_batches_carry_their_mirror_image(env: RslRlEnv) -> None:
    groups, joints = env.env.task.mirrors()
    actions = torch.randn(4, 12)
    obs, both = augment(env, env.get_observations(), actions)
    assert obs is not None
    assert both is not None
    assert obs.batch_size == torch.Size([8])
    for key in ("policy", "critic"):
        original = env.get_observations()[key].numpy()
        np.testing.assert_allclose(obs[key][:4].numpy(), original)
        np.testing.assert_allclose(obs[key][4:].numpy(), groups[key](original))
    np.testing.assert_allclose(both[4:].numpy(), joints(actions.numpy()))
    assert augment(env, None, None) == (None, None)

"""What rsl_rl gets: views of the simulator's buffers, in its own types."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from sim.tasks.velocity.tasks import go1_flat
from sim.vector import VectorEnv
from training.rl.rsl_rl_env import RslRlEnv
from training.rl.symmetry import augment


@pytest.fixture
def env() -> Iterator[RslRlEnv]:
    wrapped = RslRlEnv(VectorEnv(go1_flat(randomization=None, episode_s=0.1), 4, seed=0, num_threads=0))
    yield wrapped
    wrapped.close()


def test_observations_are_views_of_the_simulator(env: RslRlEnv) -> None:
    obs = env.get_observations()
    assert obs.batch_size == torch.Size([4])
    assert {key: tuple(value.shape) for key, value in obs.items()} == {"policy": (4, 45), "critic": (4, 53)}
    stepped, reward, done, extras = env.step(torch.zeros(4, 12))
    assert stepped["policy"].data_ptr() == env.env._outputs[0][0]["policy"].ctypes.data
    assert reward.dtype == torch.float32
    assert done.dtype == torch.bool
    assert extras["time_outs"].shape == (4,)
    assert env.get_observations() is stepped


def test_last_observation_survives_one_more_step(env: RslRlEnv) -> None:
    before, *_ = env.step(torch.zeros(4, 12))
    kept = before["policy"].clone()
    env.step(torch.ones(4, 12))
    torch.testing.assert_close(before["policy"], kept)


def test_time_outs_and_logs_at_the_end_of_episodes(env: RslRlEnv) -> None:
    for _ in range(4):
        *_, done, extras = env.step(torch.zeros(4, 12))
        assert not done.any()
        assert "log" not in extras
    *_, done, extras = env.step(torch.zeros(4, 12))
    assert done.all()
    assert extras["time_outs"].all()
    assert extras["log"]["Episode_Termination/time_out"] == 1.0


def test_random_ages_reach_the_simulator(env: RslRlEnv) -> None:
    env.episode_length_buf = torch.tensor([4, 0, 0, 4])
    *_, done, _ = env.step(torch.zeros(4, 12))
    assert done.tolist() == [True, False, False, True]
    assert env.episode_length_buf.tolist() == [0, 1, 1, 0]


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

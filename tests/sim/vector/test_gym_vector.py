"""The Gymnasium vector environment: spaces, copies, final observations, interface of gymnasium.vector."""

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from sim.vector import VectorEnv
from sim.vector.gym_vector import GymVectorEnv
from tests.sim.vector.toy import ToyTask

N = 3


def make_env(copy=True, group="policy", **options):
    return GymVectorEnv(VectorEnv(ToyTask(**options), N, seed=0, num_threads=0), group=group, copy=copy)


@pytest.fixture
def env():
    env = make_env()
    yield env
    env.close()


def test_it_is_a_gymnasium_vector_environment(env):
    assert isinstance(env, gymnasium.vector.VectorEnv)
    assert env.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP
    assert env.observation_space.shape == (N, 4)
    assert env.action_space.shape == (N, 1)
    obs, info = env.reset(seed=4)
    assert obs in env.observation_space
    assert info == {}


def test_a_group_can_be_chosen():
    env = make_env(group="critic")
    assert env.single_observation_space.shape == (1,)
    assert env.reset(seed=0)[0].shape == (N, 1)
    env.close()


def test_seeds_repeat_and_lists_use_their_first(env):
    first, _ = env.reset(seed=5)
    again, _ = env.reset(seed=[5, None, 7])
    other, _ = env.reset(seed=6)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("copy", [True, False])
def test_copies_are_the_default(copy):
    env = make_env(copy=copy)
    env.reset(seed=0)
    first = env.step(np.full((N, 1), 0.4, np.float32))[0]
    kept = first.copy()
    for _ in range(2):
        env.step(np.full((N, 1), -0.4, np.float32))
    assert np.array_equal(first, kept) == copy
    env.close()


def test_final_observations_are_of_the_old_episode_for_ended_worlds_only(env):
    env.reset(seed=0)
    env.env.engine.qpos[1, 0] = 2.0
    obs, reward, terminated, truncated, infos = env.step(np.zeros((N, 1), np.float32))
    assert terminated.tolist() == [False, True, False]
    assert infos["_final_obs"].tolist() == [False, True, False]
    assert infos["final_obs"][0] is None
    assert infos["final_obs"][1][0] == pytest.approx(2.0)
    assert abs(obs[1, 0]) < 0.2
    assert reward[1] == -4.0
    assert not truncated.any()


def test_gymnasiums_wrappers_work_on_it():
    env = gymnasium.wrappers.vector.RecordEpisodeStatistics(make_env(max_episode_length=4))
    env.reset(seed=0)
    for _ in range(4):
        infos = env.step(np.zeros((N, 1), np.float32))[-1]
    assert infos["episode"]["l"].tolist() == [4, 4, 4]
    np.testing.assert_allclose(infos["episode"]["r"], 4.0)
    env.close()

import warnings

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import sim
from sim.robots import panda
from sim.tasks.pick_place.env import PandaPickPlaceEnv
from sim.tasks.pick_place.expert import PickPlaceExpert


@pytest.fixture(scope="module")
def env():
    made = PandaPickPlaceEnv()
    yield made
    made.close()


def test_it_passes_gymnasiums_checker(env):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # advice on normalised spaces; ours are in SI units on purpose
        check_env(env, skip_render_check=True)


def test_registered_it_is_made_with_its_time_limit():
    sim.register()
    made = gymnasium.make(sim.PICK_PLACE_ENV)
    made.reset(seed=0)
    assert made.spec.max_episode_steps == 750
    made.close()


def test_the_observation_is_the_worlds_state(env):
    observation, info = env.reset(seed=3)
    assert info == {"success": False}
    np.testing.assert_array_equal(observation["joint_position"], env.world.joint_state()[0])
    np.testing.assert_array_equal(observation["cube"], env.world.object_poses()["cube"])
    np.testing.assert_array_equal(observation["goal"], env.world.object_poses()["goal"][:3])
    np.testing.assert_array_equal(observation["tool"], env.world.tool_pose())
    assert env.observation_space.contains(observation)
    np.testing.assert_array_equal(env.action_space.high, panda.POSITION_LIMITS[:, 1])


def test_seeds_repeat_and_differ(env):
    first, _ = env.reset(seed=3)
    second, _ = env.reset(seed=3)
    third, _ = env.reset()
    np.testing.assert_array_equal(first["cube"], second["cube"])
    assert not np.array_equal(second["cube"], third["cube"])


def test_the_robot_can_be_kept(env):
    env.reset(seed=0)
    for _ in range(10):
        env.step(panda.HOME + 0.02)
    before = env.world.joint_state()[0]
    observation, _ = env.reset(seed=1, options={"keep_robot": True})
    np.testing.assert_array_equal(observation["joint_position"], before)


def test_the_reward_comes_with_success_and_ends_the_episode(env):
    env.reset(seed=2)
    expert = PickPlaceExpert()
    expert.reset(env.world)
    rewards = []
    for _ in range(750):
        _, reward, terminated, truncated, info = env.step(expert.act(env.world))
        rewards.append(reward)
        assert not truncated and info["success"] == (reward == 1.0)
        if terminated:
            break
    assert terminated and info["success"]
    assert sum(rewards) == 1.0 and rewards[-1] == 1.0


def test_a_lost_cube_ends_the_episode_without_reward(env):
    env.reset(seed=2)
    env.world.displace_cube((0.5, 0.0, -0.5), 0.0)
    _, reward, terminated, _, info = env.step(panda.HOME)
    assert terminated and reward == 0.0 and not info["success"]


def test_frames_have_the_asked_size_and_none_without_a_mode(env, monkeypatch):
    monkeypatch.setenv("KEEL_RENDERER", "software")
    seeing = PandaPickPlaceEnv(render_mode="rgb_array", render_size=(64, 48))
    seeing.reset(seed=0)
    frame = seeing.render()
    assert frame.shape == (48, 64, 3) and frame.dtype == np.uint8 and frame.std() > 10
    seeing.close()
    assert env.render() is None

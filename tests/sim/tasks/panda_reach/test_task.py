"""Panda-Reach: goals can be reached, terms mean what they say, the batch equals one world."""

import mujoco
import numpy as np
import pytest

from sim.errors import TaskError
from sim.robots.panda import HOME, POSITION_LIMITS, TOOL_SITE
from sim.tasks.panda_reach.config import PandaReachConfig
from sim.tasks.panda_reach.task import ARM, PandaReachTask, reachable_goals
from sim.vector import VectorEnv

N = 4


@pytest.fixture(scope="module")
def task():
    return PandaReachTask(PandaReachConfig(goal_count=64))


@pytest.fixture
def env(task):
    env = VectorEnv(task, N, seed=0, num_threads=0)
    env.reset(seed=0)
    yield env
    env.close()


def inverse_kinematics(model, goal):
    """Damped least squares on the model itself, the test's own oracle; returns arm positions [rad]."""
    data = mujoco.MjData(model)
    data.qpos[:ARM] = HOME[:ARM]
    site = model.site(TOOL_SITE).id
    jacobian = np.zeros((3, model.nv))
    low, high = POSITION_LIMITS[:ARM].T
    for _ in range(200):
        mujoco.mj_kinematics(model, data)
        mujoco.mj_comPos(model, data)
        mujoco.mj_jacSite(model, data, jacobian, None, site)
        j, error = jacobian[:, :ARM], goal - data.site_xpos[site]
        step = j.T @ np.linalg.solve(j @ j.T + 1e-4 * np.eye(3), error)
        data.qpos[:ARM] = np.clip(data.qpos[:ARM] + np.clip(step, -0.1, 0.1), low, high)
    return data.qpos[:ARM].copy()


def test_joint_targets_from_inverse_kinematics_reach_the_goals(env, task):
    goals = env.context.memory["goal"].copy()
    targets = np.array([inverse_kinematics(task.model, goal) for goal in goals])
    actions = (targets - HOME[:ARM]) / task.cfg.action_scale
    assert np.abs(actions).max() < 2.0
    first = task.distance(env.context).copy()
    log = {}
    for _ in range(env.max_episode_length):
        _, _, terminated, truncated, extras = env.step(actions)
        log = extras["log"]
    assert truncated.all()
    assert not terminated.any()
    assert first.min() > 0.02
    assert log["distance_m"] < 0.02
    assert log["success"] == 1.0


def test_the_observation_is_laid_out_as_documented(env, task):
    actions = np.random.default_rng(1).uniform(-1, 1, (N, ARM)).astype(np.float32)
    obs = env.step(actions)[0]["policy"]
    assert obs.shape == (N, 31)
    c = env.context
    np.testing.assert_allclose(obs[:, :ARM], c.qpos[:, :ARM] - HOME[:ARM], atol=1e-6)
    np.testing.assert_allclose(obs[:, ARM : 2 * ARM], c.qvel[:, :ARM], atol=1e-5)
    np.testing.assert_allclose(obs[:, 17:20], c.memory["goal"], atol=1e-6)
    np.testing.assert_allclose(obs[:, 20:23], obs[:, 17:20] - obs[:, 14:17], atol=1e-6)
    np.testing.assert_allclose(obs[:, 23:30], actions)
    np.testing.assert_allclose(obs[:, 30], 1 - 1 / 150, rtol=1e-5)


def test_the_tool_position_after_a_reset_is_the_forward_kinematics(env, task):
    obs = env.reset(seed=5)[0]["policy"]
    data = mujoco.MjData(task.model)
    for i in range(N):
        data.qpos[:] = env.engine.qpos[i]
        mujoco.mj_kinematics(task.model, data)
        np.testing.assert_allclose(obs[i, 14:17], data.site(TOOL_SITE).xpos, atol=1e-6)


def test_reward_terms_have_their_weights(env, task):
    actions = np.random.default_rng(2).uniform(-1, 1, (N, ARM)).astype(np.float32)
    _, reward, *_ = env.step(actions)
    c, d = env.context, task.distance(env.context)
    expected = -2.0 * d + 1.0 - np.tanh(d / 0.1) - 1e-2 * (actions**2).sum(1) - 1e-3 * (c.qvel[:, :ARM] ** 2).sum(1)
    np.testing.assert_allclose(reward, expected, rtol=1e-5)


def test_targets_respect_the_position_limits_and_hold_the_gripper_open(env, task):
    env.step(np.full((N, ARM), 50.0))
    low, high = POSITION_LIMITS[:ARM].T
    assert (env.context.ctrl[:, :ARM] <= high + 1e-12).all()
    env.step(np.full((N, ARM), -50.0))
    assert (env.context.ctrl[:, :ARM] >= low - 1e-12).all()
    assert (env.engine.qpos[:, ARM] > 0.039).all()


def test_goals_are_above_the_floor_and_differ(task):
    goals = reachable_goals(task.model, 0.5, 50, 0.3, np.random.default_rng(0))
    assert goals.shape == (50, 3)
    assert (goals[:, 2] >= 0.3).all()
    assert (goals.std(axis=0) > 0.03).all()


@pytest.mark.parametrize(("options", "message"), [
    ({"goal_spread": 0.7}, "goal_spread 0.7"),
    ({"goal_spread": 0.0}, "goal_spread 0.0"),
    ({"decimation": 0}, "decimation is 0"),
    ({"success_distance": -1.0}, "success_distance is -1.0"),
])  # fmt: skip
def test_impossible_settings_are_named(options, message):
    with pytest.raises(TaskError, match=message):
        PandaReachConfig(**options)

"""The task in the batched simulator: shapes, sensors, falls, pushes, delays, time limits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from sim.errors import TaskError
from sim.robots import go1
from sim.tasks.velocity.config import (
    CommandConfig,
    PushConfig,
    ResetConfig,
    RewardWeights,
    VelocityConfig,
)
from sim.tasks.velocity.robots import go1_robot
from sim.tasks.velocity.task import VelocityTask
from sim.tasks.velocity.tasks import go1_flat
from sim.vector import VectorEnv, make

STILL = ResetConfig(height_margin=0.0, position=0.0, yaw=(0.0, 0.0), tilt=0.0, joint_offset=0.0, velocity=0.0)
STAND = CommandConfig(standing_share=1.0, straight_share=0.0)
QUIET = VelocityConfig(noise=None, pushes=None, reset=STILL, commands=STAND, action_delay=0)


def _env(config: VelocityConfig, count: int = 4) -> VectorEnv:
    return VectorEnv(VelocityTask(go1_robot(), config), count, seed=0, num_threads=0)


@pytest.fixture
def standing() -> Iterator[VectorEnv]:
    env = _env(QUIET)
    env.reset()
    for _ in range(50):
        env.step(np.zeros((4, 12), dtype=np.float32))
    yield env
    env.close()


def test_registered_and_shaped() -> None:
    env = make("Go1-Velocity-Flat", num_envs=3, seed=0, num_threads=0)
    obs, _ = env.reset()
    assert {key: value.shape for key, value in obs.items()} == {"policy": (3, 45), "critic": (3, 53)}
    assert (env.num_actions, env.step_dt, env.max_episode_length) == (12, pytest.approx(0.02), 1000)
    obs, reward, *_ = env.step(np.zeros((3, 12), dtype=np.float32))
    assert np.isfinite(obs["policy"]).all()
    assert (reward >= 0).all()
    assert set(env.task.sampled) >= {"friction", "payload", "stiffness_scale"}
    env.close()


def test_unknown_options_are_refused() -> None:
    with pytest.raises(TaskError, match="colour"):
        go1_flat(colour="red")


def test_sensors_weigh_the_robot(standing: VectorEnv) -> None:
    state = standing.task.read(standing.context)
    weight = standing.task.model.body_mass.sum() * 9.81
    np.testing.assert_allclose(state.foot_force.sum(axis=1), weight, rtol=0.02)
    assert not state.leg_force.any()
    assert not state.base_force.any()
    np.testing.assert_allclose(state.foot_position[:, :, 2], go1.FOOT_RADIUS, atol=5e-3)
    assert np.abs(state.foot_velocity).max() < 0.02
    np.testing.assert_allclose(state.gravity[:, 2], -1.0, atol=5e-3)


def test_critic_sees_what_the_actor_sees_and_the_velocity(standing: VectorEnv) -> None:
    standing.context.qvel[:, :3] = (0.3, 0.0, 0.0)
    standing.context.derived.clear()
    values = standing.task.observations(standing.context)
    np.testing.assert_array_equal(values["policy"], values["critic"][:, :45])
    velocity = values["critic"][:, 45:48] / standing.cfg.scales.linear_velocity
    np.testing.assert_allclose(velocity[:, 0], 0.3, atol=0.01)
    assert (values["critic"][:, 49:] == 1.0).all()


def test_standing_as_told_earns_the_tracking_terms(standing: VectorEnv) -> None:
    values = standing.task.reward_values(standing.context)
    np.testing.assert_allclose(values["track_linear_velocity"], 1.0, atol=0.01)
    np.testing.assert_allclose(values["track_yaw_rate"], 1.0, atol=0.01)
    for name in ("air_time", "leg_contact", "joint_limits", "action_rate"):
        assert not values[name].any(), name


def test_rewards_are_weighted_terms_and_never_negative() -> None:
    env = _env(replace(QUIET, rewards=RewardWeights(torque=-10.0)))
    env.reset()
    _, reward, *_ = env.step(np.zeros((4, 12), dtype=np.float32))
    np.testing.assert_allclose(reward, 0.0, atol=1e-6)
    terms = env.task.rewards(env.context)
    np.testing.assert_allclose(terms["torque"], -10.0 * 0.02 * env.task.reward_values(env.context)["torque"])
    np.testing.assert_allclose(np.sum(list(terms.values()), axis=0), 0.0, atol=1e-9)
    env.close()


def test_a_robot_on_its_back_has_fallen(standing: VectorEnv) -> None:
    standing.context.qpos[2, 3:7] = (0.0, 1.0, 0.0, 0.0)
    _, _, terminated, truncated, extras = standing.step(np.zeros((4, 12), dtype=np.float32))
    assert terminated.tolist() == [False, False, True, False]
    assert not truncated.any()
    assert extras["log"]["fall_rate"] == 1.0
    assert standing.episode_length_buf.tolist() == [51, 51, 0, 51]


def test_a_collapsed_robot_touches_with_its_trunk() -> None:
    env = _env(replace(QUIET, episode_s=100.0))
    env.reset()
    folded = np.tile([0.0, 8.0, -6.0], 4).astype(np.float32)
    fell = any(env.step(np.tile(folded, (4, 1)))[2].all() for _ in range(150))
    assert fell
    env.close()


def test_time_limit_truncates() -> None:
    env = _env(replace(QUIET, episode_s=0.06))
    env.reset()
    for expected in (False, False, True):
        _, _, terminated, truncated, _ = env.step(np.zeros((4, 12), dtype=np.float32))
        assert truncated.all() == expected
        assert not terminated.any()
    env.close()


def test_pushes_come_on_time_and_change_the_velocity() -> None:
    env = _env(replace(QUIET, pushes=PushConfig(every_s=(0.1, 0.1), linear=0.5, angular=0.0)))
    env.reset()
    speeds = []
    for _ in range(6):
        before = env.context.qvel[:, :2].copy()
        env.step(np.zeros((4, 12), dtype=np.float32))
        speeds.append(np.abs(env.context.qvel[:, :2] - before).max())
    assert max(speeds[:4]) < 0.06
    assert 0.06 < speeds[4] <= 0.56
    env.close()


def test_delayed_actions_hold_the_previous_target() -> None:
    env = _env(replace(QUIET, action_delay=2))
    env.reset()
    env.context.memory["delay"][:] = [0, 1, 2, 0]
    env.step(np.zeros((4, 12), dtype=np.float32))
    env.step(np.ones((4, 12), dtype=np.float32))
    ctrl = env.task.controls(env.context)
    assert ctrl.shape == (4, 4, 12)
    late = (ctrl[:, :, 0] == go1.DEFAULT_POSE[0]).sum(axis=1)
    assert late.tolist() == [0, 1, 2, 0]
    np.testing.assert_allclose(ctrl[:, -1], np.tile(go1.DEFAULT_POSE + go1.ACTION_SCALE, (4, 1)))
    env.close()


def test_same_seed_same_run() -> None:
    finals = []
    for _ in range(2):
        env = VectorEnv(go1_flat(), 4, seed=7, num_threads=0)
        env.reset(seed=8)
        rng = np.random.default_rng(0)
        for _ in range(20):
            obs, *_ = env.step(rng.normal(size=(4, 12)).astype(np.float32))
        finals.append(obs["policy"].copy())
        env.close()
    np.testing.assert_array_equal(*finals)


def test_the_state_is_read_once_per_step_and_again_after_resets(monkeypatch: pytest.MonkeyPatch) -> None:
    env = make("Go1-Velocity-Flat", num_envs=3, seed=0, num_threads=0, randomization=None, pushes=None)
    env.reset(seed=0)
    read, rows = env.task.read_now, []
    monkeypatch.setattr(env.task, "read_now", lambda context: (rows.append(len(context.ids)), read(context))[1])
    env.step(np.zeros((3, 12), dtype=np.float32))
    assert rows == [3]
    rows.clear()
    env.episode_length_buf[1] = env.max_episode_length - 1
    obs = env.step(np.zeros((3, 12), dtype=np.float32))[0]
    assert rows == [3, 1, 3]  # terminations and rewards, the last observation of world 1, observations after its reset
    gravity = read(env.context).gravity
    np.testing.assert_allclose(obs["critic"][:, 3:6], gravity, atol=1e-6)
    env.close()


def test_the_reward_is_the_weighted_sum_of_the_terms_cut_at_zero() -> None:
    env = make("Go1-Velocity-Flat", num_envs=8, seed=3, num_threads=0)
    env.reset(seed=3)
    for _ in range(5):
        _, reward, *_ = env.step(env.rng.uniform(-2, 2, (8, 12)).astype(np.float32))
    values, weights = env.task.reward_values(env.context), env.cfg.rewards.terms()
    by_hand = np.zeros(8)
    for name, weight in weights.items():
        by_hand += weight * 0.02 * values[name]
    alive = ~env.reset_buf
    np.testing.assert_allclose(reward[alive], np.maximum(by_hand, 0.0)[alive], atol=1e-6)
    env.close()

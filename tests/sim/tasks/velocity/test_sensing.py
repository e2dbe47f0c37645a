"""Bias and delay of what the actor measures: by hand on small arrays, in the task, and recorded."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sim.randomization.ranges import RandomizationError
from sim.tasks.velocity.config import ObservationNoise, PushConfig, ResetConfig, VelocityConfig
from sim.tasks.velocity.robots import go1_robot
from sim.tasks.velocity.sensing import Sensing
from sim.tasks.velocity.task import VelocityTask
from sim.vector import VectorEnv

BIAS = ObservationNoise(angular_velocity=0.4, gravity=0.1, joint_position=0.02, joint_velocity=2.0)
QUIET = VelocityConfig(noise=None, pushes=None)
MEASURED = np.r_[0:6, 9:33]
OWN = np.r_[6:9, 33:45]


def _env(config: VelocityConfig, count: int = 5) -> VectorEnv:
    env = VectorEnv(VelocityTask(go1_robot(), config), count, seed=0, num_threads=0)
    env.reset(seed=0)
    return env


def _step(env: VectorEnv, value: float = 0.0):
    return env.step(np.full((env.num_envs, 12), value, dtype=np.float32))


def test_a_bias_is_an_offset_that_stays_for_the_episode_and_spares_command_and_action() -> None:
    env = _env(replace(QUIET, bias=BIAS))
    offsets = []
    for step in range(5):
        obs, *_ = _step(env, 0.1 * step)
        offsets.append(obs["policy"] - obs["critic"][:, :45])
    np.testing.assert_allclose(offsets[-1], offsets[0], atol=1e-6)
    drawn = env.task.drawn(env.context)["bias"]
    np.testing.assert_allclose(offsets[0], drawn, atol=1e-6)
    assert (drawn[:, OWN] == 0.0).all() and (drawn[:, MEASURED] != 0.0).all()
    scaled = np.array([0.4 * 0.25, 0.1, 0.02, 2.0 * 0.05])
    for columns, width in zip((slice(0, 3), slice(3, 6), slice(9, 21), slice(21, 33)), scaled, strict=True):
        assert 0.4 * width < np.abs(drawn[:, columns]).max() <= width
    before = drawn.copy()
    env.reset_rows(np.array([1]))
    after = env.task.drawn(env.context)["bias"]
    assert not np.array_equal(after[1], before[1]) and np.array_equal(after[0], before[0])
    env.close()


def test_measurements_are_late_by_each_worlds_own_delay() -> None:
    env = _env(replace(QUIET, observation_delay=3))
    env.context.memory["late"][:] = [0, 1, 2, 3, 3]
    truth = [env.task.observations(env.context)["critic"][:, :45].copy()]
    for step in range(8):
        obs, *_ = _step(env, 0.3 * np.sin(step))
        truth.append(obs["critic"][:, :45].copy())
        for world, late in enumerate([0, 1, 2, 3, 3]):
            then = truth[max(len(truth) - 1 - late, 0)]
            np.testing.assert_allclose(obs["policy"][world, MEASURED], then[world, MEASURED], atol=1e-6)
            np.testing.assert_allclose(obs["policy"][world, OWN], truth[-1][world, OWN], atol=1e-6)
    env.close()


def test_after_a_reset_the_past_is_that_of_the_new_episode() -> None:
    env = _env(replace(QUIET, observation_delay=2))
    env.context.memory["late"][:] = 2
    for _ in range(4):
        _step(env, 0.5)
    obs = env.reset_rows(np.array([3]))
    np.testing.assert_allclose(obs["policy"][3, MEASURED], obs["critic"][3, MEASURED], atol=1e-6)
    env.close()


def test_reading_twice_does_not_move_time() -> None:
    sensing = Sensing(replace(QUIET, observation_delay=1), 12)
    memory, rng = sensing.memory(1), np.random.default_rng(0)
    memory["late"][:] = 1
    for number in (1.0, 2.0):
        sensing.advance(memory)
        true = np.full((1, 45), number, dtype=np.float32)
        first, second = sensing.measure(true, memory, rng), sensing.measure(true, memory, rng)
        np.testing.assert_array_equal(first, second)
    assert first[0, 0] == 1.0 and first[0, 7] == 2.0


def test_without_either_nothing_is_kept_and_nothing_is_drawn() -> None:
    sensing, rng = Sensing(QUIET, 12), np.random.default_rng(3)
    memory = sensing.memory(4)
    assert memory == {}
    sensing.reset(memory, np.arange(4), rng)
    sensing.advance(memory)
    true = np.ones((4, 45), dtype=np.float32)
    np.testing.assert_array_equal(sensing.measure(true, memory, rng), true)
    assert rng.random() == np.random.default_rng(3).random()


def test_everything_that_was_drawn_can_be_read() -> None:
    pushes = PushConfig(every_s=(0.02, 0.02), linear=0.5)
    env = _env(replace(QUIET, bias=BIAS, observation_delay=2, pushes=pushes))
    before = env.context.qvel[:, :2].copy()
    _step(env)
    drawn = env.task.drawn(env.context)
    assert set(drawn) == {"action_delay", "observation_delay", "bias", "command", "push"}
    assert all(len(value) == 5 for value in drawn.values())
    speeds = np.linalg.norm(drawn["push"][:, :2], axis=1)
    assert ((speeds > 0.0) & (speeds <= 0.5)).all() and not np.array_equal(env.context.qvel[:, :2], before)
    env.close()


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: ObservationNoise(gravity=-0.1), "ObservationNoise.gravity"),
        (lambda: PushConfig(every_s=(8.0, 4.0)), "PushConfig.every_s"),
        (lambda: PushConfig(linear=float("inf")), "PushConfig.linear"),
        (lambda: ResetConfig(yaw=(1.0, -1.0)), "ResetConfig.yaw"),
        (lambda: ResetConfig(tilt=-0.1), "ResetConfig.tilt"),
        (lambda: VelocityConfig(observation_delay=-1), "observation_delay"),
        (lambda: VelocityConfig(action_delay=5), "action_delay"),
    ],
)
def test_impossible_ranges_are_refused_by_name(make, says: str) -> None:
    with pytest.raises(RandomizationError, match=says):
        make()

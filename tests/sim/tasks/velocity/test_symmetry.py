"""A robot in the mirror sees mirrored observations and earns the same reward: every term at once."""

from __future__ import annotations

import numpy as np
import pytest

from sim.tasks.velocity import mirror
from sim.tasks.velocity.config import PushConfig, VelocityConfig
from sim.tasks.velocity.robots import go1_robot
from sim.tasks.velocity.task import VelocityTask
from sim.vector import VectorEnv


@pytest.fixture(scope="module")
def pair() -> VectorEnv:
    """A few steps of random motion in world 0; world 1 is then made its mirror image."""
    config = VelocityConfig(noise=None, pushes=PushConfig(every_s=(0.1, 0.2)), action_delay=0)
    task = VelocityTask(go1_robot(), config)
    env = VectorEnv(task, 2, seed=3, num_threads=0)
    env.reset()
    rng = np.random.default_rng(0)
    for _ in range(12):
        env.step(rng.normal(size=(2, 12)).astype(np.float32))
    _, joint = task.mirrors()
    context, layout = env.context, task.layout
    polar, axial = mirror.polar(), mirror.axial()
    feet = mirror.joints(task.robot.feet, task.robot.mirrored, ())
    legs = mirror.joints(task.robot.legs, task.robot.mirrored, ())
    qpos, qvel, before = context.qpos, context.qvel, context.previous_qvel
    context.previous_qvel = before = before.copy()
    qpos[1, :3], qpos[1, 7:] = polar(qpos[0, :3]), joint(qpos[0, 7:])
    qpos[1, 3:7] = qpos[0, 3:7] * [1, -1, 1, -1]
    for velocity in (qvel, before):
        velocity[1] = np.concatenate([polar(velocity[0, :3]), axial(velocity[0, 3:6]), joint(velocity[0, 6:])])
    for buffer in (context.actions, context.previous_actions):
        buffer[1] = joint(buffer[0])
    sensors = context.sensordata
    sensors[1, layout.torque] = joint(sensors[0, layout.torque])
    for part in (layout.foot_position, layout.foot_velocity):
        sensors[1, part] = polar(sensors[0, part].reshape(4, 3)[feet.index]).ravel()
    sensors[1, layout.foot_force] = feet(sensors[0, layout.foot_force])
    sensors[1, layout.leg_force] = legs(sensors[0, layout.leg_force])
    sensors[1, layout.base_force] = sensors[0, layout.base_force]
    memory = context.memory
    memory["command"][:] = [[0.5, 0.3, -0.4], [0.5, -0.3, 0.4]]
    for name in ("landed", "swing", "air_time"):
        memory[name][0] = np.random.default_rng(1).uniform(0.0, 0.3, size=4) if name != "landed" else [1, 0, 1, 1]
        memory[name][1] = memory[name][0][feet.index]
    context.derived.clear()
    return env


def test_observations_are_mirrored(pair: VectorEnv) -> None:
    values = pair.task.observations(pair.context)
    groups, _ = pair.task.mirrors()
    for name, value in values.items():
        np.testing.assert_allclose(value[1], groups[name](value[0]), atol=2e-5, err_msg=name)
        assert np.abs(value[1] - value[0]).max() > 0.05


def test_every_reward_term_is_the_same(pair: VectorEnv) -> None:
    values = pair.task.reward_values(pair.context)
    assert set(values) == set(pair.cfg.rewards.terms())
    for name, value in values.items():
        assert value[1] == pytest.approx(value[0], rel=1e-5, abs=1e-7), name


def test_falls_are_the_same(pair: VectorEnv) -> None:
    fallen = pair.task.terminations(pair.context)
    assert fallen[0] == fallen[1]

"""Drives of the velocity tasks: laws by hand, randomised gains kept, delays inside the control step, bad input."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sim.errors import RobotModelError, TaskError
from sim.randomization.model import ModelRandomization
from sim.robots import go1
from sim.tasks.velocity.config import ActuatorConfig, CommandConfig, ResetConfig, VelocityConfig
from sim.tasks.velocity.robots import go1_robot
from sim.tasks.velocity.task import VelocityTask
from sim.vector import VectorEnv, make

STILL = ResetConfig(height_margin=0.0, position=0.0, yaw=(0.0, 0.0), tilt=0.0, joint_offset=0.0, velocity=0.0)
QUIET = VelocityConfig(
    noise=None, pushes=None, reset=STILL, commands=CommandConfig(standing_share=1.0, straight_share=0.0), action_delay=0
)


def linear_net(path: Path, gain: float = 20.0, damping: float = 0.5) -> str:
    """An actuator network that is a PD law of the newest moment: softsign of small numbers, scaled back."""
    small = 1e-4
    first = np.zeros((6, 1))
    first[0, 0], first[3, 0] = gain * small, -damping * small
    np.savez(path, weight_0=first, bias_0=np.zeros(1), weight_1=np.array([[1 / small]]), bias_1=np.zeros(1), history=3)
    return str(path)


def run(config: VelocityConfig, steps: int = 20, randomization: ModelRandomization | None = None) -> VectorEnv:
    env = VectorEnv(VelocityTask(go1_robot(), config, randomization), 3, seed=0, num_threads=0)
    env.reset(seed=0)
    for step in range(steps):
        action = np.full((3, 12), 0.4 * np.sin(0.3 * step), dtype=np.float32)
        env.step(action)
    return env


def test_the_explicit_law_stands_and_moves_like_the_servo() -> None:
    servo, law = run(QUIET), run(replace(QUIET, actuator=ActuatorConfig("pd")))
    assert law.unstable_worlds == 0 and law.task.substep_controls and not servo.task.substep_controls
    np.testing.assert_allclose(law.context.qpos[:, 7:], servo.context.qpos[:, 7:], atol=0.03)
    assert (law.context.qpos[:, 2] > 0.2).all()


def test_torques_are_the_law_of_the_worlds_own_gains_and_reach_the_joints() -> None:
    ranges = ModelRandomization()
    env = run(replace(QUIET, actuator=ActuatorConfig("pd")), steps=3, randomization=ranges)
    gains, drawn = env.task._drives.gains, env.task.drawn(env.context)
    strength = drawn["strength_scale"]
    np.testing.assert_allclose(gains.stiffness, go1.STIFFNESS * strength * drawn["stiffness_scale"], rtol=1e-9)
    np.testing.assert_allclose(gains.damping, go1.DAMPING * strength * drawn["damping_scale"], rtol=1e-9)
    target, position, velocity = np.full((3, 12), 0.1), np.zeros((3, 12)), np.full((3, 12), 2.0)
    expected = np.clip(0.1 * gains.stiffness - 2.0 * gains.damping, -gains.effort_limit, gains.effort_limit)
    memory = {name: value.copy() for name, value in env.context.memory.items()}
    np.testing.assert_allclose(env.task._drives.torque(target, position, velocity, memory), expected)
    sensed = env.context.sensordata[:, env.task.layout.torque]
    np.testing.assert_allclose(sensed, env.context.ctrl, atol=1e-9)  # gain one: the motors give what the law asks


def test_a_dc_motor_gives_nothing_at_its_no_load_speed_and_all_when_it_brakes() -> None:
    env = run(replace(QUIET, actuator=ActuatorConfig("dc_motor")), steps=1)
    drives, limit = env.task._drives, env.task._drives.gains.effort_limit
    speed = np.broadcast_to(go1_robot().velocity_limits, (3, 12))
    far = np.full((3, 12), 100.0)
    torque = [
        drives.torque(far, np.zeros((3, 12)), share * speed, env.context.memory) for share in (0.0, 0.5, 1.0, -0.5)
    ]
    np.testing.assert_allclose(torque[0], limit)
    np.testing.assert_allclose(torque[1], 0.5 * limit)
    np.testing.assert_allclose(torque[2], 0.0, atol=1e-9)
    np.testing.assert_allclose(torque[3], limit)


def test_a_network_that_is_a_pd_law_moves_like_one(tmp_path: Path) -> None:
    net = linear_net(tmp_path / "net.npz", float(go1.STIFFNESS[0]), float(go1.DAMPING[0]))
    learned = run(replace(QUIET, actuator=ActuatorConfig("network", network=net)), steps=8)
    law = run(replace(QUIET, actuator=ActuatorConfig("pd")), steps=8)
    np.testing.assert_allclose(learned.context.qpos[:, 7:], law.context.qpos[:, 7:], atol=0.01)


def test_a_network_sees_its_moments_in_order(tmp_path: Path) -> None:
    weights = np.zeros((6, 1))
    weights[2, 0] = 1.0  # the error of the oldest of three moments
    np.savez(tmp_path / "old.npz", weight_0=weights, bias_0=np.zeros(1), history=3)
    config = replace(QUIET, actuator=ActuatorConfig("network", network=str(tmp_path / "old.npz"), moment_steps=2))
    env = run(config, steps=1)
    memory = {name: np.zeros_like(value) for name, value in env.context.memory.items()}
    nothing = np.zeros((3, 12))
    felt = [float(env.task._drives.torque(np.full((3, 12), k + 1.0), nothing, nothing, memory)[0, 0]) for k in range(7)]
    assert felt == [0.0, 0.0, 0.0, 0.0, 1.0, 2.0, 3.0]  # four physics steps late


def test_with_a_law_a_delayed_action_arrives_inside_the_control_step() -> None:
    config = replace(QUIET, actuator=ActuatorConfig("pd"), action_delay=3)
    env = run(config, steps=1)
    env.context.memory["delay"][:] = [0, 1, 3]
    asked = []
    original = env.task._drives.torque
    env.task._drives.torque = lambda targets, *rest: (asked.append(targets[:, 0].copy()), original(targets, *rest))[1]
    env.step(np.ones((3, 12), dtype=np.float32))
    new = go1.DEFAULT_POSE[0] + go1.ACTION_SCALE
    arrived = np.isclose(np.array(asked), new)
    assert arrived.T.tolist() == [[True] * 4, [False, True, True, True], [False, False, False, True]]


def test_options_reach_the_task_by_name(tmp_path: Path) -> None:
    env = make(
        "Go1-Velocity-Flat", 2, seed=0, num_threads=0, **{"actuator.kind": "dc_motor", "actuator.stall_ratio": 1.2}
    )
    env.reset()
    assert env.step(np.zeros((2, 12), dtype=np.float32))[1].shape == (2,)
    assert env.cfg.actuator == ActuatorConfig("dc_motor", 1.2)
    env.close()
    with pytest.raises(RobotModelError, match=r"none\.npz"):
        make("Go1-Velocity-Flat", 2, actuator=ActuatorConfig("network", network=str(tmp_path / "none.npz")))


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"kind": "steam"}, "steam"),
        ({"kind": "network"}, "network is ''"),
        ({"kind": "pd", "network": "a.npz"}, "no other"),
        ({"kind": "dc_motor", "stall_ratio": 0.5}, "stall_ratio 0.5"),
        ({"kind": "dc_motor", "stall_ratio": float("nan")}, "stall_ratio nan"),
        ({"moment_steps": 0}, "moment_steps 0"),
    ],
)
def test_impossible_actuators_are_refused(wrong: dict[str, object], says: str) -> None:
    with pytest.raises(TaskError, match=says):
        ActuatorConfig(**wrong)

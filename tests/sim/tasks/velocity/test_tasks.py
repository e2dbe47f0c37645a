"""The registered tasks and their options."""

from __future__ import annotations

import numpy as np
import pytest

from sim.errors import TaskError
from sim.randomization.model import ModelRandomization
from sim.tasks.velocity.config import RewardWeights, VelocityConfig
from sim.tasks.velocity.tasks import g1_flat, go1_flat, go1_rough
from sim.vector import make, names


@pytest.mark.parametrize(
    ("name", "actor", "critic", "joints"),
    [
        ("Go1-Velocity-Flat", 45, 53, 12),
        ("Go1-Velocity-Rough", 45, 240, 12),
        ("G1-Velocity-Flat", 96, 102, 29),
        ("G1-Velocity-Rough", 96, 289, 29),
    ],
)
def test_registered_shapes(name: str, actor: int, critic: int, joints: int) -> None:
    assert name in names()
    env = make(name, 2, seed=0, num_threads=0, randomization=None)
    obs, _ = env.reset()
    assert {key: value.shape for key, value in obs.items()} == {"policy": (2, actor), "critic": (2, critic)}
    assert env.num_actions == joints
    assert env.step_dt == pytest.approx(0.02)
    groups, action = env.task.mirrors()
    assert {key: len(mirror.index) for key, mirror in groups.items()} == env.observation_groups
    assert len(action.index) == joints
    # They really move: a second of small random actions, from the registered Gymnasium id's own defaults.
    rng = np.random.default_rng(0)
    before = env.context.qpos.copy()
    for _ in range(25):
        obs, reward, *_ = env.step(rng.uniform(-0.2, 0.2, (2, joints)).astype(np.float32))
        assert np.isfinite(reward).all() and all(np.isfinite(value).all() for value in obs.values())
    assert env.unstable_worlds == 0 and np.abs(env.context.qpos[:, 7:] - before[:, 7:]).max() > 0.02
    env.close()


def test_the_g1_stands_in_its_default_pose() -> None:
    quiet = {"pushes": None, "noise": None, "reset.tilt": 0.0, "reset.joint_offset": 0.0, "reset.velocity": 0.0}
    env = make("G1-Velocity-Flat", 2, seed=0, num_threads=0, randomization=None, **quiet)
    env.reset()
    for _ in range(50):
        _, _, terminated, *_ = env.step(np.zeros((2, 29), dtype=np.float32))
        assert not terminated.any()
    state = env.task.read(env.context)
    assert (state.gravity[:, 2] < -0.95).all() and (state.foot_force > 10.0).all()
    env.close()


def test_fields_and_fields_of_parts_can_be_changed() -> None:
    task = go1_flat(randomization=None, episode_s=5.0, **{"rewards.tracking_sigma": 0.1, "commands.linear_x": (0, 2)})
    assert task.cfg.episode_s == 5.0
    assert task.cfg.rewards.tracking_sigma == 0.1
    assert task.cfg.rewards.torque == RewardWeights().torque
    assert task.cfg.commands.linear_x == (0, 2)
    assert task.max_episode_length == 250


@pytest.mark.parametrize("wrong", ["colour", "rewards.colour", "episode_s.colour", "noise.gyro.x"])
def test_options_that_do_not_exist_are_refused(wrong: str) -> None:
    with pytest.raises(TaskError, match=wrong):
        go1_flat(randomization=None, **{wrong: 1.0})


def test_randomisation_is_on_by_default_and_can_be_switched_off() -> None:
    assert go1_flat().randomization == ModelRandomization()
    assert go1_flat(randomization=None).randomization is None
    assert go1_rough(randomization=None).randomization is None
    payload = g1_flat().randomization
    assert payload is not None
    assert payload.payload == (-1.0, 3.0)


def test_weights_of_zero_are_no_terms() -> None:
    terms = RewardWeights(torque=0.0).terms()
    assert "torque" not in terms
    assert "tracking_sigma" not in terms
    assert "positive" not in terms
    assert terms["tilt"] == RewardWeights().tilt


def test_control_period() -> None:
    assert VelocityConfig(physics_dt=0.002, decimation=10).step_dt == pytest.approx(0.02)

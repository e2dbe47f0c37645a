"""Start states and pushes stay within what was asked for; countdowns count."""

from __future__ import annotations

import numpy as np

from sim.tasks.velocity.config import ResetConfig
from sim.tasks.velocity.events import due, kick, start_states, steps_until
from sim.tasks.velocity.frames import projected_gravity

POSE = np.linspace(-1.0, 1.0, 12)


def test_start_states_are_near_the_default_pose() -> None:
    config = ResetConfig()
    qpos, qvel = start_states(config, POSE, 0.3, 500, np.random.default_rng(0))
    assert np.abs(qpos[:, :2]).max() <= config.position
    assert qpos[:, 2].min() >= 0.3 + config.height_margin
    np.testing.assert_allclose(np.linalg.norm(qpos[:, 3:7], axis=1), 1.0, atol=1e-12)
    assert np.abs(qpos[:, 7:] - POSE).max() <= config.joint_offset
    assert np.abs(qvel[:, :6]).max() <= config.velocity
    assert not qvel[:, 6:].any()
    tilt = np.arccos(-projected_gravity(qpos[:, 3:7])[:, 2])
    assert tilt.max() <= np.sqrt(2) * config.tilt


def test_no_spread_starts_exactly_at_the_default_pose() -> None:
    config = ResetConfig(height_margin=0.0, position=0.0, yaw=(0.0, 0.0), tilt=0.0, joint_offset=0.0, velocity=0.0)
    qpos, qvel = start_states(config, POSE, 0.3, 2, np.random.default_rng(0))
    np.testing.assert_allclose(qpos[1], [0, 0, 0.3, 1, 0, 0, 0, *POSE])
    assert not qvel.any()


def test_kicks_are_horizontal_and_in_every_direction() -> None:
    change = kick(0.5, 0.2, 2000, np.random.default_rng(0))
    speed = np.linalg.norm(change[:, :2], axis=1)
    assert 0.49 < speed.max() <= 0.5
    assert not change[:, 2].any()
    assert np.abs(change[:, 3:]).max() <= 0.2
    np.testing.assert_allclose(change[:, :2].mean(axis=0), 0.0, atol=0.02)


def test_countdown() -> None:
    left = steps_until((0.04, 0.04), 0.02, 3, np.random.default_rng(0))
    assert left.tolist() == [2, 2, 2]
    left[1] = 1
    assert due(left).tolist() == [1]
    left[1] = 5
    assert due(left).tolist() == [0, 2]
    assert steps_until((0.0, 0.0), 0.02, 1, np.random.default_rng(0)).tolist() == [1]

"""The rough task: starts on its tile, relative heights, scan, curriculum."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from sim.robots import go1
from sim.tasks.velocity.config import CommandConfig
from sim.tasks.velocity.tasks import go1_rough
from sim.terrain.grid import TerrainConfig
from sim.vector import VectorEnv

TERRAIN = TerrainConfig(kinds=("flat", "stairs_up", "slope"), levels=3, tile=6.0, border=1.0, start_level=0)
FORWARD = CommandConfig(linear_x=(1.0, 1.0), linear_y=(0, 0), yaw_rate=(0, 0), standing_share=0.0, straight_share=0.0)


@pytest.fixture
def env() -> Iterator[VectorEnv]:
    task = go1_rough(randomization=None, terrain=TERRAIN, commands=FORWARD, pushes=None, noise=None)
    env = VectorEnv(task, 6, seed=0, num_threads=0)
    env.reset()
    yield env
    env.close()


def test_starts_on_the_tile_of_its_column(env: VectorEnv) -> None:
    origins = env.task.terrain.origins[0, np.arange(6) % 3]
    assert np.abs(env.context.qpos[:, :2] - origins[:, :2]).max() <= env.cfg.reset.position
    assert env.context.memory["level"].tolist() == [0] * 6


def test_height_and_scan_are_relative_to_the_ground(env: VectorEnv) -> None:
    env.context.memory["level"][:] = 2
    for _ in range(40):
        obs, *_ = env.step(np.zeros((6, 12), dtype=np.float32))
    state = env.task.read(env.context)
    assert (np.abs(state.height - 0.24) < 0.05).all()
    assert obs["critic"].shape == (6, 53 + 187)
    scan = obs["critic"][0, 53:]
    np.testing.assert_allclose(scan, 5.0 * (env.context.qpos[0, 2] - 0.5), atol=1e-4)
    assert np.ptp(obs["critic"][1, 53:]) == 0.0


def test_curriculum_follows_what_was_walked(env: VectorEnv) -> None:
    memory = env.context.memory
    memory["level"][:] = [1, 1, 1, 2, 0, 1]
    memory["asked"][:] = 10.0
    env.context.qpos[:, :2] = memory["start"]
    env.context.qpos[0, 0] += 3.1
    env.context.qpos[3, 1] += 3.1
    env.task.reset(env.context, np.array([0, 1, 3, 4]))
    assert memory["level"][[0, 1, 4]].tolist() == [2, 0, 0]
    assert memory["level"][[2, 5]].tolist() == [1, 1]
    assert memory["asked"].tolist() == [0, 0, 10, 0, 0, 10]


def test_the_curriculum_moves_when_episodes_end_in_the_simulator() -> None:
    task = go1_rough(randomization=None, terrain=TERRAIN, commands=FORWARD, pushes=None, noise=None, episode_s=0.2)
    env = VectorEnv(task, 6, seed=0, num_threads=0)
    env.reset()
    env.context.memory["level"][:] = 1
    for step in range(10):  # the tenth control step ends every episode by time
        if step == 9:
            env.context.memory["asked"][:] = 5.0
            env.context.memory["start"][:2, 0] -= 3.5  # as if these two had come from there; the others stayed
        _, _, terminated, truncated, extras = env.step(np.zeros((6, 12), dtype=np.float32))
    assert truncated.all() and not terminated.any()
    assert env.context.memory["level"].tolist() == [2, 2, 0, 0, 0, 0]
    assert extras["log"]["terrain_level"] == 1.0
    columns = np.arange(6) % 3
    tiles = task.terrain.origins[env.context.memory["level"], columns, :2]
    assert np.abs(env.context.qpos[:, :2] - tiles).max() <= env.cfg.reset.position
    np.testing.assert_array_equal(task.drawn(env.context)["column"], columns)
    env.close()


def test_the_asked_distance_is_counted(env: VectorEnv) -> None:
    for _ in range(5):
        env.step(np.zeros((6, 12), dtype=np.float32))
    np.testing.assert_allclose(env.context.memory["asked"], 5 * 0.02 * 1.0, atol=1e-6)


def test_mirror_of_the_scan_is_an_involution_that_swaps_sides(env: VectorEnv) -> None:
    groups, _ = env.task.mirrors()
    points = env.task._points
    vector = np.concatenate([np.zeros(53), points[:, 0] + 10.0 * points[:, 1]])
    flipped = groups["critic"](vector)
    np.testing.assert_allclose(flipped[53:], points[:, 0] - 10.0 * points[:, 1], atol=1e-9)
    np.testing.assert_allclose(groups["critic"](flipped), vector)


def test_feet_stand_on_the_height_field(env: VectorEnv) -> None:
    for _ in range(50):
        env.step(np.zeros((6, 12), dtype=np.float32))
    state = env.task.read(env.context)
    ground = env.task.terrain.height_at(state.foot_position[:, :, :2])
    np.testing.assert_allclose(state.foot_position[:, :, 2] - ground, go1.FOOT_RADIUS, atol=0.012)

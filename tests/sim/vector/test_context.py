"""Context: views of the whole batch, copies of selected rows."""

import numpy as np
import pytest

from sim.vector import VectorEnv
from tests.sim.vector.toy import ToyTask

N = 5


@pytest.fixture
def env():
    env = VectorEnv(ToyTask(max_episode_length=0), N, seed=0, num_threads=0)
    env.reset(seed=0)
    env.step(np.linspace(-1, 1, N)[:, None])
    yield env
    env.close()


def test_the_whole_batch_is_seen_without_copies(env):
    c = env.context
    assert np.shares_memory(c.qpos, env.engine.state)
    assert np.shares_memory(c.qvel, env.engine.state)
    assert np.shares_memory(c.sensordata, env.engine.sensordata)
    assert c.episode_length is env.episode_length_buf
    assert c.ids.tolist() == list(range(N))


def test_previous_values_are_those_before_the_step(env):
    before = env.engine.qpos.copy(), env.engine.qvel.copy()
    env.step(np.ones((N, 1)))
    assert np.array_equal(env.context.previous_qpos, before[0])
    assert np.array_equal(env.context.previous_qvel, before[1])
    assert (env.context.qvel > before[1]).all()


def test_selected_rows_are_copies_in_the_given_order(env):
    rows = np.array([3, 0])
    part = env.context.take(rows)
    assert part.ids.tolist() == [3, 0]
    assert np.array_equal(part.qpos, env.engine.qpos[rows])
    assert np.array_equal(part.actions, env.context.actions[rows])
    assert np.array_equal(part.memory["episodes"], env.context.memory["episodes"][rows])
    assert part.sensor_substeps.shape == (2, 2, 4)
    part.qpos[:] = 9.0
    part.memory["episodes"][:] = 9
    assert (env.engine.qpos < 9.0).all()
    assert (env.context.memory["episodes"] < 9).all()


def test_what_belongs_to_the_batch_is_shared_by_the_selection(env):
    part = env.context.take(np.array([1]))
    for name in ("model", "models", "rng", "physics_dt", "step_dt", "max_episode_length", "common_step_counter"):
        assert getattr(part, name) is getattr(env.context, name)
    assert part.xfrc is None


def test_times_and_counters_advance_per_world(env):
    env.reset_rows(np.array([2]))
    env.step(np.zeros((N, 1)))
    np.testing.assert_allclose(env.context.time, [0.04, 0.04, 0.02, 0.04, 0.04])
    assert env.context.episode_length.tolist() == [2, 2, 1, 2, 2]
    assert env.context.common_step_counter == 2


def test_what_a_task_derived_lasts_until_a_state_changes(env):
    derived = env.context.derived
    derived["speed"] = env.engine.qvel.copy()
    assert env.context.take(np.array([1])).derived == {}  # rows of a selection need their own
    env.step(np.zeros((N, 1)))
    assert "speed" not in derived
    derived["speed"] = 1
    env.reset_rows(np.array([2]))
    assert "speed" not in derived

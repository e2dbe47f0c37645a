"""make/register and the Gymnasium ids."""

import subprocess
import sys

import gymnasium
import numpy as np
import pytest

import sim
from sim.errors import TaskError
from sim.tasks.table import BATCHED_TASKS
from sim.vector import BackendError, BatchSizeError, UnknownTaskError, make, names, register, registry
from sim.vector.env import VectorEnv


@pytest.fixture
def toy(monkeypatch):
    monkeypatch.setattr(registry, "_FACTORIES", dict(registry._FACTORIES))
    register("Toy", "tests.sim.vector.toy:make_toy")


def test_overrides_go_to_the_task_and_options_to_the_environment(toy):
    env = make("Toy", 3, seed=1, num_threads=0, gain=2.0)
    assert isinstance(env, VectorEnv)
    assert (env.name, env.cfg["gain"], env.engine.num_threads) == ("Toy", 2.0, 0)
    env.close()


def test_an_unknown_name_lists_the_known_ones(toy):
    with pytest.raises(UnknownTaskError, match=r"no task 'Toi'.*HalfCheetah.*Toy"):
        make("Toi", 1)
    assert "Toy" in names()


@pytest.mark.parametrize("count", [0, -3])
def test_fewer_than_one_world_is_refused(toy, count):
    with pytest.raises(BatchSizeError, match=f"num_envs is {count}"):
        make("Toy", count)


def test_a_cuda_request_is_refused_by_name(toy):
    make("Toy", 1, device="cpu").close()
    with pytest.raises(BackendError, match="device 'cuda:7'"):
        make("Toy", 1, device="cuda:7")


@pytest.mark.parametrize("name", ["Ant", "HalfCheetah", "Panda-Reach"])
def test_an_unknown_option_is_named(name):
    with pytest.raises(TaskError, match="has no option 'colour'"):
        make(name, 1, colour=1)


def test_every_built_in_task_has_a_gymnasium_id():
    sim.register()
    for name in BATCHED_TASKS:
        assert gymnasium.spec(sim.batched_id(name)).vector_entry_point == "sim.vector.gym_vector:make_gym_vector"


def test_make_vec_builds_the_batch():
    sim.register()
    env = gymnasium.make_vec("keel/HalfCheetah-v0", num_envs=3, max_episode_steps=2, ctrl_cost_weight=0.0)
    obs, _ = env.reset(seed=[7, 8, 9])
    assert obs.shape == (3, 17)
    assert env.observation_space.shape == (3, 17)
    assert env.action_space.shape == (3, 6)
    infos = env.step(np.zeros((3, 6), np.float32))[-1]
    assert infos == {}
    obs, _, _, truncated, infos = env.step(np.zeros((3, 6), np.float32))
    assert truncated.all()
    assert infos["_final_obs"].all()
    assert not np.array_equal(infos["final_obs"][1], obs[1])
    kept = obs.copy()
    env.step(np.ones((3, 6), np.float32))
    env.step(np.ones((3, 6), np.float32))
    assert np.array_equal(obs, kept)
    env.close()


def test_the_table_of_names_loads_no_mujoco():
    code = "import sys, sim.tasks.table; print('mujoco' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "False"

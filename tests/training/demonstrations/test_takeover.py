import numpy as np
import pytest

from policy_nodes.errors import ConfigError
from training.contracts.registry import task_contract
from training.demonstrations import takeover
from training.demonstrations.rollout import demonstrate
from training.demonstrations.takeover import drive, driver

TASK = "panda_pick_place"


@pytest.fixture
def world():
    return task_contract(TASK).make_world()


def test_the_policy_drives_to_a_random_instant_and_leaves_the_world_there(bundle_path, world):
    contract = task_contract(TASK)
    ends = []
    for seed in range(3):
        assert drive(bundle_path, contract, world, seed)  # twenty training steps do not solve the task
        ends.append(float(world.data.time))
    assert len(set(ends)) == 3 and max(ends) < contract.episode_s
    assert drive(bundle_path, contract, world, 2) and world.data.time == ends[2]


def test_only_the_experts_part_is_recorded_and_it_solves_the_task_from_there(bundle_path, world):
    recorded = demonstrate(TASK, seed=1, noise=0.0, policy=bundle_path)
    drive(bundle_path, task_contract(TASK), world, 1)
    np.testing.assert_allclose(recorded.frames["observation.state"][0], world.joint_state()[0], atol=1e-6)
    alone = demonstrate(TASK, seed=1, noise=0.0)
    assert recorded.success and len(recorded.frames["action"]) == len(recorded.frames["observation.state"])
    assert not np.allclose(recorded.frames["observation.state"][0], alone.frames["observation.state"][0], atol=0.01)


@pytest.mark.parametrize(("outcome", "left"), [("success", False), ("failed", False), ("stopped", True)])
def test_nothing_is_recorded_where_nothing_is_left_to_do(bundle_path, monkeypatch, outcome, left):
    class Loop:
        def __init__(self, bundle, world):
            self.world = world

        def run(self, seed, seconds):
            self.world.reset(seed)
            return type("Episode", (), {"outcome": outcome})

    takeover._loop.cache_clear()
    monkeypatch.setattr(takeover, "ClosedLoop", Loop)
    recorded = demonstrate(TASK, seed=4, noise=0.0, policy=bundle_path)
    takeover._loop.cache_clear()
    assert bool(recorded.frames) == left and recorded.success == left


def test_a_bundle_of_another_task_is_refused(bundle_path):
    with pytest.raises(ConfigError, match="does task 'panda_pick_place', not 'pusht'"):
        driver(bundle_path, "pusht")

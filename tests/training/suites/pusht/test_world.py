import numpy as np
import pytest

from training.suites.errors import SuiteError
from training.suites.pusht.planner import place
from training.suites.pusht.world import METRES, PushTWorld

pytest.importorskip("gym_pusht")


@pytest.fixture(scope="module")
def world():
    return PushTWorld()


def test_a_seed_is_gym_pushts_own_start(world):
    world.reset(7)
    observation, _ = type(world.environment)(obs_type="state").reset(seed=7)
    np.testing.assert_allclose(world.joint_state()[0], METRES * observation[:2])
    np.testing.assert_allclose(world.object_poses()["block"][:2], METRES * observation[2:4])


def test_the_pusher_goes_where_it_is_told(world):
    world.reset(1)
    place(world.environment, np.array([100.0, 100.0]), np.array([400.0, 400.0]), 0.0)
    for _ in range(20):
        world.step([0.2, 0.05])
    np.testing.assert_allclose(world.joint_state()[0], [0.2, 0.05], atol=2e-3)
    np.testing.assert_allclose(world.joint_state()[1], 0.0, atol=0.02)


def test_commands_are_kept_on_the_table_and_must_be_numbers(world):
    world.reset(1)
    place(world.environment, np.array([100.0, 100.0]), np.array([400.0, 400.0]), 0.0)
    for _ in range(40):
        world.step([-1.0, 0.1])
    assert 0.0 < world.joint_state()[0][0] < 0.03
    for command in (np.zeros(3), [np.nan, 0.0]):
        with pytest.raises(SuiteError, match="not two finite numbers"):
            world.step(command)


def test_success_is_the_block_on_the_goal(world):
    world.reset(1)
    goal = np.array(world.environment.goal_pose, float)
    place(world.environment, np.array([40.0, 40.0]), goal[:2], goal[2])
    world.step([0.04, 0.04])
    assert world.success() and world.coverage > 0.99 and not world.failed()
    block, wanted = world.object_poses()["block"], world.object_poses()["goal"]
    np.testing.assert_allclose(block, wanted, atol=1e-3)
    np.testing.assert_allclose(2 * np.arctan2(wanted[5], wanted[6]), np.pi / 4)
    world.reset(2)
    assert not world.success()

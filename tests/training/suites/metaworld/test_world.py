import numpy as np
import pytest

from training.suites.errors import SuiteError
from training.suites.metaworld.catalogue import MT3
from training.suites.metaworld.world import GRIPPER_RANGE, REACH, TASK_ID_TOPIC, MetaWorldWorld

pytest.importorskip("metaworld")


@pytest.fixture(scope="module")
def world():
    return MetaWorldWorld(MT3)


def test_the_seed_chooses_task_and_placement_and_repeats_both(world):
    goals = []
    for seed in range(6):
        world.reset(seed)
        assert world.name == MT3[seed % 3]
        goals.append(world.object_poses()["goal"])
    assert np.abs(goals[0] - goals[3]).max() > 0.01
    world.reset(0)
    np.testing.assert_array_equal(world.object_poses()["goal"], goals[0])


def test_the_goal_is_visible(world):
    """MetaWorld's ML1 hides it; its experts then fail."""
    world.reset(0)
    assert np.linalg.norm(world.object_poses()["goal"][:3]) > 0.1


def test_a_command_is_the_position_the_hand_goes_to(world):
    world.reset(0)
    start = world.hand_target()
    target = start + np.array([0.03, -0.02, 0.01])
    for _ in range(60):
        world.step(np.append(target, 0.0))
    np.testing.assert_allclose(world.hand_target(), target, atol=1e-9)
    np.testing.assert_allclose(world.joint_state()[0][:3], target, atol=0.01)


def test_one_step_moves_the_target_as_far_as_metaworld_allows(world):
    world.reset(0)
    start = world.hand_target()
    world.step(np.append(start + np.array([1.0, -1.0, 0.004]), 0.0))
    np.testing.assert_allclose(world.hand_target() - start, [REACH, -REACH, 0.004], atol=1e-7)


def test_it_is_metaworlds_own_step(world):
    """The same motion as the package's action gives, to the last digit that float32 keeps."""
    rng = np.random.default_rng(0)
    actions = rng.uniform(-1, 1, (20, 4)).astype(np.float32)
    world.reset(0)
    for action in actions:
        world.step(np.append(world.hand_target() + REACH * action[:3], GRIPPER_RANGE * action[3]))
    ours = world.observation
    world.reset(0)
    for action in actions:
        theirs, *_ = world.environment.step(action)
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_the_gripper_closes_with_larger_targets(world):
    world.reset(0)
    positions = []
    for target in (-GRIPPER_RANGE, GRIPPER_RANGE):
        for _ in range(40):
            world.step(np.append(world.hand_target(), target))
        positions.append(world.joint_state()[0][3])
    assert positions[1] > positions[0] + 0.01


def test_velocity_is_the_change_of_position(world):
    world.reset(0)
    before = world.joint_state()[0]
    world.step(before + np.array([0.01, 0, 0, 0]))
    position, velocity, effort = world.joint_state()
    np.testing.assert_allclose(velocity[:3], (position - before)[:3] / world.control_dt)
    assert effort.tolist() == [0.0] * 4


def test_episodes_may_outlast_metaworlds_own_limit(world):
    world.reset(0)
    for _ in range(510):
        world.step(world.joint_state()[0])


def test_task_identity_is_one_hot_in_the_order_of_the_set(world):
    world.reset(1)
    assert world.vectors()[TASK_ID_TOPIC].tolist() == [0.0, 1.0, 0.0]


@pytest.mark.parametrize("command", [np.zeros(3), np.full(4, np.nan)])
def test_commands_that_are_no_positions_are_refused(world, command):
    with pytest.raises(SuiteError, match="not four finite numbers"):
        world.step(command)

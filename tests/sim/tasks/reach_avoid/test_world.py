import numpy as np
import pytest

from sim.errors import CommandError
from sim.robots import panda
from sim.tasks.reach_avoid.simulated_robot import SimulatedReachAvoid
from sim.tasks.reach_avoid.world import ReachAvoidWorld


@pytest.fixture(scope="module")
def world():
    return ReachAvoidWorld(seed=0)


def test_seeds_repeat_and_starts_are_clear(world):
    seen = []
    for seed in (1, 2, 1):
        world.reset(seed)
        assert world.clearance() > 0.05 and not world.success() and not world.failed()
        seen.append(np.concatenate(list(world.object_poses().values())))
    assert np.array_equal(seen[0], seen[2]) and not np.array_equal(seen[0], seen[1])


def test_the_arm_holds_home_and_follows_a_target(world):
    world.reset(0)
    world.advance(panda.HOME, 0.5)
    np.testing.assert_allclose(world.joint_state()[0], panda.HOME, atol=2e-3)
    target = panda.HOME.copy()
    target[0] += 0.2
    world.advance(target, 1.0)
    np.testing.assert_allclose(world.joint_state()[0], target, atol=0.01)


def test_success_and_failure_are_distances(world):
    world.reset(3)
    tool = world.tool_position()
    world._place(tool + np.array([0.0, 0.0, 0.049]), np.array([2.0, 0.0, 0.0]))
    assert world.success() and not world.failed()
    world._place(tool + np.array([0.0, 0.0, 0.051]), tool + np.array([0.149, 0.0, 0.0]))
    assert not world.success() and world.failed()
    assert world.clearance() <= 0.149 - 0.15 + 1e-9


@pytest.mark.parametrize("command", [np.zeros(7), np.full(8, np.nan)])
def test_bad_commands(world, command):
    with pytest.raises(CommandError, match="8 finite"):
        world.advance(command, 0.02)


def test_the_robot_displaces_and_restores_the_sphere():
    robot = SimulatedReachAvoid(seed=4)
    before = robot.object_poses()
    assert robot.restore_object() == "the sphere was not displaced"
    assert "onto the goal" in robot.displace_object()
    moved = robot.object_poses()
    np.testing.assert_array_equal(moved["sphere"][:3], before["goal"][:3])
    robot.restore_object()
    np.testing.assert_array_equal(robot.object_poses()["sphere"], before["sphere"])
    robot.advance(panda.HOME, 0.1)
    assert robot.episode_time == pytest.approx(0.1)
    robot.new_episode(9)
    assert robot.episode_time == 0.0 and robot.frame_id == "panda_link0"

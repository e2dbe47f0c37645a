import numpy as np
import pytest

from sim.tasks.pick_place.simulated_robot import SimulatedPanda


@pytest.fixture(scope="module")
def robot():
    return SimulatedPanda(seed=3)


def hold(robot, seconds=0.1):
    command = robot.joint_state()[0].copy()
    for _ in range(round(seconds / 0.01)):
        robot.advance(command, 0.01)


def test_a_new_episode_moves_the_objects_and_not_the_robot(robot):
    hold(robot)
    before, poses = robot.joint_state()[0].copy(), robot.object_poses()
    robot.new_episode(seed=11)
    np.testing.assert_allclose(robot.joint_state()[0], before)
    assert np.linalg.norm(robot.object_poses()["cube"][:2] - poses["cube"][:2]) > 0.01
    assert robot.episode_time == 0.0
    hold(robot)
    assert robot.episode_time == pytest.approx(0.1)


def test_a_displaced_cube_is_outside_the_training_region_and_within_reach(robot):
    for seed in range(5):
        robot.new_episode(seed=seed)
        assert "outside the training region" in robot.displace_object()
        x, y = robot.object_poses()["cube"][:2]
        config = robot.world.config
        assert config.reachable_region.contains((x, y))
        assert not config.training_region.contains((x, y))


def test_a_displaced_cube_can_be_put_back_once(robot):
    robot.new_episode(seed=21)
    before = robot.object_poses()["cube"]
    robot.displace_object()
    hold(robot)
    assert "put back" in robot.restore_object()
    np.testing.assert_allclose(robot.object_poses()["cube"][:3], before[:3], atol=1e-6)
    assert robot.restore_object() == "the cube was not displaced"

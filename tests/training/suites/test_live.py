import numpy as np
import pytest

from policy_nodes.nodes.simulators import load_simulator
from training.suites.errors import SuiteError
from training.suites.live import SuiteRobot

pytest.importorskip("metaworld")


@pytest.fixture(scope="module")
def robot():
    return load_simulator("training.suites.live:metaworld_reach_v3", seed=3)


def test_found_by_name_as_the_node_finds_it(robot):
    assert isinstance(robot, SuiteRobot) and robot.frame_id == "base"
    assert robot.joint_names == ("hand_x", "hand_y", "hand_z", "gripper")
    assert set(robot.object_poses()) == {"object_1", "object_2", "goal"}


def test_a_seeded_episode_starts_where_the_world_starts_it(robot):
    robot.new_episode(5)
    first = robot.object_poses()["goal"]
    robot.new_episode(6)
    assert not np.array_equal(robot.object_poses()["goal"], first) and robot.episode_time == 0.0
    robot.new_episode(5)
    np.testing.assert_array_equal(robot.object_poses()["goal"], first)


def test_a_hundred_hertz_driver_steps_an_eighty_hertz_world_eight_times_in_ten(robot, monkeypatch):
    robot.new_episode(0)
    steps = []
    monkeypatch.setattr(robot._world, "step", steps.append)
    for _ in range(100):
        robot.advance(robot.joint_state()[0], 0.01)
    assert len(steps) == 80 and robot.episode_time == pytest.approx(1.0)


def test_nothing_to_displace_and_not_done_at_once(robot):
    robot.new_episode(0)
    assert "no displacement" in robot.displace_object() and "no displacement" in robot.restore_object()
    assert not robot.success() and not robot.failed()


def test_sets_and_unknown_names_are_refused():
    with pytest.raises(SuiteError, match="a set of 3 tasks"):
        SuiteRobot("metaworld/mt3")
    import training.suites.live as live

    with pytest.raises(AttributeError, match="no task 'panda'"):
        live.panda  # noqa: B018

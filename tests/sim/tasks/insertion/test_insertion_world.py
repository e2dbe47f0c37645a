import gymnasium
import numpy as np
import pytest

import sim
from sim.errors import TaskError
from sim.tasks.insertion.config import InsertionConfig
from sim.tasks.insertion.simulated_robot import SimulatedInsertion
from sim.tasks.insertion.world import FORCE_TOPIC, InsertionWorld

WEIGHT = 0.1 * 9.81


@pytest.fixture(scope="module")
def world():
    return InsertionWorld()


def hold(world, seconds):
    command = world.joint_state()[0]
    for _ in range(round(seconds / world.control_dt)):
        world.step(command)


def place(world, height, side=0.0, turn=0.0):
    """The peg's lower end at a height over the socket's foot, ``side`` metres beside its axis."""
    socket = world.object_poses()["socket"]
    yaw = 2.0 * np.arctan2(socket[5], socket[6])
    across = np.array([np.cos(yaw), np.sin(yaw)])
    position = np.append(socket[:2] + side * across, height + world.rest_height)
    world.displace_cube(position, yaw + turn)


def test_peg_and_socket_stand_apart_in_the_region(world):
    for seed in range(20):
        world.reset(seed)
        poses = world.object_poses()
        assert set(poses) == {"peg", "socket"}
        assert np.hypot(*(poses["peg"][:2] - poses["socket"][:2])) >= 0.15
        assert poses["peg"][2] == pytest.approx(0.045) and world.inserted_depth() == 0.0
        assert not world.success() and not world.failed()


def test_the_hole_takes_the_peg_and_only_turned_right(world):
    world.reset(1)
    place(world, 0.045)
    hold(world, 0.4)
    assert world.tip()[2] == pytest.approx(0.0, abs=1e-3)  # fell to the table through the hole
    assert world.inserted_depth() == pytest.approx(0.04, abs=1e-3)
    for side, turn in ((0.004, 0.0), (0.0, 0.2)):
        world.reset(1)
        place(world, 0.045, side, turn)
        hold(world, 0.2)
        assert world.tip()[2] > 0.035, (side, turn)  # rests on the rim


def test_misalignment_is_the_way_and_the_turn_that_are_left(world):
    world.reset(2)
    place(world, 0.06, side=0.01, turn=0.1)
    way, turn = world.misalignment()
    assert np.hypot(*way) == pytest.approx(0.01, abs=1e-6)
    assert turn == pytest.approx(-0.1, abs=1e-6)
    place(world, 0.06, turn=0.1 + np.pi / 2)  # a square peg
    assert world.misalignment()[1] == pytest.approx(-0.1, abs=1e-6)


def test_nothing_touched_is_no_force_and_a_held_peg_is_its_weight(world):
    world.reset(0)
    assert not world.contact_wrench().any()
    command = world.joint_state()[0]
    for _ in range(30):  # the fingers close on a peg that is kept between them
        world.displace_cube(world.tool_pose()[:3] - np.array([0.0, 0.0, 0.02]), 0.0)
        command[7] = max(command[7] - 0.002, 0.0)
        world.step(command)
    for _ in range(50):
        world.step(command)
    assert world.tip()[2] > 0.2
    np.testing.assert_allclose(world.contact_force(), (0.0, 0.0, -WEIGHT), atol=0.1)
    # 2 cm under the tool, straight below: the weight has next to no lever.
    np.testing.assert_allclose(world.wrenches()[FORCE_TOPIC][3:], 0.0, atol=0.05)


def test_pressing_too_hard_and_a_fallen_peg_end_the_episode(world):
    world.reset(0)
    world.peak_force = world.insertion.force_limit + 1.0
    assert world.failed()
    world.new_episode(1)
    assert world.peak_force == 0.0 and not world.failed()
    start = world._cube_qpos
    world.data.qpos[start + 3 : start + 7] = (np.sqrt(0.5), np.sqrt(0.5), 0.0, 0.0)
    assert world.failed()


def test_an_inserted_peg_counts_once_the_gripper_has_left_it(world):
    world.reset(3)
    place(world, 0.0)
    hold(world, 0.1)
    assert world.success()  # the arm is at home, open
    place(world, 0.015)
    assert not world.success()


def test_impossible_settings_are_refused():
    with pytest.raises(TaskError, match="grasp_height"):
        InsertionConfig(grasp_height=0.05)
    for bad in ({"inserted": 0.05}, {"clearance": 0.0}, {"force_limit": 0.0}):
        with pytest.raises(TaskError, match="inserted"):
            InsertionConfig(**bad)


def test_it_is_a_gymnasium_environment_that_feels():
    sim.register()
    env = gymnasium.make("keel/PandaInsertion-v0")
    observation, _ = env.reset(seed=1)
    assert env.observation_space.contains(observation)
    assert {name: value.shape for name, value in observation.items() if name in ("peg", "socket", "force")} == {
        "peg": (7,), "socket": (7,), "force": (3,),
    }  # fmt: skip
    env.close()


def test_as_a_robot_it_publishes_the_wrench():
    robot = SimulatedInsertion(seed=2)
    assert list(robot.wrenches()) == [FORCE_TOPIC] and not robot.wrenches()[FORCE_TOPIC].any()
    assert "peg moved" in robot.displace_object() and "peg put back" in robot.restore_object()

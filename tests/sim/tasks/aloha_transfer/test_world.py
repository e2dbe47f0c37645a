"""The two-arm table: placement, success and failure by hand, bad input, the expert, and the other ways in."""

import gymnasium
import numpy as np
import pytest

import sim
from sim.errors import CommandError, TaskError
from sim.robots import aloha
from sim.tasks.aloha_transfer.config import TransferConfig
from sim.tasks.aloha_transfer.expert import TransferExpert
from sim.tasks.aloha_transfer.simulated_robot import SimulatedAloha
from sim.tasks.aloha_transfer.strategy import Phase
from sim.tasks.aloha_transfer.world import TransferWorld
from sim.tasks.pick_place.config import CubeConfig, Region


@pytest.fixture(scope="module")
def world():
    return TransferWorld()


def test_cubes_lie_in_the_training_region_turned_at_random_and_seeds_repeat(world):
    places = []
    for seed in range(20):
        world.reset(seed)
        cube = world.object_poses()["cube"]
        places.append(cube)
        assert world.config.training_region.contains(cube[:2]) and cube[2] == pytest.approx(world.rest_height)
        assert not world.success() and not world.failed()
    assert np.ptp([2 * np.arctan2(p[5], p[6]) for p in places]) > 1.0
    world.reset(3)
    np.testing.assert_array_equal(world.object_poses()["cube"], places[3])


def test_the_joints_are_the_commanded_ones_in_order(world):
    world.reset(0)
    command = aloha.HOME.copy()
    command[[0, 6, 12, 13]] += [0.1, -0.02, -0.2, -0.01]
    for _ in range(75):
        world.step(command)
    position, _, effort = world.joint_state()
    np.testing.assert_allclose(position, command, atol=0.02)
    assert position.shape == effort.shape == (14,)
    assert world.time == pytest.approx(1.5)


@pytest.mark.parametrize("command", [np.zeros(8), np.full(14, np.nan)])
def test_commands_that_are_none_are_refused(world, command):
    before = world.time
    with pytest.raises(CommandError, match="14 finite numbers") as caught:
        world.step(command)
    assert "left_waist" in caught.value.fix and world.time == before


def test_a_cube_off_the_table_or_out_of_the_right_arms_reach_has_failed(world):
    world.reset(0)
    for place in ((0.45, 0.0, world.rest_height), (-0.3, 0.0, world.rest_height), (0.1, 0.0, -0.2)):
        world.displace_cube(place, 0.0)
        assert world.failed(), place
    world.displace_cube((-0.3, 0.0, 0.3), 0.0)  # held by the left arm over there is no failure
    assert not world.failed()
    with pytest.raises(CommandError, match="moved"):
        world.displace_cube((0.0, np.nan, 0.1), 0.0)


@pytest.mark.parametrize("seed", [1, 2])
def test_the_expert_hands_the_cube_over_under_noise(world, seed):
    expert, seen = TransferExpert(noise=0.006), []
    world.reset(seed)
    expert.reset(world, seed=seed)
    while not expert.done and world.time < 10.0:
        label = expert.act(world)
        seen += [p for p in [tuple(a.phase for a in expert.aims.values())] if p not in seen]
        world.step(expert.perturb(label))
    assert expert.done and world.success()
    assert world.touching("left") == 2 and world.touching("right") == 0
    for phase in ((Phase.WAIT, Phase.GRASP), (Phase.GRASP, Phase.OFFER), (Phase.HOLD, Phase.RELEASE)):
        assert phase in seen


def test_holding_is_not_enough_while_the_right_gripper_is_near(world):
    expert = TransferExpert()
    world.reset(5)
    expert.reset(world, seed=5)
    while expert.aims.get("right") is None or expert.aims["right"].phase is not Phase.RELEASE:
        world.step(expert.act(world))
        assert world.time < 10.0
    assert world.touching("left") == 2 and not world.success()


def test_sizes_that_no_gripper_holds_are_refused():
    with pytest.raises(TaskError, match="half_size"):
        TransferConfig(cube=CubeConfig(0.03))
    with pytest.raises(TaskError, match="lifted"):
        TransferConfig(lifted=0.01)
    nowhere = Region(x=(0.4, 0.41), y=(0.0, 0.01), reach=(0.3, 0.5), base=aloha.BASES["right"][:2])
    with pytest.raises(TaskError, match="training region"):
        TransferWorld(TransferConfig(training_region=nowhere))


def test_it_is_a_gymnasium_environment_with_its_own_configuration():
    sim.register()
    env = gymnasium.make("keel/AlohaTransfer-v0", config=TransferConfig(cube_yaw=(0.0, 0.0)))
    observation, _ = env.reset(seed=1)
    assert env.observation_space.contains(observation) and env.action_space.shape == (14,)
    np.testing.assert_allclose(observation["cube"][3:], [0, 0, 0, 1])
    assert observation["left_tool"][0] < observation["right_tool"][0]
    _, reward, terminated, truncated, info = env.step(aloha.HOME)
    assert (reward, terminated, truncated, info) == (0.0, False, False, {"success": False})
    env.close()


def test_as_a_robot_it_runs_on_and_its_cube_can_be_displaced_and_put_back():
    robot = SimulatedAloha(seed=2)
    robot.advance(robot.joint_state()[0], 0.1)
    arm, cube = robot.joint_state()[0], robot.object_poses()["cube"]
    robot.new_episode(5)
    assert robot.episode_time == 0.0 and np.array_equal(robot.joint_state()[0], arm)
    assert not np.array_equal(robot.object_poses()["cube"], cube)
    assert "cube moved" in robot.displace_object() and "cube put back" in robot.restore_object()
    assert robot.joint_names == aloha.JOINT_NAMES and robot.frame_id == "world"
    assert not robot.success() and not robot.failed()

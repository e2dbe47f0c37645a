import mujoco
import numpy as np
import pytest

from sim.errors import CommandError, TaskError, UnstableSimulationError
from sim.robots import panda
from sim.tasks.pick_place.config import PickPlaceConfig
from sim.tasks.pick_place.geometry import cube_yaw
from sim.tasks.pick_place.world import PickPlaceWorld


def run(world, command, ticks):
    for _ in range(ticks):
        world.step(command)


def everything(world):
    return np.concatenate([world.data.qpos, world.data.qvel, *world.object_poses().values(), [world.time]])


def test_the_joint_order_is_that_of_the_names(world):
    assert world.joint_names == panda.JOINT_NAMES
    position, velocity, effort = world.joint_state()
    assert position.shape == velocity.shape == effort.shape == (8,)
    for index, name in enumerate(world.joint_names):
        assert position[index] == world.data.joint(name).qpos[0]
    target = panda.HOME + np.array([0.05, -0.05, 0.04, -0.04, 0.03, 0.06, -0.03, -0.02])
    run(world, target, 60)
    np.testing.assert_allclose(world.joint_state()[0], target, atol=1e-3)


def test_one_seed_gives_one_history_and_another_seed_another(world):
    def history(seed):
        world.reset(seed)
        run(world, panda.HOME, 5)
        first = everything(world)
        world.new_episode()
        return np.concatenate([first, everything(world)])

    np.testing.assert_array_equal(history(7), history(7))
    assert not np.array_equal(history(7), history(8))


def test_two_worlds_of_one_seed_agree(world):
    twin = PickPlaceWorld(seed=11)
    world.reset(11)
    run(world, panda.HOME, 3)
    run(twin, panda.HOME, 3)
    np.testing.assert_array_equal(everything(world), everything(twin))


def test_placement_respects_the_regions(world):
    config = world.config
    for seed in range(50):
        world.reset(seed)
        poses = world.object_poses()
        cube, goal = poses["cube"], poses["goal"]
        assert config.training_region.contains(cube[:2]) and config.training_region.contains(goal[:2])
        assert np.hypot(*(cube[:2] - goal[:2])) >= config.min_goal_distance
        assert cube[2] == pytest.approx(config.cube.half_size) and goal[2] == 0.0
        np.testing.assert_allclose(world.joint_state()[0][:7], panda.HOME[:7], atol=0.05 + 1e-9)


def test_an_impossible_placement_is_refused():
    with pytest.raises(TaskError, match=r"2\.0 m apart"):
        PickPlaceWorld(PickPlaceConfig(min_goal_distance=2.0))


def test_new_episode_moves_only_cube_and_goal(world):
    run(world, panda.HOME, 5)
    before, time = world.joint_state()[0], world.time
    poses = world.object_poses()
    world.new_episode(99)
    np.testing.assert_array_equal(world.joint_state()[0], before)
    assert world.time == time
    assert not np.allclose(world.object_poses()["cube"][:2], poses["cube"][:2])
    assert not np.allclose(world.object_poses()["goal"][:2], poses["goal"][:2])


def test_a_control_step_is_20_ms_and_advance_takes_any_whole_number_of_physics_steps(world):
    world.step(panda.HOME)
    assert world.time == pytest.approx(0.02)
    world.advance(panda.HOME, 0.006)
    assert world.time == pytest.approx(0.026)
    for seconds in (0.003, 0.0, -0.002):
        with pytest.raises(CommandError, match="whole number"):
            world.advance(panda.HOME, seconds)


def test_ten_short_advances_are_one_step(world):
    target = panda.HOME + 0.01
    world.step(target)
    whole = everything(world)
    world.reset(0)
    for _ in range(10):
        world.advance(target, 0.002)
    np.testing.assert_allclose(everything(world), whole, atol=1e-12)


@pytest.mark.parametrize("command", [np.zeros(7), np.full(8, np.nan), np.full(8, np.inf), np.zeros((1, 8))])
def test_a_bad_command_is_refused_and_changes_nothing(world, command):
    before = everything(world)
    with pytest.raises(CommandError, match="8 finite numbers"):
        world.step(command)
    np.testing.assert_array_equal(everything(world), before)


def test_the_gripper_command_is_the_finger_position_and_closing_on_nothing_reaches_zero(world):
    command = panda.HOME.copy()
    for finger in (0.04, 0.01, 0.0, 0.03):
        command[7] = finger
        run(world, command, 40)
        assert world.joint_state()[0][7] == pytest.approx(finger, abs=1e-3)
        assert world.data.joint(panda.MIMIC_FINGER).qpos[0] == pytest.approx(finger, abs=1e-3)


def test_poses_are_in_the_base_frame_with_xyzw_quaternions(world):
    world.displace_cube((0.5, 0.1, 0.0225), 0.4)
    pose = world.object_poses()["cube"]
    np.testing.assert_allclose(pose, [0.5, 0.1, 0.0225, 0, 0, np.sin(0.2), np.cos(0.2)], atol=1e-12)
    assert cube_yaw(pose[3:]) == pytest.approx(0.4)
    tool = world.tool_pose()
    site = world.data.site(panda.TOOL_SITE)
    np.testing.assert_array_equal(tool[:3], site.xpos)
    rotation = np.empty(9)
    mujoco.mju_quat2Mat(rotation, tool[[6, 3, 4, 5]])
    np.testing.assert_allclose(rotation, site.xmat, atol=1e-9)


def test_a_displaced_cube_rests_and_a_pushed_cube_slides_and_stops(world):
    world.displace_cube((0.45, -0.4, 0.0225), 0.3)
    run(world, panda.HOME, 10)
    rest = world.object_poses()["cube"]
    np.testing.assert_allclose(rest[:2], [0.45, -0.4], atol=1e-3)
    world.push_cube((0.6, 0.0))
    run(world, panda.HOME, 25)
    moved = world.object_poses()["cube"]
    # v^2 / (2 mu g) = 18 mm for friction 1; the direction is that of the push.
    assert moved[0] - rest[0] == pytest.approx(0.6**2 / (2 * 9.81), rel=0.3)
    assert abs(moved[1] - rest[1]) < 0.004
    assert np.linalg.norm(world.cube_velocity()) < 1e-2
    with pytest.raises(CommandError):
        world.displace_cube((0.4, np.nan, 0.02), 0.0)
    with pytest.raises(CommandError):
        world.push_cube((1.0, 2.0, 3.0))


def test_success_asks_for_place_rest_open_gripper_and_retreat(world):
    goal = world.object_poses()["goal"][:2]
    on_goal = (*goal, world.config.cube.half_size)
    run(world, panda.HOME, 20)
    assert not world.success()
    world.displace_cube(on_goal, 0.2)
    assert world.success()
    world.push_cube((0.2, 0.0))
    assert not world.success()
    world.displace_cube((goal[0] + 0.021, goal[1], on_goal[2]), 0.0)
    assert not world.success()
    world.displace_cube((*goal, on_goal[2] + 0.02), 0.0)
    assert not world.success()
    closed = panda.HOME.copy()
    closed[7] = 0.0
    world.displace_cube(on_goal, 0.0)
    run(world, closed, 30)
    assert not world.success()
    run(world, panda.HOME, 30)
    assert world.success()
    tool = world.tool_pose()[:3]
    world.set_goal(tool[:2])
    world.displace_cube((*tool[:2], world.config.cube.half_size), 0.0)
    assert world.success()
    world.data.site_xpos[world.model.site(panda.TOOL_SITE).id, 2] = 0.09
    assert not world.success()


@pytest.mark.parametrize(
    ("position", "lost"),
    [
        ((0.5, 0.0, 0.0225), False), ((0.45, 0.45, 0.0225), False), ((0.5, 0.0, -0.3), True),
        ((0.7, 0.4, 0.0225), True), ((0.15, 0.1, 0.0225), True),
    ],
)  # fmt: skip
def test_a_cube_off_the_table_or_out_of_reach_is_a_failure(world, position, lost):
    world.displace_cube(position, 0.0)
    assert world.failed() is lost


@pytest.mark.parametrize("poison", [np.nan, 1e12])
def test_diverging_physics_raises_with_time_and_cause_and_reset_heals(world, poison):
    run(world, panda.HOME, 3)
    world.data.joint("panda_joint3").qvel[0] = poison
    with pytest.raises(UnstableSimulationError, match="panda_joint3") as caught:
        world.step(panda.HOME)
    assert caught.value.time == pytest.approx(0.08)
    assert "velocity" in caught.value.cause
    world.reset(0)
    run(world, panda.HOME, 3)
    assert np.all(np.isfinite(everything(world)))


def test_a_cube_that_blows_up_is_named_too(world):
    world.data.joint("cube").qpos[0] = np.inf
    with pytest.raises(UnstableSimulationError, match="'cube'"):
        world.step(panda.HOME)


def test_a_cube_is_never_placed_under_a_low_tool(world):
    command = panda.HOME.copy()
    command[:7] = [0.0, 0.35, 0.0, -2.2, 0.0, 2.55, np.pi / 4]
    run(world, command, 60)
    tool = world.tool_pose()
    assert tool[2] < 0.15 and world.config.training_region.contains(tool[:2])
    for seed in range(100):
        world.new_episode(seed)
        assert np.hypot(*(world.object_poses()["cube"][:2] - tool[:2])) >= 0.08

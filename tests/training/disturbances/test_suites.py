"""What the causes and harms of the four tasks do to their real worlds."""

import numpy as np
import pytest

from policy_nodes.errors import ConfigError
from sim.robots import panda as robot
from sim.tasks.pick_place.world import PickPlaceWorld
from training.contracts.registry import task_contract
from training.disturbances.cell import DisturbedCell
from training.disturbances.registry import disturbances

TASKS = ("panda_pick_place", "metaworld/pick-place-v3", "metaworld/drawer-open-v3", "pusht")


@pytest.fixture(scope="module", params=TASKS)
def task(request):
    return task_contract(request.param).make_world(), disturbances(request.param)


def cause_of(suite, name):
    return next(cause for cause in suite.make_causes() if cause.name == name)


def disturbed(world, suite, name, seed=0):
    cell = DisturbedCell(world, cause_of(suite, name))
    cell.reset(seed)
    return cell


def test_every_task_has_seven_causes_or_more_that_leave_its_world_usable(task):
    world, suite = task
    causes = suite.make_causes()
    assert len({cause.name for cause in causes}) == len(causes) >= 7
    assert not {"none", ""} & {cause.name for cause in causes}
    for cause in causes:
        cell = DisturbedCell(world, cause)
        cell.reset(5)
        for k in range(3):
            cell.step(world.joint_state()[0])
            cell.after(cause.onset + 0.01 * k)
        assert all(np.isfinite(pose).all() for pose in cell.object_poses().values()), cause.name
        cell.close()


def test_a_fresh_world_shows_no_harm(task):
    world, suite = task
    harm = suite.make_harm(world)
    for seed in range(3):
        world.reset(seed)
        world.step(world.joint_state()[0])
        assert harm(world) == ""


def test_unknown_tasks_are_named():
    with pytest.raises(ConfigError, match="metaworld/reach-v3") as caught:
        disturbances("metaworld/reach-v3")
    assert "pusht" in caught.value.fix


@pytest.fixture(scope="module")
def cell():
    return PickPlaceWorld(), disturbances("panda_pick_place")


@pytest.mark.parametrize("seed", range(5))
def test_the_cube_goes_outside_the_training_region(cell, seed):
    world, suite = cell
    found = disturbed(world, suite, "cube displaced", seed)
    found.after(found.cause.onset)
    x, y = world.object_poses()["cube"][:2]
    inside = world.config.training_region
    beyond = max(inside.x[0] - x, x - inside.x[1], inside.y[0] - y, y - inside.y[1])
    assert beyond > 0.12 and world.config.reachable_region.contains((x, y))


def test_the_goal_moves_outside(cell):
    world, suite = cell
    found = disturbed(world, suite, "goal moved late")
    found.after(found.cause.onset)
    goal = world.object_poses()["goal"][:2]
    assert world.config.reachable_region.contains(goal) and not world.config.training_region.contains(goal)


def test_friction_returns_when_the_cell_is_closed(cell):
    world, suite = cell
    before = world.model.geom_friction.copy(), world.model.geom_priority.copy()
    found = disturbed(world, suite, "slippery cube")
    changed = np.flatnonzero((world.model.geom_friction != before[0]).any(axis=1))
    assert len(changed) == 1 and 0.02 <= world.model.geom_friction[changed[0], 0] / before[0][changed[0], 0] <= 0.08
    found.close()
    np.testing.assert_array_equal(world.model.geom_friction, before[0])
    np.testing.assert_array_equal(world.model.geom_priority, before[1])


def test_harms_of_the_cell(cell):
    world, suite = cell
    harm = suite.make_harm(world)
    world.reset(0)
    world.displace_cube((0.5, 0.0, 0.3), 0.0)
    seen = []
    for _ in range(15):  # 0.3 s: it falls 0.28 m
        world.step(robot.HOME)
        seen.append(harm(world))
    assert seen[0] == "" and "drop" in seen
    world.displace_cube((0.95, 0.0, 0.0225), 0.0)
    assert harm(world) == "object out of reach"
    world.reset(0)
    down = robot.HOME.copy()
    down[1], down[3] = 1.3, -1.2  # the arm leans onto the table
    seen = []
    for _ in range(80):
        world.step(down)
        seen.append(harm(world))
    assert "collision" in seen


def test_the_jammed_drawer_keeps_its_friction_for_the_episode_only():
    world, suite = task_contract(TASKS[2]).make_world(), disturbances(TASKS[2])
    found = disturbed(world, suite, "jammed drawer")
    dof = int(world.model.joint("goal_slidey").dofadr[0])
    assert world.model.dof_frictionloss[dof] >= 20.0
    found.close()
    assert world.model.dof_frictionloss[dof] < 20.0


def test_a_displaced_drawer_takes_its_goal_along():
    world, suite = task_contract(TASKS[2]).make_world(), disturbances(TASKS[2])
    found = disturbed(world, suite, "drawer displaced")
    gap = world.environment._target_pos - world.model.body("drawer").pos
    found.after(found.cause.onset)
    assert abs(world.model.body("drawer").pos[0]) >= 0.2
    np.testing.assert_allclose(world.environment._target_pos - world.model.body("drawer").pos, gap)


def test_harms_of_push_t():
    world, suite = task_contract("pusht").make_world(), disturbances("pusht")
    harm = suite.make_harm(world)
    found = disturbed(world, suite, "block displaced", 1)
    found.after(found.cause.onset)
    corner = np.array(world.environment.block.local_to_world(world.environment.block.center_of_gravity))
    assert (np.minimum(corner, 512 - corner) < 90).all() and harm(world) == ""
    world.environment.block.position = (20.0, 250.0)
    assert harm(world) in ("object out of reach", "force")
    world.reset(0)
    for _ in range(12):  # the pusher is sent through the wall
        world.step([0.0, 0.256])
    world.environment._last_action = np.array([-300.0, 256.0])
    assert harm(world) == "force"


def test_a_knocked_block_turns_about_its_centre_of_gravity():
    world, suite = task_contract("pusht").make_world(), disturbances("pusht")
    found = disturbed(world, suite, "block knocked late", 2)
    block = world.environment.block
    centre, angle = np.array(block.local_to_world(block.center_of_gravity)), block.angle
    found.after(found.cause.onset)
    np.testing.assert_allclose(block.local_to_world(block.center_of_gravity), centre, atol=1e-6)
    assert np.pi / 3 <= abs(block.angle - angle) <= np.pi

import numpy as np
import pytest

from sim.tasks.pick_place.config import PickPlaceConfig
from sim.tasks.pick_place.expert import PickPlaceExpert
from sim.tasks.pick_place.strategy import Phase
from sim.tasks.pick_place.world import PickPlaceWorld


@pytest.fixture(scope="module")
def expert():
    return PickPlaceExpert()


def run_until(world, expert, condition, limit=20.0):
    """Steps until the condition on the phase holds or the expert is done; returns the phases seen."""
    phases = []
    while not expert.done and world.time < limit:
        command = expert.act(world)
        phases.append(expert.intent.phase)
        world.step(command)
        if condition(expert.intent.phase):
            return phases
    return phases


def never(phase):
    return False


@pytest.mark.parametrize(
    ("when", "position", "yaw"),
    [
        (0.6, (0.45, -0.40, 0.0225), 1.0),
        (1.3, (0.58, 0.35, 0.0225), -2.5),
        (1.5, (0.38, -0.30, 0.0225), 0.4),
    ],
)
def test_a_cube_displaced_out_of_the_training_region_is_fetched(world, expert, when, position, yaw):
    assert not world.config.training_region.contains(position[:2])
    assert world.config.reachable_region.contains(position[:2])
    world.reset(3)
    expert.reset(world)
    run_until(world, expert, lambda phase: world.time >= when)
    world.displace_cube(position, yaw)
    run_until(world, expert, never)
    assert expert.done and world.success()


def test_a_cube_taken_out_of_the_hand_is_fetched_again(world, expert):
    world.reset(4)
    expert.reset(world)
    run_until(world, expert, lambda phase: phase is Phase.CARRY and world.object_poses()["cube"][2] > 0.08)
    world.displace_cube((0.42, 0.0, 0.0225), 0.1)
    phases = run_until(world, expert, never)
    assert expert.done and Phase.APPROACH in phases and Phase.GRASP in phases


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_dropped_cube_is_picked_up_again(world, expert, seed):
    world.reset(seed)
    expert.reset(world)
    run_until(world, expert, lambda phase: phase is Phase.CARRY and world.object_poses()["cube"][2] > 0.09)
    for _ in range(15):  # something forces the gripper open in mid-air
        command = expert.act(world)
        command[7] = 0.04
        world.step(command)
    assert world.object_poses()["cube"][2] < 0.06
    phases = run_until(world, expert, never)
    assert expert.done and world.success() and Phase.APPROACH in phases


def test_a_placed_cube_that_is_pushed_away_is_placed_again(world, expert):
    world.reset(6)
    expert.reset(world)
    run_until(world, expert, lambda phase: phase is Phase.RETREAT and world.tool_pose()[2] > 0.25)
    cube = world.object_poses()["cube"]
    world.displace_cube((cube[0] + 0.05, cube[1], cube[2]), 0.0)
    assert not world.success()
    run_until(world, expert, never)
    assert expert.done and world.success()


def test_a_missed_grasp_is_retried(world, expert):
    """The cube vanishes from between the fingers while they close: they close on nothing, open, rise, and try again."""
    world.reset(7)
    expert.reset(world)
    run_until(world, expert, lambda phase: phase is Phase.GRASP)
    where = world.object_poses()["cube"]
    world.displace_cube((0.5, 0.4, 0.0225), 0.0)
    closed = expert.act(world).copy()
    closed[7] = 0.0
    for _ in range(20):
        world.step(closed)
    world.displace_cube(where[:3] + np.array([0.0, 0.035, 0.0]), 0.0)
    phases = run_until(world, expert, never)
    assert Phase.REOPEN in phases and expert.done


def test_an_empty_closed_gripper_around_the_cube_pose_latches_a_retry(world, expert):
    """A pose estimate with the cube inside the closed fingers cannot hold the expert in the grasp for ever."""
    world.reset(8)
    expert.reset(world)
    run_until(world, expert, lambda phase: phase is Phase.GRASP)
    geom = world.model.geom("cube").id
    contype, conaffinity = world.model.geom_contype[geom], world.model.geom_conaffinity[geom]
    hold = world.model.body_gravcomp[world.model.body("cube").id]
    try:
        world.model.geom_contype[geom] = world.model.geom_conaffinity[geom] = 0
        world.model.body_gravcomp[world.model.body("cube").id] = 1.0
        phases = run_until(world, expert, lambda phase: phase is Phase.REOPEN, limit=4.0)
        assert phases[-1] is Phase.REOPEN
    finally:
        world.model.geom_contype[geom], world.model.geom_conaffinity[geom] = contype, conaffinity
        world.model.body_gravcomp[world.model.body("cube").id] = hold
    run_until(world, expert, never)
    assert expert.done


def test_a_lost_cube_is_neither_chased_nor_done(world, expert):
    world.reset(1)
    expert.reset(world)
    world.displace_cube((1.5, 0.0, -0.5), 0.0)
    run_until(world, expert, never, limit=3.0)
    assert world.failed() and not expert.done and expert.intent.phase is Phase.WAIT
    assert world.tool_pose()[2] > 0.4


def test_any_yaw_anywhere_in_reach(expert):
    base = PickPlaceConfig()
    wide = PickPlaceWorld(PickPlaceConfig(training_region=base.reachable_region, cube_yaw=(-np.pi, np.pi)))
    for seed in range(6):
        wide.reset(seed)
        expert.reset(wide)
        run_until(wide, expert, never, limit=12.0)
        assert expert.done, f"seed {seed}"

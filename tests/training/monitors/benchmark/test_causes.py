import numpy as np
import pytest

from sim.robots import panda
from sim.tasks.pick_place.world import PickPlaceWorld
from training.monitors.benchmark.causes import (
    Cause,
    CubeDisplaced,
    DisturbedCell,
    GoalMovedLate,
    ObservationDelay,
    SlipperyCube,
    TrackerBias,
    WeakActuator,
    all_causes,
)

SEEDS = range(5)


@pytest.fixture(scope="module")
def world():
    return PickPlaceWorld()


def cell_with(world, cause, seed=0):
    cell = DisturbedCell(world, cause)
    cell.reset(seed)
    return cell


def test_nothing_changes_nothing(world):
    cell = cell_with(world, Cause())
    cell.step(panda.HOME)
    np.testing.assert_array_equal(cell.object_poses()["cube"], world.object_poses()["cube"])
    np.testing.assert_array_equal(cell.joint_state()[0], world.joint_state()[0])
    assert not cell.success() and not cell.failed()


@pytest.mark.parametrize("seed", SEEDS)
def test_cube_goes_outside_the_training_region_once(world, seed):
    cell = cell_with(world, CubeDisplaced(), seed)
    inside = world.config.training_region
    before = world.object_poses()["cube"]
    cell.after(cell.cause.onset - 0.02)
    np.testing.assert_array_equal(world.object_poses()["cube"], before)
    cell.after(cell.cause.onset)
    x, y = world.object_poses()["cube"][:2]
    beyond = max(inside.x[0] - x, x - inside.x[1], inside.y[0] - y, y - inside.y[1])
    assert beyond > 0.12 and world.config.reachable_region.contains((x, y))
    world.displace_cube(before[:3], 0.0)
    cell.after(cell.cause.onset + 1.0)
    np.testing.assert_allclose(world.object_poses()["cube"][:3], before[:3])


@pytest.mark.parametrize("seed", SEEDS)
def test_the_tracker_lies_by_one_to_three_centimetres_and_success_does_not(world, seed):
    cell = cell_with(world, TrackerBias(), seed)
    gap = cell.object_poses()["cube"] - world.object_poses()["cube"]
    assert 0.01 <= np.hypot(*gap[:2]) <= 0.03 and (gap[2:] == 0).all()
    np.testing.assert_array_equal(cell.object_poses()["goal"], world.object_poses()["goal"])


def test_a_weak_actuator_lags_by_hand(world):
    cell = cell_with(world, WeakActuator())
    cause, step = cell.cause, np.zeros(8)
    np.testing.assert_array_equal(cause.command(step), step)
    cause.advance(world, cause.onset)
    first, second = cause.command(step + 1.0), cause.command(step + 1.0)
    share = cause._share
    assert 0.02 / 0.8 <= share <= 0.02 / 0.2 and first[7] == 1.0
    np.testing.assert_allclose(first[:7], share)
    np.testing.assert_allclose(second[:7], 1 - (1 - share) ** 2)


def test_observations_are_late_by_a_fixed_number_of_ticks(world):
    cell = cell_with(world, ObservationDelay())
    ticks = cell.cause._queue.maxlen - 1
    assert 5 <= ticks <= 15
    truth = [world.joint_state()[0]]
    for k in range(1, 2 * ticks):
        cell.step(panda.HOME + np.array([0.01 * k, *[0.0] * 7]))
        truth.append(world.joint_state()[0])
        np.testing.assert_array_equal(cell.joint_state()[0], truth[max(0, k - ticks)])


def test_the_goal_moves_outside_once(world):
    cell = cell_with(world, GoalMovedLate())
    cell.after(cell.cause.onset)
    goal = world.object_poses()["goal"][:2]
    assert world.config.reachable_region.contains(goal) and not world.config.training_region.contains(goal)


def test_friction_returns_when_the_cell_is_closed(world):
    before = world.model.geom_friction.copy(), world.model.geom_priority.copy()
    cell = cell_with(world, SlipperyCube())
    changed = np.flatnonzero((world.model.geom_friction != before[0]).any(axis=1))
    assert len(changed) == 1 and 0.02 <= world.model.geom_friction[changed[0], 0] / before[0][changed[0], 0] <= 0.08
    cell.close()
    np.testing.assert_array_equal(world.model.geom_friction, before[0])
    np.testing.assert_array_equal(world.model.geom_priority, before[1])


def test_causes_are_seeded_and_distinct(world):
    assert len({cause.name for cause in all_causes()}) == 6
    for first, second in zip(all_causes(), all_causes(), strict=True):
        onsets = []
        for cause in (first, second):
            cell_with(world, cause, 3).close()
            onsets.append(cause.onset)
        assert onsets[0] == onsets[1] >= 0

import numpy as np
import pytest

from tests.training.disturbances.toy import ToyWorld
from training.disturbances.cause import (
    Cause,
    Condition,
    Distractor,
    Event,
    ObservationDelay,
    TrackerBias,
    WeakActuator,
)
from training.disturbances.cell import DisturbedCell

SEEDS = range(5)


def cell_with(cause, seed=0):
    cell = DisturbedCell(ToyWorld(), cause)
    cell.reset(seed)
    return cell


def test_nothing_changes_nothing():
    cell = cell_with(Cause())
    cell.step([0.3, 0.4])
    assert cell.joint_state()[0].tolist() == [0.3, 0.4]
    assert cell.object_poses()["thing"][:3].tolist() == [1.0, 2.0, 0.5]
    assert not cell.success() and not cell.failed() and cell.vectors() == {}
    cell.step([3.0, 0.0])
    assert cell.success()
    cell.world.object[2] = -1.0
    assert cell.failed()


@pytest.mark.parametrize("seed", SEEDS)
def test_an_event_happens_once_at_its_time(seed):
    def draw(world, rng):
        shift = rng.uniform(0.1, 0.2)

        def act():
            world.object[0] += shift

        return act

    cell = cell_with(Event("pushed", (0.3, 1.2), draw), seed)
    assert 0.3 <= cell.cause.onset <= 1.2 and cell.cause.name == "pushed"
    cell.after(cell.cause.onset - 0.01)
    assert cell.world.object[0] == 1.0
    for later in (0.0, 0.1, 5.0):
        cell.after(cell.cause.onset + later)
    assert 1.1 <= cell.world.object[0] <= 1.2


def test_a_condition_holds_from_the_start_and_is_undone_by_the_next_reset_or_close():
    def draw(world, rng):
        before, world.friction = world.friction, world.friction * 0.1
        return lambda: setattr(world, "friction", before)

    cell = cell_with(Condition("ice", draw))
    assert cell.cause.onset == 0.0 and cell.world.friction == 0.1
    cell.reset(1)
    assert cell.world.friction == 0.1  # undone once, drawn once: not 0.01
    cell.close()
    cell.close()
    assert cell.world.friction == 1.0


@pytest.mark.parametrize("seed", SEEDS)
def test_the_tracker_lies_by_its_range_about_the_named_objects_only(seed):
    cell = cell_with(TrackerBias(["thing"], (0.01, 0.03)), seed)
    poses, truth = cell.object_poses(), cell.world.object_poses()
    gap = poses["thing"] - truth["thing"]
    assert 0.01 <= np.hypot(*gap[:2]) <= 0.03 and (gap[2:] == 0).all()
    np.testing.assert_array_equal(poses["goal"], truth["goal"])


def test_a_distractor_takes_the_place_of_the_object_from_its_onset_on():
    cell = cell_with(Distractor("thing", (0.5, 0.6), lambda world, rng: np.array([7.0, 8.0, 9.0])))
    cell.after(0.4)
    cell.step([0.0, 0.0])
    assert cell.object_poses()["thing"][:3].tolist() == [1.0, 2.0, 0.5]
    cell.after(0.6)
    cell.step([0.0, 0.0])
    assert cell.object_poses()["thing"].tolist() == [7.0, 8.0, 9.0, 0.0, 0.0, 0.0, 1.0]
    assert cell.world.object.tolist() == [1.0, 2.0, 0.5]  # the world is not touched


def test_a_weak_actuator_lags_by_hand():
    cause = WeakActuator(1, lag=(0.2, 0.8), onset=(0.3, 0.4))
    cell = cell_with(cause)
    zero = np.zeros(2)
    np.testing.assert_array_equal(cause.command(zero), zero)
    cell.after(cause.onset)
    first, second = cause.command(zero + 1.0), cause.command(zero + 1.0)
    share = cause._share
    assert 0.1 / 0.8 <= share <= 0.1 / 0.2
    np.testing.assert_allclose(first, [share, 1.0])  # the second joint is sound
    np.testing.assert_allclose(second, [1 - (1 - share) ** 2, 1.0])


def test_observations_stand_still_and_follow_late_by_a_fixed_number_of_periods():
    cell = cell_with(ObservationDelay((0.3, 0.5)))
    ticks = cell.cause.ticks
    assert 3 <= ticks <= 5
    truth = []
    for k in range(4):  # before enabling nothing is late
        cell.step([k, 0.0])
        truth.append(k)
        assert cell.joint_state()[0][0] == k
    for k in range(4, 20):
        cell.after(0.1 * (k - 3))
        cell.step([k, 0.0])
        assert cell.joint_state()[0][0] == max(3, k - ticks)


def test_a_delay_that_begins_later_leaves_the_time_before_alone():
    cell = cell_with(ObservationDelay((0.2, 0.2), onset=(1.0, 1.0)))
    cell.after(0.5)
    cell.step([5.0, 0.0])
    assert cell.joint_state()[0][0] == 5.0 and cell.cause.onset == 1.0


def test_causes_are_seeded():
    for make in (lambda: WeakActuator(1), lambda: ObservationDelay(onset=(0.0, 2.0))):
        onsets = [cell_with(make(), 3).cause.onset for _ in range(2)] + [cell_with(make(), 4).cause.onset]
        assert onsets[0] == onsets[1] != onsets[2]

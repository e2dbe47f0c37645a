import numpy as np
import pytest

from policy_nodes.errors import ConfigError
from tests.training.disturbances.toy import ToyWorld
from training.disturbances.cause import Cause, Condition, Distractor, Event, ObservationDelay, TrackerBias, WeakActuator
from training.disturbances.cell import DisturbedCell
from training.disturbances.harm import HarmWatch, falls
from training.disturbances.registry import disturbances


def test_tasks_without_causes_are_refused_with_those_that_have_some():
    with pytest.raises(ConfigError, match="'toys/corridors'") as refused:
        disturbances("toys/corridors")
    assert "pusht" in refused.value.fix and "panda_pick_place" in refused.value.fix


CAUSES = [
    lambda: Event("falls", (0.2, 0.4), lambda world, rng: lambda: world.object.__setitem__(2, 0.0)),
    lambda: Condition("slippery", lambda world, rng: lambda: None),
    lambda: TrackerBias(["thing"]),
    lambda: Distractor("thing", (0.2, 0.4), lambda world, rng: rng.uniform(-1, 1, 3)),
    lambda: WeakActuator(1),
    lambda: ObservationDelay(onset=(0.2, 0.4)),
]


def episode(cause, seed, ticks=12):
    cell = DisturbedCell(ToyWorld(), cause)
    cell.reset(seed)
    rows = []
    for tick in range(1, ticks):
        cell.step([tick * 1.0, -tick * 1.0])
        cell.after(0.1 * tick)
        rows.append([*cell.joint_state()[0], *cell.object_poses()["thing"], *cell.world.position])
    cell.close()
    return np.array(rows), cause.onset


@pytest.mark.parametrize("make", CAUSES)
def test_a_cause_is_reused_without_a_trace_of_the_last_episode(make):
    """The same object in episodes 1, 2, 1: the first and the last are equal, whatever it kept in between."""
    cause = make()
    first, other, again = episode(cause, 1), episode(cause, 2), episode(cause, 1)
    np.testing.assert_array_equal(first[0], again[0])
    assert first[1] == again[1]
    fresh = episode(make(), 2)
    np.testing.assert_array_equal(other[0], fresh[0])


@pytest.mark.parametrize("make", CAUSES)
def test_before_its_onset_a_cause_changes_nothing(make):
    cause = make()
    disturbed, onset = episode(cause, 3)
    plain, _ = episode(Cause(), 3)
    calm = [row for row, tick in enumerate(range(1, 12)) if 0.1 * tick < onset - 1e-9]
    np.testing.assert_array_equal(disturbed[calm], plain[calm])
    if not isinstance(cause, Condition):  # this one does nothing observable
        assert np.abs(disturbed - plain).max() > 1e-6


def test_late_observations_are_old_ones_even_if_the_world_reuses_its_arrays():
    """A world that hands out its own memory would rewrite the past: what is queued must be the past."""
    world = ToyWorld()
    cell = DisturbedCell(world, ObservationDelay((0.3, 0.3)))
    cell.reset(0)
    cell.after(0.0)
    seen = []
    for tick in range(1, 8):
        cell.step([float(tick), 0.0])
        seen.append(float(cell.joint_state()[0][0]))
    assert seen == [0.0, 0.0, 0.0, 1.0, 2.0, 3.0, 4.0]


def test_a_second_reset_undoes_the_first_ones_condition_and_close_twice_is_harmless():
    def halve(world, rng):
        before = world.friction
        world.friction *= 0.5
        return lambda: setattr(world, "friction", before)

    world = ToyWorld()
    cell = DisturbedCell(world, Condition("slippery", halve))
    for _ in range(3):
        cell.reset(1)
        assert world.friction == 0.5
    cell.close()
    cell.close()
    assert world.friction == 1.0


def test_the_watch_looks_no_further_after_the_first_harm():
    asked = []
    watch = HarmWatch(lambda world: asked.append(world) or ("drop" if world > 1 else ""))
    for world, time in ((0, 0.1), (2, 0.2), (5, 0.3)):
        watch.look(world, time)
    assert (watch.what, watch.at, asked) == ("drop", 0.2, [0, 2])
    watch.reset()
    assert watch.what == "" and np.isnan(watch.at)


@pytest.mark.parametrize(
    ("height", "velocity", "fall"),
    [(0.10, -0.71, True), (0.10, -0.69, False), (0.029, -2.0, False), (0.031, -2.0, True), (0.5, 1.0, False)],
)
def test_a_fall_is_fast_and_off_the_support(height, velocity, fall):
    assert falls(height, 0.02, velocity) is fall

"""Promises that every task's world makes: state that is read is a copy, and seeds repeat."""

import numpy as np
import pytest

from training.suites.pusht.world import PushTWorld
from training.suites.toys.world import PlanarWorld

MAKERS = [PushTWorld, lambda: PlanarWorld("corridors"), lambda: PlanarWorld("targets"), lambda: PlanarWorld("goals")]


@pytest.fixture(scope="module", params=range(len(MAKERS)))
def world(request):
    return MAKERS[request.param]()


def snapshot(world):
    return [*world.joint_state(), *world.object_poses().values()]


def test_what_was_read_does_not_change_with_the_world(world):
    """An observation that is kept, to be delivered late, must stay what it was."""
    world.reset(3)
    kept = snapshot(world)
    values = [array.copy() for array in kept]
    for _ in range(3):
        world.step(world.joint_state()[0] + 0.04)
    world.reset(4)
    for array, value in zip(kept, values, strict=True):
        np.testing.assert_array_equal(array, value)
    before = snapshot(world)
    for array in snapshot(world):
        array += 1.0  # nor does the world change with what was read
    for array, value in zip(snapshot(world), before, strict=True):
        np.testing.assert_array_equal(array, value)


def test_equal_seeds_give_equal_episodes_and_others_do_not(world):
    def episode(seed):
        world.reset(seed)
        rows = [np.concatenate(snapshot(world))]
        for _ in range(3):
            world.step(world.joint_state()[0] + np.array([0.02, -0.03]))
            rows.append(np.concatenate(snapshot(world)))
        return np.array(rows)

    first = episode(5)
    np.testing.assert_array_equal(episode(5), first)
    assert np.abs(episode(6) - first).max() > 1e-3


def test_a_new_episode_has_not_succeeded_yet(world):
    for seed in range(5):
        world.reset(seed)
        assert not world.success() and not world.failed()


def test_quaternions_are_unit_and_turn_about_z(world):
    for pose in world.object_poses().values():
        assert pose.shape == (7,) and pose[2:5].tolist() == [0.0, 0.0, 0.0]
        assert np.linalg.norm(pose[3:]) == pytest.approx(1.0)

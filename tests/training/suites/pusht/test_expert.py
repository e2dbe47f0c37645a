import numpy as np
import pytest

from training.suites.pusht.expert import PushTExpert, _meets
from training.suites.pusht.planner import CORNERS
from training.suites.pusht.world import PushTWorld

pytest.importorskip("gym_pusht")


def test_it_covers_the_goal():
    world, expert = PushTWorld(), PushTExpert()
    world.reset(0)
    expert.reset(world, seed=0)
    for _ in range(300):
        command = expert.act(world)
        if expert.done:
            break
        world.step(expert.perturb(command))
    assert expert.done and world.coverage > 0.95


def test_the_way_round_is_taken_only_where_the_block_is_in_the_way():
    corners = CORNERS + 200.0
    assert _meets(np.array([100.0, 215.0]), np.array([300.0, 215.0]), corners)
    assert not _meets(np.array([100.0, 100.0]), np.array([300.0, 100.0]), corners)


def test_noise_moves_the_travelling_pusher_only():
    world, expert = PushTWorld(), PushTExpert(noise=0.01)
    world.reset(0)
    expert.reset(world, seed=0)
    command = expert.act(world)
    moved = [np.abs(expert.perturb(command) - command).max() for _ in range(20)]
    assert max(moved) > 1e-3
    expert._pushed = 1
    np.testing.assert_array_equal(expert.perturb(command), command)

import numpy as np
import pytest

from sim.tasks.insertion.expert import InsertionExpert
from sim.tasks.insertion.world import InsertionWorld
from sim.tasks.pick_place.strategy import Phase

ORDER = [Phase.APPROACH, Phase.GRASP, Phase.CARRY, Phase.RELEASE, Phase.RETREAT]


@pytest.fixture(scope="module")
def world():
    return InsertionWorld()


@pytest.mark.parametrize("seed", range(2))
def test_it_inserts_gently_in_one_go(world, seed):
    expert, phases = InsertionExpert(), []
    world.reset(seed)
    expert.reset(world, seed=seed)
    while not expert.done and world.time < 8.0:
        command = expert.act(world)
        phases += [expert.intent.phase] if phases[-1:] != [expert.intent.phase] else []
        world.step(command)
    assert expert.done and world.success() and phases == ORDER
    assert world.peak_force < 0.5 * world.insertion.force_limit


def test_a_peg_beside_the_hole_is_raised_and_one_over_it_lowered_unless_it_presses(world, monkeypatch):
    expert = InsertionExpert()
    world.reset(0)
    expert.reset(world)
    view = expert._view(world, 0.015)
    force = np.zeros(3)
    monkeypatch.setattr(world, "contact_force", lambda: force)

    def vertical(tip_height, side):
        monkeypatch.setattr(world, "tip", lambda: np.array([0.5, 0.0, tip_height]))
        monkeypatch.setattr(world, "misalignment", lambda: (np.array([side, 0.0]), 0.0))
        return float(expert._insert(world, view).linear[2])

    free = vertical(0.045, 0.0)
    assert -0.05 <= free < -0.01
    assert vertical(0.035, 0.006) > 0.0  # below the rim, but not in the hole
    assert vertical(0.1, 0.1) < 0.0 and vertical(0.045, 0.1) > 0.0  # far away it travels above the rim
    force[2] = 20.0
    assert vertical(0.039, 0.0) == 0.0

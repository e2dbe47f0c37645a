import numpy as np
import pytest
import torch

from training.contracts.registry import task_contract
from training.demonstrations.rollout import demonstrate
from training.simulation import read_features
from training.suites.errors import SuiteError
from training.suites.toys.encoder import GOAL, STEP, PlanarEncoder
from training.suites.toys.expert import PlanarExpert
from training.suites.toys.layouts import LAYOUTS, OBSTACLE, layout
from training.suites.toys.world import CONTROL_DT, SPEED, PlanarWorld


def driven(world, seed, noise=0.0):
    """The world after its expert has finished an episode."""
    expert = PlanarExpert(noise=noise)
    world.reset(seed)
    expert.reset(world, seed=seed)
    for _ in range(120):
        world.step(expert.perturb(expert.act(world)))
        if world.success() or world.failed():
            break
    return world


@pytest.mark.parametrize("name", LAYOUTS)
def test_the_expert_always_succeeds_and_takes_every_way(name):
    world = PlanarWorld(name)
    taken = []
    for seed in range(40):
        driven(world, seed, noise=0.01)
        assert world.success() and not world.failed()
        taken.append(world.mode())
    assert set(taken) == set(world.modes)
    assert min(taken.count(mode) for mode in world.modes) >= 40 / len(world.modes) / 3


def test_a_step_is_limited_in_speed_and_kept_in_the_square():
    world = PlanarWorld("targets")
    world.reset(3)
    before = world.position.copy()
    world.step(before + np.array([3.0, 4.0]))
    np.testing.assert_allclose(world.position - before, SPEED * CONTROL_DT * np.array([0.6, 0.8]), atol=0.02)
    assert np.linalg.norm(world.velocity) == pytest.approx(SPEED)
    for _ in range(60):
        world.step([9.0, 9.0])
    np.testing.assert_allclose(world.position, [1.0, 1.0])
    for command in (np.zeros(3), [np.inf, 0.0]):
        with pytest.raises(SuiteError, match="not two finite numbers"):
            world.step(command)


def test_the_mean_of_the_demonstrations_fails():
    corridors = PlanarWorld("corridors")
    corridors.reset(0)
    while corridors.position[1] < -OBSTACLE + 0.01 and not corridors.failed():
        corridors.step([0.0, corridors.position[1] + 0.05])
    assert corridors.failed() and not corridors.success()
    targets = PlanarWorld("targets")
    targets.step([0.0, 0.0])
    assert not targets.success() and targets.mode() == ""


def test_goals_asks_for_one_target_but_tells_which_was_reached():
    world = PlanarWorld("goals")
    world.reset(5)
    goal = world.start.goal
    for _ in range(60):
        world.step(-goal)
    assert not world.success()
    assert world.mode() != "" and world.mode() not in world.start.targets


def test_seeds_repeat_and_unknown_names_are_refused():
    a, b = PlanarWorld("goals"), PlanarWorld("goals")
    for world in (a, b):
        world.reset(11)
    np.testing.assert_array_equal(a.start.goal, b.start.goal)
    with pytest.raises(SuiteError, match="unknown toy 'maze'") as caught:
        layout("maze")
    assert "corridors" in caught.value.fix


def test_guidance_leaves_out_what_tells_the_goal():
    encoder = PlanarEncoder(2)
    observation = {PlanarEncoder.STATE: torch.randn(1, 2, 2), PlanarEncoder.ENVIRONMENT: torch.randn(1, 2, 3)}
    moved = {**observation, PlanarEncoder.ENVIRONMENT: observation[PlanarEncoder.ENVIRONMENT] + 1.0}
    changed = (encoder(observation) != encoder(moved)).squeeze(0).nonzero().flatten().tolist()
    assert changed == list(encoder.layout.guided) == [*GOAL, *(STEP + column for column in GOAL)]


@pytest.mark.parametrize("name", LAYOUTS)
def test_the_world_publishes_what_the_contract_names(name):
    contract = task_contract(f"toys/{name}")
    world = contract.make_world()
    found = read_features(world, contract.observations)
    assert {key: value.shape for key, value in found.items()} == {
        "observation.state": (2,), "observation.environment_state": (3,),
    }  # fmt: skip
    demonstration = demonstrate(f"toys/{name}", seed=1, noise=0.01)
    assert demonstration.success and demonstration.instruction == contract.instruction
    assert 16 < len(demonstration.frames["action"]) < 100
    position = contract.make_position()(torch.ones(1, 16, 2))
    assert position.shape == (1, 16, 3) and float(position[..., 2].abs().max()) == 0.0

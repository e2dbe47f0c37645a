import pytest
import torch

from training.stl_npc.panda import LINK_RADIUS, SPHERE_RADIUS, PandaReachAvoid
from training.stl_npc.planar import DISC_RADIUS, PlanarVehicle
from training.stl_npc.task import rollout, satisfaction

TASKS = [PlanarVehicle, PandaReachAvoid]


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("make", TASKS)
def test_samples_are_reproducible_and_not_violated_at_the_start(make):
    task = make()
    states = task.sample(64, generator())
    assert states.shape == (64, task.state_size)
    assert torch.equal(states, task.sample(64, generator()))
    signals = task.signals(states[:, None])
    if make is PlanarVehicle:
        assert (signals["disc"] > DISC_RADIUS).all() and (signals["goal"] > 0.3).all()
    else:
        assert (signals["clear"] > 0).all() and (signals["inside"] > 0).all() and (signals["reach"] > 0.05).all()


def test_the_vehicle_moves_as_a_unicycle():
    task = PlanarVehicle()
    state = torch.tensor([[0.0, 0.0, torch.pi / 2, 1.0, 9, 9, 5, 5, 6, 6]])
    after = task.step(state, torch.tensor([[0.4, -2.0]]))
    torch.testing.assert_close(after[0, :4], torch.tensor([0.0, 0.25, torch.pi / 2 - 0.5, 1.1]), atol=1e-6, rtol=0)
    assert torch.equal(after[:, 4:], state[:, 4:])


def test_features_do_not_change_when_the_whole_plane_turns():
    task = PlanarVehicle()
    state = task.sample(8, generator())
    angle = torch.tensor(0.7)
    turn = torch.tensor([[angle.cos(), -angle.sin()], [angle.sin(), angle.cos()]])
    turned = state.clone()
    for column in (0, 4, 6, 8):
        turned[:, column : column + 2] = state[:, column : column + 2] @ turn.T
    turned[:, 2] += angle
    torch.testing.assert_close(task.features(turned), task.features(state), atol=1e-5, rtol=0)


def test_robustness_of_a_plan_by_hand():
    """Straight ahead at 1 m/s for 5 s to a goal 2 m away; a disc stands 1 m beside the way."""
    task = PlanarVehicle()
    state = torch.tensor([[0.0, 0.0, 0.0, 1.0, 2.0, 0.0, 1.0, 1.0, 9.0, 9.0]])
    states = rollout(task, state, torch.zeros(1, 20, 2))
    # goal: 0.3 - 0; disc: 1 - 0.6; speed: 1.5 - 1 and 1 + 0.01
    assert satisfaction(task, states).item() == pytest.approx(0.3, abs=1e-5)
    blocked = state.clone()
    blocked[:, 6:8] = torch.tensor([1.0, 0.2])
    assert satisfaction(task, rollout(task, blocked, torch.zeros(1, 20, 2))).item() == pytest.approx(-0.4, abs=1e-5)


def test_the_arm_at_its_goal_satisfies_and_a_sphere_at_the_tool_violates():
    task = PandaReachAvoid()
    home = task.home[None]
    tool = task.tool(home)[0]
    far = torch.tensor([[2.0, 2.0, 2.0]])
    still = torch.zeros(1, task.steps, 7)
    at_goal = rollout(task, torch.cat([home, tool, far], 1), still)
    assert satisfaction(task, at_goal).item() == pytest.approx(0.05, abs=1e-5)
    hit = rollout(task, torch.cat([home, tool, tool], 1), still)
    assert satisfaction(task, hit).item() == pytest.approx(-(SPHERE_RADIUS + LINK_RADIUS + 0.01), abs=1e-5)


def test_gradients_of_the_robustness_reach_every_control():
    task = PlanarVehicle()
    state = task.sample(16, generator(3))
    controls = torch.zeros(16, task.steps, 2, requires_grad=True)
    satisfaction(task, rollout(task, state, controls), 50.0).sum().backward()
    assert torch.isfinite(controls.grad).all() and (controls.grad.abs().sum((1, 2)) > 0).all()


def test_safe_states_are_those_that_the_formulas_always_parts_allow():
    vehicle = PlanarVehicle()
    base = torch.tensor([[0.0, 0.0, 0.0, 1.0, 2.0, 0.0, 1.0, 0.0, 9.0, 9.0]])
    close, fast, backwards = base.clone(), base.clone(), base.clone()
    close[:, 6], fast[:, 3], backwards[:, 3] = 0.59, 1.51, -0.02
    assert vehicle.safe(torch.cat([base, close, fast, backwards])).tolist() == [True, False, False, False]
    arm = PandaReachAvoid()
    home = torch.cat([arm.home[None], torch.zeros(1, 3), torch.tensor([[2.0, 2.0, 2.0]])], 1)
    hit, bent = home.clone(), home.clone()
    hit[:, 10:] = arm.tool(arm.home[None])[0]
    bent[:, 0] = arm.high[0] + 0.01
    assert arm.safe(torch.cat([home, hit, bent])).tolist() == [True, False, False]

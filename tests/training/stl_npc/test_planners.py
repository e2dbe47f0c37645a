import pytest
import torch

from training.stl_npc.closed_loop import run
from training.stl_npc.planar import PlanarVehicle
from training.stl_npc.planners import CemPlanner, GradientPlanner, GuardedPlanner, NeuralPlanner
from training.stl_npc.policy import PredictivePolicy
from training.stl_npc.task import rollout, satisfaction
from training.stl_npc.train import NpcConfig, train

OPTIONS = torch.cartesian_prod(torch.tensor([-1.5, 0.0, 1.5]), torch.tensor([-1.5, 0.0, 1.5]))


@pytest.fixture(scope="module")
def task():
    return PlanarVehicle()


@pytest.fixture(scope="module")
def states(task):
    return task.sample(6, torch.Generator().manual_seed(5))


@pytest.fixture
def untrained(task):
    torch.manual_seed(0)
    policy = PredictivePolicy(task, width=16, depth=1)
    policy.fit_statistics(task.sample(64, torch.Generator().manual_seed(0)))
    return policy.eval().requires_grad_(False)


def predicted(task, state, plan):
    return satisfaction(task, rollout(task, state[None], plan[None])).item()


def test_controls_respect_their_limits(task, states, untrained):
    for planner in (NeuralPlanner(untrained), GuardedPlanner(untrained, OPTIONS, 2), CemPlanner(task, 64, 8, 2)):
        plan = planner.plan(states[0])
        assert plan.shape == (20, 2) and (plan.abs() <= task.control_limit + 1e-6).all()


def test_the_search_never_makes_the_prediction_worse_and_usually_better(task, states, untrained):
    better = 0
    for state in states:
        own, guarded = NeuralPlanner(untrained), GuardedPlanner(untrained, OPTIONS, 2)
        before, after = predicted(task, state, own.plan(state)), predicted(task, state, guarded.plan(state))
        assert after >= before and guarded.searches == (before < 0)
        better += after > before
    assert better >= 4


def test_no_search_where_the_plan_already_satisfies(task, untrained):
    state = torch.tensor([0.0, 0.0, 0.0, 0.0, 0.1, 0.0, 5.0, 5.0, 6.0, 6.0])
    untrained.head.weight.zero_()
    untrained.head.bias.zero_()
    guarded = GuardedPlanner(untrained, OPTIONS, 2)
    assert torch.equal(guarded.plan(state), torch.zeros(20, 2)) and guarded.searches == 0


def test_classical_planners_solve_an_easy_start(task):
    state = torch.tensor([0.0, 0.0, 0.0, 0.5, 1.5, 0.0, 5.0, 5.0, 6.0, 6.0])
    assert predicted(task, state, CemPlanner(task, 150, 15, 5).plan(state)) > 0
    assert predicted(task, state, GradientPlanner(task, iterations=60).plan(state)) > 0


def test_closed_loop_judges_the_executed_trace(task, untrained):
    state = torch.tensor([[0.0, 0.0, 0.0, 1.0, 2.0, 0.0, 1.0, 1.5, 9.0, 9.0]])
    untrained.head.weight.zero_()
    untrained.head.bias.zero_()  # straight on at 1 m/s through the goal and beyond: eventually holds
    result = run(task, NeuralPlanner(untrained), state)
    assert result.satisfied == 1 and result.robustness.item() == pytest.approx(0.3, abs=1e-5)
    assert len(result.seconds) == task.episode_steps


def test_a_short_training_raises_satisfaction_on_unseen_states(task):
    unseen = task.sample(300, torch.Generator().manual_seed(77))

    def rate(policy):
        return (satisfaction(task, rollout(task, unseen, policy(unseen))) > 0).float().mean().item()

    short = NpcConfig(states=500, batch_size=100, iterations=80)
    seen = []
    policy = train(task, short, lambda i, loss, rate: seen.append((i, loss)))
    assert rate(policy) > 0.08 and seen[0][0] == 0


def test_training_repeats_bit_for_bit(task):
    short = NpcConfig(states=100, batch_size=20, iterations=3)
    first, again = train(task, short), train(task, short)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), again.parameters(), strict=True))

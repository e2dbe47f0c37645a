"""Training on the line: some tens of steps are enough to see what the loss asks for, and that it repeats."""

from dataclasses import replace

import pytest
import torch

from tests.training.stl_npc.line import Line
from training.stl_npc import train as module
from training.stl_npc.planners import GuardedPlanner
from training.stl_npc.task import rollout, satisfaction
from training.stl_npc.train import NpcConfig, train

SHORT = NpcConfig(states=200, batch_size=64, iterations=50, learning_rate=1e-2)


@pytest.fixture(scope="module")
def trained():
    reports = []
    policy = train(Line(), SHORT, lambda *report: reports.append(report))
    return policy, reports


def share(policy, seed=5):
    task = Line()
    states = task.sample(400, torch.Generator().manual_seed(seed))
    return float((satisfaction(task, rollout(task, states, policy(states))) > 0).float().mean())


def test_plans_satisfy_from_most_unseen_states_after_fifty_steps(trained):
    policy, reports = trained
    untrained = train(Line(), replace(SHORT, iterations=1, learning_rate=1e-9))
    assert share(policy) > 0.6 > share(untrained) + 0.3  # 0.93 of the goals are in reach at all
    assert [report[0] for report in reports] == [0] and 0.0 <= reports[0][2] <= 1.0


def test_the_result_is_frozen_and_in_evaluation_mode(trained):
    policy, _ = trained
    assert not policy.training and not any(p.requires_grad for p in policy.parameters())


def test_the_cost_makes_plans_arrive_sooner():
    """With its weight the mean gap along a plan is smaller than without; both satisfy."""
    gaps = []
    for weight in (0.0, 20.0):
        policy = train(Line(), replace(SHORT, batch_size=32, iterations=25, cost_weight=weight))
        task = Line()
        states = task.sample(300, torch.Generator().manual_seed(9))
        gaps.append(float(task.cost(rollout(task, states, policy(states))).mean()))
    assert gaps[1] < gaps[0]


def test_the_pool_moves_on_to_where_the_first_control_leads_and_never_keeps_an_unsafe_state(monkeypatch):
    """Episodes that never end by chance: after one iteration the drawn states are one step ahead, or fresh again."""
    task, pools = Line(limit=0.6), []
    task.episode_steps = 10**9
    sampled = task.sample(8, torch.Generator().manual_seed(0))
    monkeypatch.setattr(task, "sample", lambda count, generator: sampled.clone())
    monkeypatch.setattr(
        module,
        "rollout",
        lambda task, state, controls: pools.append(state.clone()) or rollout(task, state, controls + 0.6),
    )
    train(task, NpcConfig(states=8, batch_size=8, iterations=12, learning_rate=1e-9))
    seen = torch.cat(pools)
    assert bool((seen[:, 0] < 1.0).all())
    goals = sampled[:, 1]
    moved = 0
    for place, goal in seen.tolist():
        start = float(sampled[int((goals - goal).abs().argmin()), 0])
        moved += abs(place - start) > 1e-3
    assert moved > 20  # and the goal always belongs to the start it was sampled with


def test_a_loss_that_is_not_finite_is_said_with_its_iteration():
    task = Line()
    task.cost = lambda states: torch.full((len(states),), float("nan"))
    with pytest.raises(FloatingPointError, match="nan at iteration 0"):
        train(task, replace(SHORT, iterations=2))


def test_the_search_repairs_a_policy_that_walks_the_wrong_way(trained):
    """Twelve of 3 ** 4 prefixes of (-0.25, 0, 0.25) reach any goal within 0.125; the best is taken."""
    policy, _ = trained
    options = torch.tensor([[-0.25], [0.0], [0.25]])
    planner = GuardedPlanner(policy, options, 2)
    state = torch.tensor([0.0, 0.5])
    monkey = policy.head.bias.clone()
    policy.head.bias.copy_(torch.full_like(monkey, -10.0))  # always backwards
    try:
        task = Line()
        own = satisfaction(task, rollout(task, state[None], policy(state[None]))).item()
        plan = planner.plan(state)
        found = satisfaction(task, rollout(task, state[None], plan[None])).item()
        assert own < 0 < found and planner.searches == 1
        assert plan[:2, 0].tolist() == [0.25, 0.25]  # two steps forward are exactly at the goal
        planner.reset()
        assert planner.searches == 0
    finally:
        policy.head.bias.copy_(monkey)


def test_one_prefix_step_is_allowed(trained):
    policy, _ = trained
    plan = GuardedPlanner(policy, torch.tensor([[0.0], [0.25]]), 1).plan(torch.tensor([-0.5, 0.89]))
    assert plan.shape == (4, 1)

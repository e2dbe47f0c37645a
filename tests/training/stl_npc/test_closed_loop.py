"""Receding horizon on the line: only the first control of each plan is executed, and the executed trace is judged."""

import pytest
import torch

from tests.training.stl_npc.line import Line
from training.stl_npc.closed_loop import run

TASK = Line()


class Steps:
    """Plans that begin with a fixed sequence of first controls and go on with nonsense."""

    def __init__(self, *first):
        self.first, self.seen, self.resets = first, [], 0

    def plan(self, state):
        self.seen.append(state.clone())
        control = self.first[(len(self.seen) - 1) % len(self.first)]
        return torch.tensor([[control], [99.0], [99.0], [99.0]])

    def reset(self):
        self.resets += 1


def test_the_first_control_is_executed_and_the_planner_sees_where_it_led():
    planner = Steps(0.25, 0.0, 0.1)
    result = run(TASK, planner, torch.tensor([[0.0, 0.35]]))
    places = torch.stack(planner.seen)[:, 0]
    torch.testing.assert_close(places, torch.tensor([0.0, 0.25, 0.25, 0.35, 0.6, 0.6]))
    # nearest gap 0 at the third state, room 0.3 at the end (0.7): min(0.05, 0.3)
    assert result.robustness.tolist() == pytest.approx([0.05], abs=1e-6) and result.satisfied == 1


def test_every_episode_begins_anew_and_is_judged_by_itself():
    planner = Steps(0.2)
    result = run(TASK, planner, torch.tensor([[-0.4, 0.2], [0.0, 0.9], [-0.9, 0.8]]))
    assert planner.resets == 3 and len(result.seconds) == 3 * TASK.episode_steps
    # the second passes 0.8 and 1.0 and ends at 1.2; the third never comes nearer than 0.5
    assert result.robustness.tolist() == pytest.approx([0.05, -0.2, -0.45], abs=1e-5)
    assert result.satisfied == 1 and bool((result.seconds >= 0).all())


def test_standing_exactly_on_the_border_is_not_satisfied():
    assert run(TASK, Steps(0.0), torch.tensor([[0.45, 0.5]])).satisfied == 0

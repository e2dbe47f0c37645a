import pytest
import torch

from tests.training.stl_npc.line import Line
from training.stl_npc.task import rollout, satisfaction

TASK = Line()


def plan(*controls):
    return torch.tensor(controls)[None, :, None]


def test_a_rollout_begins_with_the_state_and_adds_every_control():
    states = rollout(TASK, torch.tensor([[0.1, 0.8]]), plan(0.25, 0.0, -0.1))
    assert states.shape == (1, 4, 2)
    torch.testing.assert_close(states[0, :, 0], torch.tensor([0.1, 0.35, 0.35, 0.25]))
    assert bool((states[0, :, 1] == 0.8).all())


@pytest.mark.parametrize(
    ("start", "controls", "robustness"),
    [
        # nearest approach 0 at the end: min(0.05 - 0, 1 - 0.5)
        ([0.0, 0.5], (0.25, 0.25), 0.05),
        # passes the goal: nearest gap 0.1 -> 0.05 - 0.1
        ([0.0, 0.4], (0.25, 0.25), -0.05),
        # reaches the goal and then runs through the wall by 0.2
        ([0.7, 0.7], (0.25, 0.25), -0.2),
        # the state itself counts: at the goal from the start, room 0.02 at the end
        ([0.73, 0.73], (0.25, 0.0), 0.02),
    ],
)
def test_robustness_of_a_trace_by_hand(start, controls, robustness):
    states = rollout(TASK, torch.tensor([start]), plan(*controls))
    assert satisfaction(TASK, states).item() == pytest.approx(robustness, abs=1e-6)


def test_the_smooth_robustness_approaches_the_exact_one_and_has_gradients_everywhere():
    controls = plan(0.1, 0.1, 0.1, 0.1).requires_grad_()
    states = rollout(TASK, torch.tensor([[0.0, 0.5]]), controls)
    exact = satisfaction(TASK, states).item()
    errors = [abs(satisfaction(TASK, states, tau).item() - exact) for tau in (10.0, 100.0, 1000.0)]
    assert errors[0] > errors[1] > errors[2] and errors[2] < 1e-3
    satisfaction(TASK, states, 10.0).sum().backward()
    assert bool((controls.grad.abs() > 0).all()) and bool((controls.grad[0, :, 0] > 0).all())  # forward is better


def test_rows_of_a_batch_are_judged_apart():
    starts = torch.tensor([[0.0, 0.5], [0.0, 0.4], [0.7, 0.7]])
    controls = plan(0.25, 0.25).expand(3, -1, -1)
    together = satisfaction(TASK, rollout(TASK, starts, controls))
    assert together.tolist() == pytest.approx([0.05, -0.05, -0.2], abs=1e-6)

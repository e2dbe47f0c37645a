"""The running table of tasks and experts, against its definition in the paper's code."""

import math

import pytest
import torch

from training.policies.backbones.sdp import MOMENTUM, WARM_UP, TaskExperts
from training.policies.config import ExpertConfig, PolicyConfig


def experts(tasks=2, count=4, top_k=2):
    torch.manual_seed(0)
    config = PolicyConfig(width=8, heads=2, backbone="sdp", tasks=tasks, experts=ExpertConfig(count=count, top_k=top_k))
    return TaskExperts(config)


def test_the_table_starts_as_the_joint_distribution_of_independence():
    made = experts()
    torch.testing.assert_close(made.joint, torch.full((2, 4), 1 / 8))
    assert float(made.joint.sum()) == pytest.approx(1.0) and made.mutual_information() == pytest.approx(0.0, abs=1e-6)


def test_the_first_updates_are_a_plain_mean_and_later_ones_forget():
    """n-th update with weight 1/n up to 100, then 0.01; each batch counts as its task's share 1/T."""
    made = experts()
    first, second = torch.tensor([[0.7, 0.1, 0.1, 0.1]]), torch.tensor([[0.1, 0.3, 0.3, 0.3]])
    task = torch.tensor([0])
    made._inform(first, task)
    torch.testing.assert_close(made.joint[0], first[0] / 2)
    made._inform(second, task)
    torch.testing.assert_close(made.joint[0], (first + second)[0] / 4)
    torch.testing.assert_close(made.joint[1], torch.full((4,), 1 / 8))  # the other task was not there
    made.updates.fill_(WARM_UP)
    before = made.joint[0].clone()
    made._inform(first, task)
    torch.testing.assert_close(made.joint[0], MOMENTUM * before + (1 - MOMENTUM) * first[0] / 2)


def test_several_samples_of_a_task_are_averaged_and_tasks_kept_apart():
    made = experts()
    p = torch.tensor([[0.4, 0.6, 0.0, 0.0], [0.0, 0.0, 0.5, 0.5], [0.6, 0.4, 0.0, 0.0]])
    made._inform(p, torch.tensor([0, 1, 0]))
    torch.testing.assert_close(made.joint, torch.tensor([[0.25, 0.25, 0.0, 0.0], [0.0, 0.0, 0.25, 0.25]]))
    assert made.mutual_information() == pytest.approx(math.log(2), abs=1e-4)


def test_no_pressure_during_the_warm_up_then_the_gradient_of_the_information():
    """d L / d pbar_e = -(1/T) log( P(i, e) / P(e) ): experts that the task owns are pulled up, shared ones left."""
    made = experts()
    made.joint = torch.tensor([[0.3, 0.1, 0.1, 0.0], [0.0, 0.1, 0.1, 0.3]])
    p = torch.tensor([[0.6, 0.2, 0.2, 0.0]], requires_grad=True)
    made._inform(p, torch.tensor([0]))
    assert made.information is not None and float(made.information.detach()) == 0.0
    made.updates.fill_(WARM_UP)
    made.joint = torch.tensor([[0.3, 0.1, 0.1, 0.0], [0.0, 0.1, 0.1, 0.3]])
    made._inform(p, torch.tensor([0]))
    (gradient,) = torch.autograd.grad(made.information, p)
    row = MOMENTUM * torch.tensor([0.3, 0.1, 0.1, 0.0]) + (1 - MOMENTUM) * p.detach()[0] / 2
    marginal = row + torch.tensor([0.0, 0.1, 0.1, 0.3])
    expected = -0.5 * (row.clamp(min=1e-9) / marginal.clamp(min=1e-9)).log()
    torch.testing.assert_close(gradient[0], expected, atol=1e-5, rtol=1e-4)
    assert float(gradient[0, 0]) == pytest.approx(0.0, abs=1e-5) and float(gradient[0, 3]) > 1.0


def test_growing_keeps_a_joint_distribution_in_which_tasks_are_equally_likely():
    made = experts(tasks=2, count=4)
    made.joint = torch.tensor([[0.25, 0.25, 0.0, 0.0], [0.0, 0.0, 0.25, 0.25]])
    made.grow(2)
    assert made.joint.shape == (3, 6)
    torch.testing.assert_close(made.joint.sum(1), torch.full((3,), 1 / 3))
    torch.testing.assert_close(made.joint[0], torch.tensor([1, 1, 0, 0, 0, 0]) / 6)
    torch.testing.assert_close(made.joint[2], torch.full((6,), 1 / 18))


def test_probabilities_are_the_tasks_own_with_a_floor_and_young_experts_are_out_of_reach():
    made = experts(tasks=1, count=3)
    made.grow(2)
    x = torch.randn(2, 5, 8)
    p = made.probabilities(x, torch.tensor([0, 1]))
    # routers start at zero: uniform over what the task may use, plus 1e-4
    torch.testing.assert_close(p[0], torch.tensor([1 / 3 + 1e-4] * 3 + [0.0, 0.0]))
    torch.testing.assert_close(p[1], torch.full((5,), 0.2 + 1e-4))


def test_gates_are_the_raw_probabilities():
    """Not renormalised, as in the authors' code: the two chosen of four experts weigh less than one together."""
    made = experts().eval()
    scores = torch.tensor([0.0, 2.0, -1.0, 1.0])
    made.routers[0][2].bias.data = scores
    x, weight = torch.randn(1, 3, 8), scores.softmax(0) + 1e-4
    by_hand = weight[1] * made.bank.experts[1](x) + weight[3] * made.bank.experts[3](x)
    torch.testing.assert_close(made(x, torch.tensor([0])), by_hand, atol=1e-5, rtol=1e-4)
    assert float(weight[1] + weight[3]) < 0.95

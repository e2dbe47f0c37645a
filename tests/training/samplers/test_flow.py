"""Flow solvers on fields that can be integrated by hand."""

import math

import pytest
import torch

from tests.training.samplers.gaussian import MEAN, NOISE, STD, counted, of
from training.objectives.flow import FlowMatching
from training.samplers.euler import euler_flow
from training.samplers.flow import flow_euler, flow_midpoint
from training.samplers.model import Model

OBJECTIVE = FlowMatching()


def field(velocity):
    return Model(lambda x, t: x, velocity, OBJECTIVE.alpha, OBJECTIVE.sigma)


def times(steps):
    return OBJECTIVE.times(steps)


def test_a_field_that_grows_with_time_by_hand():
    """dx/dt = 2 t from 0: Euler with two steps gives 0.5, midpoint the exact 1."""
    model = field(lambda x, t: torch.full_like(x, 2 * t))
    start = torch.zeros(1, 1)
    assert float(flow_euler(model, times(2), [start])) == pytest.approx(0.5)
    assert float(flow_midpoint(model, times(2), [start])) == pytest.approx(1.0)


@pytest.mark.parametrize(("sampler", "order"), [(flow_euler, 1), (flow_midpoint, 2)])
def test_orders_on_exponential_growth(sampler, order):
    model = field(lambda x, t: x)
    errors = [float((sampler(model, times(n), [NOISE]) - math.e * NOISE).abs().max()) for n in (20, 40)]
    assert math.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.1)


def test_midpoint_asks_at_the_start_and_the_middle_of_every_step():
    model, asked = counted(of(OBJECTIVE))
    flow_midpoint(model, times(4), [NOISE])
    assert asked == pytest.approx([0.0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875])


def test_the_two_eulers_are_one():
    """The sampler of tables and the one that real-time policies unroll."""
    model = of(OBJECTIVE)
    chunk = NOISE.unsqueeze(-1)
    for steps in (1, 3, 10):
        torch.testing.assert_close(
            flow_euler(model, times(steps), [chunk]),
            euler_flow(lambda x, t: model.velocity(x, float(t[0])), chunk, steps),
        )


def test_the_exact_flow_keeps_quantiles():
    """x_1 = MEAN + STD * noise: the straight path starts at standard normal noise."""
    model = of(OBJECTIVE)
    found = flow_midpoint(model, [0.0, *(1 - 0.9**k for k in range(1, 60))], [NOISE])
    torch.testing.assert_close(found, MEAN + STD * NOISE, atol=5e-3, rtol=0)


def test_a_field_against_time_does_not_reach_the_data():
    """Negated, the field of a point mass leads to 2 noise - point after one step."""
    right = field(lambda x, t: (0.7 - x) / (1 - t))
    wrong = field(lambda x, t: -(0.7 - x) / (1 - t))
    torch.testing.assert_close(flow_euler(right, times(1), [NOISE]), torch.full_like(NOISE, 0.7))
    torch.testing.assert_close(flow_euler(wrong, times(1), [NOISE]), 2 * NOISE - 0.7)

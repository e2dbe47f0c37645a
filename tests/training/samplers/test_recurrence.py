import pytest
import torch

from policy_nodes.errors import ConfigError
from training.objectives.conversions import velocity_from_data
from training.policies.config import PolicyConfig
from training.policies.parts import make_objective
from training.samplers.model import Model
from training.samplers.recurrence import recurrence
from training.samplers.table import SAMPLERS

OBJECTIVES = {name: name for name in ("edm", "flow", "shortcut", "meanflow", "consistency")} | {"ddpm": "ddpm_v"}
PAIRS = [(family, name) for family, samplers in SAMPLERS.items() for name in samplers if name != "midpoint"]


def case(family, name, steps):
    objective = make_objective(PolicyConfig(objective=OBJECTIVES[family], sampler=name, sampling_steps=steps))
    return objective, SAMPLERS[family][name]


@pytest.mark.parametrize(("family", "name"), PAIRS)
@pytest.mark.parametrize("steps", [1, 2, 8])
def test_the_recurrence_is_the_sampler(family, name, steps):
    objective, info = case(family, name, steps)
    generator = torch.Generator().manual_seed(0)
    draws = [torch.randn(2, 3, 2, generator=generator, dtype=torch.float64) for _ in range(info.draws(steps))]

    def data(x, t):  # not linear, and different at every time
        return torch.tanh(0.7 * x + t / (1.0 + abs(t)))

    model = Model(
        data, lambda x, t: velocity_from_data(x, data(x, t), objective.sigma(t)), objective.alpha, objective.sigma
    )
    expected = info.sample(model, objective.times(steps, "exponential"), draws)

    found = recurrence(info, objective, steps, "exponential")
    assert len(found.times) == len(found.mix) == info.evaluations(steps) and found.draws == len(draws)
    nothing = torch.zeros_like(draws[0])
    x, x_before, d, d_before = nothing, nothing, nothing, nothing
    for k, (t, (a, b, c, e, s)) in enumerate(zip(found.times, found.mix, strict=True)):
        noise = draws[k] if k < len(draws) else nothing
        point = a * x + b * x_before + c * d + e * d_before + s * noise
        x, x_before, d, d_before = point, x, data(point, t), d
    torch.testing.assert_close(d, expected, rtol=1e-7, atol=1e-8)


def test_euler_on_a_flow_by_hand():
    objective, info = case("flow", "euler", 4)
    found = recurrence(info, objective, 4, "linear")
    assert found.times == (0.0, 0.25, 0.5, 0.75)
    assert found.mix[0] == (0.0, 0.0, 0.0, 0.0, 1.0)
    # x' = x + dt (d - x) / (1 - t): a quarter of the way from 0, a third from 0.25, half from 0.5
    for row, share in zip(found.mix[1:], (1 / 4, 1 / 3, 1 / 2), strict=True):
        assert row == pytest.approx((1 - share, 0.0, share, 0.0, 0.0), abs=1e-12)


def test_a_sampler_that_ends_with_a_slope_is_refused():
    objective, info = case("flow", "midpoint", 2)
    with pytest.raises(ConfigError, match="does not end with a clean estimate"):
        recurrence(info, objective, 2, "linear")

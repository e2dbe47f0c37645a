"""Multi-step consistency sampling with the exact consistency function of a Gaussian."""

import math

import pytest
import torch

from tests.training.samplers.gaussian import MEAN, NOISE, STD, counted, normal
from training.objectives.consistency import Consistency, ConsistencyConfig
from training.objectives.edm import EdmConfig
from training.samplers.consistency import consistency
from training.samplers.model import Model

END = 0.002
EXACT = Model(
    lambda x, t: MEAN + (x - MEAN) * math.sqrt((STD**2 + END**2) / (STD**2 + t**2)),
    lambda x, t: x,
    lambda t: 1.0,
    lambda t: t,
)


@pytest.mark.parametrize("between", [[], [0.3], [2.0, 0.5, 0.1]])
def test_the_exact_function_draws_the_data_with_any_number_of_steps(between):
    times = [80.0, *between, END]
    x = consistency(EXACT, times, normal(1 + len(between)))
    assert float(x.mean()) == pytest.approx(MEAN, abs=0.01)
    assert float(x.std()) == pytest.approx(STD, rel=0.02)


def test_one_step_is_one_jump_from_the_scaled_noise():
    model, asked = counted(EXACT)
    torch.testing.assert_close(consistency(model, [80.0, END], [NOISE]), EXACT.data(80.0 * NOISE, 80.0))
    assert asked == [80.0]


def test_noise_is_added_up_to_the_level_and_no_further():
    """Algorithm 1: x + sqrt(t^2 - eps^2) z; with z = 1 and a model that answers what it got minus nothing."""
    seen = []
    identity = Model(lambda x, t: seen.append(x) or torch.zeros_like(x), lambda x, t: x, lambda t: 1.0, lambda t: t)
    ones = [torch.ones(1, 1, dtype=torch.float64)] * 3
    consistency(identity, [80.0, 0.3, END, END], ones)
    assert [float(x) for x in seen] == pytest.approx([80.0, math.sqrt(0.3**2 - END**2), 0.0], abs=1e-12)


def test_every_draw_is_used_once_in_order():
    draws = [torch.full((1, 1), float(i)) for i in (1, 2, 3)]
    seen = []
    nothing = Model(
        lambda x, t: seen.append(float(x)) or torch.zeros_like(x), lambda x, t: x, lambda t: 1.0, lambda t: t
    )
    objective = Consistency(EdmConfig(sigma_min=END), ConsistencyConfig())
    times = objective.times(3, "karras")
    consistency(nothing, times, draws)
    assert seen == pytest.approx([80.0, 2 * math.sqrt(0.3**2 - END**2), 3 * math.sqrt(0.15**2 - END**2)])

"""DPM-Solver++(2M): its formula by hand, exactness for what it assumes, its order on a variance-preserving path."""

import math

import pytest
import torch

from tests.training.samplers.gaussian import MEAN, NOISE, STD, counted, denoiser, of
from training.objectives.diffusion import Diffusion, DiffusionConfig
from training.samplers.diffusion import ddim
from training.samplers.dpm_solver import dpmpp_2m
from training.samplers.grids import noise_levels
from training.samplers.model import Model

ALPHA, SIGMA = (lambda t: math.cos(t)), (lambda t: math.sin(t))
"""A smooth variance-preserving path; lambda = log(cot t)."""


def model_of(data):
    return Model(data, lambda x, t: x, ALPHA, SIGMA)


def grid(steps, first=1.4, last=0.05):
    """Even in lambda."""
    a, b = (-math.log(math.tan(t)) for t in (first, last))
    return [math.atan(math.exp(-(a + i * (b - a) / steps))) for i in range(steps + 1)]


def test_two_steps_by_hand():
    """The second step extrapolates the estimate by 1 + 1 / 2r and 1 / 2r; estimates 1, 3, steps in lambda 1, 2."""
    lambdas = (0.0, 1.0, 3.0)
    times = [math.atan(math.exp(-value)) for value in lambdas]
    estimates = iter((1.0, 3.0))
    found = float(dpmpp_2m(model_of(lambda x, t: torch.full_like(x, next(estimates))), times, [torch.ones(1, 1)]))
    x = SIGMA(times[1]) / SIGMA(times[0]) * 1.0 + ALPHA(times[1]) * (1 - math.exp(-1.0)) * 1.0
    r = 1.0 / 2.0  # last step over this one
    estimate = (1 + 1 / (2 * r)) * 3.0 - 1 / (2 * r) * 1.0
    x = SIGMA(times[2]) / SIGMA(times[1]) * x + ALPHA(times[2]) * (1 - math.exp(-2.0)) * estimate
    assert found == pytest.approx(x, rel=1e-6)


def test_a_constant_estimate_is_integrated_exactly():
    """Then the solution is alpha' D + sigma' (x - alpha D) / sigma, in one step or many."""
    start, data = NOISE, 0.6
    ends = [dpmpp_2m(model_of(lambda x, t: torch.full_like(x, data)), grid(n), [start]) for n in (1, 2, 9)]
    first, last = 1.4, 0.05
    exact = ALPHA(last) * data + SIGMA(last) * (start - ALPHA(first) * data) / SIGMA(first)
    for end in ends:
        torch.testing.assert_close(end, exact)


@pytest.mark.parametrize(("sampler", "order"), [(dpmpp_2m, 2), (ddim, 1)])
def test_order_on_a_variance_preserving_path(sampler, order):
    """Gaussian data: x at its quantile, so the error at the last time is known."""
    model = denoiser(ALPHA, SIGMA)

    def deviation(t):
        return math.sqrt((ALPHA(t) * STD) ** 2 + SIGMA(t) ** 2)

    exact = ALPHA(0.05) * MEAN + (NOISE - ALPHA(1.4) * MEAN) * deviation(0.05) / deviation(1.4)
    errors = [float((sampler(model, grid(n), [NOISE]) - exact).abs().max()) for n in (40, 80, 160)]
    assert math.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.3)
    assert math.log2(errors[1] / errors[2]) == pytest.approx(order, abs=0.2)


def test_the_last_step_to_no_noise_is_the_estimate_times_alpha():
    path = Diffusion(DiffusionConfig(), clip=None)
    model, asked = counted(of(path))
    times = path.times(6)
    end = dpmpp_2m(model, times, [NOISE])
    assert asked == times[:-1]
    seen = []
    watched = Model(lambda x, t: seen.append(model.data(x, t)) or seen[-1], model.velocity, path.alpha, path.sigma)
    assert torch.equal(dpmpp_2m(watched, times, [NOISE]), seen[-1])
    assert torch.equal(end, seen[-1])


def test_it_beats_ddim_with_ten_steps_of_the_trained_schedule():
    path = Diffusion(DiffusionConfig(), clip=None)
    model, times = of(path), path.times(10)
    a, s = path.alpha(99.0), path.sigma(99.0)
    exact = MEAN + STD * (NOISE - a * MEAN) / math.sqrt((a * STD) ** 2 + s**2)
    second, first = (float((f(model, times, [NOISE]) - exact).abs().max()) for f in (dpmpp_2m, ddim))
    assert second < 0.8 * first


def test_on_noise_levels_where_alpha_is_one_it_starts_at_sigma():
    model = denoiser(lambda t: 1.0, lambda t: t)
    times = noise_levels("exponential", 30, 0.001, 80.0)
    exact = MEAN + STD * (80.0 * NOISE - MEAN) / math.sqrt(STD**2 + 80.0**2)
    torch.testing.assert_close(dpmpp_2m(model, times, [NOISE]), exact, atol=0.02, rtol=0)

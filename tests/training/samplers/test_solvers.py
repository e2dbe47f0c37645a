"""Samplers against Gaussian data N(m, s^2), whose denoiser and probability-flow solution are known in closed form."""

import itertools
import math

import pytest
import torch

from tests.training.samplers.gaussian import MEAN, NOISE, STD, denoiser, of
from training.objectives.diffusion import Diffusion, DiffusionConfig, alphas_cumprod
from training.samplers import diffusion, dpm_solver, edm, flow
from training.samplers.grids import exponential, karras, linear, noise_levels

EDM = denoiser(lambda t: 1.0, lambda t: t)
FLOW = denoiser(lambda t: t, lambda t: 1.0 - t)


def exact(sigma_max):
    """The flow keeps the quantile: it scales by the ratio of the deviations."""
    return MEAN + (sigma_max * NOISE - MEAN) * STD / math.sqrt(STD**2 + sigma_max**2)


def error(sampler, steps, sigma_max=1.0):
    """At sigma_min, before the last jump to 0, whose own error would hide the order."""
    times = exponential(steps + 1, 0.01, sigma_max)
    expected = MEAN + (sigma_max * NOISE - MEAN) * math.sqrt((STD**2 + 0.01**2) / (STD**2 + sigma_max**2))
    return float((sampler(EDM, times, [NOISE]) - expected).abs().max())


@pytest.mark.parametrize(
    ("sampler", "order"), [(edm.euler, 1), (diffusion.ddim, 1), (edm.heun, 2), (dpm_solver.dpmpp_2m, 2)]
)
def test_order_of_convergence(sampler, order):
    measured = math.log2(error(sampler, 40) / error(sampler, 80))
    assert measured == pytest.approx(order, abs=0.25)


def test_ddim_is_euler():
    times = noise_levels("karras", 10, 0.001, 80.0)
    a, b = (sampler(EDM, times, [NOISE.float()]) for sampler in (diffusion.ddim, edm.euler))
    assert float((a - b).abs().max()) < 1e-5


def test_dpm_solver_of_first_order_is_ddim():
    times = noise_levels("exponential", 1, 0.01, 1.0)
    torch.testing.assert_close(dpm_solver.dpmpp_2m(EDM, times, [NOISE]), diffusion.ddim(EDM, times, [NOISE]))


def test_flow_solvers_have_their_orders_and_euler_the_published_spread():
    def spread(sampler, steps):
        x = sampler(FLOW, [k / steps for k in range(steps + 1)], [NOISE])
        return float((x[2] - x[0]) / (NOISE[2] - NOISE[0]) / STD)

    assert spread(flow.flow_euler, 10) == pytest.approx(0.824, abs=0.01)
    assert spread(flow.flow_euler, 1) == pytest.approx(0.0, abs=1e-9)
    assert abs(spread(flow.flow_midpoint, 40) - 1.0) < abs(spread(flow.flow_euler, 80) - 1.0)


def ddpm_spread(abar, times):
    """Deviation of what DDPM draws for N(MEAN, STD^2), by the forward process's own posterior.

    One step from abar to abar' has alpha = abar / abar' and q(x' | x, data) = N(p data + r x, b) with
    p = sqrt(abar') (1 - alpha) / (1 - abar), r = sqrt(alpha) (1 - abar') / (1 - abar) and
    b = (1 - abar') (1 - alpha) / (1 - abar) (Ho et al., arXiv 2006.11239, equations 6 and 7). The sampler puts the
    posterior mean, whose slope in x is k = sqrt(abar) STD^2 / (abar STD^2 + 1 - abar), in the place of the data, and so
    loses the posterior's own variance: V' = (p k + r)^2 V + b.
    """
    variance = 1.0
    for now, then in itertools.pairwise(times):
        a, a_next = abar[int(now)], 1.0 if then < 0 else abar[int(then)]
        alpha = a / a_next
        k = math.sqrt(a) * STD**2 / (a * STD**2 + 1.0 - a)
        p, r = math.sqrt(a_next) * (1.0 - alpha) / (1.0 - a), math.sqrt(alpha) * (1.0 - a_next) / (1.0 - a)
        variance = (p * k + r) ** 2 * variance + (1.0 - a_next) * (1.0 - alpha) / (1.0 - a)
    return math.sqrt(variance)


@pytest.mark.parametrize("steps", [2, 10, 100])
def test_ddpm_draws_the_data_distribution_narrowed_by_the_small_variance(steps):
    path = Diffusion(DiffusionConfig(), clip=None)
    generator = torch.Generator().manual_seed(0)
    draws = [torch.randn(20_000, 1, generator=generator, dtype=torch.float64) for _ in range(steps)]
    x = diffusion.ddpm(of(path), path.times(steps), draws)
    expected = ddpm_spread(alphas_cumprod("cosine", 100).tolist(), path.times(steps))
    assert float(x.mean()) == pytest.approx(MEAN, abs=0.02)
    assert float(x.std()) == pytest.approx(expected, rel=0.02)
    assert expected < STD


def test_ddim_over_all_steps_is_deterministic_and_follows_the_flow():
    path = Diffusion(DiffusionConfig(), clip=None)
    first, again = (diffusion.ddim(of(path), path.times(100), [NOISE]) for _ in range(2))
    assert torch.equal(first, again)
    torch.testing.assert_close(first, MEAN + STD * NOISE, atol=0.05, rtol=0)


def test_clipped_estimates_stay_in_range():
    path = Diffusion(DiffusionConfig(), clip=1.0)
    assert float(path.to_data(torch.full((1, 1, 1), 50.0), torch.zeros(1, 1, 1), 99.0).abs().max()) <= 1.0


def test_ancestral_noise_adds_up_and_ends_without():
    down, up = edm.split_noise(2.0, 1.5)
    assert down**2 + up**2 == pytest.approx(1.5**2)
    assert edm.split_noise(0.5, 0.0) == (0.0, 0.0)


def test_grids_run_from_the_largest_level_to_the_smallest_and_zero():
    for grid in (karras, exponential, linear):
        levels = grid(5, 0.01, 80.0)
        assert (levels[0], levels[-1]) == pytest.approx((80.0, 0.01))
        assert all(a > b for a, b in itertools.pairwise(levels))
    assert exponential(10, 0.001, 80.0)[1:4] == pytest.approx([22.8, 6.5, 1.86], rel=0.01)  # MoDE's levels
    assert noise_levels("linear", 3, 0.1, 1.0) == pytest.approx([1.0, 0.55, 0.1, 0.0])

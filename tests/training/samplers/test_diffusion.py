"""DDIM's equations against the paper's, step by step and for Gaussian data."""

import math

import pytest
import torch

from tests.training.samplers.gaussian import MEAN, NOISE, STD, counted, denoiser, normal, of
from training.objectives.diffusion import CLEAN, Diffusion, DiffusionConfig
from training.objectives.edm import Edm, EdmConfig
from training.objectives.flow import FlowMatching
from training.samplers.diffusion import ddim, ddpm, prior_scale

PATH = Diffusion(DiffusionConfig(), clip=None)
STEPS = {2.0: (0.6, 0.8), 1.0: (0.8, 0.6), 0.0: (1.0, 0.0)}
"""Three points of a path as Pythagorean triples."""
TINY = (lambda t: STEPS[t][0], lambda t: STEPS[t][1])


def test_a_deterministic_step_by_hand():
    """x = 1 at (0.6, 0.8), estimate 0.5: noise (1 - 0.3) / 0.8 = 0.875, so 0.8 * 0.5 + 0.6 * 0.875 = 0.925."""
    model, _ = counted(denoiser(*TINY))
    fixed = type(model)(lambda x, t: torch.full_like(x, 0.5), model.velocity, *TINY)
    assert float(ddim(fixed, [2.0, 1.0], [torch.ones(1, 1)])) == pytest.approx(0.925)
    assert float(ddim(fixed, [2.0, 1.0, 0.0], [torch.ones(1, 1)])) == pytest.approx(0.5)


def test_a_random_step_by_hand():
    """eta 1: s = 0.6 sqrt(1 - (0.6 * 0.6 / (0.8 * 0.8))^2) = 0.49608; direction sqrt(0.36 - s^2) = 0.3375."""
    fixed = denoiser(*TINY)
    fixed = type(fixed)(lambda x, t: torch.full_like(x, 0.5), fixed.velocity, *TINY)
    s = 0.6 * math.sqrt(1 - (0.36 / 0.64) ** 2)
    assert (s, math.sqrt(0.36 - s * s)) == pytest.approx((0.49608, 0.3375), abs=1e-5)
    found = float(ddpm(fixed, [2.0, 1.0], [torch.ones(1, 1), torch.full((1, 1), 2.0)]))
    assert found == pytest.approx(0.4 + 0.3375 * 0.875 + 2 * 0.49608, abs=1e-5)


def test_eta_one_is_the_forward_processs_posterior():
    """Ho et al., equation 7, with beta_t for neighbouring steps: mean and variance of q(x_{t-1} | x_t, x_0)."""
    k = 40
    abar, before = PATH.abar[k], PATH.abar[k - 1]
    beta = 1 - abar / before
    x, data = torch.full((1, 1), 0.7, dtype=torch.float64), 0.2
    model = of(PATH)
    fixed = type(model)(lambda x, t: torch.full_like(x, data), model.velocity, PATH.alpha, PATH.sigma)
    at = [ddpm(fixed, [float(k), float(k - 1)], [x, torch.full_like(x, z)]) for z in (0.0, 1.0)]
    mean = math.sqrt(before) * beta / (1 - abar) * data + math.sqrt(1 - beta) * (1 - before) / (1 - abar) * 0.7
    assert float(at[0]) == pytest.approx(mean, abs=1e-12)
    assert float(at[1] - at[0]) == pytest.approx(math.sqrt((1 - before) / (1 - abar) * beta), abs=1e-12)


@pytest.mark.parametrize("eta", [0.0, 0.3, 1.0])
def test_the_marginal_is_kept_whatever_eta(eta):
    """DDIM's family has the marginals of the forward process; with an exact *sample* of the data as its estimate."""
    draws = normal(4)
    data = MEAN + STD * draws[3]
    now, then = 60.0, 30.0
    start = PATH.alpha(now) * data + PATH.sigma(now) * draws[0]
    model = type(of(PATH))(lambda x, t: data, lambda x, t: x, PATH.alpha, PATH.sigma)
    x = ddim(model, [now, then], [start, draws[1]], eta=eta)
    expected = math.sqrt((PATH.alpha(then) * STD) ** 2 + PATH.sigma(then) ** 2)
    assert float(x.mean()) == pytest.approx(PATH.alpha(then) * MEAN, abs=0.02)
    assert float(x.std()) == pytest.approx(expected, rel=0.02)


def test_no_noise_is_added_at_the_end_and_none_is_drawn_for_it():
    """Three steps draw a start and two more; the last one lands on the clean estimate itself."""
    times = PATH.times(3)
    draws = normal(3, rows=5)
    model, asked = counted(of(PATH))
    x = ddpm(model, times, draws)
    last = asked[-1]
    assert asked == times[:-1] and last == 0.0
    again = ddpm(type(model)(lambda x, t: torch.full_like(x, t), model.velocity, PATH.alpha, PATH.sigma), times, draws)
    assert torch.equal(again, torch.zeros_like(x))


def test_ddim_follows_the_flow_of_a_gaussian_with_first_order():
    """The map is known: x stays at its quantile, so the sample is MEAN + STD * (its start standardised)."""
    model = of(PATH)
    start = PATH.alpha(99.0), PATH.sigma(99.0)
    quantile = (NOISE - start[0] * MEAN) / math.sqrt((start[0] * STD) ** 2 + start[1] ** 2)
    expected = MEAN + STD * quantile
    errors = [float((ddim(model, PATH.times(n), [NOISE]) - expected).abs().max()) for n in (5, 10, 20, 50)]
    assert errors == sorted(errors, reverse=True)
    assert errors[0] / errors[2] > 2.5 and errors[3] < 0.05


@pytest.mark.parametrize(
    ("objective", "t", "expected"),
    [(PATH, 99.0, 1.0), (Edm(EdmConfig()), 80.0, 80.0), (Edm(EdmConfig(sigma_max=1.0)), 1.0, 1.0)],
)
def test_where_sampling_starts(objective, t, expected):
    assert prior_scale(of(objective), t) == expected


def test_ddim_on_the_straight_path_is_eulers_step_of_the_flow():
    """alpha = t, sigma = 1 - t: alpha' D + sigma' (x - alpha D) / sigma = x + dt (D - x) / (1 - t)."""
    objective = FlowMatching()
    model = of(objective)
    x = NOISE
    for now, then in ((0.0, 0.3), (0.3, 0.8), (0.8, 1.0)):
        stepped = x + (then - now) * model.velocity(x, now)
        torch.testing.assert_close(ddim(model, [now, then], [x]), stepped)
        x = stepped
    assert (CLEAN, prior_scale(model, 0.0)) == (-1.0, 1.0)

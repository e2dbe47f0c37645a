import math

import pytest
import torch

from training.objectives import conversions as c
from training.objectives.consistency import Consistency, ConsistencyConfig
from training.objectives.diffusion import alphas_cumprod, betas
from training.objectives.edm import EdmConfig, c_in, c_out, c_skip, draw_sigma


@pytest.fixture
def point():
    generator = torch.Generator().manual_seed(0)
    data, noise = (torch.randn(6, 4, 3, generator=generator, dtype=torch.float64) for _ in range(2))
    alpha, sigma = math.cos(0.7), math.sin(0.7)
    return data, noise, alpha, sigma, c.perturb(data, noise, alpha, sigma)


def test_every_prediction_gives_back_the_clean_sample(point):
    data, noise, alpha, sigma, x = point
    torch.testing.assert_close(c.data_from_noise(x, noise, alpha, sigma), data)
    torch.testing.assert_close(c.noise_from_data(x, data, alpha, sigma), noise)
    torch.testing.assert_close(c.data_from_v(x, c.v_target(data, noise, alpha, sigma), alpha, sigma), data)
    score = c.score_from_data(x, data, alpha, sigma)
    torch.testing.assert_close(score, -noise / sigma)
    torch.testing.assert_close(c.data_from_score(x, score, alpha, sigma), data)


def test_velocity_is_data_minus_noise(point):
    data, noise, *_ = point
    t = 0.3
    x = c.perturb(data, noise, t, 1 - t)
    torch.testing.assert_close(c.velocity_from_data(x, data, 1 - t), data - noise)
    torch.testing.assert_close(c.data_from_velocity(x, data - noise, 1 - t), data)


def test_schedules_have_the_published_values():
    linear = betas("linear", 1000)
    assert (float(linear[0]), float(linear[-1])) == pytest.approx((1e-4, 0.02))
    assert float(alphas_cumprod("linear", 1000)[-1]) == pytest.approx(
        4.036e-5, rel=1e-3
    )  # Ho et al.: nearly pure noise
    cosine = betas("cosine", 100)
    assert float(cosine.max()) == pytest.approx(0.999)
    assert float(alphas_cumprod("cosine", 100)[49]) == pytest.approx(
        (math.cos((0.5 + 0.008) / 1.008 * math.pi / 2) / math.cos(0.008 / 1.008 * math.pi / 2)) ** 2
    )


def test_edm_weights():
    assert (c_skip(0.5, 0.5), c_out(0.5, 0.5), c_in(0.5, 0.5)) == pytest.approx((0.5, 0.353553, 1.414214), abs=1e-6)
    for sigma in torch.logspace(-3, 2, 200, dtype=torch.float64).tolist():
        weight = (sigma**2 + 0.25) / (sigma * 0.5) ** 2
        assert weight * c_out(sigma, 0.5) ** 2 == pytest.approx(1.0, abs=1e-6)
    assert (c_skip(0.0, 0.5), c_out(0.0, 0.5)) == (1.0, 0.0)


def test_noise_density_has_the_measured_quantiles():
    sigma = draw_sigma(200_000, EdmConfig(), torch.Generator().manual_seed(0))
    found = torch.quantile(sigma, torch.tensor([0.01, 0.1, 0.5, 0.9, 0.99]))
    torch.testing.assert_close(found, torch.tensor([0.051, 0.167, 0.50, 1.50, 4.95]), rtol=0.05, atol=0.0)


def test_a_consistency_function_is_the_identity_at_its_end():
    objective = Consistency(EdmConfig(sigma_min=0.002), ConsistencyConfig())
    x = torch.randn(3, 4, 2)
    answer = objective.function(lambda x, level: 100.0 * torch.ones_like(x), x, torch.full((3,), 0.002))
    assert float((answer - x).abs().max()) < 1e-6


def test_the_grid_of_consistency_training_becomes_finer():
    objective = Consistency(EdmConfig(), ConsistencyConfig(coarse=2, fine=150, total_updates=100))
    assert objective.levels_now() == 2
    objective.updates += 100
    assert objective.levels_now() == 150

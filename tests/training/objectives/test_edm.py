"""EDM's preconditioning: moments, the minimiser of its loss, and the noise levels it trains."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from policy_nodes.errors import ConfigError
from tests.training.objectives.oracle import STD, gaussian_data, nothing_padded, posterior, remembering, seeded
from training.objectives.edm import Edm, EdmConfig, c_in, c_out, c_skip, draw_sigma

SIGMAS = (0.002, 0.05, 0.5, 3.0, 80.0)


@settings(max_examples=25, deadline=None)
@given(sigma=st.floats(1e-3, 1e3), deviation=st.floats(0.05, 5.0))
def test_the_four_conditions_of_the_paper(sigma, deviation):
    """Karras et al., appendix B.6: unit variance of input and target, c_skip minimises c_out, uniform weight."""
    variance = sigma**2 + deviation**2
    assert c_in(sigma, deviation) ** 2 * variance == pytest.approx(1.0, rel=1e-9)
    target = ((1 - c_skip(sigma, deviation)) ** 2 * deviation**2 + c_skip(sigma, deviation) ** 2 * sigma**2) / c_out(
        sigma, deviation
    ) ** 2
    assert target == pytest.approx(1.0, rel=1e-9)

    def needed(skip):
        return (1 - skip) ** 2 * deviation**2 + skip**2 * sigma**2

    best = c_skip(sigma, deviation)
    assert needed(best) <= min(needed(best - 0.01), needed(best + 0.01))


def test_inputs_of_the_network_have_unit_variance_in_training():
    data = 0.5 * torch.randn(20_000, 2, 1, generator=seeded())
    network, calls = remembering(lambda x, level: torch.zeros_like(x))
    loss = Edm(EdmConfig()).loss(network, data, nothing_padded(data), seeded(1))
    x, _ = calls
    assert float(x.var()) == pytest.approx(1.0, abs=0.03)
    assert float(loss) == pytest.approx(1.0, abs=0.03)  # and so have the targets


def test_the_levels_told_are_those_of_the_sampler():
    """The scaled chunk of huge data gives its level away: c_in (data + sigma noise) with known noise."""
    config = EdmConfig()
    objective = Edm(config)
    data = torch.zeros(500, 1, 1)
    network, calls = remembering(lambda x, level: torch.zeros_like(x))
    objective.loss(network, data, nothing_padded(data), seeded(4))
    source = seeded(4)
    sigma = draw_sigma(500, config, source)
    noise = torch.randn(data.shape, generator=source)
    x, told = calls
    torch.testing.assert_close(x, noise * (sigma / (sigma.square() + 0.25).sqrt()).view(-1, 1, 1))
    for level, value in zip(told.tolist(), sigma.tolist(), strict=True):
        assert level == pytest.approx(objective.level(value), abs=1e-5)
        assert -1e-6 <= level <= 1.0 + 1e-6


def test_the_level_is_affine_in_log_sigma_from_zero_to_one():
    objective = Edm(EdmConfig(sigma_min=0.01, sigma_max=100.0))
    assert [objective.level(s) for s in (0.01, 0.1, 1.0, 10.0, 100.0)] == pytest.approx([0, 0.25, 0.5, 0.75, 1.0])
    together = objective.levels(torch.tensor([0.01, 1.0, 100.0]))
    torch.testing.assert_close(together, torch.tensor([0.0, 0.5, 1.0]))


@pytest.mark.parametrize("sigma", SIGMAS)
def test_the_perfect_network_denoises_to_the_posterior_mean(sigma):
    objective = Edm(EdmConfig())
    x = torch.linspace(-3, 3, 9, dtype=torch.float64).view(9, 1, 1) * math.sqrt(STD**2 + sigma**2)
    best = posterior(x, 1.0, sigma)
    output = (best - c_skip(sigma, 0.5) * x) / c_out(sigma, 0.5)
    torch.testing.assert_close(objective.to_data(output, x, sigma), best)
    torch.testing.assert_close(objective.scale_input(x, sigma), x / math.sqrt(sigma**2 + 0.25))


def test_the_loss_of_the_perfect_network_is_what_remains_unknown():
    """Var(data | x) / c_out^2, averaged over the training levels."""
    config = EdmConfig()
    data = gaussian_data(40_000, seed=7)

    def perfect(scaled, level):
        low, high = math.log(config.sigma_min), math.log(config.sigma_max)
        sigma = (low + level * (high - low)).exp().view(-1, 1, 1)
        x = scaled * (sigma.square() + 0.25).sqrt()
        return (posterior(x, 1.0, sigma) - c_skip(sigma, 0.5) * x) / c_out(sigma, 0.5)

    sigma = draw_sigma(200_000, config, seeded(9)).double()
    remains = STD**2 * sigma**2 / (STD**2 + sigma**2) / c_out(sigma, 0.5) ** 2
    loss = float(Edm(config).loss(perfect, data, nothing_padded(data), seeded(8)))
    assert loss == pytest.approx(float(remains.mean()), rel=0.03)
    shifted = Edm(config).loss(lambda x, t: perfect(x, t) + 0.3, data, nothing_padded(data), seeded(8))
    assert float(shifted) == pytest.approx(loss + 0.09, rel=0.02)


@pytest.mark.parametrize(("low", "high"), [(0.001, 80.0), (0.005, 1.0), (0.3, 0.6)])
def test_drawn_levels_follow_the_truncated_density(low, high):
    """The logistic of (log sigma - log sigma_data) / 0.5 is uniform between its ends."""
    config = EdmConfig(sigma_min=low, sigma_max=high)
    sigma = draw_sigma(50_000, config, seeded()).double()
    assert float(sigma.min()) >= low * (1 - 1e-6) and float(sigma.max()) <= high * (1 + 1e-6)
    u = torch.sigmoid((sigma.log() - math.log(0.5)) / 0.5)
    ends = [1 / (1 + (0.5 / s) ** 2) for s in (low, high)]
    quantiles = torch.quantile((u - ends[0]) / (ends[1] - ends[0]), torch.tensor([0.1, 0.5, 0.9]).double())
    assert quantiles.tolist() == pytest.approx([0.1, 0.5, 0.9], abs=0.01)


@pytest.mark.parametrize("grid", ["karras", "exponential", "linear"])
def test_sampling_times_stay_inside_what_was_trained(grid):
    objective = Edm(EdmConfig(sigma_min=0.0013, sigma_max=77.7))
    for steps in (1, 2, 9):
        times = objective.times(steps, grid)
        assert len(times) == steps + 1 and times[0] == pytest.approx(77.7) and times[-1] == 0.0
        assert all(0.0 <= objective.level(t) <= 1.0 for t in times[:-1])  # rounding never leaves the range
    assert objective.times(9, grid)[-2] == pytest.approx(0.0013)


@pytest.mark.parametrize(
    "wrong", [{"sigma_min": 0.0}, {"sigma_min": 2.0, "sigma_max": 2.0}, {"sigma_data": -0.5}, {"rho": 0.0}]
)
def test_an_empty_range_is_refused_with_its_numbers(wrong):
    with pytest.raises(ConfigError, match=r"--config\.policy\.edm") as refused:
        EdmConfig(**wrong)
    assert str(next(iter(wrong.values()))) in str(refused.value)


def test_the_path_adds_noise_to_unscaled_data():
    objective = Edm(EdmConfig())
    assert [objective.alpha(t) for t in SIGMAS] == [1.0] * len(SIGMAS)
    assert [objective.sigma(t) for t in SIGMAS] == list(SIGMAS)

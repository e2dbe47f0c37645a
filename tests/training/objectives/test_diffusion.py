"""DDPM objectives: schedules, times and the three predictions against closed forms."""

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from policy_nodes.errors import ConfigError
from tests.training.objectives.oracle import MEAN, STD, gaussian_data, nothing_padded, posterior, remembering, seeded
from training.objectives.diffusion import CLEAN, Diffusion, DiffusionConfig, alphas_cumprod, betas

PREDICTIONS = ("epsilon", "x0", "v")
PATH = Diffusion(DiffusionConfig(), clip=None)


def best_output(prediction, abar):
    """What a perfect network answers for N(MEAN, STD^2); each from the posterior mean by its definition."""

    def network(x, level):
        k = (level * 100).round().long() - 1
        a = abar[k].view(-1, 1, 1).to(x.dtype)
        alpha, sigma = a.sqrt(), (1 - a).sqrt()
        data = posterior(x, alpha, sigma)
        noise = (x - alpha * data) / sigma
        return {"epsilon": noise, "x0": data, "v": alpha * noise - sigma * data}[prediction]

    return network


@pytest.mark.parametrize("prediction", PREDICTIONS)
def test_what_a_perfect_network_cannot_predict_is_the_posteriors_variance(prediction):
    """Var(data | x) = s^2 sigma^2 / V with V = alpha^2 s^2 + sigma^2; noise and v scale it by their share of data."""
    abar = alphas_cumprod("cosine", 100)
    variance = STD**2 * (1 - abar) / (abar * STD**2 + 1 - abar)
    share = {"epsilon": abar / (1 - abar), "x0": torch.ones_like(abar), "v": 1 / (1 - abar)}[prediction]
    data = gaussian_data(40_000)
    objective = Diffusion(DiffusionConfig(), prediction, clip=None)
    network = best_output(prediction, abar)
    loss = float(objective.loss(network, data, nothing_padded(data), seeded(3)))
    assert loss == pytest.approx(float((share * variance).mean()), rel=0.04)
    worse = objective.loss(lambda x, t: network(x, t) + 0.2, data, nothing_padded(data), seeded(3))
    assert float(worse) == pytest.approx(loss + 0.04, rel=0.05)


@pytest.mark.parametrize("prediction", PREDICTIONS)
@pytest.mark.parametrize("k", [0.0, 37.0, 99.0])
def test_a_perfect_network_leads_to_the_posterior_mean_at_every_step(prediction, k):
    objective = Diffusion(DiffusionConfig(), prediction, clip=None)
    x = torch.linspace(-2, 2, 7, dtype=torch.float64).view(7, 1, 1)
    level = torch.full((7,), objective.level(k), dtype=torch.float64)
    output = best_output(prediction, alphas_cumprod("cosine", 100))(x, level)
    expected = posterior(x, objective.alpha(k), objective.sigma(k))
    torch.testing.assert_close(objective.to_data(output, x, k), expected, rtol=1e-9, atol=1e-9)


def test_training_tells_the_levels_that_sampling_tells():
    data = torch.full((4000, 1, 1), MEAN)
    network, calls = remembering(lambda x, level: torch.zeros_like(x))
    PATH.loss(network, data, nothing_padded(data), seeded())
    told = sorted(set(calls[1].tolist()))
    assert told == pytest.approx([PATH.level(float(k)) for k in range(100)])
    assert told[-1] == 1.0 and PATH.level(CLEAN) == 0.0


def test_the_noisy_chunk_has_the_variance_of_its_level():
    """Data of variance one stay of variance one: that is what variance preserving means."""
    data = torch.randn(50_000, 1, 1, generator=seeded(5))
    network, calls = remembering(lambda x, level: torch.zeros_like(x))
    PATH.loss(network, data, nothing_padded(data), seeded(6))
    x, level = calls
    for low, high in ((0.0, 0.3), (0.3, 0.7), (0.7, 1.01)):
        assert float(x[(level > low) & (level <= high)].var()) == pytest.approx(1.0, abs=0.03)


@settings(max_examples=30, deadline=None)
@given(train=st.integers(2, 120), data=st.data())
def test_times_never_repeat_and_span_all_steps(train, data):
    steps = data.draw(st.integers(1, train))
    times = Diffusion(DiffusionConfig(train_steps=train)).times(steps)
    assert len(times) == steps + 1 and times[0] == train - 1 and times[-1] == CLEAN
    assert all(now > then for now, then in itertools.pairwise(times))
    assert all(t == int(t) for t in times)
    if steps > 1:
        assert times[-2] == 0.0


def test_times_by_hand():
    assert Diffusion(DiffusionConfig(train_steps=100)).times(4) == [99.0, 66.0, 33.0, 0.0, -1.0]
    assert Diffusion(DiffusionConfig(train_steps=100)).times(1) == [99.0, -1.0]


def test_more_steps_than_levels_are_refused_with_the_option():
    with pytest.raises(ConfigError, match=r"101 sampling steps.*100 levels") as refused:
        PATH.times(101)
    assert "--config.policy.diffusion.train-steps" in str(refused.value)
    with pytest.raises(ConfigError, match="train-steps is 1"):
        DiffusionConfig(train_steps=1)


@pytest.mark.parametrize("schedule", ["cosine", "linear"])
@pytest.mark.parametrize("steps", [2, 10, 100, 1000])
def test_every_schedule_goes_from_nearly_clean_to_nearly_noise(schedule, steps):
    beta, abar = betas(schedule, steps), alphas_cumprod(schedule, steps)
    assert beta.dtype == torch.float64 and float(beta.min()) > 0.0 and float(beta.max()) <= 0.999
    assert bool((abar[1:] < abar[:-1]).all())
    assert float(abar[-1]) < 0.01
    if steps >= 100:
        assert float(abar[0]) > 0.99


def test_the_linear_schedule_has_the_same_total_noise_at_any_number_of_steps():
    """Rescaled by 1000 / T: log abar is the sum of log(1 - beta), about -10 at 1000 steps (Ho et al.)."""
    ends = [math.log(float(alphas_cumprod("linear", steps)[-1])) for steps in (100, 200, 1000)]
    assert ends[2] == pytest.approx(-10.1, abs=0.05)
    assert ends[:2] == pytest.approx([ends[2]] * 2, rel=0.12)


def test_an_unknown_schedule_is_named():
    with pytest.raises(ValueError, match="'square'"):
        betas("square", 10)


def test_the_end_of_the_path_is_the_data():
    assert (PATH.alpha(CLEAN), PATH.sigma(CLEAN)) == (1.0, 0.0)
    for k in (0.0, 50.0, 99.0):
        assert PATH.alpha(k) ** 2 + PATH.sigma(k) ** 2 == pytest.approx(1.0, abs=1e-12)


def test_clipping_is_symmetric_and_only_of_the_clean_estimate():
    objective = Diffusion(DiffusionConfig(), "x0", clip=1.0)
    output = torch.tensor([[[-3.0], [0.5], [2.0]]])
    assert objective.to_data(output, torch.zeros_like(output), 10.0).flatten().tolist() == [-1.0, 0.5, 1.0]
    assert torch.equal(Diffusion(DiffusionConfig(), "x0", None).to_data(output, output, 10.0), output)


def test_padded_steps_do_not_count():
    data = gaussian_data(32)
    pad = nothing_padded(data)
    pad[:, 1] = True
    network, _ = remembering(lambda x, level: torch.zeros_like(x))
    other = data.clone()
    other[:, 1] = 1e6
    objective = Diffusion(DiffusionConfig(), "x0")
    assert torch.equal(*(objective.loss(network, chunk, pad, seeded(1)) for chunk in (data, other)))
    assert float(objective.loss(network, data, pad, seeded(1))) == pytest.approx(float(data[:, 0].square().mean()))

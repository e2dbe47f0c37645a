"""Solvers of EDM's equation on cases that have a closed form."""

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.samplers.gaussian import MEAN, NOISE, STD, counted, denoiser, normal
from training.samplers.edm import ancestral, euler, heun, slope, split_noise
from training.samplers.grids import exponential, noise_levels
from training.samplers.model import Model

GAUSSIAN = denoiser(lambda t: 1.0, lambda t: t)
POINT = Model(lambda x, t: torch.full_like(x, 0.7), lambda x, t: x, lambda t: 1.0, lambda t: t)


@pytest.mark.parametrize("sampler", [euler, heun])
@pytest.mark.parametrize("steps", [1, 2, 5])
def test_point_mass_paths_are_straight_so_any_number_of_steps_is_exact(sampler, steps):
    torch.testing.assert_close(
        sampler(POINT, noise_levels("karras", steps, 0.01, 10.0), [NOISE]), torch.full_like(NOISE, 0.7)
    )


def test_ancestral_sampling_of_a_point_ends_on_it_whatever_it_draws():
    draws = normal(4, rows=6)
    found = ancestral(POINT, noise_levels("exponential", 4, 0.01, 10.0), draws)
    torch.testing.assert_close(found, torch.full_like(found, 0.7))


def test_a_heun_step_by_hand():
    """D = 0: slope x / sigma. From 2 to 1 at x = 4 (start 2 * 2): slopes 2 and 2, so 2; then Euler to 0."""
    nothing = Model(lambda x, t: torch.zeros_like(x), lambda x, t: x, lambda t: 1.0, lambda t: t)
    assert float(heun(nothing, [2.0, 1.0], [torch.full((1, 1), 2.0)])) == 2.0
    bent = Model(lambda x, t: torch.full_like(x, t), lambda x, t: x, lambda t: 1.0, lambda t: t)
    # slopes (4 - 2) / 2 = 1 and (3 - 1) / 1 = 2: 4 - 1.5
    assert float(heun(bent, [2.0, 1.0], [torch.full((1, 1), 2.0)])) == 2.5
    assert float(euler(bent, [2.0, 1.0], [torch.full((1, 1), 2.0)])) == 3.0


def test_evaluations_are_those_promised():
    times = noise_levels("karras", 4, 0.01, 10.0)
    model, asked = counted(GAUSSIAN)
    heun(model, times, [NOISE])
    assert len(asked) == 7 and asked[-1] == times[-2]  # two per step, one for the last, none at 0
    asked.clear()
    ancestral(model, times, [NOISE] * 4)
    assert asked == times[:-1]


@settings(max_examples=50, deadline=None)
@given(now=st.floats(0.01, 100.0), share=st.floats(0.0, 0.999))
def test_split_noise_keeps_the_total(now, share):
    then = now * share
    down, up = split_noise(now, then)
    assert math.hypot(down, up) == pytest.approx(then, rel=1e-9)
    assert 0.0 <= up <= then + 1e-12 and 0.0 <= down <= then + 1e-12
    # Song et al.: the noise put back has the variance of the Markov step from then to now
    assert up**2 == pytest.approx(then**2 * (1 - share**2), rel=1e-6, abs=1e-12)


def spread(times):
    """Of what ancestral sampling draws: steps are affine, V' = (1 + (down - now) (1 - k) / now)^2 V + up^2."""
    variance = times[0] ** 2
    for now, then in itertools.pairwise(times):
        down, up = split_noise(now, then)
        k = STD**2 / (STD**2 + now**2)
        variance = (1 + (down - now) * (1 - k) / now) ** 2 * variance + up**2
    return math.sqrt(variance)


@pytest.mark.parametrize("steps", [3, 10, 40])
def test_ancestral_sampling_draws_what_its_recursion_says(steps):
    times = [*exponential(steps, 0.01, 5.0), 0.0]
    x = ancestral(GAUSSIAN, times, normal(steps))
    assert float(x.mean()) == pytest.approx(MEAN, abs=0.02)
    assert float(x.std()) == pytest.approx(spread(times), rel=0.02)


def test_ancestral_sampling_converges_to_the_spread_of_the_data():
    narrow = [1 - spread([*exponential(steps, 0.01, 5.0), 0.0]) / STD for steps in (40, 80, 160, 2000)]
    assert narrow == sorted(narrow, reverse=True)
    assert narrow[0] < 0.1 and abs(narrow[-1]) < 0.005


def test_ancestral_noise_is_independent_between_steps():
    """Two samples that share the start and differ in one later draw differ by its share alone: the model is affine."""
    times = [2.0, 1.0, 0.5]
    draws = [torch.zeros(1, 1, dtype=torch.float64) for _ in range(3)]
    base = ancestral(GAUSSIAN, times, draws)
    for i in (1, 2):
        moved = [*draws]
        moved[i] = torch.ones(1, 1, dtype=torch.float64)
        gain = 1.0
        for now, then in list(itertools.pairwise(times))[i:]:
            down, _ = split_noise(now, then)
            k = STD**2 / (STD**2 + now**2)
            gain *= 1 + (down - now) * (1 - k) / now
        expected = split_noise(times[i - 1], times[i])[1] * gain
        assert float(ancestral(GAUSSIAN, times, moved) - base) == pytest.approx(expected)


def test_the_slope_points_from_the_data():
    assert float(slope(torch.tensor(3.0), torch.tensor(1.0), 0.5)) == 4.0


def test_draws_are_scaled_to_the_first_level():
    """One Euler step of a model that answers 0 from sigma to sigma / 2 halves the start: it must have been sigma z."""
    nothing = Model(lambda x, t: torch.zeros_like(x), lambda x, t: x, lambda t: 1.0, lambda t: t)
    torch.testing.assert_close(euler(nothing, [80.0, 40.0], [NOISE]), 40.0 * NOISE)

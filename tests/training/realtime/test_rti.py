import pytest
import torch

from training.objectives.diffusion import betas
from training.realtime.rti import (
    NoiseSchedule,
    diffusion_contraction,
    flow_contraction,
    full_diffusion,
    warm_diffusion,
    warm_flow,
)

SCHEDULE = NoiseSchedule(betas("cosine", 100).float())
LIFT = [18, 16, 14, 12, 10, 8, 5, 3, 2, 1, 0]
CAN = [40, 35, 30, 25, 20, 17, 15, 12, 10, 8, 5, 3, 2, 1, 0]
LISTS = ([2, 1, 0], [3, 1, 0], range(9, -1, -1), range(19, -1, -1), LIFT, CAN)
TABLE = {
    0.02: (0.11, 0.12, 0.014, 0.004, 0.021, 0.016),
    0.05: (0.43, 0.43, 0.08, 0.023, 0.10, 0.083),
    0.10: (0.75, 0.74, 0.26, 0.086, 0.27, 0.21),
    0.20: (0.92, 0.92, 0.59, 0.28, 0.53, 0.42),
}
MU = 0.4


def gaussian_epsilon(spread):
    """Exact noise prediction where the data are N(MU, spread^2)."""
    bars = SCHEDULE.alphas_bar

    def epsilon(x, k):
        bar = bars[k]
        return (1 - bar).sqrt() * (x - bar.sqrt() * MU) / (bar * spread**2 + 1 - bar)

    return epsilon


def gaussian_velocity(spread):
    def velocity(x, t):
        t = t.view(-1, 1, 1)
        return MU + (x - t * MU) * (t * spread**2 - (1 - t)) / (t**2 * spread**2 + (1 - t) ** 2)

    return velocity


@pytest.mark.parametrize("spread", TABLE)
def test_the_surviving_error_is_that_of_the_table(spread):
    """Run, not only multiplied: two guesses through the sampler, and how much of their difference is left."""
    for steps, expected in zip(LISTS, TABLE[spread], strict=True):
        ends = [
            warm_diffusion(gaussian_epsilon(spread), torch.full((1, 2, 3), MU + error), list(steps), SCHEDULE)
            for error in (0.0, 0.5)
        ]
        survived = float((ends[1] - ends[0]).mean()) / 0.5
        assert survived == pytest.approx(expected, rel=0.06, abs=0.006)
        assert survived == pytest.approx(diffusion_contraction(SCHEDULE, list(steps), spread), rel=1e-3, abs=1e-4)


@pytest.mark.parametrize(("start", "steps", "spread"), [(0.5, 2, 0.1), (0.8, 1, 0.05), (0.75, 3, 0.3)])
def test_the_flow_contracts_as_derived(start, steps, spread):
    ends = [
        warm_flow(gaussian_velocity(spread), torch.full((1, 2, 3), MU + e), torch.zeros(1, 2, 3), start, steps)
        for e in (0.0, 0.5)
    ]
    assert float((ends[1] - ends[0]).mean()) / 0.5 == pytest.approx(flow_contraction(start, steps, spread), abs=1e-5)


def test_trusting_the_guess_more_corrects_it_less():
    factors = [flow_contraction(start, 2, 0.2) for start in (0.3, 0.5, 0.7, 0.9)]
    assert factors == sorted(factors) and factors[-1] < 1.0


def test_all_steps_from_noise_give_the_data_distribution():
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(4000, 1, 1, generator=generator)
    noises = torch.randn(100, 4000, 1, 1, generator=generator)
    sample = full_diffusion(gaussian_epsilon(0.3), noise, SCHEDULE, noises)
    assert float(sample.mean()) == pytest.approx(MU, abs=0.02)
    assert float(sample.std()) == pytest.approx(0.3, abs=0.03)


def test_the_guess_is_not_noised_again_and_the_last_step_adds_none():
    seen = []
    guess = torch.full((1, 2, 3), 0.7)

    def epsilon(x, k):
        seen.append((x.clone(), k))
        return torch.zeros_like(x)

    noises = torch.ones(3, 1, 2, 3)
    end = warm_diffusion(epsilon, guess, [2, 1, 0], SCHEDULE, noises)
    assert torch.equal(seen[0][0], guess) and [k for _, k in seen] == [2, 1, 0]
    assert torch.allclose(end, seen[2][0] / SCHEDULE.alphas[0].sqrt())
    quiet = warm_diffusion(lambda x, k: torch.zeros_like(x), guess, [2, 1, 0], SCHEDULE)
    assert not torch.allclose(end, quiet)


def test_known_entries_are_put_back_before_every_step_and_at_the_end():
    seen = []

    def impose(x):
        return torch.cat([torch.zeros_like(x[:, :1]), x[:, 1:]], dim=1)

    def epsilon(x, k):
        seen.append(float(x[0, 0, 0]))
        return torch.ones_like(x)

    end = warm_diffusion(epsilon, torch.ones(1, 2, 3), [3, 1, 0], SCHEDULE, impose=impose)
    assert seen == [0.0, 0.0, 0.0] and float(end[0, 0, 0]) == 0.0 and float(end[0, 1, 0]) != 0.0


def test_the_cosine_schedule():
    levels = [float((1 - SCHEDULE.alphas_bar[k]).sqrt()) for k in (2, 5, 10, 18, 28, 40)]
    assert levels == pytest.approx([0.058, 0.105, 0.18, 0.30, 0.45, 0.61], rel=0.08)


@pytest.mark.parametrize("steps", [[], [0, 1], [2, 2, 0], [100, 1], [1, -1]])
def test_step_lists_that_make_no_sense_are_refused(steps):
    with pytest.raises(ValueError, match="step list"):
        warm_diffusion(lambda x, k: x, torch.zeros(1, 2, 3), steps, SCHEDULE)


@pytest.mark.parametrize(("start", "steps"), [(0.0, 2), (1.0, 2), (0.5, 0)])
def test_starts_that_make_no_sense_are_refused(start, steps):
    with pytest.raises(ValueError, match="warm start needs"):
        warm_flow(lambda x, t: x, torch.zeros(1, 2, 3), torch.zeros(1, 2, 3), start, steps)

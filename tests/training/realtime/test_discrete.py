"""The gripper under warm start: plain lags for several ticks, clip and scale do not."""

import pytest
import torch

from training.objectives.diffusion import betas
from training.policies.normalizer import Normalizer
from training.realtime.discrete import FACTOR, clip_guess, column_mask, decide, scale_statistics
from training.realtime.rti import NoiseSchedule, warm_diffusion

SCHEDULE, MASK = NoiseSchedule(betas("cosine", 100).float()), torch.tensor([0.0, 1.0])
STEPS = [10, 8, 6, 4, 2, 1, 0]


def epsilon_towards(goal, spread):
    """Exact noise prediction where the second column is ``goal``, spread normally."""
    bars = SCHEDULE.alphas_bar

    def epsilon(x, k):
        bar = bars[k]
        return (1 - bar).sqrt() * (x - bar.sqrt() * goal) / (bar * spread**2 + 1 - bar)

    return epsilon


def ticks_until_closed(scale, clip):
    """How many warm-started ticks the executed gripper needs to follow a target that flips from +1 to -1."""
    guess = torch.full((1, 4, 2), 1.0 / scale)
    for tick in range(1, 20):
        if clip:
            guess = clip_guess(guess, MASK, scale * FACTOR)
        out = warm_diffusion(epsilon_towards(-1.0 / scale, 0.3 / scale), guess, STEPS, SCHEDULE)
        if float(out[0, 0, 1]) < 0.0:
            return tick
        guess = torch.cat([out[:, 1:], out[:, -1:]], dim=1)
    return 20


def test_plain_warm_start_lags_and_both_variants_do_not():
    plain, clip, scaled = ticks_until_closed(1.0, False), ticks_until_closed(1.0, True), ticks_until_closed(10.0, False)
    assert plain >= 3
    assert clip == 1 and scaled == 1


def test_only_the_listed_columns_are_clipped():
    guess = torch.tensor([[[0.7, 0.9], [-0.2, -0.4]]])
    assert torch.allclose(clip_guess(guess, MASK), torch.tensor([[[0.7, 0.1], [-0.2, -0.1]]]))


def test_scaling_the_statistics_makes_the_column_smaller():
    normalizer = Normalizer((3, 2))
    normalizer.fit(torch.zeros(3, 2), torch.ones(3, 2))
    scale_statistics(normalizer, MASK)
    assert normalizer(torch.ones(1, 3, 2))[0, 0].tolist() == pytest.approx([1.0, 1.0 / FACTOR])


def test_what_is_executed_is_one_of_two_values():
    chunk = torch.tensor([[[5.0, 0.021], [6.0, 0.019]]])
    expected = torch.tensor([[[5.0, 0.04], [6.0, 0.0]]])
    assert torch.allclose(decide(chunk, MASK, low=0.0, high=0.04), expected)


def test_columns_must_exist():
    assert column_mask([1], 2).tolist() == MASK.tolist()
    with pytest.raises(ValueError, match="not all in"):
        column_mask([2], 2)

"""The flow objective: what a sampler is told must agree with what training showed the network."""

import itertools

import pytest
import torch

from tests.training.objectives.oracle import STD, gaussian_data, nothing_padded, posterior, remembering, seeded
from training.objectives.conversions import velocity_from_data
from training.objectives.flow import FlowMatching


def best_velocity(x, t):
    wide = t.view(-1, 1, 1)
    return velocity_from_data(x, posterior(x, wide, 1 - wide), 1 - wide)


def test_the_exact_field_has_the_least_loss_and_what_remains_is_known():
    """E |data - noise - v*|^2 at time t is the variance of the velocity given x, s^2 / (t^2 s^2 + (1 - t)^2)."""
    data = gaussian_data(40_000)
    objective, pad = FlowMatching("uniform"), nothing_padded(data)
    t = (torch.arange(20_000, dtype=torch.float64) + 0.5) / 20_000
    remains = float((STD**2 / (t**2 * STD**2 + (1 - t) ** 2)).mean())
    best = float(objective.loss(best_velocity, data, pad, seeded(1)))
    assert best == pytest.approx(remains, rel=0.02)
    for wrong in (lambda x, t: best_velocity(x, t) + 0.3, lambda x, t: 0.8 * best_velocity(x, t)):
        assert float(objective.loss(wrong, data, pad, seeded(1))) > best + 0.02


def test_the_level_of_training_is_the_level_of_sampling():
    """Point-mass data: where x lies on its path gives the time away, and it is the level that the network was told."""
    data = torch.full((64, 2, 1), 5.0)
    network, calls = remembering(lambda x, t: torch.zeros_like(x))
    objective = FlowMatching("beta")
    objective.loss(network, data, nothing_padded(data), seeded())
    x, told = calls
    noise = torch.randn(data.shape, generator=seeded())  # the first that the loss draws
    t = ((x - noise) / (data - noise))[:, 0, 0]
    torch.testing.assert_close(t, told, atol=1e-4, rtol=1e-4)
    for time in told[:5].tolist():
        assert (objective.level(time), objective.alpha(time), objective.sigma(time)) == (time, time, 1.0 - time)


@pytest.mark.parametrize("steps", [1, 3, 7, 10])
def test_times_are_even_and_end_at_the_data_exactly(steps):
    times = FlowMatching().times(steps)
    assert len(times) == steps + 1 and times[0] == 0.0 and times[-1] == 1.0
    assert [b - a for a, b in itertools.pairwise(times)] == pytest.approx([1 / steps] * steps)


def test_output_to_data_and_back_to_velocity():
    objective, x = FlowMatching(), torch.tensor([[[0.3], [-2.0]]])
    output = torch.tensor([[[1.5], [0.25]]])
    data = objective.to_data(output, x, 0.6)
    torch.testing.assert_close(data, torch.tensor([[[0.3 + 0.4 * 1.5], [-2.0 + 0.4 * 0.25]]]))
    assert objective.velocity(output, x, 0.6) is output
    torch.testing.assert_close(velocity_from_data(x, data, objective.sigma(0.6)), output)


def test_a_plain_flow_is_told_no_step_size():
    assert FlowMatching().step_condition(4).shape == (1, 0)

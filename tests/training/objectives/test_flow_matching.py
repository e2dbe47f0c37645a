import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from training.objectives.flow_matching import flow_matching_loss, interpolate, sample_time, target_velocity
from training.samplers.euler import euler_flow

POINT = torch.tensor([[[0.7, -1.3], [2.0, 0.1]]])


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def test_point_mass_one_euler_step_lands_on_the_point():
    """For data {a} the exact field is (a - x) / (1 - t); digest 18.0."""
    noise = torch.randn(64, 2, 2, generator=seeded()).double()
    point = POINT.double()
    landed = euler_flow(lambda x, t: (point - x) / (1 - t.view(-1, 1, 1)), noise, steps=1)
    torch.testing.assert_close(landed, point.expand_as(noise), atol=1e-12, rtol=0)


def test_a_sign_error_in_field_or_time_would_be_seen():
    noise = torch.randn(64, 2, 2, generator=seeded()).double()
    point = POINT.double().expand(64, 2, 2)
    # The path's velocity is what the loss regresses on; negated it lands on 2 noise - a, as the digest warns.
    right = euler_flow(lambda x, t: target_velocity(noise, point), noise, steps=1)
    wrong = euler_flow(lambda x, t: -target_velocity(noise, point), noise, steps=1)
    torch.testing.assert_close(right, point)
    torch.testing.assert_close(wrong, 2 * noise - point)
    assert (wrong - point).abs().mean() > 1.0
    # Time running from data (t = 0) to noise (t = 1) would leave the sample at the noise.
    assert torch.equal(interpolate(noise, point, torch.zeros(64)), noise)
    assert torch.equal(interpolate(noise, point, torch.ones(64)), point)


@settings(max_examples=25, deadline=None)
@given(t=st.floats(0.05, 0.95), seed=st.integers(0, 1000))
def test_target_is_the_time_derivative_of_the_path(t, seed):
    noise, data = torch.randn(2, 3, 4, 2, generator=seeded(seed), dtype=torch.float64)
    h = 1e-4
    ahead, behind = (interpolate(noise, data, torch.full((3,), t + s * h, dtype=torch.float64)) for s in (1, -1))
    torch.testing.assert_close((ahead - behind) / (2 * h), target_velocity(noise, data), atol=1e-9, rtol=1e-9)


def test_every_sample_has_its_own_time():
    noise, data = torch.zeros(3, 2, 1), torch.ones(3, 2, 1)
    assert interpolate(noise, data, torch.tensor([0.0, 0.25, 1.0]))[:, :, 0].tolist() == [[0, 0], [0.25, 0.25], [1, 1]]


def test_beta_density_is_that_of_pi0_seen_from_our_direction():
    """Digest 18.1, in pi0's direction (1 = noise): mean 0.60, 10/50/90 % quantiles 0.22 / 0.63 / 0.93."""
    pi0_time = 1.0 - sample_time(200_000, "beta", seeded())
    assert float(pi0_time.mean()) == pytest.approx(0.60, abs=0.005)
    quantiles = torch.quantile(pi0_time, torch.tensor([0.1, 0.5, 0.9]))
    assert quantiles.tolist() == pytest.approx([0.22, 0.63, 0.93], abs=0.006)
    assert float(pi0_time.min()) >= 0.001 and float(pi0_time.max()) <= 1.0


def test_uniform_density():
    t = sample_time(100_000, "uniform", seeded())
    assert float(t.mean()) == pytest.approx(0.5, abs=0.005) and float(t.std()) == pytest.approx(12**-0.5, abs=0.005)


def test_loss_of_the_exact_field_is_zero_and_of_none_is_the_second_moment():
    data = POINT.expand(512, 2, 2)
    keep_all = torch.zeros(512, 2, dtype=torch.bool)

    def exact(x, t):
        return (POINT - x) / (1 - t.view(-1, 1, 1)).clamp(min=1e-6)

    assert float(flow_matching_loss(exact, data, keep_all, "beta", seeded())) < 1e-6
    silent = float(flow_matching_loss(lambda x, t: torch.zeros_like(x), data, keep_all, "uniform", seeded()))
    # E |a - eps|^2 per element = a^2 + 1
    assert silent == pytest.approx(float(POINT.square().mean()) + 1.0, rel=0.1)


def test_padding_changes_neither_loss_nor_gradient():
    data = torch.randn(4, 3, 2, generator=seeded(1))
    is_pad = torch.tensor([[0, 0, 1], [0, 1, 1], [0, 0, 0], [0, 0, 1]], dtype=torch.bool)
    weight = torch.ones(2, requires_grad=True)

    def loss_of(values):
        return flow_matching_loss(lambda x, t: x * weight, values, is_pad, "uniform", seeded(2))

    other = torch.where(is_pad.unsqueeze(-1), torch.full_like(data, 1e6), data)
    assert torch.equal(loss_of(data), loss_of(other))
    gradients = [torch.autograd.grad(loss_of(values), weight)[0] for values in (data, other)]
    assert torch.equal(*gradients)


def test_loss_is_a_mean_over_what_is_not_padding():
    """A constant error of 2 has mean square 4, whatever is padded; all padded is zero, not NaN."""
    data = torch.randn(5, 4, 3, generator=seeded(3))
    noise = torch.randn(data.shape, generator=seeded(4))  # what the loss draws first from the same seed
    wrong = lambda x, t: target_velocity(noise, data) + 2.0  # noqa: E731
    for is_pad in (torch.zeros(5, 4, dtype=torch.bool), torch.rand(5, 4, generator=seeded(5)) < 0.5):
        assert float(flow_matching_loss(wrong, data, is_pad, "uniform", seeded(4))) == pytest.approx(4.0, rel=1e-5)
    assert float(flow_matching_loss(wrong, data, torch.ones(5, 4, dtype=torch.bool), "uniform", seeded(4))) == 0.0


def test_seeded_generator_repeats_the_loss():
    data, pad = torch.randn(8, 2, 2, generator=seeded()), torch.zeros(8, 2, dtype=torch.bool)
    losses = [float(flow_matching_loss(lambda x, t: x, data, pad, "beta", seeded(s))) for s in (7, 7, 8)]
    assert losses[0] == losses[1] != losses[2] and all(math.isfinite(loss) for loss in losses)

import math

import pytest
import torch

from training.policies.residual_mlp import ResidualMLP
from training.realtime.prefix import PrefixMLP, offset_chunk, prefix_flow, prefix_loss, sample_prefix_lengths
from training.samplers.euler import euler_flow

H = 6


def network(seed=0):
    torch.manual_seed(seed)
    base = ResidualMLP(H, 1, 4, width=32, depth=1, expansion=2)
    torch.nn.init.normal_(base.output.weight, std=0.1)
    return base


def test_at_first_it_computes_what_its_base_computes():
    base = network()
    x, t, condition = torch.randn(3, H, 1), torch.rand(3), torch.randn(3, 4)
    assert torch.equal(PrefixMLP(base)(x, t.unsqueeze(1).expand(3, H), condition), base(x, t, condition))


def test_given_steps_come_out_as_given_and_the_others_do_not():
    weights = torch.tensor([[1.0, 1.0, 0.9, 0.5, 0.0, 0.0]])
    target = torch.arange(H, dtype=torch.float32).view(1, H, 1)
    out = prefix_flow(lambda x, t: torch.ones_like(x), torch.zeros(1, H, 1), target, weights, 4)
    assert torch.equal(out[:, :2], target[:, :2])
    assert torch.allclose(out[:, 2:], torch.ones(1, 4, 1))  # weights below one freeze nothing


def test_the_network_sees_the_prefix_clean_and_at_time_one():
    seen = []

    def velocity(x, t):
        seen.append((x[0, 0, 0].item(), t[0].tolist()))
        return torch.zeros_like(x)

    prefix_flow(velocity, torch.zeros(1, 3, 1), torch.full((1, 3, 1), 7.0), torch.tensor([[1.0, 0.0, 0.0]]), 2)
    assert seen == [(7.0, [1.0, 0.0, 0.0]), (7.0, [1.0, 0.5, 0.5])]


def test_without_a_prefix_it_is_the_plain_sampler():
    base, noise, condition = network(), torch.randn(2, H, 1), torch.randn(2, 4)
    wrapped = PrefixMLP(base)
    plain = euler_flow(lambda x, t: base(x, t, condition), noise, 4)
    out = prefix_flow(lambda x, t: wrapped(x, t, condition), noise, torch.ones_like(noise), torch.zeros(2, H), 4)
    assert torch.allclose(plain, out, atol=1e-6)


def test_the_loss_is_taken_behind_the_prefix_only():
    """A network that is right behind the prefix and wrong on it has no loss."""
    data, generator = torch.randn(64, H, 1), torch.Generator().manual_seed(0)

    def cheat(x, t):
        # noise = (x - t data) / (1 - t) behind the prefix; on it anything
        safe = torch.where(t < 1.0, t, 0.0).unsqueeze(-1)
        noise = (x - safe * data) / (1.0 - safe)
        return torch.where((t < 1.0).unsqueeze(-1), data - noise, torch.full_like(x, 1e3))

    lengths = sample_prefix_lengths(64, 4, generator)
    assert float(prefix_loss(cheat, data, torch.zeros(64, H, dtype=torch.bool), lengths, generator)) < 1e-6
    wrong = prefix_loss(lambda x, t: cheat(x, t) + 1.0, data, torch.zeros(64, H, dtype=torch.bool), lengths, generator)
    assert float(wrong) == pytest.approx(1.0, abs=1e-4)


def test_lengths_are_uniform():
    lengths = sample_prefix_lengths(5000, 4, torch.Generator().manual_seed(0))
    assert torch.bincount(lengths).shape == (5,) and torch.bincount(lengths).min() > 850


def test_a_displaced_beginning_returns_behind_the_prefix():
    """Three steps given: the displacement is whole on them, then falls by e every two steps."""
    chunk, offset = torch.arange(float(H)).view(1, H, 1).repeat(2, 1, 1), torch.tensor([[1.0], [-2.0]])
    moved = offset_chunk(chunk, offset, torch.tensor([3, 0]), return_steps=2.0) - chunk
    shares = torch.tensor([1.0, 1.0, 1.0, math.exp(-0.5), math.exp(-1.0), math.exp(-1.5)])
    torch.testing.assert_close(moved[0, :, 0], shares)
    torch.testing.assert_close(moved[1, :, 0], -2.0 * torch.exp(-torch.arange(1.0, H + 1.0) / 2.0))


@pytest.mark.slow
def test_it_learns_to_continue_either_branch():
    """Chunks go up or down; with the first two steps given, the rest must follow them."""
    generator = torch.Generator().manual_seed(0)
    model, condition = PrefixMLP(network()), torch.zeros(256, 4)
    optimiser = torch.optim.Adam(model.parameters(), 3e-3)
    ramp = torch.linspace(0.4, 1.0, H).view(1, H, 1)
    pads = torch.zeros(256, H, dtype=torch.bool)
    for _ in range(800):
        sign = torch.randint(0, 2, (256, 1, 1), generator=generator) * 2.0 - 1.0
        lengths = sample_prefix_lengths(256, 3, generator)
        loss = prefix_loss(lambda x, t: model(x, t, condition), sign * ramp, pads, lengths, generator)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    weights = torch.tensor([1.0, 1.0, 0, 0, 0, 0]).expand(256, H)
    noise = torch.randn(256, H, 1, generator=generator)
    sign = torch.where(torch.arange(256) < 128, 1.0, -1.0).view(-1, 1, 1)
    with torch.no_grad():
        out = prefix_flow(lambda x, t: model(x, t, condition), noise, sign * ramp, weights, 8)
    assert float(((out * sign)[:, 2:] > 0).float().mean()) > 0.97
    assert float((out - sign * ramp)[:, 2:].abs().mean()) < 0.15


@pytest.mark.parametrize("longest", [-1, H])
def test_a_prefix_that_leaves_nothing_is_refused(longest):
    with pytest.raises(ValueError, match="leaves nothing"):
        pads = torch.zeros(1, H, dtype=torch.bool)
        prefix_loss(lambda x, t: x, torch.zeros(1, H, 1), pads, torch.tensor([longest]))


def test_it_needs_a_step():
    with pytest.raises(ValueError, match="at least one step"):
        prefix_flow(lambda x, t: x, torch.zeros(1, H, 1), torch.zeros(1, H, 1), torch.zeros(1, H), 0)

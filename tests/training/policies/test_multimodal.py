"""Trained check (minutes): a flow keeps modes apart that a regressor averages; digest 18.5, 18.10 (b), 19.2."""

import math

import pytest
import torch

from training.objectives.flow_matching import flow_matching_loss
from training.policies.encoders import planar_yaw_features
from training.policies.residual_mlp import ResidualMLP
from training.samplers.euler import euler_flow

ANGLES = torch.arange(4) * math.pi / 2
SPREAD = 0.1


def centres(context):
    """(B, 4, 1, 2) modes on the unit circle, turned by the context (B, 1) in rad."""
    angle = context + ANGLES
    return torch.stack([angle.cos(), angle.sin()], dim=-1).unsqueeze(2)


def draw(batch, generator):
    context = 2 * math.pi * torch.rand(batch, 1, generator=generator)
    mode = torch.randint(4, (batch,), generator=generator)
    data = centres(context)[torch.arange(batch), mode]
    return context, data + SPREAD * torch.randn(data.shape, generator=generator)


def features(context):
    """The context as the encoder would give it: with the fourfold symmetry removed."""
    return planar_yaw_features(context[:, 0].cos(), context[:, 0].sin(), symmetry=4)


def on_mode(samples, context):
    """Share of samples within 3 standard deviations of a mode, and share of the rarest mode among them."""
    distance = (samples.unsqueeze(1) - centres(context)).flatten(2).norm(dim=-1)
    nearest, mode = distance.min(1)
    hit = nearest < 3 * SPREAD
    shares = torch.bincount(mode[hit], minlength=4) / max(1, int(hit.sum()))
    return float(hit.float().mean()), float(shares.min())


@pytest.mark.slow
@pytest.mark.parametrize("density", ["uniform", "beta"])
def test_four_modes_given_a_context(density, record_property):
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(1)
    network = ResidualMLP(1, 2, condition_dim=2, width=192, depth=3, expansion=2)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)
    steps = 2000
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        context, data = draw(256, generator)
        condition = features(context)
        is_pad = torch.zeros(256, 1, dtype=torch.bool)
        loss = flow_matching_loss(lambda x, t, c=condition: network(x, t, c), data, is_pad, density, generator)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    context, _ = draw(4000, generator)
    noise = torch.randn(4000, 1, 2, generator=generator)
    condition = features(context)
    results = {}
    with torch.no_grad():
        for n in (1, 2, 5, 10, 20):
            samples = euler_flow(lambda x, t: network(x, t, condition), noise, n)
            results[n] = (*on_mode(samples, context), float(samples.norm(dim=-1).mean()))
    print(density, {n: tuple(round(v, 3) for v in r) for n, r in results.items()})
    assert results[1][0] < 0.05  # one step answers the mean of the modes, the origin ...
    assert results[1][2] < 0.1
    assert results[10][0] > 0.8  # ... ten steps the modes,
    assert results[10][1] > 0.2  # all four of them.

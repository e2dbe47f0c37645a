"""Against the digest's reference table: linear-Gaussian chunk prior, exact velocity."""

import math

import pytest
import torch

from policy_nodes.inference.scheduling.masks import prefix_weights
from training.realtime.rtc import guidance_coefficient, guided_flow
from training.samplers.euler import euler_flow

H, D, S = 16, 3, 5
INDEX = torch.arange(H, dtype=torch.float64)
KERNEL = torch.exp(-((INDEX[:, None] - INDEX) ** 2) / (2 * 4.0**2)) + 1e-6 * torch.eye(H, dtype=torch.float64)
ROOT = torch.linalg.cholesky(KERNEL)


def velocity(x, t):
    """Exact velocity of a chunk prior N(0, K) (one action): (t K - (1 - t) I)(t^2 K + (1 - t)^2 I)^-1 x."""
    tau, eye = float(t[0]), torch.eye(H, dtype=x.dtype)
    matrix = torch.linalg.solve(tau**2 * KERNEL + (1 - tau) ** 2 * eye, tau * KERNEL - (1 - tau) * eye)
    return (matrix @ x.squeeze(-1).T).T.unsqueeze(-1)


def errors(schedule, steps=5, max_weight=5.0, through=True, trials=400):
    generator = torch.Generator().manual_seed(1)
    old = (ROOT @ torch.randn(H, trials, generator=generator, dtype=torch.float64)).T
    target = torch.zeros(trials, H, 1, dtype=torch.float64)
    target[:, : H - S, 0] = old[:, S:]
    weights = torch.from_numpy(prefix_weights(H, D, H - S, schedule) if schedule else 0 * prefix_weights(H, D, H))
    noise = torch.randn(trials, H, 1, generator=generator, dtype=torch.float64)
    mask = weights.double().expand(trials, H)
    new = guided_flow(velocity, noise, target, mask, steps, max_weight=max_weight, through_denoiser=through)
    apart = (new - target).abs()[..., 0]
    jump = (new[:, D, 0] - target[:, D - 1, 0]).abs()
    return float(apart[:, :D].mean()), float(jump.mean()), float(apart[:, D : H - S].mean())


@pytest.mark.parametrize(
    ("schedule", "through", "expected"),
    [
        (None, True, (0.94, 0.92, 0.96)),
        ("exponential", True, (0.054, 0.174, 0.42)),
        ("hard", True, (0.109, 0.215, 0.76)),
        ("exponential", False, (0.035, 0.189, 0.39)),
        ("hard", False, (0.040, 0.294, 0.80)),
    ],
)
def test_the_reference_table(schedule, through, expected):
    """Other noise than the table's: means of 400 trials agree within their scatter."""
    assert errors(schedule, through=through) == pytest.approx(expected, rel=0.2, abs=0.02)


def test_the_clip_keeps_the_identity_variant_from_exploding():
    assert errors("exponential", through=False, max_weight=1e9)[0] > 1e3
    assert errors("exponential", through=True, max_weight=1e9)[0] < 1.0


def test_the_coefficients_by_hand():
    values = [guidance_coefficient(k / 5) for k in range(5)]
    assert values == pytest.approx([5.0, 4.25, 2.1667, 2.1667, 4.25], abs=1e-3)
    assert guidance_coefficient(0.9) == 5.0 and guidance_coefficient(0.9, 100.0) == pytest.approx(9.11, abs=0.01)
    assert math.isfinite(guidance_coefficient(0.0))


def test_without_weights_it_is_the_plain_sampler():
    noise = torch.randn(3, H, 1, dtype=torch.float64)
    plain = euler_flow(velocity, noise, 5)
    guided = guided_flow(velocity, noise, torch.ones_like(noise), torch.zeros(3, H, dtype=torch.float64), 5)
    assert torch.allclose(plain, guided)


def test_the_product_is_with_the_transposed_jacobian():
    """One step, a linear field v = M x: A1 = (I + M) x, so the correction is (I + M)^T W (Y - A1)."""
    matrix = torch.randn(H, H, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    x = torch.randn(1, H, 1, dtype=torch.float64)
    target, weights = torch.randn(1, H, 1, dtype=torch.float64), torch.rand(1, H, dtype=torch.float64)

    def linear(point, t):
        return matrix @ point

    end = guided_flow(linear, x, target, weights, 1, max_weight=2.0)
    full = torch.eye(H, dtype=torch.float64) + matrix
    expected = x + matrix @ x + 2.0 * full.T @ (weights.unsqueeze(-1) * (target - full @ x))
    assert torch.allclose(end, expected)


def test_it_needs_a_step():
    with pytest.raises(ValueError, match="at least one step"):
        guided_flow(velocity, torch.zeros(1, H, 1), torch.zeros(1, H, 1), torch.zeros(1, H), 0)

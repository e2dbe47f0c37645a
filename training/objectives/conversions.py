"""What a network may predict on a Gaussian path, and how one prediction becomes another.

On ``x = alpha * data + sigma * noise`` the clean sample, the noise, the v of progressive distillation, the score and
the velocity of the straight path are affine functions of each other:

    noise = (x - alpha * data) / sigma        v = alpha * noise - sigma * data        score = -noise / sigma

and on the straight path (``alpha = t``, ``sigma = 1 - t``, t = 0 is noise) ``velocity = data - noise``.
``alpha`` and ``sigma`` are numbers or tensors that broadcast against x.

Sources: Ho et al., arXiv 2006.11239; Salimans & Ho, arXiv 2202.00512 (v); Lipman et al., arXiv 2210.02747 (velocity).
"""

from __future__ import annotations

from torch import Tensor

Coefficient = float | Tensor


def perturb(data: Tensor, noise: Tensor, alpha: Coefficient, sigma: Coefficient) -> Tensor:
    """Point on the path."""
    return alpha * data + sigma * noise


def data_from_noise(x: Tensor, noise: Tensor, alpha: Coefficient, sigma: Coefficient) -> Tensor:
    """Clean sample given the noise; ``alpha`` must not be 0."""
    return (x - sigma * noise) / alpha


def noise_from_data(x: Tensor, data: Tensor, alpha: Coefficient, sigma: Coefficient) -> Tensor:
    """Noise given the clean sample; ``sigma`` must not be 0."""
    return (x - alpha * data) / sigma


def v_target(data: Tensor, noise: Tensor, alpha: Coefficient, sigma: Coefficient) -> Tensor:
    """``alpha * noise - sigma * data``."""
    return alpha * noise - sigma * data


def data_from_v(x: Tensor, v: Tensor, alpha: Coefficient, sigma: Coefficient) -> Tensor:
    """Clean sample given v; the denominator is 1 where the path preserves variance."""
    return (alpha * x - sigma * v) / (alpha * alpha + sigma * sigma)


def score_from_data(x: Tensor, data: Tensor, alpha: Coefficient, sigma: Coefficient) -> Tensor:
    """Gradient of the log density at x when ``data`` is the posterior mean (Tweedie's formula)."""
    return (alpha * data - x) / (sigma * sigma)


def data_from_score(x: Tensor, score: Tensor, alpha: Coefficient, sigma: Coefficient) -> Tensor:
    """Posterior mean given the score."""
    return (x + sigma * sigma * score) / alpha


def velocity_from_data(x: Tensor, data: Tensor, sigma: Coefficient) -> Tensor:
    """Velocity of the straight path with ``sigma = 1 - t``; ``sigma`` must not be 0."""
    return (data - x) / sigma


def data_from_velocity(x: Tensor, velocity: Tensor, sigma: Coefficient) -> Tensor:
    """Clean sample that the straight path reaches from x."""
    return x + sigma * velocity

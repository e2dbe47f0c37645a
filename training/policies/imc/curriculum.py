"""The weights of an information maximizing curriculum, in logarithms.

Experts z with likelihoods pi_z(a|o) share a data set of N points D = (o, a). Maximised is

    J = E_p(z)p(D|z) [log pi_z(a|o)] + eta H(p(D)),   bounded by   R_z(D) = log pi_z(a|o) + eta log q(z|D),

whose optimal curricula are p~(D|z) = exp(R_z(D) / eta). The term eta log q pays an expert less for points that another
one owns, so that together they cover the data; eta is the pacing: towards zero an expert keeps a few points that it
represents well, towards infinity all count alike and it averages.

Source: Blessing et al., "Information Maximizing Curriculum: A Curriculum-Based Approach for Learning Versatile Skills",
NeurIPS 2023, arXiv 2303.15349.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

Normalisation = Literal["expert", "point"]
"""``expert``: the paper's p(D|z), the weights of each expert sum to a constant. ``point``: the released code's, the
best expert of every point has weight one, which forces every point to be covered."""


@dataclass(frozen=True)
class Curricula:
    """Weights of N points for K experts.

    Attributes:
        log_weights: (N, K) log p~(D|z), not normalised.
        bound: of J, eta logsumexp of ``log_weights``; never falls while the experts fit these weights ever better.
    """

    log_weights: Tensor
    bound: float

    @property
    def log_prior(self) -> Tensor:
        """(K,) log p(z)."""
        return torch.log_softmax(torch.logsumexp(self.log_weights, dim=0), dim=0)

    def weights(self, normalisation: Normalisation) -> Tensor:
        """(N, K) weights of the points in the experts' weighted maximum likelihood; their mean is about 1 / K."""
        if normalisation == "point":
            return (self.log_weights - self.log_weights.amax(dim=1, keepdim=True)).exp()
        points, experts = self.log_weights.shape
        return torch.softmax(self.log_weights, dim=0) * (points / experts)

    @property
    def log_posterior(self) -> Tensor:
        """(N, K) log q(z|D) of these weights: which expert owns a point."""
        return torch.log_softmax(self.log_weights, dim=1)

    def posterior(self) -> Tensor:
        """(N, K) q(z|D)."""
        return self.log_posterior.exp()


def first_posterior(points: int, experts: int) -> Tensor:
    """(N, K) log q(z|D) before anything is known: every expert alike."""
    return torch.full((points, experts), -math.log(experts), dtype=torch.float64)


def update(log_likelihood: Tensor, log_posterior: Tensor, pacing: float) -> Curricula:
    """Optimal curricula of all points at once.

    Args:
        log_likelihood: (N, K) log pi_z(a|o), up to a constant.
        log_posterior: (N, K) log q(z|D).
        pacing: eta > 0.
    """
    log_weights = log_likelihood.double() / pacing + log_posterior.double()
    bound = pacing * float(torch.logsumexp(log_weights.flatten(), dim=0))
    return Curricula(log_weights, bound)


def responsibilities(log_likelihood: Tensor, log_prior: Tensor) -> tuple[Tensor, Tensor, float]:
    """The E-step of expectation maximisation for the same experts, the baseline.

    Args:
        log_likelihood: (N, K).
        log_prior: (K,).

    Returns:
        (N, K) responsibilities, (K,) the next log prior, and the mean log-likelihood of the mixture.
    """
    joint = log_likelihood.double() + log_prior.double()
    owned = torch.softmax(joint, dim=1)
    return owned, owned.mean(dim=0).log(), float(torch.logsumexp(joint, dim=1).mean())


def effective_sample_size(weights: Tensor) -> Tensor:
    """(K,) number of points that each expert's weights (N, K) amount to; 0 where an expert has none."""
    squares = weights.square().sum(dim=0)
    return torch.where(squares > 0.0, weights.sum(dim=0).square() / squares.clamp(min=1e-300), 0.0)

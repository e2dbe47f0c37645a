"""Alternating maximisation: which expert owns which point, what each should learn, and learning it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, Protocol

import torch
from torch import Tensor

from policy_nodes.errors import ConfigError
from training.policies.imc.curriculum import (
    Normalisation,
    effective_sample_size,
    first_posterior,
    responsibilities,
    update,
)

Method = Literal["imc", "em"]


class Experts(Protocol):
    """K conditional densities over a fixed data set of N points."""

    def log_likelihood(self) -> Tensor:
        """(N, K) of every point under every expert, up to a constant."""

    def fit(self, weights: Tensor) -> None:
        """Weighted maximum likelihood with weights (N, K)."""


@dataclass
class Trace:
    """What happened in each iteration.

    Attributes:
        bound: of the objective; of ``em`` the mean log-likelihood.
        sample_size: (K,) effective numbers of points.
        prior: (K,) p(z).
    """

    bound: list[float] = field(default_factory=list)
    sample_size: list[Tensor] = field(default_factory=list)
    prior: list[Tensor] = field(default_factory=list)


@dataclass(frozen=True)
class Assignment:
    """Who owns what in the end.

    Attributes:
        posterior: (N, K) q(z|D).
        prior: (K,) p(z).
        weights: (N, K) that the experts were last fitted with.
        trace: of all iterations.
    """

    posterior: Tensor
    prior: Tensor
    weights: Tensor
    trace: Trace


def alternate(
    experts: Experts,
    iterations: int,
    *,
    method: Method = "imc",
    pacing: float = 2.0,
    normalisation: Normalisation = "point",
    progress: Callable[[Trace], None] = lambda trace: None,
) -> Assignment:
    """Run ``iterations`` of E-step, curricula and fit.

    Args:
        experts: already initialised, and differently: equal ones would stay equal.
        iterations: at least 1.
        method: ``imc``, or the baseline ``em`` (mixture regression).
        pacing: eta of ``imc``.
        normalisation: of the weights of ``imc``.
        progress: called after every iteration.

    Raises:
        ConfigError: the experts' likelihood of some point is not a number.
    """
    trace, posterior, prior, weights = Trace(), torch.empty(0), torch.empty(0), torch.empty(0)
    log_posterior = log_prior = torch.empty(0)
    for number in range(iterations):
        known = experts.log_likelihood()
        if not bool(torch.isfinite(known).all()):
            raise ConfigError(
                f"iteration {number + 1}: an expert's likelihood is not a number.",
                "lower the learning rate, and check the data for extreme values.",
            )
        if method == "em":
            if number == 0:
                log_prior = first_posterior(1, known.shape[1])[0]
            weights, log_prior, bound = responsibilities(known, log_prior)
            posterior, prior = weights, log_prior.exp()
        else:
            if number == 0:
                log_posterior = first_posterior(*known.shape)
            found = update(known, log_posterior, pacing)
            log_posterior, bound = found.log_posterior, found.bound
            posterior, prior, weights = log_posterior.exp(), found.log_prior.exp(), found.weights(normalisation)
        experts.fit(weights)
        trace.bound.append(bound)
        trace.sample_size.append(effective_sample_size(weights))
        trace.prior.append(prior)
        progress(trace)
    return Assignment(posterior, prior, weights, trace)

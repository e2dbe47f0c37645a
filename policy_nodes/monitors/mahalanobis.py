"""Mahalanobis distance of the observation embedding to the successful ones.

Lee et al., arXiv 1807.03888; a baseline of SAFE (arXiv 2506.09937). The covariance is the shrinkage estimate of Ledoit
and Wolf, *A well-conditioned estimator for large-dimensional covariance matrices*, J. Multivariate Analysis 88 (2004):
it is invertible with fewer calls than dimensions. It shrinks towards a sphere, so the embedding is standardised first:
otherwise its largest units would drown its smallest.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from policy_nodes.monitors.fitted import Fitted, checked_embeddings, floored_std
from policy_nodes.monitors.interface import SCORE_OFFSET, CallFeatures
from policy_nodes.types import FloatArray


def ledoit_wolf(data: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Shrunk covariance ``(1 - a) S + a mu I`` and the share ``a`` in [0, 1].

    Args:
        data: (N, E) observations, N >= 2.

    Returns:
        (E, E) covariance and the shrinkage.
    """
    centred = data - data.mean(axis=0)
    n, size = centred.shape
    sample = centred.T @ centred / n
    mu = float(np.trace(sample)) / size
    distance = float(np.square(sample - mu * np.eye(size)).sum())
    # Sum over k of ||x_k x_k^T - S||^2 without forming the (N, E, E) outer products.
    spread = float(np.square(np.square(centred).sum(axis=1)).sum()) / n - float(np.square(sample).sum())
    share = min(max(spread / n / distance, 0.0), 1.0) if distance > 0 else 1.0
    return (1.0 - share) * sample + share * mu * np.eye(size), share


def fit_mahalanobis(embeddings: FloatArray) -> Fitted:
    """``mean`` (E,) and ``whitening`` (E, E), ``|whitening (e - mean)|`` being the distance.

    Args:
        embeddings: (N, E) of successful rollouts that calibrate nothing, N >= 2.

    Raises:
        CalibrationError: unusable embeddings.
    """
    data = checked_embeddings(embeddings, least=2)
    std = floored_std(data)
    covariance, _ = ledoit_wolf(data / std)
    # Exactly flat directions of a nearly unshrunk covariance would divide by zero.
    covariance += 1e-9 * np.trace(covariance) / len(covariance) * np.eye(len(covariance))
    whitening = np.linalg.inv(np.linalg.cholesky(covariance))
    return Fitted({"mean": data.mean(axis=0), "whitening": whitening / std})


class MahalanobisScore:
    """Distance in standard deviations, plus the published offset; infinite when not a number.

    Args:
        fitted: from :func:`fit_mahalanobis`.
        embedding_size: E.
    """

    name = "mahalanobis"

    def __init__(self, fitted: Fitted, embedding_size: int) -> None:
        self._mean = fitted.array("mean", embedding_size)
        self._whitening = fitted.array("whitening", embedding_size, embedding_size)

    def reset(self) -> None:
        """Nothing is kept between calls."""

    def step(self, call: CallFeatures) -> float:
        """``sqrt((e - mean)^T covariance^-1 (e - mean))``."""
        gap = np.asarray(call.embedding, dtype=np.float64) - self._mean
        value = float(np.linalg.norm(self._whitening @ gap))
        return value + SCORE_OFFSET if math.isfinite(value) else math.inf

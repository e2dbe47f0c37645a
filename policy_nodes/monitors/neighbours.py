"""Cosine distance of the observation embedding to its nearest neighbours among the successful ones.

The strongest training-free baseline of SAFE (arXiv 2506.09937): mean of ``1 - cos`` over the k nearest. Only the store
of successes is kept, because Keel asks for no failures. Embeddings are centred first, since a common offset (a ReLU
network has one) would make all cosines alike.
"""

from __future__ import annotations

import math

import numpy as np

from policy_nodes.errors import CalibrationError
from policy_nodes.monitors.fitted import Fitted, checked_embeddings
from policy_nodes.monitors.interface import SCORE_OFFSET, CallFeatures
from policy_nodes.types import FloatArray

NEIGHBOURS = 5
MAX_STORE = 4096
"""Most embeddings kept: 2 MiB at E = 128, one matrix-vector product of a quarter millisecond."""


def fit_neighbours(embeddings: FloatArray, *, most: int = MAX_STORE, seed: int = 0) -> Fitted:
    """``mean`` (E,) and ``store`` (M, E) of unit vectors, float32, M <= ``most`` drawn without replacement.

    Raises:
        CalibrationError: unusable embeddings.
    """
    data = checked_embeddings(embeddings, least=NEIGHBOURS)
    if len(data) > most:
        data = data[np.sort(np.random.default_rng(seed).choice(len(data), most, replace=False))]
    mean = data.mean(axis=0)
    centred = data - mean
    norms = np.linalg.norm(centred, axis=1, keepdims=True)
    return Fitted({"mean": mean, "store": (centred / np.where(norms > 0, norms, 1.0)).astype(np.float32)})


class NeighbourScore:
    """Mean cosine distance to the nearest stored embeddings, in [0, 2], plus the published offset.

    Args:
        fitted: from :func:`fit_neighbours`.
        embedding_size: E.
        neighbours: k.

    Raises:
        CalibrationError: fewer stored embeddings than neighbours.
    """

    name = "knn"

    def __init__(self, fitted: Fitted, embedding_size: int, neighbours: int = NEIGHBOURS) -> None:
        self._mean = fitted.array("mean", embedding_size)
        self._store = np.ascontiguousarray(fitted.array("store", None, embedding_size), dtype=np.float32)
        if not 1 <= neighbours <= len(self._store):
            raise CalibrationError(
                f"{neighbours} neighbours of {len(self._store)} stored embeddings.", "record more rollouts."
            )
        self._neighbours = neighbours

    def reset(self) -> None:
        """Nothing is kept between calls."""

    def step(self, call: CallFeatures) -> float:
        """Infinite when the embedding is not finite; an embedding without direction is at distance 1 of all."""
        gap = np.asarray(call.embedding, dtype=np.float64) - self._mean
        norm = float(np.linalg.norm(gap))
        if not math.isfinite(norm):
            return math.inf
        cosine = self._store @ (gap / norm if norm > 0 else gap).astype(np.float32)
        nearest = np.partition(cosine, len(cosine) - self._neighbours)[-self._neighbours :]
        return max(1.0 - float(nearest.mean()), 0.0) + SCORE_OFFSET

"""Fits what scores learn from the training rollouts' embeddings, by the name of the score."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from policy_nodes.monitors.fitted import Fitted
from policy_nodes.monitors.interface import Score
from policy_nodes.monitors.mahalanobis import fit_mahalanobis
from policy_nodes.monitors.neighbours import fit_neighbours
from policy_nodes.monitors.registry import ScoreInputs, build_score
from policy_nodes.monitors.stac import RESOLUTION
from policy_nodes.types import FloatArray
from training.monitors.duration import RemainingTraining, fit_remaining
from training.monitors.logpzo import FlowTraining, fit_logpzo


def fit_score(name: str, embeddings: NDArray[np.floating], lengths: Sequence[int], seed: int = 0) -> Fitted:
    """Learned arrays of one score, empty for scores that learn nothing (RND's networks are in ``monitor.onnx``).

    Args:
        name: of the score.
        embeddings: (N, E) of the training rollouts, one after the other.
        lengths: policy calls of each.
        seed: of whatever is random.

    Raises:
        CalibrationError: unusable embeddings.
    """
    if name == "mahalanobis":
        return fit_mahalanobis(embeddings)
    if name == "knn":
        return fit_neighbours(embeddings, seed=seed)
    if name == "logpzo":
        return fit_logpzo(embeddings, FlowTraining(seed=seed))
    if name == "duration":
        return fit_remaining(embeddings, lengths, RemainingTraining(seed=seed))
    if name == "stac_floor":
        return Fitted({"resolution": np.array([RESOLUTION])})
    return Fitted()


def fit_scores(
    names: Iterable[str],
    rollouts: Sequence[NDArray[np.floating]],
    cell: FloatArray,
    execution: int | None,
    seed: int = 0,
) -> tuple[list[Score], dict[str, Fitted]]:
    """All named scores, ready to run, and what they learned.

    Args:
        names: of the scores.
        rollouts: (T, E) embeddings of each training rollout.
        cell: (3,) entropy cell, m.
        execution: chunk steps between calls; only scores that compare consecutive calls need it.
        seed: of whatever is random.

    Raises:
        CalibrationError: an unknown name, a missing execution horizon, or unusable embeddings.
    """
    embeddings, lengths = np.concatenate(rollouts), [len(r) for r in rollouts]
    inputs = ScoreInputs(cell, embeddings.shape[1], execution)
    fitted: dict[str, Fitted] = {}
    scores = []
    for name in names:
        fitted[name] = fit_score(name, embeddings, lengths, seed)
        scores.append(build_score(name, ScoreInputs(inputs.cell, inputs.embedding_size, execution, fitted[name])))
    return scores, fitted

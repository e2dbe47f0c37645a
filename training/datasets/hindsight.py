"""Hindsight goals: some training windows are told, as their goal, what was achieved later in the same episode.

Every recorded movement is a correct one towards wherever it led, so a goal-conditioned policy learns from it how to
reach that too. The goal's whole history is replaced, because a goal does not move.

Source: Reuss et al., "Goal-Conditioned Imitation Learning using Score-based Diffusion Policies" (BESO), arXiv
2304.02532, which trains so on play data.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from policy_nodes.errors import ContractError
from training.contracts.task import TaskContract
from training.datasets.lerobot_v3.windows import ChunkBatch, ChunkSampler


@dataclass(frozen=True)
class Columns:
    """Where a term stands in the observations: columns from ``start`` on of ``feature``; ``size`` of them."""

    feature: str
    start: int
    size: int


def term_columns(contract: TaskContract, name: str) -> Columns:
    """Where a contract's term stands.

    Raises:
        ContractError: no such term.
    """
    for feature in contract.observations:
        for term, columns in feature.columns:
            if term.name == name:
                return Columns(feature.name, columns.start, term.size)
    raise ContractError(f"task '{contract.name}' has no observation term '{name}'.", "correct its `achieved`.")


class Hindsight:
    """Relabels batches.

    Args:
        contract: says by ``achieved`` which term shows what has been achieved of which goal.
        sampler: of the windows.
        share: of the windows that are relabelled, in (0, 1].

    Raises:
        ContractError: the task has no goal whose achievement is observed.
    """

    def __init__(self, contract: TaskContract, sampler: ChunkSampler, share: float) -> None:
        if not contract.achieved:
            raise ContractError(
                f"--config.hindsight: task '{contract.name}' observes no goal that something it observes could reach.",
                "train without hindsight goals.",
            )
        pairs = [(term_columns(contract, g), term_columns(contract, a)) for g, a in contract.achieved.items()]
        self._pairs, self._sampler, self._share = pairs, sampler, share

    def __call__(self, batch: ChunkBatch, rng: np.random.Generator) -> ChunkBatch:
        """The batch with new goals in some windows; ``batch`` stays as it is.

        The time of what was achieved is uniform between the next frame and the end of the episode. Of terms of
        different length the leading elements are taken.
        """
        count = len(batch.index)
        chosen = np.flatnonzero(rng.random(count) < self._share)
        rows: NDArray[np.int64] = batch.index[chosen]
        left = self._sampler.episode_end(rows) - rows
        later = rows + np.minimum(1 + np.floor(rng.random(len(rows)) * left).astype(np.int64), left)
        observations = dict(batch.observations)
        for goal, achieved in self._pairs:
            size = min(goal.size, achieved.size)
            values = self._sampler.dataset[achieved.feature][later, achieved.start : achieved.start + size]
            observations[goal.feature] = observations[goal.feature].copy()
            observations[goal.feature][chosen, :, goal.start : goal.start + size] = values[:, None]
        return replace(batch, observations=observations)

"""Multimodal coverage: which of several good ways a policy takes, and how evenly."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from training.evaluation.episode import Episode


def count_modes(episodes: Sequence[Episode], modes: Sequence[str]) -> dict[str, int]:
    """Mode -> successful episodes that took it, modes that none took included."""
    taken = [episode.mode for episode in episodes if episode.success]
    return {mode: taken.count(mode) for mode in modes}


def evenness(counts: Mapping[str, int]) -> float:
    """Entropy of the modes over its largest value: 1 when all are taken equally often, 0 when one is or none."""
    total = sum(counts.values())
    if total == 0 or len(counts) < 2:
        return 0.0
    shares = [count / total for count in counts.values() if count]
    return -sum(share * math.log(share) for share in shares) / math.log(len(counts))

"""Scores of successes without a policy, as many as one likes: what a promise about false alarms is tested on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.monitors.benchmark.compare import ScoredRollout

SCORE = "synthetic"
LONGEST, SHORTEST, PHASES = 40, 28, 3


def series(count: int, rng: np.random.Generator) -> list[NDArray[np.float64]]:
    """Positive AR(1) series (correlation 0.8) of 28 to 40 calls, log-normal at every call."""
    noise = rng.normal(size=(count, LONGEST))
    values = np.empty_like(noise)
    values[:, 0] = noise[:, 0]
    for t in range(1, LONGEST):
        values[:, t] = 0.8 * values[:, t - 1] + 0.6 * noise[:, t]
    lengths = rng.integers(SHORTEST, LONGEST + 1, count)
    return [np.exp(0.3 * row[:length]) for row, length in zip(values, lengths, strict=True)]


def successes(count: int, seed: int) -> list[ScoredRollout]:
    """Rollouts in three phases of 12 calls and the rest, the later ones louder."""
    found = []
    for values in series(count, np.random.default_rng(seed)):
        phases = np.minimum(np.arange(len(values)) // 12, PHASES - 1)
        found.append(ScoredRollout("none", True, 0, {SCORE: values * (1.0 + phases)}, phases))
    return found

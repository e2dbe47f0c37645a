"""Score series without a policy."""

import numpy as np


def digest_rollouts():
    """The nine rollouts of the reference vectors: lengths 6, 7, 8 in turn."""
    return [np.array([0.5 + 0.1 * t + 0.05 * ((3 * i + 2 * t) % 7) for t in range(6 + i % 3)]) for i in range(9)]


def successes(count, rng):
    """AR(1) score series of 28 to 40 calls."""
    noise = rng.normal(size=(count, 40))
    series = np.empty_like(noise)
    series[:, 0] = noise[:, 0]
    for t in range(1, 40):
        series[:, t] = 0.8 * series[:, t - 1] + 0.6 * noise[:, t]
    return [np.exp(0.3 * s[:length]) for s, length in zip(series, rng.integers(28, 41, count), strict=True)]

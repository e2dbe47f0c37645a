"""Score series without a policy."""

import numpy as np

from training.monitors.benchmark.synthetic import series as successes

__all__ = ["digest_rollouts", "successes"]


def digest_rollouts():
    """The nine rollouts of the reference vectors: lengths 6, 7, 8 in turn."""
    return [np.array([0.5 + 0.1 * t + 0.05 * ((3 * i + 2 * t) % 7) for t in range(6 + i % 3)]) for i in range(9)]

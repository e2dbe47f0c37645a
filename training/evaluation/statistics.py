"""Intervals for success rates."""

from __future__ import annotations

from statistics import NormalDist


def wilson_interval(successes: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson score interval of a binomial proportion.

    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927); it
    keeps its coverage near 0 and 1, where the normal approximation fails.

    Args:
        successes: number of successes, 0..trials.
        trials: number of trials, at least 1.
        confidence: two-sided level in (0, 1).

    Returns:
        Lower and upper bound in [0, 1].

    Raises:
        ValueError: counts or level are impossible.
    """
    if trials < 1 or not 0 <= successes <= trials or not 0.0 < confidence < 1.0:
        raise ValueError(f"{successes} successes of {trials} trials at confidence {confidence} is impossible")
    z = NormalDist().inv_cdf(0.5 + confidence / 2.0)
    p, n = successes / trials, trials
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * (p * (1 - p) / n + z * z / (4 * n * n)) ** 0.5
    # Exact at the ends, where rounding could leave the observed rate outside its interval.
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    return low, 1.0 if successes == trials else min(1.0, centre + half)

"""Intervals for success rates."""

from __future__ import annotations

from collections.abc import Sequence
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


def paired_difference(
    ours: Sequence[bool], theirs: Sequence[bool], confidence: float = 0.95
) -> tuple[float, float, float]:
    """Difference of two success rates on the same episodes, with its interval.

    Source: R. G. Newcombe, "Improved confidence intervals for the difference between binomial proportions based on
    paired data", Statistics in Medicine 17 (1998), method 10: Wilson intervals, squared and added with the correlation
    of the pairs.

    Args:
        ours: success by episode.
        theirs: of the other, same episodes in the same order.
        confidence: two-sided level in (0, 1).

    Returns:
        Rate of ``ours`` minus that of ``theirs``, lower and upper bound.

    Raises:
        ValueError: no episodes, different numbers of them, or an impossible level.
    """
    n = len(ours)
    if n != len(theirs):
        raise ValueError(f"{n} episodes cannot be paired with {len(theirs)}")
    both = sum(a and b for a, b in zip(ours, theirs, strict=True))
    first, second = sum(ours), sum(theirs)
    (low1, high1), (low2, high2) = (wilson_interval(count, n, confidence) for count in (first, second))
    p1, p2 = first / n, second / n
    product = both * (n - first - second + both) - (first - both) * (second - both)
    spread = (first * (n - first) * second * (n - second)) ** 0.5
    phi = (max(product - n / 2, 0.0) if product > 0 else product) / spread if spread else 0.0
    down = (p1 - low1) ** 2 - 2 * phi * (p1 - low1) * (high2 - p2) + (high2 - p2) ** 2
    up = (high1 - p1) ** 2 - 2 * phi * (high1 - p1) * (p2 - low2) + (p2 - low2) ** 2
    return p1 - p2, p1 - p2 - max(down, 0.0) ** 0.5, p1 - p2 + max(up, 0.0) ** 0.5

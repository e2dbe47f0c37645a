"""Latency histogram with logarithmic buckets: constant memory, constant cost, mergeable.

The idea of HdrHistogram (Tene) reduced to a fixed relative resolution: bucket ``i`` holds durations in
``[MIN * R^(i-1), MIN * R^i)`` with R = 2^(1/16), so every percentile is known to 4.5 %.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from itertools import accumulate

RESOLUTION = 16
"""Buckets per factor of two."""
MIN_S = 1e-7
"""Everything shorter than 100 ns falls into the first bucket."""
BUCKETS = 1 + RESOLUTION * 30
"""30 octaves: up to 107 s; longer falls into the last bucket, its true value into ``max_s``."""


class Histogram:
    """Counts durations in seconds."""

    def __init__(self) -> None:
        self._counts = [0] * BUCKETS
        self.count = 0
        self.sum_s = 0.0
        self.max_s = 0.0
        self.min_s = math.inf

    def add(self, seconds: float) -> None:
        """Count one duration; negative ones count as zero.

        Raises:
            ValueError: ``seconds`` is not finite.
        """
        if not math.isfinite(seconds):
            raise ValueError(f"duration {seconds} is not finite")
        seconds = max(seconds, 0.0)
        index = 0 if seconds < MIN_S else min(int(math.log2(seconds / MIN_S) * RESOLUTION) + 1, BUCKETS - 1)
        self._counts[index] += 1
        self.count += 1
        self.sum_s += seconds
        self.max_s = max(self.max_s, seconds)
        self.min_s = min(self.min_s, seconds)

    def quantile(self, q: float) -> float:
        """Upper edge of the bucket that holds the quantile ``q`` (nearest rank), never above the maximum; 0 if empty.

        Raises:
            ValueError: ``q`` is outside [0, 1].
        """
        return self.quantiles(q)[0]

    def quantiles(self, *qs: float) -> list[float]:
        """Several of :meth:`quantile` in one pass over the buckets.

        Raises:
            ValueError: one of them is outside [0, 1].
        """
        if any(not 0.0 <= q <= 1.0 for q in qs):
            raise ValueError(f"one of the quantiles {', '.join(map(str, qs))} is outside [0, 1]")
        seen, found = list(accumulate(self._counts)), []
        for q in qs:
            index = bisect_left(seen, max(math.ceil(q * seen[-1]), 1))
            edge = self.max_s if index >= BUCKETS - 1 else MIN_S * 2.0 ** (index / RESOLUTION)
            found.append(min(edge, self.max_s))
        return found

    def merge(self, other: Histogram) -> None:
        """Add the counts of another histogram, for example of another process."""
        self._counts = [mine + theirs for mine, theirs in zip(self._counts, other._counts, strict=True)]
        self.count += other.count
        self.sum_s += other.sum_s
        self.max_s = max(self.max_s, other.max_s)
        self.min_s = min(self.min_s, other.min_s)

    def to_dict(self) -> dict[str, float | int | list[list[float]]]:
        """Summary in seconds, and ``buckets`` as [upper edge, count] for the non-empty ones."""
        buckets = [[MIN_S * 2.0 ** (i / RESOLUTION), float(n)] for i, n in enumerate(self._counts) if n]
        p50, p99, p999 = self.quantiles(0.5, 0.99, 0.999)
        return {
            "count": self.count,
            "mean_s": self.sum_s / self.count if self.count else 0.0,
            "min_s": self.min_s if self.count else 0.0,
            "p50_s": p50,
            "p99_s": p99,
            "p999_s": p999,
            "max_s": self.max_s,
            "buckets": buckets,
        }


_KEYS = ("p50", "p99", "p999", "max")


def timing_values(name: str, histogram: Histogram) -> dict[str, str]:
    """Summary of a timing histogram (ms) for a diagnostic; empty before the first sample."""
    if not histogram.count:
        return {}
    values = (*histogram.quantiles(0.5, 0.99, 0.999), histogram.max_s)
    return {f"{name} {key} (ms)": f"{value * 1e3:.3f}" for key, value in zip(_KEYS, values, strict=True)}

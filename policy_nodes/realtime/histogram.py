"""Latency histogram with logarithmic buckets: constant memory, constant cost, mergeable.

The idea of HdrHistogram (Tene) reduced to a fixed relative resolution: bucket ``i`` holds durations in
``[MIN * R^(i-1), MIN * R^i)`` with R = 2^(1/16), so every percentile is known to 4.5 %.
"""

from __future__ import annotations

import math

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
        if not 0.0 <= q <= 1.0:
            raise ValueError(f"quantile {q} is outside [0, 1]")
        rank, seen = max(math.ceil(q * self.count), 1), 0
        for index, count in enumerate(self._counts):
            seen += count
            if seen >= rank:
                edge = MIN_S * 2.0 ** (index / RESOLUTION)
                return self.max_s if index == BUCKETS - 1 else min(edge, self.max_s)
        return 0.0

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
        return {
            "count": self.count,
            "mean_s": self.sum_s / self.count if self.count else 0.0,
            "min_s": self.min_s if self.count else 0.0,
            "p50_s": self.quantile(0.5),
            "p99_s": self.quantile(0.99),
            "p999_s": self.quantile(0.999),
            "max_s": self.max_s,
            "buckets": buckets,
        }


def timing_values(name: str, histogram: Histogram) -> dict[str, str]:
    """Summary of a timing histogram (ms) for a diagnostic; empty before the first sample."""
    summary = histogram.to_dict()
    if not histogram.count:
        return {}
    keys = ("p50", "p99", "p999", "max")
    return {f"{name} {key} (ms)": f"{float(str(summary[f'{key}_s'])) * 1e3:.3f}" for key in keys}

"""Per-feature statistics of LeRobotDataset v3.0 and the safe constants that a normaliser takes from them.

``mean`` and ``std`` are population moments in float64; quantiles are exact (LeRobot itself interpolates a histogram,
so its ``q*`` differ from these in the last digits; its moments and extremes do not).

Zero variance: a constant element has ``std`` 0. Dividing by a tiny epsilon would let a deployed value that differs by
a hair from the training constant arrive at the network as 1e5 or more, so :func:`mean_std` returns a divisor of 1 and
:func:`min_max` a unit-wide half range for such elements: the training constant maps to 0 and a deviation stays small.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.datasets.errors import DatasetError

QUANTILES = {"q01": 0.01, "q10": 0.10, "q50": 0.50, "q90": 0.90, "q99": 0.99}
STAT_NAMES = ("min", "max", "mean", "std", "count", *QUANTILES)
CONSTANT_RTOL = 1e-6
"""An element whose spread is below this share of ``max(1, |mean|)`` is constant up to float32 rounding."""

FeatureStats = dict[str, NDArray[Any]]


def feature_statistics(values: NDArray[Any]) -> FeatureStats:
    """Statistics over the first axis.

    Args:
        values: (N, d) numbers or booleans, N >= 1, finite.

    Returns:
        ``min max mean std q01 q10 q50 q90 q99`` (d,) float64 and ``count`` (1,) int64.
    """
    data = np.asarray(values, dtype=np.float64)
    if data.ndim != 2 or data.shape[0] == 0:
        raise ValueError(f"statistics need (N, d) values with N >= 1, got shape {data.shape}")
    quantiles = np.quantile(data, list(QUANTILES.values()), axis=0)
    return {
        "min": data.min(axis=0),
        "max": data.max(axis=0),
        "mean": data.mean(axis=0),
        "std": data.std(axis=0),
        "count": np.array([data.shape[0]], dtype=np.int64),
        **dict(zip(QUANTILES, quantiles, strict=True)),
    }


def require_statistics(stats: Mapping[str, FeatureStats], feature: str, names: Iterable[str]) -> FeatureStats:
    """Return the statistics of ``feature`` or refuse.

    Raises:
        DatasetError: the feature or one of ``names`` has no statistics, or they are not finite. A normaliser must
            never pass such a feature through unchanged.
    """
    if feature not in stats:
        raise DatasetError(
            f"feature '{feature}' has no statistics (present: {', '.join(sorted(stats)) or 'none'}).",
            "recompute meta/stats.json, or write the dataset again with keel collect.",
        )
    found = stats[feature]
    for name in names:
        if name not in found:
            raise DatasetError(f"feature '{feature}' has no statistic '{name}'.", "recompute meta/stats.json.")
        if not np.isfinite(found[name]).all():
            raise DatasetError(
                f"statistic '{name}' of feature '{feature}' is not finite.", "recompute meta/stats.json."
            )
    return found


def mean_std(stats: Mapping[str, FeatureStats], feature: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and divisor for ``(x - mean) / std``, both (d,) float64; the divisor of a constant element is 1."""
    found = require_statistics(stats, feature, ("mean", "std"))
    mean, std = np.asarray(found["mean"], np.float64), np.asarray(found["std"], np.float64)
    return mean, np.where(std <= CONSTANT_RTOL * np.maximum(1.0, np.abs(mean)), 1.0, std)


def min_max(stats: Mapping[str, FeatureStats], feature: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Bounds (low, high) for ``2 (x - low) / (high - low) - 1``, both (d,); a constant c gets (c - 1, c + 1)."""
    found = require_statistics(stats, feature, ("min", "max"))
    low, high = np.asarray(found["min"], np.float64), np.asarray(found["max"], np.float64)
    constant = high - low <= CONSTANT_RTOL * np.maximum(1.0, np.abs(high))
    return np.where(constant, low - 1.0, low), np.where(constant, high + 1.0, high)


def to_json(stats: Mapping[str, FeatureStats]) -> dict[str, dict[str, list[Any]]]:
    """Plain lists, as stored in ``meta/stats.json``."""
    return {feature: {name: value.tolist() for name, value in found.items()} for feature, found in stats.items()}


def statistics_sha256(stats: Mapping[str, FeatureStats]) -> str:
    """SHA-256 of the canonical JSON of the statistics: the identity of a normaliser."""
    return hashlib.sha256(json.dumps(to_json(stats), sort_keys=True, separators=(",", ":")).encode()).hexdigest()

"""Thresholds that vary with the call index, for comparison and for research.

* :func:`pointwise_quantile` (``tvt_quantile`` of FIPER) has no rollout-level guarantee: it alarms on most good rollouts
  because it tests every call anew. It must never stop a robot, and :class:`FiperMonitor` refuses it.
* :func:`functional_band` (``tvt_cp_band``): one-sided functional conformal band, Diquigiovanni et al.,
  arXiv 2102.06746, as in FAIL-Detect, arXiv 2503.08558, and FIPER, arXiv 2510.09459. FIPER's release calibrates the
  LOWER deviation ``mu - s`` and adds it as an upper band, which multiplies false alarms by 2 to 5; the correct sign is
  the default here and ``released_sign=True`` reproduces the release.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from policy_nodes.errors import CalibrationError
from policy_nodes.monitors.conformal import Series, rank_threshold

FLAT = 1e-7
"""Deviations below this cannot scale a band; 1 / T takes their place, as in the published codes."""


def stack(series: Series) -> NDArray[np.float64]:
    """(n, T) scores, NaN after the end of shorter rollouts."""
    rows = np.full((len(series), max(len(s) for s in series)), np.nan)
    for row, scores in zip(rows, series, strict=True):
        row[: len(scores)] = scores
    return rows


def pointwise_quantile(series: Series, q: float) -> NDArray[np.float64]:
    """(T,) quantile at every call index over the rollouts that reach it. Never for stopping."""
    return np.nanquantile(stack(series), q, axis=0)


def split_longest_first(series: Series) -> tuple[list[int], list[int]]:
    """Indices (shape set, calibration set): the longest rollout and half of the others, then the rest."""
    longest = int(np.argmax([len(scores) for scores in series]))
    others = [i for i in range(len(series)) if i != longest]
    return [longest, *others[: len(others) // 2]], others[len(others) // 2 :]


def functional_band(
    series: Series, q: float, *, released_sign: bool = False, rank_rule: bool = False
) -> NDArray[np.float64]:
    """Upper band ``mu_t + h s_t`` that a successful rollout stays under, as a whole, with probability about ``q``.

    Args:
        series: windowed scores of successful rollouts.
        q: one minus the accepted false-alarm rate.
        released_sign: reproduce FIPER's release.
        rank_rule: take ``h`` by the conformal rank instead of an interpolated quantile; needed for the guarantee.

    Returns:
        (T,) thresholds, T the longest rollout.

    Raises:
        CalibrationError: fewer than three rollouts, or too few for the rank rule (only the second half counts).
    """
    if len(series) < 3:
        raise CalibrationError(f"{len(series)} rollouts cannot make a band.", "record at least 3, better 40.")
    shape, calibration = split_longest_first(series)
    rows = stack(series)
    return _band(rows[shape], rows[calibration], q, released_sign=released_sign, rank_rule=rank_rule)


def upper_band(shape: NDArray[np.float64], calibration: NDArray[np.float64], q: float) -> NDArray[np.float64]:
    """FAIL-Detect's upper band from (N, T) scores that shape it and (M, T) that calibrate it."""
    return _band(shape, calibration, q, released_sign=False, rank_rule=False)


def fit_band(
    shape: NDArray[np.float64], calibration: NDArray[np.float64], q: float, *, released_sign: bool = False
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Mean (T,), scale (T,) and scaled excesses (M,) of a band; the band is ``mean + h scale``, h from the excesses.

    Args:
        shape: (N, T) rollouts that shape it, NaN after their end; at least one lasts to T.
        calibration: (M, T) rollouts that calibrate it.
        q: trims the shape set's outliers.
        released_sign: reproduce FIPER's release.
    """
    mean = np.nanmean(shape, axis=0)
    deviation = np.abs(shape - mean)
    if (len(shape) + 1) * q <= len(shape):
        largest = np.nanmax(deviation, axis=1)
        deviation = deviation[largest <= np.quantile(largest, q)]
    # fmax ignores the NaN of rollouts that ended; a step that none of the kept ones reaches counts as flat.
    scale = np.fmax.reduce(deviation, axis=0)
    scale = np.where(scale >= FLAT, scale, 1.0 / shape.shape[1])
    gap = (mean - calibration) if released_sign else (calibration - mean)
    return mean, scale, np.nanmax(gap / scale, axis=1)


def band_threshold(
    mean: NDArray[np.float64], scale: NDArray[np.float64], excess: NDArray[np.float64], q: float
) -> NDArray[np.float64]:
    """The (T,) band with its height by the conformal rank rule on the (M,) excesses.

    Raises:
        CalibrationError: too few excesses for ``q``.
    """
    return mean + rank_threshold(excess, q) * scale


def _band(
    shape: NDArray[np.float64], calibration: NDArray[np.float64], q: float, *, released_sign: bool, rank_rule: bool
) -> NDArray[np.float64]:
    mean, scale, excess = fit_band(shape, calibration, q, released_sign=released_sign)
    return band_threshold(mean, scale, excess, q) if rank_rule else mean + float(np.quantile(excess, q)) * scale


def extend(threshold: NDArray[np.float64], length: int, how: Literal["last", "mean"] = "last") -> NDArray[np.float64]:
    """Threshold for ``length`` calls; past its end the last value, or the mean as in FIPER's release (misspelt key)."""
    tail = threshold[-1] if how == "last" else threshold.mean()
    return np.concatenate([threshold, np.full(max(0, length - len(threshold)), tail)])[:length]

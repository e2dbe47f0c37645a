"""Numbers that a score learned: named arrays, stored in ``calibration.npz`` beside the thresholds. No pickle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from policy_nodes.errors import CalibrationError
from policy_nodes.types import FloatArray


@dataclass(frozen=True, eq=False)
class Fitted:
    """Parameters of one score.

    Attributes:
        arrays: float arrays by name; names are lower-case identifiers.
    """

    arrays: Mapping[str, NDArray[np.floating]] = field(default_factory=dict)

    def __eq__(self, other: object) -> bool:
        """Same names, shapes and values."""
        if not isinstance(other, Fitted) or set(self.arrays) != set(other.arrays):
            return False
        return all(np.array_equal(value, other.arrays[name]) for name, value in self.arrays.items())

    def __hash__(self) -> int:
        return hash(tuple(sorted(self.arrays)))

    def array(self, name: str, *shape: int | None) -> NDArray[np.floating]:
        """The named array after a check of its shape; None admits any length.

        Raises:
            CalibrationError: missing, of another shape, or not finite.
        """
        value = self.arrays.get(name)
        fits = value is not None and value.ndim == len(shape)
        if value is None or not fits or any(w not in (None, h) for w, h in zip(shape, value.shape, strict=True)):
            found = "missing" if value is None else f"of shape {value.shape}"
            raise CalibrationError(f"fitted array '{name}' is {found}, expected {shape}.", "run keel calibrate again.")
        if not np.isfinite(value).all():
            raise CalibrationError(f"fitted array '{name}' is not finite.", "run keel calibrate again.")
        return value


STD_FLOOR = 0.1
"""Smallest standardisation divisor, as a share of the root mean square of all standard deviations."""


def floored_std(data: NDArray[np.float64]) -> NDArray[np.float64]:
    """(E,) standard deviations of (N, E); a unit that never moved is sensitive, but not infinitely so, as in RND."""
    std = data.std(axis=0)
    floored: NDArray[np.float64] = np.maximum(std, STD_FLOOR * np.sqrt(np.square(std).mean()))
    return floored


def checked_embeddings(embeddings: FloatArray, least: int) -> NDArray[np.float64]:
    """(N, E) float64 embeddings of successful rollouts.

    Raises:
        CalibrationError: not a matrix, fewer than ``least`` rows, NaN or infinity, or all rows equal.
    """
    data = np.asarray(embeddings, dtype=np.float64)
    if data.ndim != 2 or len(data) < least:
        raise CalibrationError(
            f"embeddings of shape {data.shape} cannot be fitted.", f"record at least {least} policy calls."
        )
    if not np.isfinite(data).all():
        raise CalibrationError("embeddings contain NaN or infinity.", "find the rollout and drop it.")
    if not np.ptp(data, axis=0).any():
        raise CalibrationError("all embeddings are equal.", "check that the policy's embedding sees the observation.")
    return data

"""Checks and conversion of one episode's frames before they are written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from training.datasets.errors import DatasetError
from training.datasets.lerobot_v3.schema import Feature


def checked_frames(
    frames: Mapping[str, ArrayLike], features: Mapping[str, Feature], episode: int
) -> dict[str, NDArray[Any]]:
    """Convert every feature to (T, d) of its declared dtype.

    Args:
        frames: per feature (T, d), or (T,) where d is 1.
        features: the declared features.
        episode: index used in messages.

    Raises:
        DatasetError: a feature is missing or unknown, shapes or lengths disagree, the episode is empty, or a value is
            NaN or infinite (also after rounding to float32).
    """
    missing, unknown = sorted(set(features) - set(frames)), sorted(set(frames) - set(features))
    if missing:
        raise DatasetError(f"episode {episode}: missing feature(s) {missing}.", "record every declared feature.")
    if unknown:
        raise DatasetError(
            f"episode {episode}: unknown feature(s) {unknown}.", "declare them when creating the dataset."
        )
    checked = {name: _checked(frames[name], feature, name, episode) for name, feature in features.items()}
    lengths = {name: len(values) for name, values in checked.items()}
    if len(set(lengths.values())) > 1:
        raise DatasetError(f"episode {episode}: features have different lengths: {lengths}.", "record them together.")
    if not any(lengths.values()):
        raise DatasetError(f"episode {episode} is empty.", "drop episodes without frames.")
    return checked


def _checked(raw: ArrayLike, feature: Feature, name: str, episode: int) -> NDArray[Any]:
    try:
        values = np.asarray(raw)
    except ValueError as error:
        raise DatasetError(
            f"episode {episode}: feature '{name}' has rows of different lengths.", "record every element in each frame."
        ) from error
    if values.ndim == 1 and feature.shape == (1,):
        values = values[:, None]
    if values.shape[1:] != feature.shape:
        raise DatasetError(
            f"episode {episode}: feature '{name}' has shape {values.shape}, expected (T, {feature.size}).",
            "record the elements that the feature declares, in that order.",
        )
    target = np.dtype(feature.dtype)
    if not np.can_cast(values.dtype, target, casting="same_kind"):
        raise DatasetError(f"episode {episode}: feature '{name}' is {values.dtype}, not {target}.", "convert it first.")
    with np.errstate(over="ignore"):
        values = values.astype(target)
    if feature.is_float and not np.isfinite(values).all():
        frame, element = (int(i) for i in np.argwhere(~np.isfinite(values))[0])
        label = element if feature.names is None else f"{element} ({feature.names[element]})"
        raise DatasetError(
            f"episode {episode}: feature '{name}' is {values[frame, element]} at frame {frame}, element {label}.",
            "repair the recording or drop the episode; NaN and infinity are never stored.",
        )
    return values

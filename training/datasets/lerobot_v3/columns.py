"""Arrow columns to numpy arrays without copying element by element."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from training.datasets.errors import DatasetError
from training.datasets.lerobot_v3.schema import Feature


def column_to_numpy(column: pa.ChunkedArray, feature: Feature, name: str) -> NDArray[Any]:
    """Return (N, d) of the feature's dtype from a scalar, fixed-size-list or list column.

    Raises:
        DatasetError: nulls, rows of another length than declared, or a type that is not numeric.
    """
    parts = [_chunk(chunk, feature, name) for chunk in column.chunks]
    return np.concatenate(parts) if parts else np.empty((0, feature.size), dtype=feature.dtype)


def _chunk(array: pa.Array, feature: Feature, name: str) -> NDArray[Any]:
    rows = len(array)
    if array.null_count:
        raise DatasetError(f"feature '{name}' has {array.null_count} empty rows.", "write the dataset again.")
    even = True
    if pa.types.is_fixed_size_list(array.type) or pa.types.is_list(array.type) or pa.types.is_large_list(array.type):
        # Rows of 1 and 3 numbers are as many as two of 2, but not the same.
        even = pc.all(pc.equal(pc.list_value_length(array), feature.size)).as_py() is not False
        array = array.flatten()
    if not even or len(array) != rows * feature.size or array.null_count or pa.types.is_nested(array.type):
        raise DatasetError(
            f"feature '{name}' does not hold {feature.size} numbers in each of {rows} rows.",
            "correct the shape in meta/info.json or write the dataset again.",
        )
    try:
        values = array.to_numpy(zero_copy_only=False)
        return values.astype(feature.dtype, casting="same_kind", copy=False).reshape(rows, feature.size)
    except (TypeError, ValueError) as error:
        raise DatasetError(
            f"feature '{name}' is stored as {array.type}, declared {feature.dtype}.", "correct meta/info.json."
        ) from error

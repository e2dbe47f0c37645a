"""Names, shapes and Arrow types of the LeRobotDataset v3.0 format (``meta/info.json`` and the data columns)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

CODEBASE_VERSION = "v3.0"
CHUNKS_SIZE = 1000
"""Files per ``chunk-NNN`` directory."""
DATA_FILE_MB = 100
"""A data file is closed before it would exceed this size."""
DATA_PATH = "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
EPISODES_PATH = "meta/episodes/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
INFO_PATH = "meta/info.json"
STATS_PATH = "meta/stats.json"
TASKS_PATH = "meta/tasks.parquet"

ARROW_TYPES: dict[str, pa.DataType] = {
    "float32": pa.float32(),
    "float64": pa.float64(),
    "int64": pa.int64(),
    "bool": pa.bool_(),
}
"""State dtypes. Images, video and text are described in ``info.json`` but are neither written nor loaded here."""


@dataclass(frozen=True)
class Feature:
    """One column of the dataset.

    Attributes:
        shape: shape of one frame; one axis for state features, e.g. ``(7,)``.
        names: label of every element in order (joint names, axes), or None.
        dtype: ``float32``, ``float64``, ``int64`` or ``bool`` for state; ``video``, ``image``, ``string`` otherwise.
    """

    shape: tuple[int, ...]
    names: tuple[str, ...] | None = None
    dtype: str = "float32"

    @property
    def size(self) -> int:
        """Elements of one frame."""
        return int(np.prod(self.shape))

    @property
    def is_state(self) -> bool:
        """True for a numeric vector, the kind that this package writes and loads."""
        return self.dtype in ARROW_TYPES and len(self.shape) == 1 and self.size > 0

    @property
    def is_float(self) -> bool:
        """True when elements can be NaN or infinite."""
        return self.dtype.startswith("float")

    def arrow_type(self) -> pa.DataType:
        """Column type as LeRobot declares it: a plain scalar for shape ``(1,)``, else a fixed-size list."""
        element = ARROW_TYPES[self.dtype]
        return element if self.shape == (1,) else pa.list_(element, self.size)

    def to_info(self) -> dict[str, Any]:
        """The entry of ``info.json``."""
        return {
            "dtype": self.dtype,
            "shape": list(self.shape),
            "names": None if self.names is None else list(self.names),
        }


DEFAULT_FEATURES: dict[str, Feature] = {
    "timestamp": Feature((1,), dtype="float32"),
    "frame_index": Feature((1,), dtype="int64"),
    "episode_index": Feature((1,), dtype="int64"),
    "index": Feature((1,), dtype="int64"),
    "task_index": Feature((1,), dtype="int64"),
}
"""Columns that every v3.0 dataset has; the writer fills them in."""


def to_arrow(values: np.ndarray, feature: Feature) -> pa.Array:
    """Turn (T, d) values into one Arrow column of ``feature.arrow_type()``."""
    flat = pa.array(np.ascontiguousarray(values).reshape(-1), type=ARROW_TYPES[feature.dtype])
    return flat if feature.shape == (1,) else pa.FixedSizeListArray.from_arrays(flat, feature.size)

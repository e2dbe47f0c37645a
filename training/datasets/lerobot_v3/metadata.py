"""The two metadata tables: episodes and tasks."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

INDEX_COLUMN = "__index_level_0__"
"""Name that pandas gives an unnamed index when it is stored."""


def episodes_table(episodes: Sequence[dict[str, Any]]) -> pa.Table:
    """One row per episode: position in the data files and the episode's own statistics.

    Args:
        episodes: the scalar columns of the format plus ``stats``: feature -> statistic -> array.
    """
    names = [name for name in episodes[0] if name != "stats"]
    columns: dict[str, pa.Array] = {
        name: pa.array(
            [episode[name] for episode in episodes], type=pa.list_(pa.string()) if name == "tasks" else pa.int64()
        )
        for name in names
    }
    for feature, found in episodes[0]["stats"].items():
        for stat in found:
            kind = pa.list_(pa.int64() if stat == "count" else pa.float64())
            rows = [episode["stats"][feature][stat].tolist() for episode in episodes]
            columns[f"stats/{feature}/{stat}"] = pa.array(rows, type=kind)
    for name in ("meta/episodes/chunk_index", "meta/episodes/file_index"):
        columns[name] = pa.array([0] * len(episodes), type=pa.int64())
    return pa.table(columns)


def tasks_table(tasks: Sequence[str]) -> pa.Table:
    """``task_index`` with the task text as the pandas index, which is how LeRobot looks tasks up."""
    table = pa.table(
        {"task_index": pa.array(range(len(tasks)), pa.int64()), INDEX_COLUMN: pa.array(tasks, pa.string())}
    )
    pandas = {
        "index_columns": [INDEX_COLUMN],
        "column_indexes": [
            {
                "name": None,
                "field_name": None,
                "pandas_type": "unicode",
                "numpy_type": "object",
                "metadata": {"encoding": "UTF-8"},
            }
        ],
        "columns": [
            {
                "name": "task_index",
                "field_name": "task_index",
                "pandas_type": "int64",
                "numpy_type": "int64",
                "metadata": None,
            },
            {
                "name": None,
                "field_name": INDEX_COLUMN,
                "pandas_type": "unicode",
                "numpy_type": "object",
                "metadata": None,
            },
        ],
        "creator": {"library": "pyarrow", "version": pa.__version__},
        "pandas_version": "2.2.0",
    }
    return table.replace_schema_metadata({b"pandas": json.dumps(pandas).encode()})


def task_texts(table: pa.Table) -> dict[int, str]:
    """Task text by ``task_index``, whatever the index column is called.

    Raises:
        ValueError: the table has no ``task_index`` or not exactly one text column.
    """
    texts = [f.name for f in table.schema if pa.types.is_string(f.type) or pa.types.is_large_string(f.type)]
    if "task_index" not in table.column_names or len(texts) != 1:
        raise ValueError(f"expected 'task_index' and one text column, found {table.column_names}")
    return dict(zip(table["task_index"].to_pylist(), table[texts[0]].to_pylist(), strict=True))

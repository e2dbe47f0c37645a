"""Write a LeRobotDataset v3.0 directory with pyarrow, atomically.

Everything goes to a hidden directory beside the target and is renamed by :meth:`DatasetWriter.finalize`; an exception,
Ctrl-C or a forgotten ``finalize`` leaves nothing behind.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import weakref
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import ArrayLike, NDArray

from training.datasets.errors import DatasetError
from training.datasets.lerobot_v3 import schema
from training.datasets.lerobot_v3.columns import column_to_numpy
from training.datasets.lerobot_v3.frames import checked_frames
from training.datasets.lerobot_v3.metadata import episodes_table, tasks_table
from training.datasets.lerobot_v3.schema import DEFAULT_FEATURES, Feature
from training.datasets.lerobot_v3.stats import FeatureStats, feature_statistics, to_json

ROW_GROUP_FRAMES = 65_536


class DatasetWriter:
    """Collects episodes and writes them, many per file.

    Args:
        root: directory to create; its parent is created too.
        fps: frames per second; frame k of an episode has timestamp k / fps.
        features: state features, e.g. ``{"observation.state": Feature((9,), joint_names)}``.
        robot_type: free text stored in ``info.json``.
        extra_files: relative path -> content, stored in the same directory (task parameters, provenance ...).
        overwrite: replace an existing dataset (or empty directory) ``root`` at :meth:`finalize` instead of refusing.
        data_file_mb: a data file is closed before it would exceed this size.

    Raises:
        DatasetError: ``root`` exists, a feature cannot be stored, or an extra path leaves the directory.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        *,
        fps: int,
        features: Mapping[str, Feature],
        robot_type: str,
        extra_files: Mapping[str, bytes] | None = None,
        overwrite: bool = False,
        data_file_mb: float = schema.DATA_FILE_MB,
    ) -> None:
        self.root = Path(root)
        self.fps, self.robot_type, self.features = fps, robot_type, dict(features)
        self.extra_files: dict[str, bytes] = dict(extra_files or {})
        _check_features(self.features, fps)
        self._overwrite, self._file_bytes = overwrite, int(data_file_mb * 2**20)
        self._refuse_existing()
        self._all = {**self.features, **DEFAULT_FEATURES}
        self._schema = pa.schema([(name, feature.arrow_type()) for name, feature in self._all.items()])
        self._tasks: dict[str, int] = {}
        self._episodes: list[dict[str, Any]] = []
        self._pending: list[pa.Table] = []
        self._written_bytes = self._pending_frames = self._file_number = self.total_frames = 0
        self._parquet: pq.ParquetWriter | None = None
        self.root.parent.mkdir(parents=True, exist_ok=True)
        self._partial = Path(tempfile.mkdtemp(prefix=f".{self.root.name}.partial-", dir=self.root.parent))
        self._partial.chmod(0o755)
        self._cleanup = weakref.finalize(self, shutil.rmtree, self._partial, ignore_errors=True)

    @property
    def total_episodes(self) -> int:
        """Episodes added so far."""
        return len(self._episodes)

    def add_episode(self, frames: Mapping[str, ArrayLike], task: str) -> int:
        """Append one episode.

        Args:
            frames: per declared feature (T, d) values, T >= 1.
            task: what was to be done, in words.

        Returns:
            Index of the episode.

        Raises:
            DatasetError: names episode, feature and frame of what is wrong; the dataset is unchanged.
        """
        if not self._cleanup.alive:
            raise DatasetError("the dataset was already finalized.", "create a new DatasetWriter.")
        episode = len(self._episodes)
        values = checked_frames(frames, self.features, episode)
        if not task:
            raise DatasetError(f"episode {episode} has an empty task.", "say in words what the episode does.")
        length = len(next(iter(values.values())))
        values |= self._default_columns(episode, length, self._tasks.setdefault(task, len(self._tasks)))
        columns = [schema.to_arrow(values[name], feature) for name, feature in self._all.items()]
        table = pa.Table.from_arrays(columns, schema=self._schema)
        if self._written_bytes and self._written_bytes + table.nbytes > self._file_bytes:
            self._close_file()
        chunk, number = divmod(self._file_number, schema.CHUNKS_SIZE)
        self._episodes.append(
            {
                "episode_index": episode,
                "tasks": [task],
                "length": length,
                "data/chunk_index": chunk,
                "data/file_index": number,
                "dataset_from_index": self.total_frames,
                "dataset_to_index": self.total_frames + length,
                "stats": {name: feature_statistics(array) for name, array in values.items()},
            }
        )
        self._pending.append(table)
        self._written_bytes += table.nbytes
        self._pending_frames += length
        self.total_frames += length
        if self._pending_frames >= ROW_GROUP_FRAMES:
            self._flush()
        return episode

    def finalize(self) -> Path:
        """Write the metadata, move the dataset to ``root`` and return ``root``.

        Raises:
            DatasetError: no episode was added, or ``root`` appeared meanwhile.
        """
        if not self._cleanup.alive:
            return self.root
        if not self._episodes:
            self.discard()
            raise DatasetError(f"dataset '{self.root.name}' has no episodes.", "add at least one episode.")
        self._close_file()
        self._write_json(schema.STATS_PATH, to_json(self._statistics()))
        self._write_json(schema.INFO_PATH, self._info())
        self._write_table(schema.EPISODES_PATH.format(chunk_index=0, file_index=0), episodes_table(self._episodes))
        self._write_table(schema.TASKS_PATH, tasks_table(list(self._tasks)))
        for name, content in self.extra_files.items():
            path = self._partial / _safe_relative(name)
            if path.exists():
                raise DatasetError(f"extra file '{name}' would overwrite the dataset's own.", "choose another name.")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        self._refuse_existing()
        if self.root.exists():
            old = Path(tempfile.mkdtemp(prefix=f".{self.root.name}.old-", dir=self.root.parent))
            self.root.rename(old / "dataset")
            self._partial.rename(self.root)
            shutil.rmtree(old, ignore_errors=True)
        else:
            self._partial.rename(self.root)
        self._cleanup.detach()
        return self.root

    def discard(self) -> None:
        """Throw away everything added so far."""
        if self._parquet is not None:
            self._parquet.close()
            self._parquet = None
        self._cleanup()

    def __enter__(self) -> DatasetWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is not None:
            self.discard()
            return
        try:
            self.finalize()
        except BaseException:
            self.discard()
            raise

    def _refuse_existing(self) -> None:
        if self.root.exists() and not self._overwrite:
            raise DatasetError(f"'{self.root}' already exists.", "choose another directory or remove it first.")
        mine = (self.root / schema.INFO_PATH).is_file() or (self.root.is_dir() and not any(self.root.iterdir()))
        if self.root.exists() and not mine:
            raise DatasetError(f"'{self.root}' is no dataset, so it is not replaced.", "choose another directory.")

    def _default_columns(self, episode: int, length: int, task_index: int) -> dict[str, NDArray[Any]]:
        frame = np.arange(length, dtype=np.int64)[:, None]
        return {
            "timestamp": (frame / self.fps).astype(np.float32),
            "frame_index": frame,
            "episode_index": np.full_like(frame, episode),
            "index": frame + self.total_frames,
            "task_index": np.full_like(frame, task_index),
        }

    def _flush(self) -> None:
        if not self._pending:
            return
        if self._parquet is None:
            chunk, number = divmod(self._file_number, schema.CHUNKS_SIZE)
            path = self._partial / schema.DATA_PATH.format(chunk_index=chunk, file_index=number)
            path.parent.mkdir(parents=True, exist_ok=True)
            self._parquet = pq.ParquetWriter(path, self._schema, compression="snappy")
        self._parquet.write_table(pa.concat_tables(self._pending).combine_chunks())
        self._pending, self._pending_frames = [], 0

    def _close_file(self) -> None:
        self._flush()
        if self._parquet is not None:
            self._parquet.close()
            self._parquet, self._written_bytes = None, 0
            self._file_number += 1

    def _statistics(self) -> dict[str, FeatureStats]:
        """Exact statistics, one feature in memory at a time, over what was really written."""
        files = sorted((self._partial / "data").glob("*/*.parquet"))
        stats = {}
        for name, feature in self._all.items():
            parts = [column_to_numpy(pq.read_table(file, columns=[name])[name], feature, name) for file in files]
            stats[name] = feature_statistics(np.concatenate(parts))
        return stats

    def _info(self) -> dict[str, Any]:
        return {
            "codebase_version": schema.CODEBASE_VERSION,
            "robot_type": self.robot_type,
            "total_episodes": len(self._episodes),
            "total_frames": self.total_frames,
            "total_tasks": len(self._tasks),
            "chunks_size": schema.CHUNKS_SIZE,
            "data_files_size_in_mb": max(1, self._file_bytes // 2**20),
            "video_files_size_in_mb": 200,
            "fps": self.fps,
            "splits": {"train": f"0:{len(self._episodes)}"},
            "data_path": schema.DATA_PATH,
            "video_path": None,
            "features": {name: feature.to_info() for name, feature in self._all.items()},
        }

    def _write_json(self, name: str, content: dict[str, Any]) -> None:
        path = self._partial / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content, indent=4, allow_nan=False), encoding="utf-8")

    def _write_table(self, name: str, table: pa.Table) -> None:
        path = self._partial / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, path, compression="snappy")


def _check_features(features: Mapping[str, Feature], fps: int) -> None:
    if isinstance(fps, bool) or not isinstance(fps, int) or fps <= 0:
        raise DatasetError(f"fps is {fps!r}.", "give a positive whole number of frames per second.")
    if not features:
        raise DatasetError("no features were declared.", "declare at least an observation and an action.")
    for name, feature in features.items():
        if name in DEFAULT_FEATURES or not name or "/" in name:
            raise DatasetError(f"feature name '{name}' is reserved or contains '/'.", "rename the feature.")
        if not feature.is_state:
            raise DatasetError(
                f"feature '{name}' ({feature.dtype}, shape {feature.shape}) is not a state vector.",
                f"use shape (d,) and one of {sorted(schema.ARROW_TYPES)}.",
            )
        if feature.names is not None and len(feature.names) != feature.size:
            raise DatasetError(
                f"feature '{name}' has {len(feature.names)} names for {feature.size} elements.", "name every element."
            )


def _safe_relative(name: str) -> PurePosixPath:
    path = PurePosixPath(name)
    if not name or path.is_absolute() or ".." in path.parts:
        raise DatasetError(f"extra file '{name}' would leave the dataset.", "use a relative path inside it.")
    return path

"""Read the state features of a LeRobotDataset v3.0 directory into numpy arrays, checking everything on the way."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from training.datasets.errors import DatasetError
from training.datasets.lerobot_v3 import schema
from training.datasets.lerobot_v3.columns import column_to_numpy
from training.datasets.lerobot_v3.metadata import task_texts
from training.datasets.lerobot_v3.schema import Feature
from training.datasets.lerobot_v3.stats import FeatureStats, require_statistics

REWRITE = "write the dataset again or fetch an intact copy."
IntArray = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Dataset:
    """A dataset in memory. ``dataset["observation.state"]`` is (N, d) over all frames, episode after episode.

    Attributes:
        root: its directory.
        info: ``info.json``.
        fps: frames per second.
        features: every declared feature, also those that are not loaded (images, video, text).
        arrays: loaded state features, (N, d).
        stats: feature -> statistic -> (d,) array, from ``stats.json``; empty when the file is absent.
        tasks: task text by task index.
        episode_starts: (E,) first frame of each episode.
        episode_lengths: (E,) frames of each episode.
    """

    root: Path
    info: dict[str, Any]
    fps: int
    features: dict[str, Feature]
    arrays: dict[str, NDArray[Any]]
    stats: dict[str, FeatureStats]
    tasks: dict[int, str]
    episode_starts: IntArray
    episode_lengths: IntArray

    @classmethod
    def open(cls, root: str | os.PathLike[str], features: Sequence[str] | None = None) -> Dataset:
        """Load and check a dataset.

        Args:
            root: dataset directory.
            features: state features to load besides the five default columns; all of them when None.

        Raises:
            DatasetError: missing or corrupt files, another format version, NaN or infinity, a missing feature, or
                lengths that disagree between the data and its metadata. The message names the item.
        """
        root = Path(root)
        info = _read_json(root, schema.INFO_PATH)
        declared = _features(info)
        wanted = [name for name, feature in declared.items() if feature.is_state]
        if features is not None:
            _check_known(features, declared)
            wanted = [name for name in wanted if name in features or name in schema.DEFAULT_FEATURES]
        arrays = _load_columns(root, declared, wanted)
        starts, lengths = _episodes(root, info, arrays)
        _check_finite(arrays, declared, starts)
        dataset = cls(root, info, int(info["fps"]), declared, arrays, _stats(root), _tasks(root), starts, lengths)
        if not set(np.unique(arrays["task_index"]).tolist()) <= set(dataset.tasks):
            raise DatasetError(f"{schema.TASKS_PATH}: a task_index of the data is not listed.", REWRITE)
        return dataset

    def __getitem__(self, feature: str) -> NDArray[Any]:
        if feature not in self.arrays:
            _check_known([feature], self.features)
            raise DatasetError(f"feature '{feature}' was not loaded.", "name it in Dataset.open(features=...).")
        return self.arrays[feature]

    def __contains__(self, feature: object) -> bool:
        return feature in self.arrays

    def __len__(self) -> int:
        """Number of frames."""
        return int(self.episode_lengths.sum())

    @property
    def num_episodes(self) -> int:
        """Number of episodes."""
        return len(self.episode_starts)

    def episode(self, index: int) -> dict[str, NDArray[Any]]:
        """Views of one episode's frames, feature -> (T, d)."""
        rows = slice(self.episode_starts[index], self.episode_starts[index] + self.episode_lengths[index])
        return {name: values[rows] for name, values in self.arrays.items()}

    def require_stats(self, feature: str) -> FeatureStats:
        """Mean, std, min and max of ``feature``; DatasetError when absent, never a silent pass-through."""
        return require_statistics(self.stats, feature, ("mean", "std", "min", "max"))

    def sha256(self) -> str:
        """Hash of the content (frames, episodes, tasks, rate, feature descriptions), not of file encoding."""
        header = {
            "fps": self.fps,
            "features": {name: self.features[name].to_info() for name in sorted(self.arrays)},
            "tasks": sorted(self.tasks.items()),
        }
        digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
        digest.update(np.ascontiguousarray(self.episode_lengths, "<i8").tobytes())
        for name in sorted(self.arrays):
            values = self.arrays[name]
            digest.update(name.encode() + np.ascontiguousarray(values, values.dtype.newbyteorder("<")).tobytes())
        return digest.hexdigest()


def _read_json(root: Path, name: str) -> dict[str, Any]:
    path = root / name
    if not path.is_file():
        raise DatasetError(f"'{path}' does not exist.", "give the root of a LeRobotDataset v3.0 directory.")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise DatasetError(f"'{path}' is not valid JSON: {error}.", REWRITE) from error
    if not isinstance(content, dict):
        raise DatasetError(f"'{path}' is not a JSON object.", REWRITE)
    return content


def _read_table(path: Path, columns: list[str] | None = None) -> pa.Table:
    try:
        missing = sorted(set(columns or ()) - set(pq.read_schema(path).names))
        if not missing:
            return pq.read_table(path, columns=columns, partitioning=None)
    except (pa.ArrowException, OSError) as error:
        raise DatasetError(f"'{path}' cannot be read: {error}.", REWRITE) from error
    raise DatasetError(f"'{path}' lacks column(s) {missing}.", REWRITE)


def _features(info: dict[str, Any]) -> dict[str, Feature]:
    version = info.get("codebase_version")
    if version != schema.CODEBASE_VERSION:
        raise DatasetError(
            f"{schema.INFO_PATH}: codebase_version is {version!r}, expected '{schema.CODEBASE_VERSION}'.",
            "convert the dataset with LeRobot's own v2.1 -> v3.0 converter.",
        )
    try:
        features = {
            name: Feature(tuple(int(n) for n in item["shape"]), _names(item.get("names")), str(item["dtype"]))
            for name, item in info["features"].items()
        }
        if int(info["fps"]) <= 0 or int(info["total_frames"]) <= 0 or int(info["total_episodes"]) <= 0:
            raise ValueError("fps, total_frames and total_episodes must be positive")
        if float(info["fps"]) != int(info["fps"]):  # cut to a whole number, every timestamp would be wrong
            raise ValueError(f"fps is {info['fps']}, not a whole number")
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise DatasetError(f"{schema.INFO_PATH}: {type(error).__name__} {error}.", REWRITE) from error
    missing = sorted(set(schema.DEFAULT_FEATURES) - set(features))
    if missing:
        raise DatasetError(f"{schema.INFO_PATH}: default feature(s) {missing} are not declared.", REWRITE)
    return features


def _names(names: Any) -> tuple[str, ...] | None:
    if isinstance(names, dict):  # LeRobot also allows {"motors": [...]} and {"axis": index}.
        names = next((value for value in names.values() if isinstance(value, list)), list(names))
    return tuple(str(name) for name in names) if isinstance(names, list) else None


def _check_known(names: Sequence[str], declared: dict[str, Feature]) -> None:
    for name in names:
        if name not in declared:
            raise DatasetError(f"feature '{name}' is not in the dataset.", f"it has: {', '.join(sorted(declared))}.")
        if not declared[name].is_state:
            raise DatasetError(f"feature '{name}' is {declared[name].dtype}.", "only state vectors are loaded here.")


def _load_columns(root: Path, declared: dict[str, Feature], wanted: list[str]) -> dict[str, NDArray[Any]]:
    files = sorted((root / "data").glob("*/*.parquet"))
    if not files:
        raise DatasetError(f"'{root / 'data'}' holds no parquet files.", REWRITE)
    parts: dict[str, list[NDArray[Any]]] = {name: [] for name in wanted}
    for file in files:
        table = _read_table(file, wanted)
        for name in wanted:
            parts[name].append(column_to_numpy(table[name], declared[name], name))
    return {name: np.concatenate(chunks) for name, chunks in parts.items()}


def _episodes(root: Path, info: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> tuple[IntArray, IntArray]:
    files = sorted((root / "meta" / "episodes").glob("*/*.parquet"))
    columns = ["episode_index", "length", "dataset_from_index", "dataset_to_index"]
    tables = [_read_table(file, columns) for file in files]
    if not tables:
        raise DatasetError(f"'{root / 'meta/episodes'}' holds no parquet files.", REWRITE)
    table = pa.concat_tables(tables)
    index, length, start, stop = (np.asarray(table[name].to_numpy(), np.int64) for name in columns)
    frames, total = len(arrays["index"]), int(info["total_frames"])
    if frames != total:
        raise DatasetError(f"the data files hold {frames} frames, {schema.INFO_PATH} says {total}.", REWRITE)
    if len(index) != int(info["total_episodes"]):
        raise DatasetError(f"{len(index)} episodes are listed, info.json says {info['total_episodes']}.", REWRITE)
    wrong = np.flatnonzero(
        (index != np.arange(len(index)))
        | (length <= 0)
        | (stop - start != length)
        | (start != np.cumsum(length) - length)
    )
    if len(wrong) or int(length.sum()) != frames:
        which = f"episode {int(wrong[0])}" if len(wrong) else f"the sum of episode lengths ({int(length.sum())})"
        raise DatasetError(f"meta/episodes: {which} does not fit the {frames} frames of data.", REWRITE)
    within = np.arange(frames) - np.repeat(start, length)
    expected = {"index": np.arange(frames), "episode_index": np.repeat(index, length), "frame_index": within}
    for name, values in expected.items():
        bad = np.flatnonzero(arrays[name][:, 0] != values)
        if len(bad):
            raise DatasetError(f"column '{name}' is out of order at row {int(bad[0])}.", REWRITE)
    return start, length


def _check_finite(arrays: dict[str, NDArray[Any]], declared: dict[str, Feature], starts: IntArray) -> None:
    for name, values in arrays.items():
        if declared[name].is_float and not np.isfinite(values).all():
            row, element = (int(i) for i in np.argwhere(~np.isfinite(values))[0])
            episode = int(np.searchsorted(starts, row, side="right")) - 1
            raise DatasetError(
                f"feature '{name}' is {values[row, element]} in episode {episode}, frame {row - int(starts[episode])}, "
                f"element {element}.",
                "repair the recording or drop the episode.",
            )


def _stats(root: Path) -> dict[str, FeatureStats]:
    if not (root / schema.STATS_PATH).exists():
        return {}
    try:
        content = _read_json(root, schema.STATS_PATH).items()
        return {
            feature: {name: np.asarray(value, np.float64) for name, value in item.items()} for feature, item in content
        }
    except (AttributeError, TypeError, ValueError) as error:
        raise DatasetError(f"{schema.STATS_PATH}: {error}.", REWRITE) from error


def _tasks(root: Path) -> dict[int, str]:
    try:
        return task_texts(_read_table(root / schema.TASKS_PATH))
    except ValueError as error:
        raise DatasetError(f"{schema.TASKS_PATH}: {error}.", REWRITE) from error

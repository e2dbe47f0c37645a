"""Observation histories and action chunks, gathered for a whole batch at once.

Semantics of LeRobot's ``delta_timestamps``: indices that leave the episode are clamped to its first or last frame and
the action steps beyond its end are marked in ``action_is_pad``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from training.datasets.errors import DatasetError
from training.datasets.lerobot_v3.reader import Dataset, IntArray

Split = Literal["train", "validation"]


@dataclass(frozen=True)
class ChunkBatch:
    """One batch of training pairs.

    Attributes:
        observations: feature -> (B, n, d) history, oldest first; the last entry is the frame itself.
        actions: (B, H, A) actions from the frame on.
        action_is_pad: (B, H) True where the episode had already ended.
        index: (B,) frame index in the dataset.
    """

    observations: dict[str, NDArray[Any]]
    actions: NDArray[Any]
    action_is_pad: NDArray[np.bool_]
    index: IntArray


def split_episodes(episodes: int, fraction: float, seed: int) -> tuple[IntArray, IntArray]:
    """Random (train, validation) episode indices, sorted and disjoint.

    Validation gets ``round(fraction * episodes)``, at least one when ``fraction`` > 0 and never the last training
    episode.

    Raises:
        DatasetError: ``fraction`` is outside [0, 1), or positive with fewer than two episodes.
    """
    if not 0.0 <= fraction < 1.0:
        raise DatasetError(f"validation fraction is {fraction}.", "use a number in [0, 1).")
    if fraction > 0 and episodes < 2:
        raise DatasetError(
            f"{episodes} episode(s) cannot be split.", "collect more, or set the validation fraction to 0."
        )
    count = min(max(round(fraction * episodes), 1), episodes - 1) if fraction > 0 else 0
    order = np.random.default_rng(seed).permutation(episodes).astype(np.int64)
    return np.sort(order[count:]), np.sort(order[:count])


class ChunkSampler:
    """Gathers windows of a dataset.

    Args:
        dataset: source.
        history: feature -> (n, step): n entries spaced ``step`` frames, ending at the current frame.
        action_key: feature that holds the actions.
        horizon: action steps per chunk, H.
        validation_fraction: share of episodes kept out of training.
        seed: seed of that split.

    Raises:
        DatasetError: a feature is missing or a length is not positive.
    """

    def __init__(
        self,
        dataset: Dataset,
        history: Mapping[str, tuple[int, int]],
        action_key: str,
        horizon: int,
        *,
        validation_fraction: float = 0.0,
        seed: int = 0,
    ) -> None:
        if horizon < 1 or any(n < 1 or step < 1 for n, step in history.values()):
            raise DatasetError(f"horizon {horizon} or history {dict(history)} is not positive.", "use n, step, H >= 1.")
        self.dataset, self.history, self.horizon, self.action_key = dataset, dict(history), horizon, action_key
        self._actions = dataset[action_key]
        self._observations = {name: dataset[name] for name in history}
        self._lags = {name: np.arange(n - 1, -1, -1) * step for name, (n, step) in history.items()}
        lengths = dataset.episode_lengths
        self._first = np.repeat(dataset.episode_starts, lengths)
        self._last = np.repeat(dataset.episode_starts + lengths - 1, lengths)
        self.train_episodes, self.validation_episodes = split_episodes(dataset.num_episodes, validation_fraction, seed)

    def frames(self, split: Split = "train") -> IntArray:
        """Indices of all frames of a split, ascending."""
        episodes = self.train_episodes if split == "train" else self.validation_episodes
        starts, lengths = self.dataset.episode_starts[episodes], self.dataset.episode_lengths[episodes]
        offsets = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        return np.repeat(starts, lengths) + offsets

    def spread(self, count: int) -> IntArray:
        """``count`` training frames, evenly spread from the first to the last."""
        frames = self.frames("train")
        chosen: IntArray = frames[np.linspace(0, len(frames) - 1, count).astype(np.int64)]
        return chosen

    def gather(self, index: NDArray[np.integer]) -> ChunkBatch:
        """Windows around the frames ``index`` (B,)."""
        rows: IntArray = np.asarray(index, dtype=np.int64)
        first, last = self._first[rows, None], self._last[rows, None]
        observations = {
            name: values[np.maximum(rows[:, None] - self._lags[name], first)]
            for name, values in self._observations.items()
        }
        ahead = rows[:, None] + np.arange(self.horizon)
        return ChunkBatch(observations, self._actions[np.minimum(ahead, last)], ahead > last, rows)

    def episode_end(self, index: NDArray[np.integer]) -> IntArray:
        """Last frame (B,) of the episodes that the frames ``index`` (B,) belong to."""
        ends: IntArray = self._last[np.asarray(index, dtype=np.int64)]
        return ends

    def following(self, feature: str, index: NDArray[np.integer]) -> NDArray[Any]:
        """Values (B, H, d) of an observation feature from the frames ``index`` (B,) on, as long as a chunk."""
        rows: IntArray = np.asarray(index, dtype=np.int64)
        ahead = rows[:, None] + np.arange(self.horizon)
        return np.asarray(self._observations[feature][np.minimum(ahead, self._last[rows, None])])

    def epoch(
        self, batch_size: int, split: Split = "train", rng: np.random.Generator | None = None
    ) -> Iterator[ChunkBatch]:
        """Every frame of a split once, shuffled when ``rng`` is given; the last batch may be smaller."""
        order = self.frames(split)
        if rng is not None:
            order = rng.permutation(order)
        for begin in range(0, len(order), batch_size):
            yield self.gather(order[begin : begin + batch_size])

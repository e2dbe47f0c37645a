"""An endless, resumable stream of shuffled batches."""

from __future__ import annotations

from typing import Any

import numpy as np

from training.datasets.errors import DatasetError
from training.datasets.lerobot_v3.windows import ChunkBatch, ChunkSampler, Split


class BatchStream:
    """Iterates over batches for ever, reshuffling at each epoch; every batch has the full size.

    A batch that an epoch cannot fill is completed from the next epoch, so each frame is seen exactly once per epoch
    and shapes never change. Saving :meth:`state_dict` after a batch and loading it into a fresh stream continues with
    exactly the batches that would have followed.

    Args:
        sampler: gathers the windows.
        batch_size: frames per batch.
        seed: seed of the shuffling.
        split: which episodes.
    """

    def __init__(self, sampler: ChunkSampler, batch_size: int, seed: int = 0, split: Split = "train") -> None:
        self._sampler, self._frames, self.batch_size = sampler, sampler.frames(split), batch_size
        if batch_size < 1 or not len(self._frames):
            raise DatasetError(
                f"cannot draw batches of {batch_size} from {len(self._frames)} {split} frames.", "check both."
            )
        self._rng = np.random.default_rng(seed)
        self.epoch = -1
        self._shuffle()

    def __iter__(self) -> BatchStream:
        return self

    def __next__(self) -> ChunkBatch:
        parts, missing = [], self.batch_size
        while missing:
            if self._cursor == len(self._order):
                self._shuffle()
            part = self._order[self._cursor : self._cursor + missing]
            self._cursor += len(part)
            missing -= len(part)
            parts.append(part)
        return self._sampler.gather(np.concatenate(parts))

    def state_dict(self) -> dict[str, Any]:
        """Position in the stream, as plain numbers and strings (JSON-compatible)."""
        return {
            "epoch": self.epoch,
            "cursor": self._cursor,
            "frames": len(self._frames),
            "generator": self._epoch_generator,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue where ``state`` was taken.

        Raises:
            DatasetError: the state belongs to a dataset with another number of frames.
        """
        if state["frames"] != len(self._frames):
            raise DatasetError(
                f"the saved state counts {state['frames']} training frames, the dataset has {len(self._frames)}.",
                "resume with the dataset and split the run was started with.",
            )
        self._rng.bit_generator.state = state["generator"]
        self._shuffle()
        self.epoch, self._cursor = int(state["epoch"]), int(state["cursor"])

    def _shuffle(self) -> None:
        # The generator's state from before the permutation recreates the whole epoch.
        self._epoch_generator = self._rng.bit_generator.state
        self._order = self._rng.permutation(self._frames)
        self._cursor = 0
        self.epoch += 1

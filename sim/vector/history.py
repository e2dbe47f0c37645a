"""A bounded memory of recent states per world, written to a file when a world's physics diverges."""

from __future__ import annotations

import tempfile
from pathlib import Path

import mujoco
import numpy as np
from numpy.typing import NDArray

__all__ = ["StateHistory"]


class StateHistory:
    """Ring of the last states and controls of every world.

    Args:
        num_worlds, state_size, control_size: N, S, nu.
        length: control steps remembered; shortened so that the ring stays below ``max_bytes``.
        directory: where dumps go; default ``keel-unstable`` in the system's temporary folder.
        decimation: physics steps per control step, noted in dumps.
        max_dumps: dumps kept per environment; further ones overwrite the oldest.
    """

    def __init__(
        self,
        num_worlds: int,
        state_size: int,
        control_size: int,
        *,
        length: int = 100,
        directory: Path | None = None,
        max_dumps: int = 16,
        max_bytes: int = 256 * 2**20,
        decimation: int = 1,
    ) -> None:
        self._decimation = decimation
        row = max(8 * num_worlds * (state_size + control_size), 1)
        self.length = max(min(length, max_bytes // row), 2)
        self.directory = directory if directory is not None else Path(tempfile.gettempdir()) / "keel-unstable"
        self.max_dumps = max_dumps
        self.dumps_written = 0
        self._states = np.zeros((self.length, num_worlds, state_size))
        self._controls = np.zeros((self.length, num_worlds, control_size))
        self._next = self._current = 0
        self._ages = np.zeros(num_worlds, dtype=np.int64)

    def record(self, state: NDArray[np.float64]) -> NDArray[np.float64]:
        """Remembers the state (N, S) before a step and returns the stored copy, valid for ``length`` steps."""
        self._current = self._next
        self._states[self._current] = state
        self._next = (self._next + 1) % self.length
        self._ages += 1
        return self._states[self._current]

    def record_controls(self, ctrl: NDArray[np.floating]) -> None:
        """Remembers the controls (N, nu) applied from the state recorded last."""
        self._controls[self._current] = ctrl

    def forget(self, ids: NDArray[np.int64]) -> None:
        """A new episode begins in these worlds."""
        self._ages[ids] = 0

    def last_state(self, ids: NDArray[np.int64]) -> NDArray[np.float64]:
        """(k, S) states recorded last."""
        return self._states[self._current][ids]

    def recent(self, world: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """States (T, S) and controls (T, nu) of one world's episode, oldest first, T <= length."""
        count = int(min(self._ages[world], self.length))
        rows = (self._next - count + np.arange(count)) % self.length
        return self._states[rows, world], self._controls[rows, world]

    def dump(self, world: int, bad_state: NDArray[np.float64], model: mujoco.MjModel, task: str) -> Path:
        """Writes states, controls and the bad state to ``<task>-<n>.npz``, and the world's model beside it (.mjb)."""
        self.directory.mkdir(parents=True, exist_ok=True)
        stem = self.directory / f"{task}-{self.dumps_written % self.max_dumps}"
        states, controls = self.recent(world)
        model_path = stem.with_name(stem.name + ".mjb")
        mujoco.mj_saveModel(model, str(model_path))
        path = stem.with_name(stem.name + ".npz")
        np.savez_compressed(
            path, states=states, controls=controls, bad_state=bad_state, world=world, task=task,
            decimation=self._decimation,
            physics_dt=model.opt.timestep, nq=model.nq, nv=model.nv, model_file=model_path.name,
            mujoco_version=mujoco.__version__,
        )  # fmt: skip
        self.dumps_written += 1
        return path

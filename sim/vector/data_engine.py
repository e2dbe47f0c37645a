"""N worlds with one ``MjData`` each, stepped by Python threads: for tasks that read more than state and sensors.

``mujoco.rollout`` returns states and sensor data only. Gymnasium's Ant and Humanoid observe ``cfrc_ext``, ``cinert``,
``cvel`` and ``qfrc_actuator``, which exist only in ``MjData``. This engine keeps every world's ``MjData``, so that
trajectories, solver warm start included, are bit-equal to stepping each world alone. ``mj_step`` releases the GIL, the
copies around it do not: about 3 to 6 microseconds per world and control step are serial (see docs/simulation.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import mujoco
import numpy as np
from numpy.typing import NDArray

from sim.errors import RobotModelError
from sim.vector.engine import DIVERGED, usable_cores, world_models
from sim.vector.errors import BatchSizeError
from sim.vector.layout import FULL_PHYSICS, StateLayout
from sim.warnings_log import log_mujoco_warnings

__all__ = ["DataEngine"]


class DataEngine:
    """Physics of N worlds, one ``MjData`` per world; the interface of :class:`sim.vector.RolloutEngine`.

    ``qpos``, ``qvel``, ``act`` and ``time`` are copies of the worlds' state: after editing rows call ``commit_rows``.

    Args:
        model, num_worlds, decimation, external_forces, num_threads: as in ``RolloutEngine``.
        data_fields: names of float ``MjData`` arrays gathered after every step into ``fields``. With ``cfrc_ext``,
            ``cfrc_int`` or ``cacc`` among them, ``mj_rnePostConstraint`` runs after every control step.

    Raises:
        BatchSizeError: N or decimation below 1, or the models do not fit.
        RobotModelError: ``MjData`` has no such array.
    """

    def __init__(
        self,
        model: mujoco.MjModel | Sequence[mujoco.MjModel],
        num_worlds: int,
        decimation: int = 1,
        *,
        data_fields: Sequence[str] = (),
        external_forces: bool = False,
        num_threads: int | None = None,
    ) -> None:
        log_mujoco_warnings()
        self.models = world_models(model, num_worlds)
        if decimation < 1:
            raise BatchSizeError(f"decimation is {decimation}.", "use at least 1 physics step per control step.")
        self.model = m = self.models[0]
        self.num_worlds, self.decimation = num_worlds, decimation
        self.physics_dt = float(m.opt.timestep)
        self.num_threads = usable_cores() if num_threads is None else num_threads
        self.layout = StateLayout.of(m)
        self.data = [mujoco.MjData(each) for each in self.models]
        n = num_worlds
        self.state = np.zeros((n, self.layout.size))
        self.qpos, self.qvel = self.state[:, self.layout.qpos], self.state[:, self.layout.qvel]
        self.act, self.time = self.state[:, self.layout.act], self.state[:, 0]
        self.sensordata = np.zeros((n, m.nsensordata))
        self.sensor_substeps = np.zeros((n, decimation, m.nsensordata))
        self.xfrc = np.zeros((n, m.nbody, 6)) if external_forces else None
        self._names = tuple(data_fields)
        for name in self._names:
            if not isinstance(getattr(self.data[0], name, None), np.ndarray):
                raise RobotModelError(f"MjData has no array '{name}'.", "see data_fields of the task.")
        self._needs_rne = bool({"cfrc_ext", "cfrc_int", "cacc"} & set(self._names))
        self.fields = {name: np.zeros((n, *getattr(self.data[0], name).shape)) for name in self._names}
        # Array views of every world's memory, made once: attribute access through the bindings costs 10 x a copy.
        self._gather = [
            [(self.fields[name][i], getattr(d, name)) for name in self._names]
            + ([(self.sensordata[i], d.sensordata)] if m.nsensordata else [])
            for i, d in enumerate(self.data)
        ]
        self._ctrl = [d.ctrl for d in self.data]
        self._forces = [d.xfrc_applied for d in self.data]
        self._pool = ThreadPoolExecutor(self.num_threads) if self.num_threads > 1 else None
        self._chunk = max(1, n // (max(self.num_threads, 1) * 4))

    def step(self, ctrl: NDArray[np.floating], substeps: int | None = None) -> NDArray[np.bool_]:
        """Advances every world; arguments and result as in :meth:`sim.vector.RolloutEngine.step`."""
        nstep = self.decimation if substeps is None else substeps
        expected = self.time + nstep * self.physics_dt
        starts = range(0, self.num_worlds, self._chunk)
        if self._pool is None:
            for start in starts:
                self._step_chunk(start, ctrl, nstep)
        else:
            list(self._pool.map(lambda start: self._step_chunk(start, ctrl, nstep), starts))
        with np.errstate(invalid="ignore"):
            ok = np.abs(self.time - expected) < 0.5 * self.physics_dt
            ok &= np.abs(self.state).max(axis=1) < DIVERGED
        return ~ok

    def _step_chunk(self, start: int, ctrl: NDArray[np.floating], nstep: int) -> None:
        per_substep = ctrl.ndim == 3 or self.model.nsensordata > 0
        for i in range(start, min(start + self._chunk, self.num_worlds)):
            model, data = self.models[i], self.data[i]
            if self.xfrc is not None:
                self._forces[i][:] = self.xfrc[i]
            if per_substep:
                for k in range(nstep):
                    self._ctrl[i][:] = ctrl[i, k] if ctrl.ndim == 3 else ctrl[i]
                    mujoco.mj_step(model, data)
                    self.sensor_substeps[i, k] = data.sensordata
            else:
                self._ctrl[i][:] = ctrl[i]
                mujoco.mj_step(model, data, nstep)
            if self._needs_rne:
                mujoco.mj_rnePostConstraint(model, data)
            mujoco.mj_getState(model, data, self.state[i], FULL_PHYSICS)
            for out, value in self._gather[i]:
                out[:] = value

    def write_rows(self, ids: NDArray[np.int64], qpos: NDArray[np.floating], qvel: NDArray[np.floating]) -> None:
        """Starts new episodes (``mj_resetData``, then ``mj_forward`` at the given state), as Gymnasium does."""
        for row, i in enumerate(ids):
            data = self.data[i]
            mujoco.mj_resetData(self.models[i], data)
            data.qpos[:], data.qvel[:] = qpos[row], qvel[row]
            if self.xfrc is not None:
                self.xfrc[i] = 0.0
            self._forward(int(i))

    def restore_rows(self, ids: NDArray[np.int64], state: NDArray[np.float64]) -> None:
        """Puts full physics states (k, S) back, without warm start."""
        for row, i in enumerate(ids):
            mujoco.mj_resetData(self.models[i], self.data[i])
            mujoco.mj_setState(self.models[i], self.data[i], state[row], FULL_PHYSICS)
            self._forward(int(i))

    def commit_rows(self, ids: NDArray[np.int64]) -> None:
        """Takes over edits of ``state`` rows (``qpos``, ``qvel``); derived quantities follow with the next step."""
        for i in ids:
            mujoco.mj_setState(self.models[i], self.data[i], self.state[i], FULL_PHYSICS)

    def _forward(self, i: int) -> None:
        data = self.data[i]
        mujoco.mj_forward(self.models[i], data)
        mujoco.mj_getState(self.models[i], data, self.state[i], FULL_PHYSICS)
        for out, value in self._gather[i]:
            out[:] = value
        self.sensor_substeps[i] = data.sensordata

    def close(self) -> None:
        """Stops the threads."""
        if self._pool is not None:
            self._pool.shutdown()

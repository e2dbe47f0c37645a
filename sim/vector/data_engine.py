"""N worlds stepped by Python threads: for tasks that read more of ``MjData`` than state and sensors.

``mujoco.rollout`` returns states and sensor data only. Gymnasium's Ant and Humanoid observe ``cfrc_ext``, ``cinert``,
``cvel`` and ``qfrc_actuator``. Here each thread has one ``MjData``; a world's state and solver warm start (together
MuJoCo's integration state) are loaded into it, stepped, and read back with the wanted fields. Trajectories are
bit-equal to stepping each world in its own ``MjData``, while the thread's working set stays in its cache.

``mj_step`` releases the GIL, the copies around it do not: about 5 microseconds per world and control step are serial.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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

AFTER_RNE = frozenset({"cfrc_ext", "cfrc_int", "cacc"})
"""Fields that ``mj_rnePostConstraint`` computes, which ``mj_step`` does not call without a sensor that needs it."""


class DataEngine:
    """Physics of N worlds with access to ``MjData``; the interface of :class:`sim.vector.RolloutEngine`.

    Args:
        model, num_worlds, decimation, external_forces, num_threads: as in ``RolloutEngine``.
        data_fields: names of ``MjData`` arrays copied after every step into ``fields[name]`` (N, ...), float64.

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
        n = num_worlds
        self.state = np.zeros((n, self.layout.size))
        self.qpos, self.qvel = self.state[:, self.layout.qpos], self.state[:, self.layout.qvel]
        self.act, self.time = self.state[:, self.layout.act], self.state[:, 0]
        self.warmstart = np.zeros((n, m.nv))
        self.sensordata = np.zeros((n, m.nsensordata))
        self.sensor_substeps = np.zeros((n, decimation, m.nsensordata))
        self.xfrc = np.zeros((n, m.nbody, 6)) if external_forces else None
        self._data = [mujoco.MjData(m) for _ in range(max(self.num_threads, 1))]
        for name in data_fields:
            if not isinstance(getattr(self._data[0], name, None), np.ndarray):
                raise RobotModelError(f"MjData has no array '{name}'.", "see data_fields of the task.")
        self._rne = bool(AFTER_RNE & set(data_fields))
        self.fields = {name: np.zeros((n, *getattr(self._data[0], name).shape)) for name in data_fields}
        # Views made once: attribute access through the bindings costs more than the copy.
        self._views = [[(self.fields[name], getattr(data, name)) for name in data_fields] for data in self._data]
        self._pool = ThreadPoolExecutor(self.num_threads - 1) if self.num_threads > 1 else None
        self._chunk = max(1, n // (len(self._data) * 8))

    def step(self, ctrl: NDArray[np.floating], substeps: int | None = None) -> NDArray[np.bool_]:
        """Advances every world; arguments and result as in :meth:`sim.vector.RolloutEngine.step`."""
        nstep = self.decimation if substeps is None else substeps
        expected = self.time + nstep * self.physics_dt
        starts = iter(range(0, self.num_worlds, self._chunk))  # shared by the threads; next() is atomic
        others = []
        if self._pool is not None:
            others = [self._pool.submit(self._work, k, starts, ctrl, nstep) for k in range(1, self.num_threads)]
        self._work(0, starts, ctrl, nstep)
        for other in others:
            other.result()
        with np.errstate(invalid="ignore"):
            ok = np.abs(self.time - expected) < 0.5 * self.physics_dt
            ok &= np.abs(self.state).max(axis=1) < DIVERGED
        return ~ok

    def _work(self, thread: int, starts: Iterator[int], ctrl: NDArray[np.floating], nstep: int) -> None:
        data, views = self._data[thread], self._views[thread]
        control, warmstart, sensors, forces = data.ctrl, data.qacc_warmstart, data.sensordata, data.xfrc_applied
        split = ctrl.ndim == 3 or sensors.size > 0
        held = ctrl.ndim == 2
        for start in starts:
            for i in range(start, min(start + self._chunk, self.num_worlds)):
                model, state = self.models[i], self.state[i]
                mujoco.mj_setState(model, data, state, FULL_PHYSICS)
                warmstart[:] = self.warmstart[i]
                if self.xfrc is not None:
                    forces[:] = self.xfrc[i]
                if split:
                    for k in range(nstep):
                        control[:] = ctrl[i] if held else ctrl[i, k]
                        mujoco.mj_step(model, data)
                        self.sensor_substeps[i, k] = sensors
                    self.sensordata[i] = sensors
                else:
                    control[:] = ctrl[i]
                    mujoco.mj_step(model, data, nstep)
                if self._rne:
                    mujoco.mj_rnePostConstraint(model, data)
                mujoco.mj_getState(model, data, state, FULL_PHYSICS)
                self.warmstart[i] = warmstart
                for out, value in views:
                    out[i] = value

    def write_rows(self, ids: NDArray[np.int64], qpos: NDArray[np.floating], qvel: NDArray[np.floating]) -> None:
        """Starts new episodes (``mj_resetData``, then ``mj_forward`` at the given state), as Gymnasium does."""
        self.state[ids] = 0.0
        self.qpos[ids], self.qvel[ids] = qpos, qvel
        if self.xfrc is not None:
            self.xfrc[ids] = 0.0
        self._forward(ids)

    def restore_rows(self, ids: NDArray[np.int64], state: NDArray[np.float64]) -> None:
        """Puts full physics states (k, S) back, with the warm start of a fresh world."""
        self.state[ids] = state
        self._forward(ids)

    def commit_rows(self, ids: NDArray[np.int64]) -> None:
        """Tells the engine that ``qpos`` or ``qvel`` rows were edited in place; here they are the state already."""

    def _forward(self, ids: NDArray[np.int64]) -> None:
        data = self._data[0]
        for i in ids:
            model = self.models[i]
            mujoco.mj_resetData(model, data)
            mujoco.mj_setState(model, data, self.state[i], FULL_PHYSICS)
            mujoco.mj_forward(model, data)
            self.warmstart[i] = data.qacc_warmstart
            self.sensordata[i] = data.sensordata
            self.sensor_substeps[i] = data.sensordata
            for out, value in self._views[0]:
                out[i] = value

    def close(self) -> None:
        """Stops the threads."""
        if self._pool is not None:
            self._pool.shutdown()

"""N worlds stepped by MuJoCo's own thread pool, ``mujoco.rollout.Rollout``, with every buffer allocated once.

State. The batch is one C-contiguous (N, S) float64 array of full physics states; ``qpos``, ``qvel``, ``act`` and
``time`` are views of it, so writing to ``engine.qvel[i]`` is a push and needs no call.

Warm start. The pool starts each call with the constraint solver's warm start that it is given, and does not return the
one it ends with. A continuously stepped ``MjData`` keeps ``qacc`` of its last step. The engine passes the same quantity
as the velocity difference over the last substep, (v_T - v_{T-1}) / h, which is ``qacc`` up to rounding for the explicit
part of every one-step integrator. It only is the solver's first guess: the solution agrees within the solver tolerance.

Sensors. ``mj_step`` evaluates sensors before it integrates, so ``sensordata`` after a step belongs to the state one
substep earlier, as with ``MjData``. After :meth:`write_rows` it belongs to the written state (``mj_forward``).
"""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping, Sequence

import mujoco
import numpy as np
from mujoco.rollout import Rollout
from numpy.typing import NDArray

from sim.vector.errors import BatchSizeError
from sim.vector.layout import FULL_PHYSICS, StateLayout
from sim.warnings_log import log_mujoco_warnings

__all__ = ["RolloutEngine", "usable_cores"]

DIVERGED = 1e10
"""MuJoCo's own bound mjMAXVAL, beyond which it calls a state bad."""


def usable_cores() -> int:
    """Processor cores this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)


class RolloutEngine:
    """Physics of N worlds on a thread pool.

    Args:
        model: one model shared by all worlds, or N models of equal sizes (parameters may differ; entries may repeat).
            A single model is copied; a list is taken as it is and may be edited between steps. In both, MuJoCo's
            automatic reset of bad states is switched off, because it would hide them.
        num_worlds: N.
        decimation: physics steps per :meth:`step`.
        external_forces: allocate ``xfrc`` (N, nbody, 6), applied during every substep (world-frame force, torque).
        num_threads: threads of the pool; default one per usable core, 0 runs on the calling thread.
        chunk_size: worlds handed to a thread at a time; default N / (10 threads).

    Raises:
        BatchSizeError: N or decimation below 1, or the models do not fit.
    """

    def __init__(
        self,
        model: mujoco.MjModel | Sequence[mujoco.MjModel],
        num_worlds: int,
        decimation: int = 1,
        *,
        external_forces: bool = False,
        num_threads: int | None = None,
        chunk_size: int | None = None,
    ) -> None:
        log_mujoco_warnings()
        self.models = world_models(model, num_worlds)
        if decimation < 1:
            raise BatchSizeError(f"decimation is {decimation}.", "use at least 1 physics step per control step.")
        self.model = self.models[0]
        self.num_worlds = num_worlds
        self.decimation = decimation
        self.physics_dt = float(self.model.opt.timestep)
        threads = usable_cores() if num_threads is None else num_threads
        self.num_threads = threads
        self._scratch = mujoco.MjData(self.model)
        self._pool = Rollout(nthread=threads if threads > 1 else 0)
        self._data = [mujoco.MjData(self.model) for _ in range(max(threads, 1))]
        self._chunk_size = chunk_size
        self.layout = StateLayout.of(self.model)
        n, nv = num_worlds, self.model.nv
        self.state = np.zeros((n, self.layout.size))
        self.qpos = self.state[:, self.layout.qpos]
        self.qvel = self.state[:, self.layout.qvel]
        self.act = self.state[:, self.layout.act]
        self.time = self.state[:, 0]
        self.warmstart = np.zeros((n, nv))
        self.sensordata = np.zeros((n, self.model.nsensordata))
        self._spec = int(mujoco.mjtState.mjSTATE_CTRL)
        if external_forces:
            self._spec |= int(mujoco.mjtState.mjSTATE_XFRC_APPLIED)
        self.xfrc = np.zeros((n, self.model.nbody, 6)) if external_forces else None
        self._buffers: dict[int, tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]] = {}
        self.sensor_substeps = self._buffer(decimation)[2]
        self.fields: Mapping[str, NDArray[np.float64]] = {}

    def _buffer(self, nstep: int) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Control, state and sensor arrays of one call length, allocated at its first use."""
        if nstep not in self._buffers:
            n = self.num_worlds
            controls = int(mujoco.mj_stateSize(self.model, self._spec))
            self._buffers[nstep] = (
                np.zeros((n, nstep, controls)),
                np.zeros((n, nstep, self.layout.size)),
                np.zeros((n, nstep, self.model.nsensordata)),
            )
        return self._buffers[nstep]

    def step(self, ctrl: NDArray[np.floating], substeps: int | None = None) -> NDArray[np.bool_]:
        """Advances every world by ``substeps`` (default ``decimation``) physics steps.

        Args:
            ctrl: (N, nu), held over the substeps, or (N, substeps, nu).

        Returns:
            (N,) True where the physics broke down: a state that is not finite or beyond 1e10, or a world that MuJoCo
            stopped because of a warning (contact or constraint memory exhausted, singular inertia).
        """
        nstep = self.decimation if substeps is None else substeps
        control, states, sensors = self._buffer(nstep)
        nu = self.model.nu
        control[:, :, :nu] = ctrl if ctrl.ndim == 3 else ctrl[:, None, :]
        if self.xfrc is not None:
            control[:, :, nu:] = self.xfrc.reshape(self.num_worlds, 1, -1)
        expected = self.time + nstep * self.physics_dt
        self._pool.rollout(
            self.models, self._data, self.state, control, control_spec=self._spec, skip_checks=True, nstep=nstep,
            initial_warmstart=self.warmstart, state=states, sensordata=sensors, chunk_size=self._chunk_size,
        )  # fmt: skip
        velocity = states[:, -1, self.layout.qvel]
        before = states[:, -2, self.layout.qvel] if nstep > 1 else self.qvel
        np.subtract(velocity, before, out=self.warmstart)
        self.warmstart /= self.physics_dt
        self.state[:] = states[:, -1]
        self.sensordata[:] = sensors[:, -1]
        self.sensor_substeps = sensors
        with np.errstate(invalid="ignore"):
            # The time of a stopped world stands still; NaN fails both comparisons.
            ok = np.abs(self.time - expected) < 0.5 * self.physics_dt
            ok &= np.abs(self.state).max(axis=1) < DIVERGED
        return ~ok

    def write_rows(
        self,
        ids: NDArray[np.int64],
        qpos: NDArray[np.floating],
        qvel: NDArray[np.floating],
    ) -> None:
        """Starts new episodes: time 0, the given (k, nq) and (k, nv), no activation, no warm start, fresh sensors."""
        self.state[ids] = 0.0
        self.qpos[ids] = qpos
        self.qvel[ids] = qvel
        self.warmstart[ids] = 0.0
        if self.xfrc is not None:
            self.xfrc[ids] = 0.0
        self.refresh_sensors(ids)

    def restore_rows(self, ids: NDArray[np.int64], state: NDArray[np.float64]) -> None:
        """Puts full physics states (k, S) back, e.g. the last good ones of worlds that diverged."""
        self.state[ids] = state
        self.warmstart[ids] = 0.0
        self.refresh_sensors(ids)

    def commit_rows(self, ids: NDArray[np.int64]) -> None:
        """Tells the engine that ``qpos`` or ``qvel`` rows were edited in place; here they are the state already."""

    def refresh_sensors(self, ids: NDArray[np.int64]) -> None:
        """Evaluates the sensors of the given worlds at their current state (``mj_forward``)."""
        if self.model.nsensordata == 0:
            return
        data = self._scratch
        for i in ids:
            mujoco.mj_setState(self.models[i], data, self.state[i], FULL_PHYSICS)
            data.qacc_warmstart[:] = 0.0
            mujoco.mj_forward(self.models[i], data)
            self.sensordata[i] = data.sensordata
            self.sensor_substeps[i] = data.sensordata

    def close(self) -> None:
        """Stops the threads; the engine cannot be stepped afterwards."""
        if self._pool.rollout_ is not None:
            self._pool.close()


def world_models(model: mujoco.MjModel | Sequence[mujoco.MjModel], num_worlds: int) -> list[mujoco.MjModel]:
    """N model references with automatic reset switched off.

    Raises:
        BatchSizeError: N below 1, a list of another length, or models of different sizes.
    """
    if num_worlds < 1:
        raise BatchSizeError(f"the number of worlds is {num_worlds}.", "use at least 1.")
    models = [copy.copy(model)] * num_worlds if isinstance(model, mujoco.MjModel) else list(model)
    if len(models) != num_worlds:
        raise BatchSizeError(f"{len(models)} models for {num_worlds} worlds.", "give one model, or one per world.")
    sizes = {_sizes(m) for m in {id(m): m for m in models}.values()}
    if len(sizes) != 1:
        raise BatchSizeError(
            "the models differ in nq, nv, na, nu, nbody, sensor or state size, or in time step.",
            "vary parameters, not the structure.",
        )
    for m in models:
        m.opt.disableflags |= int(mujoco.mjtDisableBit.mjDSBL_AUTORESET)
    return models


def _sizes(m: mujoco.MjModel) -> tuple[float, ...]:
    state = int(mujoco.mj_stateSize(m, FULL_PHYSICS))
    return (m.nq, m.nv, m.na, m.nu, m.nbody, m.ngeom, m.nsensordata, state, float(m.opt.timestep))

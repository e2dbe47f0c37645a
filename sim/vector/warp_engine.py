"""N worlds on a graphics processor: MuJoCo Warp (``mujoco_warp``) behind the interface of ``RolloutEngine``.

Physics runs in float32 on the device; the state that tasks and learners see stays a float64 array on the host, copied
once per call in each direction. Warp also runs on the CPU (``warp-cpu``), orders of magnitude slower than the rollout
pool: that is for tests and for comparing results, not for training.

What may differ between worlds are the parameters that MuJoCo Warp keeps per world (masses, inertias, friction, gains,
gravity and others whose arrays have a leading batch axis).
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from sim.errors import RobotModelError
from sim.vector.data_engine import AFTER_RNE
from sim.vector.engine import DIVERGED, world_models
from sim.vector.errors import BackendError, BatchSizeError
from sim.vector.layout import FULL_PHYSICS, StateLayout

__all__ = ["WarpEngine", "open_device"]

WARP_CPU = "warp-cpu"


def open_device(device: str) -> Any:
    """Warp's device of a name: ``"cuda"``, ``"cuda:1"`` or ``"warp-cpu"``.

    Raises:
        BackendError: MuJoCo Warp is not installed, there is no such CUDA device, or the name is another.
    """
    if device != WARP_CPU and device.partition(":")[0] != "cuda":
        raise BackendError(f"there is no device '{device}'.", f"use 'cpu', 'cuda', 'cuda:N' or '{WARP_CPU}'.")
    try:
        import warp
    except ImportError as error:
        raise BackendError(
            f"device '{device}' needs MuJoCo Warp, which is not installed: {error}.",
            "pip install keel[warp], or leave device out to run on the CPU.",
        ) from None
    warp.config.log_level = warp.LOG_WARNING  # it reports every compiled kernel
    warp.init()
    if device == WARP_CPU:
        return warp.get_device("cpu")
    devices = {item.alias: item for item in warp.get_cuda_devices()}
    wanted = "cuda:0" if device == "cuda" else device
    if wanted not in devices:
        raise BackendError(
            f"device '{device}' was requested and this machine has {', '.join(devices) or 'no CUDA device'}.",
            "leave device out to run on the CPU; a learner may still keep its networks elsewhere.",
        )
    return devices[wanted]


class WarpEngine:
    """Physics of N worlds on one device.

    Args:
        model, num_worlds, decimation, external_forces: as in ``RolloutEngine``.
        device: see :func:`open_device`.
        data_fields: names of arrays copied after every step into ``fields[name]`` (N, ...).
        contacts: that a world can have at the same time; further ones are dropped by MuJoCo Warp.
        constraints: rows of the constraint solver per world; default room for every contact and joint.

    Raises:
        BackendError: the device is missing, or the model has a feature or a difference between worlds that MuJoCo
            Warp lacks.
        BatchSizeError: N or decimation below 1, or the models do not fit.
        RobotModelError: there is no such data field.
    """

    def __init__(
        self,
        model: mujoco.MjModel | Sequence[mujoco.MjModel],
        num_worlds: int,
        decimation: int = 1,
        *,
        device: str = "cuda",
        external_forces: bool = False,
        data_fields: Sequence[str] = (),
        contacts: int = 32,
        constraints: int | None = None,
    ) -> None:
        self._device = open_device(device)
        import mujoco_warp
        import warp

        self._mjw, self._wp = mujoco_warp, warp
        self.models = world_models(model, num_worlds)
        if decimation < 1:
            raise BatchSizeError(f"decimation is {decimation}.", "use at least 1 physics step per control step.")
        self.model = m = self.models[0]
        self.num_worlds, self.decimation = num_worlds, decimation
        self.physics_dt = float(m.opt.timestep)
        self.num_threads = 1
        self.layout = StateLayout.of(m)
        n = num_worlds
        self.state = np.zeros((n, self.layout.size))
        self.qpos, self.qvel = self.state[:, self.layout.qpos], self.state[:, self.layout.qvel]
        self.act, self.time = self.state[:, self.layout.act], self.state[:, 0]
        self.warmstart = np.zeros((n, m.nv))
        self.sensordata = np.zeros((n, m.nsensordata))
        self.sensor_substeps = np.zeros((n, decimation, m.nsensordata))
        self.xfrc = np.zeros((n, m.nbody, 6)) if external_forces else None
        rows = 2 * m.nv + 4 * contacts if constraints is None else constraints
        with warp.ScopedDevice(self._device):
            try:
                self._model = _device_model(mujoco_warp, warp, self.models)
                self._data = mujoco_warp.make_data(m, nworld=n, nconmax=contacts, njmax=rows)
            except NotImplementedError as error:
                raise BackendError(
                    f"MuJoCo Warp cannot run this model: {error}.", "leave device out to run it on the CPU."
                ) from error
        for name in data_fields:
            if not hasattr(self._data, name):
                raise RobotModelError(f"MuJoCo Warp has no array '{name}'.", "see data_fields of the task.")
        self._rne = bool(AFTER_RNE & set(data_fields))
        self.fields: Mapping[str, NDArray[np.float64]] = {
            name: np.zeros(getattr(self._data, name).numpy().shape) for name in data_fields
        }

    def step(self, ctrl: NDArray[np.floating], substeps: int | None = None) -> NDArray[np.bool_]:
        """Advances every world; arguments and result as in :meth:`sim.vector.RolloutEngine.step`."""
        nstep = self.decimation if substeps is None else substeps
        sensors = np.zeros((self.num_worlds, nstep, self.model.nsensordata))
        with self._wp.ScopedDevice(self._device):
            self._upload()
            for k in range(nstep):
                if k == 0 or ctrl.ndim == 3:
                    self._data.ctrl.assign(np.asarray(ctrl if ctrl.ndim == 2 else ctrl[:, k], dtype=np.float32))
                self._mjw.step(self._model, self._data)
                if sensors.size:
                    sensors[:, k] = self._data.sensordata.numpy()
            if self._rne:
                self._mjw.rne_postconstraint(self._model, self._data)
            self._download()
        self.time += nstep * self.physics_dt  # float32 seconds would drift
        if sensors.size:
            self.sensordata[:], self.sensor_substeps = sensors[:, -1], sensors
        with np.errstate(invalid="ignore"):
            good: NDArray[np.bool_] = np.abs(self.state).max(axis=1) < DIVERGED
        return ~good

    def _upload(self) -> None:
        data = self._data
        for array, value in (
            (data.qpos, self.qpos), (data.qvel, self.qvel), (data.act, self.act), (data.time, self.time),
            (data.qacc_warmstart, self.warmstart), (data.xfrc_applied, self.xfrc),
        ):  # fmt: skip
            if value is not None and value.size:
                array.assign(np.ascontiguousarray(value, dtype=np.float32))

    def _download(self) -> None:
        data = self._data
        for value, array in ((self.qpos, data.qpos), (self.qvel, data.qvel), (self.act, data.act)):
            if value.size:
                value[:] = array.numpy()
        self.warmstart[:] = data.qacc_warmstart.numpy()
        for name, value in self.fields.items():
            value[:] = getattr(data, name).numpy()

    def write_rows(self, ids: NDArray[np.int64], qpos: NDArray[np.floating], qvel: NDArray[np.floating]) -> None:
        """Starts new episodes: time 0, the given (k, nq) and (k, nv), no activation, no warm start, fresh sensors."""
        self.state[ids] = 0.0
        self.qpos[ids], self.qvel[ids] = qpos, qvel
        if self.xfrc is not None:
            self.xfrc[ids] = 0.0
        self._fresh(ids)

    def restore_rows(self, ids: NDArray[np.int64], state: NDArray[np.float64]) -> None:
        """Puts full physics states (k, S) back, with the warm start of a fresh world."""
        self.state[ids] = state
        self._fresh(ids)

    def commit_rows(self, ids: NDArray[np.int64]) -> None:
        """Tells the engine that ``qpos`` or ``qvel`` rows were edited in place; the next step uploads them."""

    def _fresh(self, ids: NDArray[np.int64]) -> None:
        """Sensors and fields of worlds that were written; the host's MuJoCo computes them, worlds being few."""
        self.warmstart[ids] = 0.0
        if not self.model.nsensordata and not self.fields:
            return
        scratch = mujoco.MjData(self.model)
        for i in ids:
            mujoco.mj_resetData(self.models[i], scratch)
            mujoco.mj_setState(self.models[i], scratch, self.state[i], FULL_PHYSICS)
            mujoco.mj_forward(self.models[i], scratch)
            self.sensordata[i] = scratch.sensordata
            self.sensor_substeps[i] = scratch.sensordata
            for name, value in self.fields.items():
                value[i] = np.reshape(getattr(scratch, name), value[i].shape)

    def close(self) -> None:
        """Nothing to stop: Warp frees its arrays with the engine."""


def _device_model(mjw: Any, warp: Any, models: list[mujoco.MjModel]) -> Any:
    """The model on the current device, with one row per world of every parameter that differs."""
    distinct = list({id(model): model for model in models}.values())
    batched = {f.name for f in dataclasses.fields(mjw.Model) if (getattr(f.type, "shape", None) or ("",))[0] == "*"}
    differing = [name for name in _arrays(distinct[0]) if _differs(distinct, name)]
    shared = [name for name in differing if name not in batched]
    if shared:
        raise BackendError(
            f"the worlds differ in {', '.join(shared)}, which MuJoCo Warp shares between them.",
            "leave these out of the randomisation, or leave device out.",
        )
    nominal = copy.copy(distinct[0])
    nominal.opt.disableflags &= ~int(mujoco.mjtDisableBit.mjDSBL_AUTORESET)  # Warp knows no such reset and no flag
    device = mjw.put_model(nominal, batch_sizes=dict.fromkeys(differing, len(models)))
    for name in differing:
        array = getattr(device, name)
        rows = np.stack([np.asarray(getattr(model, name)) for model in models])
        array.assign(rows.astype(np.float32).reshape(array.numpy().shape))
    gravity = np.stack([model.opt.gravity for model in models]).astype(np.float32)
    if np.ptp(gravity, axis=0).any():
        device.opt.gravity = warp.array(gravity, dtype=warp.vec3)
    return device


def _arrays(model: mujoco.MjModel) -> list[str]:
    """Names of the model's parameter arrays, those that only picture, name or derive something left out."""
    skip = (
        "name",
        "text",
        "dof_M0",  # derived, and only MuJoCo's own compiler reads it
        "narena",
        "nbuffer",
        "mesh_",
        "tex_",
        "mat_",
        "skin",
        "vis",
        "cam_",
        "light_",
        "bvh_",
        "key_",
        "hfield_",
        "oct_",
    )
    names = (name for name in dir(model) if not name.startswith(("_", *skip)))
    return [name for name in names if isinstance(getattr(model, name), np.ndarray)]


def _differs(models: list[mujoco.MjModel], name: str) -> bool:
    first = getattr(models[0], name)
    return any(not np.array_equal(first, getattr(model, name)) for model in models[1:])

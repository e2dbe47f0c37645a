"""Where the parts of MuJoCo's full physics state lie in one row of a state batch.

``mjSTATE_FULLPHYSICS`` is time, qpos, qvel, act, the delay history and the plugin state, in this order: everything the
next step depends on except the solver's warm start (MuJoCo documentation, "Programming, Simulation, State").
"""

from __future__ import annotations

from dataclasses import dataclass

import mujoco

from sim.errors import RobotModelError

__all__ = ["FULL_PHYSICS", "StateLayout", "sensor_slice"]

FULL_PHYSICS = int(mujoco.mjtState.mjSTATE_FULLPHYSICS)


@dataclass(frozen=True)
class StateLayout:
    """Column slices of a full-physics state row of ``size`` float64 values; ``qpos[3:7]`` of a free joint is wxyz."""

    size: int
    qpos: slice
    qvel: slice
    act: slice

    @classmethod
    def of(cls, model: mujoco.MjModel) -> StateLayout:
        """The layout of a compiled model; column 0 is the time [s]."""
        qvel = 1 + model.nq
        act = qvel + model.nv
        return cls(
            size=int(mujoco.mj_stateSize(model, FULL_PHYSICS)),
            qpos=slice(1, qvel),
            qvel=slice(qvel, act),
            act=slice(act, act + model.na),
        )


def sensor_slice(model: mujoco.MjModel, name: str) -> slice:
    """Columns of a named sensor in ``sensordata``.

    Raises:
        RobotModelError: the model has no sensor of this name.
    """
    index = int(mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_SENSOR, name))
    if index < 0:
        present = [model.sensor(i).name for i in range(model.nsensor)]
        raise RobotModelError(f"the model has no sensor '{name}'.", f"use one of {', '.join(present) or '(none)'}.")
    start = int(model.sensor_adr[index])
    return slice(start, start + int(model.sensor_dim[index]))

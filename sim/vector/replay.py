"""Reads the dump of a diverged world and steps it again, to find the quantity that went wrong first."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import mujoco
import numpy as np
from numpy.typing import NDArray

from sim.errors import SimError
from sim.vector.engine import DIVERGED
from sim.vector.layout import FULL_PHYSICS, StateLayout
from sim.warnings_log import log_mujoco_warnings

__all__ = ["Dump", "DumpError", "Finding", "deviations", "dof_name", "fastest", "find_divergence", "load_dump"]


class DumpError(SimError):
    """A file is not a dump of a diverged world, or its model is missing."""


@dataclass(frozen=True)
class Dump:
    """What ``sim.vector`` wrote: T control steps of one world, oldest first.

    Attributes:
        states: (T, S) full physics states, each before its control step.
        controls: (T, nu) actuator inputs of that step (of its last substep, where they varied).
        bad_state: (S,) the state found bad after the last step.
        decimation: physics steps per control step.
        task, world: where it happened.
        model: the world's own model, randomised parameters included.
    """

    states: NDArray[np.float64]
    controls: NDArray[np.float64]
    bad_state: NDArray[np.float64]
    decimation: int
    task: str
    world: int
    model: mujoco.MjModel


@dataclass(frozen=True)
class Finding:
    """The first physics step after which a quantity is not finite or beyond 1e10.

    Attributes:
        substep: counted from the last recorded state, 0 when that state itself is bad.
        quantity: ``"qpos"``, ``"qvel"``, ``"qacc"`` or ``"ctrl"``.
        index: position in that array.
        name: joint or actuator it belongs to.
        value: what it was.
    """

    substep: int
    quantity: str
    index: int
    name: str
    value: float


def load_dump(path: Path) -> Dump:
    """Reads a dump and the model beside it.

    Raises:
        DumpError: the file cannot be read, lacks a field, or its ``.mjb`` is missing or of another MuJoCo version.
    """
    try:
        with np.load(path) as file:
            fields = {key: file[key] for key in ("states", "controls", "bad_state", "decimation", "task", "world")}
            model_path = path.with_name(str(file["model_file"]))
            version = str(file["mujoco_version"])
    except (OSError, KeyError, ValueError, BadZipFile) as error:
        raise DumpError(
            f"{path} is not a dump of a diverged world: {error}.", "pass a .npz that a warning named."
        ) from error
    try:
        model = mujoco.MjModel.from_binary_path(str(model_path))
    except (ValueError, mujoco.FatalError) as error:
        raise DumpError(
            f"the model {model_path} beside the dump cannot be loaded: {error}.",
            f"keep the .mjb next to the .npz, and use MuJoCo {version} (this is {mujoco.__version__}).",
        ) from error
    return Dump(
        fields["states"], fields["controls"], fields["bad_state"], int(fields["decimation"]), str(fields["task"]),
        int(fields["world"]), model,
    )  # fmt: skip


def deviations(dump: Dump) -> NDArray[np.float64]:
    """(T - 1,) largest difference between each recorded state and the one stepped again from its predecessor.

    Near zero unless something else acted on the world: pushes, controls that varied within a step, external forces.
    """
    data = mujoco.MjData(dump.model)
    found = np.empty(len(dump.states) - 1)
    row = np.empty(dump.states.shape[1])
    for k in range(len(found)):
        mujoco.mj_setState(dump.model, data, dump.states[k], FULL_PHYSICS)
        data.qacc_warmstart[:] = 0.0
        data.ctrl[:] = dump.controls[k]
        mujoco.mj_step(dump.model, data, dump.decimation)
        mujoco.mj_getState(dump.model, data, row, FULL_PHYSICS)
        found[k] = np.abs(row - dump.states[k + 1]).max()
    return found


def find_divergence(dump: Dump, extra_steps: int = 10) -> Finding | None:
    """Steps on from the last recorded state and returns the first bad quantity; None if nothing goes wrong again.

    Args:
        dump: the dump.
        extra_steps: control steps to try with the last controls held.
    """
    log_mujoco_warnings()
    model, data = dump.model, mujoco.MjData(dump.model)
    mujoco.mj_setState(model, data, dump.states[-1], FULL_PHYSICS)
    data.ctrl[:] = dump.controls[-1]
    for substep in range(extra_steps * dump.decimation + 1):
        if substep:
            mujoco.mj_step(model, data)
        for quantity in ("ctrl", "qpos", "qvel", "qacc"):
            values = getattr(data, quantity)
            bad = np.flatnonzero(~(np.abs(values) < DIVERGED))
            if bad.size:
                index = int(bad[0])
                return Finding(substep, quantity, index, _owner(model, quantity, index), float(values[index]))
    return None


def dof_name(model: mujoco.MjModel, dof: int) -> str:
    """Name of the joint a degree of freedom belongs to."""
    joint = int(model.dof_jntid[dof])
    return model.joint(joint).name or f"joint {joint}"


def _owner(model: mujoco.MjModel, quantity: str, index: int) -> str:
    if quantity == "ctrl":
        return model.actuator(index).name or f"actuator {index}"
    if quantity == "qpos":
        joint = int(np.flatnonzero(model.jnt_qposadr <= index)[-1])
        return model.joint(joint).name or f"joint {joint}"
    return dof_name(model, index)


def fastest(dump: Dump, row: int) -> tuple[str, float]:
    """Joint with the largest speed in one recorded state, and that speed [rad/s or m/s]; NaN counts as largest."""
    speeds = np.abs(dump.states[row, StateLayout.of(dump.model).qvel])
    dof = int(np.argmax(np.where(np.isnan(speeds), np.inf, speeds)))
    return dof_name(dump.model, dof), float(speeds[dof])

"""What worlds of one robot check when they step: the command, the period, and that the physics has not diverged."""

from __future__ import annotations

import mujoco
import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.errors import CommandError, UnstableSimulationError

_DIVERGENCE = {
    int(mujoco.mjtWarning.mjWARN_BADQPOS): "a position (qpos)",
    int(mujoco.mjtWarning.mjWARN_BADQVEL): "a velocity (qvel)",
    int(mujoco.mjtWarning.mjWARN_BADQACC): "an acceleration (qacc)",
}


def checked_command(command: ArrayLike, joints: tuple[str, ...]) -> NDArray[np.float64]:
    """The command (A,) as floats.

    Raises:
        CommandError: not one finite number per joint.
    """
    target = np.asarray(command, dtype=float)
    if target.shape != (len(joints),) or not np.all(np.isfinite(target)):
        raise CommandError(
            f"the command {np.array2string(target, precision=3)} is not {len(joints)} finite numbers.",
            f"send one position for each of {', '.join(joints)}.",
        )
    return target


def whole_steps(seconds: float, physics_dt: float) -> int:
    """Physics steps in a time [s].

    Raises:
        CommandError: it is not a whole number of at least one.
    """
    steps = round(seconds / physics_dt)
    if steps < 1 or abs(steps * physics_dt - seconds) > 1e-9:
        raise CommandError(
            f"{seconds} s is not a whole number of physics steps of {physics_dt} s.", "use a multiple of it."
        )
    return steps


def checked_place(position_xyz: ArrayLike, yaw: float) -> NDArray[np.float64]:
    """A position (3,) [m] to which a cube is moved with a yaw [rad], as floats.

    Raises:
        CommandError: the position is not three finite numbers, or the yaw is not finite.
    """
    position = np.asarray(position_xyz, dtype=float)
    if position.shape != (3,) or not np.all(np.isfinite(position)) or not np.isfinite(yaw):
        raise CommandError(f"the cube cannot be moved to {position}, yaw {yaw}.", "give x, y, z and a finite yaw.")
    return position


def run_physics(model: mujoco.MjModel, data: mujoco.MjData, seconds: float, steps: int) -> None:
    """Advance a world by ``steps`` that take ``seconds``, and bring the poses of its bodies up to date.

    Raises:
        UnstableSimulationError: the physics diverged.
    """
    until = float(data.time) + seconds
    mujoco.mj_step(model, data, nstep=steps)
    check_stable(model, data, until)
    mujoco.mj_kinematics(model, data)


def check_stable(model: mujoco.MjModel, data: mujoco.MjData, time: float) -> None:
    """Refuse a state that MuJoCo flagged, or that is not finite.

    Args:
        model: of the world.
        data: after the steps.
        time: at which they should have ended [s]; MuJoCo resets the time of a world that diverged.

    Raises:
        UnstableSimulationError: names the quantity and the joint.
    """
    for warning, quantity in _DIVERGENCE.items():
        if data.warning[warning].number:
            joint = _joint_at(model, int(data.warning[warning].lastinfo), warning)
            raise UnstableSimulationError(time, f"MuJoCo found {quantity} of joint '{joint}' that is NaN or huge")
    if not (np.all(np.isfinite(data.qpos)) and np.all(np.isfinite(data.qvel))):
        raise UnstableSimulationError(time, "a position or velocity is not finite")


def _joint_at(model: mujoco.MjModel, index: int, warning: int) -> str:
    """Name of the joint that an index of qpos or qvel belongs to."""
    in_positions = warning == int(mujoco.mjtWarning.mjWARN_BADQPOS)
    starts = model.jnt_qposadr if in_positions else model.jnt_dofadr
    return str(model.joint(int(np.searchsorted(starts, index, side="right")) - 1).name)

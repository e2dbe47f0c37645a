"""A world that differs from the training world: what differs, and what a policy must still reach in it.

Sim-to-sim transfer is the usual rehearsal of sim-to-real (Tobin et al. 2017, arXiv 1703.06907; legged_gym's and mjlab's
sim2sim scripts): one quantity is changed at a time, to the border of what a robot may plausibly be, and once all
together. Nothing here depends on a task; the catalogues are in ``gait`` and ``manipulation``.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import mujoco
import numpy as np
from numpy.typing import NDArray

from policy_nodes.errors import ConfigError

Floats = NDArray[np.float64]
Change = Callable[[mujoco.MjModel, np.random.Generator], None]
INTEGRATORS = {
    name: int(getattr(mujoco.mjtIntegrator, f"mjINT_{name.upper()}"))
    for name in ("Euler", "RK4", "implicit", "implicitfast")
}


@dataclass(frozen=True)
class Shift:
    """One changed world.

    Attributes:
        name: key in tables and bundles.
        description: in words, with numbers and units.
        changes: edits of the model, applied in order to a nominal copy; may draw.
        integrator: MuJoCo's name; empty keeps the task's own.
        physics_dt: step of the physics [s]; None keeps the task's own.
        action_delay: control periods by which commands arrive late.
        observation_delay: control periods by which every observation arrives late, with fresh stamps.
        noise: kind of signal -> standard deviation of white Gaussian noise in the signal's unit.
        push: change of the base's horizontal velocity at a random moment [m/s], legged robots only.
        min_success: share of successful episodes that passes.
        max_error: largest error that passes; None where it is not judged.
    """

    name: str
    description: str
    changes: tuple[Change, ...] = ()
    integrator: str = ""
    physics_dt: float | None = None
    action_delay: int = 0
    observation_delay: int = 0
    noise: dict[str, float] = field(default_factory=dict)
    push: float = 0.0
    min_success: float = 0.9
    max_error: float | None = None

    def apply(self, model: mujoco.MjModel, rng: np.random.Generator) -> None:
        """Edit a nominal model in place and refresh what MuJoCo derives from it.

        Raises:
            ConfigError: the integrator is unknown.
        """
        if self.integrator:
            if self.integrator not in INTEGRATORS:
                raise ConfigError(f"unknown integrator '{self.integrator}'.", f"use one of {', '.join(INTEGRATORS)}.")
            model.opt.integrator = INTEGRATORS[self.integrator]
        for change in self.changes:
            change(model, rng)
        if self.changes:
            mujoco.mj_setConst(model, mujoco.MjData(model))


@dataclass(frozen=True)
class Trial:
    """One episode: whether it succeeded, its error (None where it is not defined), and why it did not succeed."""

    success: bool
    error: float | None
    cause: str = ""


def scale_friction(factor: float) -> Change:
    """Sliding friction of every geom times ``factor``."""

    def change(model: mujoco.MjModel, rng: np.random.Generator) -> None:
        model.geom_friction[:, 0] *= factor

    return change


def add_payload(body: str, kilograms: float, offset_m: float) -> Change:
    """A load on one body, and its centre of mass moved by ``offset_m`` in a random horizontal direction."""

    def change(model: mujoco.MjModel, rng: np.random.Generator) -> None:
        number, angle = model.body(body).id, rng.uniform(-np.pi, np.pi)
        grown = (model.body_mass[number] + kilograms) / model.body_mass[number]
        model.body_mass[number] *= grown
        model.body_inertia[number] *= grown
        model.body_ipos[number, :2] += offset_m * np.array([np.cos(angle), np.sin(angle)])

    return change


def scale_servos(stiffness: float, damping: float, strength: float = 1.0) -> Change:
    """Gains of all position servos, and the force that they can give, times factors."""

    def change(model: mujoco.MjModel, rng: np.random.Generator) -> None:
        model.actuator_gainprm[:, 0] *= stiffness
        model.actuator_biasprm[:, 1] *= stiffness
        model.actuator_biasprm[:, 2] *= damping
        model.actuator_forcerange *= strength

    return change


def joint_losses(dry: float, viscous: float) -> Change:
    """Dry friction [N m] and viscous damping [N m s/rad] added to every actuated joint."""

    def change(model: mujoco.MjModel, rng: np.random.Generator) -> None:
        joints = model.actuator_trnid[np.isin(model.actuator_trntype, [0, 1]), 0]
        dofs = model.jnt_dofadr[joints]
        model.dof_frictionloss[dofs] += dry
        model.dof_damping[dofs] += viscous

    return change


def tilt_gravity(degrees: float) -> Change:
    """Gravity turned by an angle about a random horizontal axis: a floor, or a table, that is not level."""

    def change(model: mujoco.MjModel, rng: np.random.Generator) -> None:
        angle, size = rng.uniform(-np.pi, np.pi), float(np.linalg.norm(model.opt.gravity))
        tilt = np.radians(degrees)
        model.opt.gravity[:] = size * np.array(
            [np.sin(tilt) * np.cos(angle), np.sin(tilt) * np.sin(angle), -np.cos(tilt)]
        )

    return change


class Late:
    """A signal that arrives ``periods`` calls late; the first value stands in until then."""

    def __init__(self, periods: int) -> None:
        self._queue: deque[Floats] = deque(maxlen=periods + 1)

    def __call__(self, value: Floats) -> Floats:
        """Newest value in, the one of ``periods`` calls ago out."""
        self._queue.append(np.array(value, dtype=np.float64))
        return self._queue[0]

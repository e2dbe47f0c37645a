"""One MuJoCo model per world, with friction, masses, inertias, gains and gravity of its own.

Ranges are those that legged_gym, HIMLoco and unitree_rl_lab use on robots of this size; every drawn number is
returned, so that a failure can be traced to its world's parameters and a critic may see them.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, fields

import mujoco
import numpy as np
from numpy.typing import NDArray

from sim.errors import RobotModelError
from sim.randomization.ranges import Range, check_range, draw

Sampled = dict[str, NDArray[np.float64]]
"""Name of a quantity -> (N,) or (N, d) drawn values."""


@dataclass(frozen=True)
class ModelRandomization:
    """Ranges of physical parameters; the defaults are those of the Go1's training.

    Attributes:
        friction: sliding friction of the ground and of what touches it.
        payload: added to the base [kg].
        base_com: shift of the base's centre of mass along each axis [m].
        mass_scale: factor on mass and inertia of every other body, one draw per body.
        stiffness_scale: factor on each servo's position gain, one draw per joint.
        damping_scale: factor on each servo's velocity gain, one draw per joint.
        strength_scale: factor on each motor's torque and its limit, one draw per joint.
        armature_scale: factor on each joint's rotor inertia.
        joint_friction: dry friction of each joint [N m].
        gravity: change of each component of gravity [m/s^2].
    """

    friction: Range = (0.4, 1.25)
    payload: Range = (-1.0, 2.0)
    base_com: Range = (-0.03, 0.03)
    mass_scale: Range = (0.9, 1.1)
    stiffness_scale: Range = (0.9, 1.1)
    damping_scale: Range = (0.8, 1.2)
    strength_scale: Range = (0.9, 1.1)
    armature_scale: Range = (0.8, 1.2)
    joint_friction: Range = (0.0, 0.3)
    gravity: Range = (-0.1, 0.1)

    def __post_init__(self) -> None:
        positive = {"mass_scale", "stiffness_scale", "strength_scale", "armature_scale"}
        for item in fields(self):
            value = getattr(self, item.name)
            name = f"ModelRandomization.{item.name}"
            if item.name in positive:
                check_range(name, value, 0.01, 100.0)
            elif item.name in ("friction", "damping_scale", "joint_friction"):
                check_range(name, value, 0.0)
            elif item.name == "gravity":
                check_range(name, value, -9.0, 9.0)
            else:
                check_range(name, value)


def randomized_models(
    model: mujoco.MjModel,
    base: str,
    config: ModelRandomization,
    count: int,
    rng: np.random.Generator,
    distinct: int | None = None,
) -> tuple[list[mujoco.MjModel], Sampled]:
    """Copies of a model with parameters of their own.

    Args:
        model: with position servos as actuators, one per hinge, in joint order.
        base: body that carries payloads.
        config: ranges.
        count: N, number of worlds.
        rng: source of randomness.
        distinct: number of different models (legged_gym has 64 "buckets" of friction); neighbouring worlds share one,
            which keeps it in the processor's cache. None draws one per world.

    Returns:
        N models of equal structure, and what was drawn for each.

    Raises:
        RobotModelError: the model has no such body.
        RandomizationError: the payload would take the base's whole mass away.
    """
    body = int(mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_BODY, base))
    if body < 0:
        raise RobotModelError(f"the model has no body '{base}'.", "pass the robot's base body.")
    check_range("ModelRandomization.payload", config.payload, low=-0.9 * float(model.body_mass[body]))
    kinds = count if distinct is None else max(1, min(distinct, count))
    drawn = sample(model, config, kinds, rng)
    models = []
    for i in range(kinds):
        world = copy.copy(model)
        apply(world, body, {name: values[i] for name, values in drawn.items()})
        models.append(world)
    kind = np.arange(count) * kinds // count
    return [models[i] for i in kind], {name: values[kind] for name, values in drawn.items()}


def sample(model: mujoco.MjModel, config: ModelRandomization, count: int, rng: np.random.Generator) -> Sampled:
    """Draw every parameter for ``count`` worlds: (count,), (count, 3), (count, nbody) or (count, nu)."""
    joints, bodies = model.nu, model.nbody
    return {
        "friction": draw(config.friction, count, rng),
        "payload": draw(config.payload, count, rng),
        "base_com": draw(config.base_com, (count, 3), rng),
        "mass_scale": draw(config.mass_scale, (count, bodies), rng),
        "stiffness_scale": draw(config.stiffness_scale, (count, joints), rng),
        "damping_scale": draw(config.damping_scale, (count, joints), rng),
        "strength_scale": draw(config.strength_scale, (count, joints), rng),
        "armature_scale": draw(config.armature_scale, (count, joints), rng),
        "joint_friction": draw(config.joint_friction, (count, joints), rng),
        "gravity": draw(config.gravity, (count, 3), rng),
    }


def apply(model: mujoco.MjModel, base: int, values: dict[str, NDArray[np.float64]]) -> None:
    """Write one world's parameters into its model and refresh the constants that MuJoCo derives from them.

    Args:
        model: changed in place; must hold the nominal parameters.
        base: number of the base body.
        values: row of ``sample``.
    """
    scale = np.array(values["mass_scale"])
    scale[0] = 1.0
    scale[base] = (model.body_mass[base] + float(values["payload"])) / model.body_mass[base]
    model.body_mass *= scale
    model.body_inertia *= scale[:, None]
    model.body_ipos[base] += values["base_com"]
    model.geom_friction[:, 0] = float(values["friction"])
    strength = values["strength_scale"]
    stiffness, damping = strength * values["stiffness_scale"], strength * values["damping_scale"]
    model.actuator_gainprm[:, 0] *= stiffness
    model.actuator_biasprm[:, 1] *= stiffness
    model.actuator_biasprm[:, 2] *= damping
    model.actuator_forcerange *= strength[:, None]
    dofs = model.jnt_dofadr[model.actuator_trnid[:, 0]]
    model.dof_armature[dofs] *= values["armature_scale"]
    model.dof_frictionloss[dofs] = values["joint_friction"]
    model.opt.gravity += values["gravity"]
    mujoco.mj_setConst(model, mujoco.MjData(model))

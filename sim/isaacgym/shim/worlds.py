"""From a scene to compiled MuJoCo models: one per distinct set of parameters."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Sequence

import mujoco
import numpy as np

from sim.isaacgym.errors import UnsupportedCallError
from sim.isaacgym.shim.params import SimParams
from sim.isaacgym.shim.scene import Actor, Env, Scene, add_ground, plane_friction

__all__ = ["DRIVE_EFFORT", "DRIVE_NONE", "DRIVE_POS", "DRIVE_VEL", "apply_env", "compile_world", "world_models"]

DRIVE_NONE, DRIVE_POS, DRIVE_VEL, DRIVE_EFFORT = 0, 1, 2, 3
MAX_TIMESTEP = 0.005
"""Longest physics step [s]: longer ones resolve MuJoCo's default contact time constant of 20 ms badly."""
UNLIMITED = 1e9


def substeps_of(params: SimParams) -> int:
    """Physics steps per ``simulate``."""
    return max(int(params.substeps), int(np.ceil(params.dt / MAX_TIMESTEP - 1e-6)), 1)


def prefix(actor: int) -> str:
    """Of the names of an actor's elements in the world."""
    return f"a{actor}/"


def compile_world(scene: Scene, params: SimParams, sensors: Sequence[str]) -> mujoco.MjModel:
    """The model of environment 0, with a drive for every degree of freedom and the sensors that tensors need.

    Args:
        scene: checked.
        params: time step and gravity.
        sensors: of "contact" (net wrench per body with shapes) and "dof_force" (drive torque per degree of freedom).
    """
    world = mujoco.MjSpec()
    world.option.timestep = params.dt / substeps_of(params)
    world.option.gravity = params.gravity.array()
    world.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    world.compiler.discardvisual = True
    add_ground(world, scene)
    env = scene.envs[0]
    for k, actor in enumerate(env.actors):
        world.attach(actor.asset.spec.copy(), prefix=prefix(k), frame=world.worldbody.add_frame())
    for k, actor in enumerate(env.actors):
        _contact_bits(world, env, k)
        for dof in actor.asset.dofs:
            _add_drive(world, f"{prefix(k)}{dof}")
    for k, actor in enumerate(env.actors):
        _add_sensors(world, k, actor, sensors)
    with warnings.catch_warnings():
        # An asset's own solver options yield to the world's, as they do to Isaac Gym's SimParams.
        warnings.filterwarnings("ignore", message="Attach conflict")
        return world.compile()


def _contact_bits(world: mujoco.MjSpec, env: Env, k: int) -> None:
    """Actor k has bit k + 1; shapes of two actors (or of one) collide unless their filters share a bit."""
    if len(env.actors) > 29:
        raise UnsupportedCallError(f"{len(env.actors)} actors in one environment.", "use at most 29.")
    actor = env.actors[k]
    mask = 1
    for j, other in enumerate(env.actors):
        if not actor.collision_filter & other.collision_filter:
            mask |= 1 << (j + 1)
    shapes = {f"{prefix(k)}{name}" for name in actor.asset.shapes}
    for geom in world.geoms:
        if geom.name in shapes:
            geom.contype, geom.conaffinity = 1 << (k + 1), mask
            geom.priority = 1
            geom.condim = max(int(geom.condim), 3)


def _add_drive(world: mujoco.MjSpec, joint: str) -> None:
    """torque = control - kp q - kd v, within the effort limit; control = force + kp q* + kd v*."""
    j = world.joint(joint)
    j.actfrclimited = 0
    world.add_actuator(
        name=joint, target=joint, trntype=mujoco.mjtTrn.mjTRN_JOINT, gaintype=mujoco.mjtGain.mjGAIN_FIXED,
        biastype=mujoco.mjtBias.mjBIAS_AFFINE, gainprm=[1.0] + [0.0] * 9, biasprm=[0.0] * 10,
        forcelimited=True, forcerange=[-UNLIMITED, UNLIMITED],
    )  # fmt: skip


def _add_sensors(world: mujoco.MjSpec, k: int, actor: Actor, sensors: Sequence[str]) -> None:
    model = actor.asset.model
    if "contact" in sensors:
        shaped = {int(model.geom_bodyid[model.geom(name).id]) for name in actor.asset.shapes}
        for b in sorted(shaped):
            name = f"{prefix(k)}{model.body(b).name}"
            # found | force | torque | pos of the net wrench, in the world frame (reduce = 3: netforce).
            world.add_sensor(
                name=f"contact:{name}", type=mujoco.mjtSensor.mjSENS_CONTACT, objtype=mujoco.mjtObj.mjOBJ_BODY,
                objname=name, intprm=[_WRENCH, 3, 1],
            )  # fmt: skip
    if "dof_force" in sensors:
        for dof in actor.asset.dofs:
            name = f"{prefix(k)}{dof}"
            world.add_sensor(
                name=f"dof:{name}", type=mujoco.mjtSensor.mjSENS_JOINTACTFRC, objtype=mujoco.mjtObj.mjOBJ_JOINT,
                objname=name,
            )  # fmt: skip


_DATA = mujoco.mjtConDataField
_WRENCH = sum(1 << int(part) for part in (_DATA.mjCONDATA_FORCE, _DATA.mjCONDATA_TORQUE, _DATA.mjCONDATA_POS))


def world_models(base: mujoco.MjModel, scene: Scene) -> list[mujoco.MjModel]:
    """N models; environments with equal parameters share one."""
    known: dict[tuple[object, ...], mujoco.MjModel] = {}
    models = []
    for env in scene.envs:
        key: tuple[object, ...] = tuple(actor.signature() for actor in env.actors)
        if scene.heightfield is not None and any(a.asset.fixed for a in env.actors):
            key = (*key, env.index)
        if key not in known:
            known[key] = copy.copy(base)
            apply_env(known[key], scene, env)
        models.append(known[key])
    return models


def apply_env(model: mujoco.MjModel, scene: Scene, env: Env) -> None:
    """Writes one environment's properties into a model."""
    ground = plane_friction(scene)
    for k, actor in enumerate(env.actors):
        _apply_dofs(model, k, actor)
        for name, shape in zip(actor.asset.shapes, actor.shape_props, strict=True):
            # PhysX averages the coefficients of two shapes, MuJoCo takes those of the higher priority.
            friction = 0.5 * (shape.friction + ground)
            model.geom_friction[model.geom(prefix(k) + name).id, 0] = max(friction, 1e-4)
        if actor.body_props is not None:
            _apply_bodies(model, k, actor)
        if actor.asset.fixed:
            root = model.body(prefix(k) + actor.asset.bodies[0]).id
            model.body_pos[root], model.body_quat[root] = scene.start(env, actor)
    mujoco.mj_setConst(model, mujoco.MjData(model))


def _apply_dofs(model: mujoco.MjModel, k: int, actor: Actor) -> None:
    for name, row in zip(actor.asset.dofs, actor.dof_props, strict=True):
        joint, drive = model.joint(prefix(k) + name), model.actuator(prefix(k) + name)
        j, dof = joint.id, int(model.jnt_dofadr[joint.id])
        servo = int(row["driveMode"]) in (DRIVE_POS, DRIVE_VEL)
        kp = float(row["stiffness"]) if int(row["driveMode"]) == DRIVE_POS else 0.0
        drive.biasprm[1], drive.biasprm[2] = -kp, -float(row["damping"]) if servo else 0.0
        limit = min(float(row["effort"]), UNLIMITED)
        drive.forcerange[:] = (-limit, limit) if limit > 0.0 else (-UNLIMITED, UNLIMITED)
        model.jnt_limited[j] = bool(row["hasLimits"])
        model.jnt_range[j] = (row["lower"], row["upper"]) if row["hasLimits"] else (0.0, 0.0)
        passive_damping, passive_stiffness = model.dof_damping, model.jnt_stiffness
        passive_damping[dof] = 0.0 if servo else float(row["damping"])
        passive_stiffness[j] = 0.0 if servo else float(row["stiffness"])
        model.dof_frictionloss[dof], model.dof_armature[dof] = row["friction"], row["armature"]


def _apply_bodies(model: mujoco.MjModel, k: int, actor: Actor) -> None:
    """Mass and centre-of-mass changes go to the heaviest part of each rigid body (what welds collapsed into it)."""
    asset = actor.asset
    data = mujoco.MjData(asset.model)
    mujoco.mj_kinematics(asset.model, data)
    for index, (new, old) in enumerate(zip(actor.body_props or [], asset.body_props(), strict=True)):
        parts = np.flatnonzero(asset.owner == index)
        part = int(parts[np.argmax(asset.model.body_mass[parts])])
        b = model.body(prefix(k) + asset.model.body(part).name).id
        before = float(model.body_mass[b])
        mass = before + new.mass - old.mass
        if mass <= 0.0 and new.mass != old.mass:
            raise UnsupportedCallError(
                f"mass of body '{asset.bodies[index]}' becomes {new.mass:.3g} kg.", "keep it positive."
            )
        if abs(mass - before) > 1e-9:
            model.body_mass[b] = mass
            if actor.recompute_inertia:
                model.body_inertia[b] *= mass / before
        shift = new.com.array() - old.com.array()
        if np.any(shift != 0.0):
            main = asset.model.body(asset.bodies[index]).id
            in_part = data.xmat[part].reshape(3, 3).T @ data.xmat[main].reshape(3, 3) @ shift
            model.body_ipos[b] += in_part * new.mass / mass

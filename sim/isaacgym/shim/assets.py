"""Assets: one articulation from URDF, MJCF or a primitive, compiled once to learn its bodies, joints and shapes."""

from __future__ import annotations

import copy
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field
from pathlib import Path

import mujoco
import numpy as np
from numpy.typing import NDArray

from sim.isaacgym.errors import AssetError
from sim.isaacgym.shim.geometry import Mat33, Transform, Vec3
from sim.isaacgym.shim.params import (
    DOF_DTYPE,
    ActuatorProperties,
    AssetOptions,
    RigidBodyProperties,
    RigidShapeProperties,
)

__all__ = ["Asset", "load", "primitive"]

_FREE = int(mujoco.mjtJoint.mjJNT_FREE)
_SCALAR = (int(mujoco.mjtJoint.mjJNT_HINGE), int(mujoco.mjtJoint.mjJNT_SLIDE))
UNLIMITED = float(np.finfo(np.float32).max)


@dataclass
class Asset:
    """What an actor is made from.

    Attributes:
        spec: the description; every element has a name. Copied before it enters a world.
        model: compiled alone, body 1 is the root.
        bodies: MuJoCo body names that count as rigid bodies, in depth-first file order.
        owner: (nbody,) for every MuJoCo body the index in ``bodies`` it belongs to (itself, or the body that a
            collapsed fixed joint leads to); -1 for the world.
        dofs, joints: names of hinge and slide joints in order.
        shapes: geom names with collision.
        fixed: whether the root is held.
    """

    name: str
    spec: mujoco.MjSpec
    model: mujoco.MjModel
    bodies: list[str]
    owner: NDArray[np.int64]
    dofs: list[str]
    shapes: list[str]
    fixed: bool
    dof_props: NDArray[np.void]
    shape_props: list[RigidShapeProperties]
    actuators: list[tuple[str, ActuatorProperties]]
    options: AssetOptions
    sensors: list[tuple[int, Transform]] = field(default_factory=list)

    def body_props(self) -> list[RigidBodyProperties]:
        """Mass and centre of mass of each rigid body with what is welded to it; inertia of its main part."""
        m, out = self.model, []
        data = mujoco.MjData(m)
        mujoco.mj_kinematics(m, data)
        for index, name in enumerate(self.bodies):
            main = m.body(name).id
            parts = np.flatnonzero(self.owner == index)
            mass = float(m.body_mass[parts].sum())
            world_com = (m.body_mass[parts, None] * data.xipos[parts]).sum(axis=0) / max(mass, 1e-12)
            com = data.xmat[main].reshape(3, 3).T @ (world_com - data.xpos[main])
            rotation = np.empty(9)
            mujoco.mju_quat2Mat(rotation, m.body_iquat[main])
            r = rotation.reshape(3, 3)
            inertia = r @ np.diag(m.body_inertia[main]) @ r.T
            rows = [Vec3(*row) for row in inertia.tolist()]
            out.append(RigidBodyProperties(mass, Vec3(*com.tolist()), Mat33(*rows)))
        return out


def load(root: str, file: str, options: AssetOptions) -> Asset:
    """Reads a URDF (``.urdf``) or MJCF (``.xml``) file.

    Raises:
        AssetError: no such file, MuJoCo cannot compile it, or it is not one articulation of hinges and slides.
    """
    path = Path(root or ".") / file
    if not path.is_file():
        raise AssetError(f"asset file '{path}' does not exist.", "check asset root and file name.")
    options = copy.deepcopy(options)
    try:
        if path.suffix == ".urdf":
            spec, kept, speeds = _urdf(path)
        else:
            spec, kept, speeds = mujoco.MjSpec.from_file(str(path)), None, {}
        return _finish(path.stem, spec, kept, speeds, options, urdf=path.suffix == ".urdf")
    except (ValueError, ElementTree.ParseError) as error:
        raise AssetError(f"asset '{path}' does not load: {error}", "MuJoCo must be able to compile it.") from error


def primitive(kind: mujoco.mjtGeom, size: list[float], options: AssetOptions) -> Asset:
    """One free (or fixed) body of a box (half sizes), sphere or capsule shape [m]."""
    spec = mujoco.MjSpec()
    spec.worldbody.add_body(name="body").add_geom(type=kind, size=[*size, 0, 0][:3], density=options.density)
    return _finish("primitive", spec, None, {}, copy.deepcopy(options), urdf=True)


def _urdf(path: Path) -> tuple[mujoco.MjSpec, set[str], dict[str, float]]:
    """The description, links behind fixed joints marked ``dont_collapse``, and joint speed limits."""
    tree = ElementTree.parse(path).getroot()
    kept, speeds = set(), {}
    for joint in tree.findall("joint"):
        child, limit = joint.find("child"), joint.find("limit")
        if child is not None and joint.attrib.pop("dont_collapse", "false").lower() == "true":
            kept.add(child.get("link", ""))
        if limit is not None and limit.get("velocity"):
            speeds[joint.get("name", "")] = float(limit.get("velocity", 0))
    for extension in tree.findall("mujoco"):
        tree.remove(extension)
    extension = ElementTree.Element("mujoco")
    settings = {"strippath": "false", "discardvisual": "true", "fusestatic": "false", "balanceinertia": "true"}
    ElementTree.SubElement(extension, "compiler", settings)
    tree.insert(0, extension)
    spec = mujoco.MjSpec.from_string(ElementTree.tostring(tree, encoding="unicode"))
    spec.modelfiledir = str(path.parent)
    return spec, kept, speeds


def _finish(
    name: str, spec: mujoco.MjSpec, kept: set[str] | None, speeds: dict[str, float], options: AssetOptions, urdf: bool
) -> Asset:
    roots = list(spec.worldbody.bodies)
    if len(roots) != 1:
        raise AssetError(f"asset '{name}' has {len(roots)} root bodies.", "an asset is one articulation.")
    _name_everything(spec)
    for key in list(spec.keys):
        spec.delete(key)
    for sensor in list(spec.sensors):
        spec.delete(sensor)
    actuators = _take_actuators(spec)
    free = [j for j in spec.joints if int(j.type) == _FREE]
    if options.fix_base_link:
        for joint in free:
            spec.delete(joint)
    elif urdf and not free:
        roots[0].add_freejoint(name="root_free")
    for joint in spec.joints:
        if int(joint.type) in _SCALAR:
            joint.armature += options.armature
        elif int(joint.type) != _FREE:
            raise AssetError(f"joint '{joint.name}' of '{name}' is a ball joint.", "use three hinges.")
    for geom in spec.geoms:
        if options.replace_cylinder_with_capsule and int(geom.type) == int(mujoco.mjtGeom.mjGEOM_CYLINDER):
            geom.type = mujoco.mjtGeom.mjGEOM_CAPSULE
    for body in spec.bodies:
        body.gravcomp = 1.0 if options.disable_gravity and body.name != "world" else body.gravcomp
    model = spec.copy().compile()
    bodies, owner = _rigid_bodies(model, options.collapse_fixed_joints, kept or set())
    scalar = [j for j in range(model.njnt) if int(model.jnt_type[j]) in _SCALAR]
    collides = (model.geom_contype != 0) | (model.geom_conaffinity != 0)
    shapes = [g for g in range(model.ngeom) if collides[g] and model.geom_bodyid[g] > 0]
    return Asset(
        name=name, spec=spec, model=model, bodies=bodies, owner=owner,
        dofs=[model.joint(j).name for j in scalar], shapes=[model.geom(g).name for g in shapes],
        fixed=model.njnt == 0 or int(model.jnt_type[0]) != _FREE,
        dof_props=_dof_properties(model, scalar, speeds, options),
        shape_props=[RigidShapeProperties(*model.geom_friction[g, [0, 2, 1]].tolist()) for g in shapes],
        actuators=actuators, options=options,
    )  # fmt: skip


def _name_everything(spec: mujoco.MjSpec) -> None:
    for kind, elements in (("body", spec.bodies), ("joint", spec.joints), ("shape", spec.geoms)):
        taken = {e.name for e in elements}
        for i, element in enumerate(elements):
            if not element.name:
                label = f"{kind}_{i}"
                element.name = label if label not in taken else f"{label}_unnamed"


def _take_actuators(spec: mujoco.MjSpec) -> list[tuple[str, ActuatorProperties]]:
    """Records and removes the file's actuators: here every degree of freedom gets its own drive."""
    taken = []
    for a in list(spec.actuators):
        props = ActuatorProperties(
            motor_effort=float(a.gear[0]), kp=float(-a.biasprm[1]), kv=float(-a.biasprm[2]),
            control_limited=int(a.ctrllimited) == 1, force_limited=int(a.forcelimited) == 1,
            lower_control_limit=float(a.ctrlrange[0]), upper_control_limit=float(a.ctrlrange[1]),
            lower_force_limit=float(a.forcerange[0]), upper_force_limit=float(a.forcerange[1]),
        )  # fmt: skip
        taken.append((a.target, props))
        spec.delete(a)
    return taken


def _rigid_bodies(model: mujoco.MjModel, collapse: bool, kept: set[str]) -> tuple[list[str], NDArray[np.int64]]:
    owner = np.full(model.nbody, -1, dtype=np.int64)
    names: list[str] = []
    for b in range(1, model.nbody):
        name = model.body(b).name
        if collapse and b > 1 and int(model.body_jntnum[b]) == 0 and name not in kept:
            owner[b] = owner[model.body_parentid[b]]
            continue
        owner[b] = len(names)
        names.append(name)
    return names, owner


def _dof_properties(
    m: mujoco.MjModel, joints: list[int], speeds: dict[str, float], options: AssetOptions
) -> NDArray[np.void]:
    out = np.zeros(len(joints), dtype=DOF_DTYPE)
    for row, j in zip(out, joints, strict=True):
        dof = int(m.jnt_dofadr[j])
        row["hasLimits"] = bool(m.jnt_limited[j])
        row["lower"], row["upper"] = m.jnt_range[j] if m.jnt_limited[j] else (-UNLIMITED, UNLIMITED)
        row["driveMode"] = options.default_dof_drive_mode
        row["velocity"] = speeds.get(m.joint(j).name, UNLIMITED)
        row["effort"] = m.jnt_actfrcrange[j, 1] if m.jnt_actfrclimited[j] else UNLIMITED
        row["stiffness"], row["damping"] = np.ravel(m.jnt_stiffness[j])[0], np.ravel(m.dof_damping[dof])[0]
        row["friction"], row["armature"] = m.dof_frictionloss[dof], m.dof_armature[dof]
    return out

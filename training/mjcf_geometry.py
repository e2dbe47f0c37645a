"""Chain and collision shapes of a MuJoCo model, see :mod:`policy_nodes.safety.model_geometry`."""

from __future__ import annotations

import mujoco
import numpy as np

from policy_nodes.errors import ConfigError
from policy_nodes.safety.filter.config import LinkConfig
from policy_nodes.safety.model_geometry import ModelLink, Shape
from sim.robots.kinematics import homogeneous, link_of


def mjcf_links(model: mujoco.MjModel, tip: str) -> list[ModelLink]:
    """Links from the world to the body ``tip``.

    Raises:
        ConfigError: there is no such body.
        RobotModelError: a body on the way has a ball joint, a free joint or more than one joint.
    """
    body = int(mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_BODY, tip))
    if body <= 0:
        names = ", ".join(model.body(k).name for k in range(1, min(model.nbody, 20)))
        raise ConfigError(f"the model has no body '{tip}'.", f"use one of {names}.")
    found = []
    while body > 0:
        link = link_of(model, body)
        values = {"name": link.name, "fixed": link.fixed.tolist(), "kind": link.kind}
        if link.kind != "fixed":
            values["axis"] = link.axis.tolist()
        found.append(ModelLink(model.body(body).name, LinkConfig.model_validate(values), _shapes(model, body)))
        body = int(model.body_parentid[body])
    return found[::-1]


def _shapes(model: mujoco.MjModel, body: int) -> list[Shape]:
    """Geoms that collide, by the boxes that MuJoCo keeps of all of them, meshes too."""
    found = []
    for geom in np.flatnonzero((model.geom_bodyid == body) & ((model.geom_contype | model.geom_conaffinity) != 0)):
        pose = homogeneous(model.geom_pos[geom], model.geom_quat[geom])
        kind = int(model.geom_type[geom])
        if kind == int(mujoco.mjtGeom.mjGEOM_PLANE):
            continue
        if kind in (int(mujoco.mjtGeom.mjGEOM_CAPSULE), int(mujoco.mjtGeom.mjGEOM_CYLINDER)):
            radius, length = model.geom_size[geom, :2]
            found.append(Shape(pose, np.array([radius, radius, length + radius]), round=True))
            continue
        pose[:3, 3] += pose[:3, :3] @ model.geom_aabb[geom, :3]
        found.append(Shape(pose, model.geom_aabb[geom, 3:].copy(), kind == int(mujoco.mjtGeom.mjGEOM_SPHERE)))
    return found

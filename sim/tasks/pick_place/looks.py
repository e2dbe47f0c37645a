"""How the scene looks: sky, floor, lights and cameras. Nothing here touches the physics."""

from __future__ import annotations

import mujoco
import numpy as np
from numpy.typing import ArrayLike, NDArray

FLOOR_Z = -0.75
CAMERA = "overview"
"""The camera for people: from the front right of the robot, all of the reachable table in view."""
TOP_CAMERA = "top"
"""Looks straight down on the working area, robot at the bottom of the picture."""


def look_at(eye: ArrayLike, target: ArrayLike, up: ArrayLike = (0.0, 0.0, 1.0)) -> NDArray[np.float64]:
    """Orientation quat_wxyz (4,) of a camera at ``eye`` (3,) looking at ``target`` (3,); a camera sees along -z."""
    eye, target = np.asarray(eye, dtype=float), np.asarray(target, dtype=float)
    back = (eye - target) / np.linalg.norm(eye - target)
    right = np.cross(np.asarray(up, dtype=float), back)
    right /= np.linalg.norm(right)
    rotation = np.column_stack([right, np.cross(back, right), back])
    quat = np.empty(4)
    mujoco.mju_mat2Quat(quat, rotation.ravel())
    return quat


def add_looks(spec: mujoco.MjSpec) -> None:
    """Adds sky, floor, lights and the two cameras to the description."""
    _add_background(spec)
    _add_lights(spec)
    eye, target = (1.46, -0.92, 0.84), (0.33, 0.02, 0.29)
    spec.worldbody.add_camera(name=CAMERA, pos=eye, quat=look_at(eye, target), fovy=40.0)
    eye, target = (0.45, 0.0, 1.55), (0.45, 0.0, 0.0)
    spec.worldbody.add_camera(name=TOP_CAMERA, pos=eye, quat=look_at(eye, target, up=(1.0, 0.0, 0.0)), fovy=45.0)


def _add_background(spec: mujoco.MjSpec) -> None:
    spec.add_texture(
        name="sky", type=mujoco.mjtTexture.mjTEXTURE_SKYBOX, builtin=mujoco.mjtBuiltin.mjBUILTIN_GRADIENT,
        width=256, height=1536, rgb1=[0.86, 0.91, 0.96], rgb2=[0.42, 0.53, 0.66],
    )  # fmt: skip
    spec.add_texture(
        name="floor", type=mujoco.mjtTexture.mjTEXTURE_2D, builtin=mujoco.mjtBuiltin.mjBUILTIN_CHECKER,
        width=300, height=300, rgb1=[0.84, 0.87, 0.90], rgb2=[0.76, 0.80, 0.84],
    )  # fmt: skip
    floor = spec.add_material(name="floor", texrepeat=[2, 2], texuniform=True, reflectance=0.05)
    floor.textures[int(mujoco.mjtTextureRole.mjTEXROLE_RGB)] = "floor"
    spec.worldbody.add_geom(
        name="floor", type=mujoco.mjtGeom.mjGEOM_PLANE, size=[4, 4, 0.05], pos=[0, 0, FLOOR_Z], material="floor"
    )


def _add_lights(spec: mujoco.MjSpec) -> None:
    visual = spec.visual
    visual.headlight.ambient = [0.40, 0.40, 0.42]
    visual.headlight.diffuse = [0.30, 0.30, 0.30]
    visual.headlight.specular = [0.05, 0.05, 0.05]
    visual.quality.shadowsize = 2048
    visual.global_.offwidth = 1920
    visual.global_.offheight = 1080
    spec.worldbody.add_light(
        name="key", pos=[1.2, -1.0, 2.2], dir=[-0.42, 0.50, -1.0], diffuse=[0.52, 0.50, 0.47],
        specular=[0.12, 0.12, 0.12], castshadow=True,
    )  # fmt: skip
    spec.worldbody.add_light(
        name="fill", pos=[0.6, 1.6, 1.8], dir=[-0.1, -0.8, -1.0], diffuse=[0.20, 0.22, 0.26], specular=[0, 0, 0],
        castshadow=False,
    )  # fmt: skip

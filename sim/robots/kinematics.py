"""A robot's kinematic chain as plain numbers, so that forward kinematics can be rebuilt in any array library.

The pose of the tip is the product over the links of ``fixed @ joint(q)``; see ``forward`` for the reference in numpy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.errors import RobotModelError


@dataclass(frozen=True)
class ChainLink:
    """One fixed transform, followed by at most one joint.

    Attributes:
        name: name of the joint, or of the frame when fixed.
        fixed: (4, 4) homogeneous transform from the previous link's frame.
        axis: (3,) unit joint axis in the frame reached by ``fixed``, which has its origin on the joint axis.
        kind: ``"revolute"``, ``"prismatic"`` or ``"fixed"``.
    """

    name: str
    fixed: NDArray[np.float64]
    axis: NDArray[np.float64]
    kind: str


def homogeneous(position: ArrayLike, quat_wxyz: ArrayLike) -> NDArray[np.float64]:
    """(4, 4) transform of a position (3,) in m and a quaternion (4,) in MuJoCo's order."""
    transform = np.eye(4)
    rotation = np.empty(9)
    quat = np.array(quat_wxyz, dtype=float)
    mujoco.mju_quat2Mat(rotation, quat / np.linalg.norm(quat))
    transform[:3, :3] = rotation.reshape(3, 3)
    transform[:3, 3] = position
    return transform


def kinematic_chain(model: mujoco.MjModel, site: str = "panda_hand_tcp", base: str = "panda_link0") -> list[ChainLink]:
    """Ordered links from the base body's frame to a site.

    Args:
        model: compiled model that contains both.
        site: name of the site at the tip.
        base: name of the body whose frame the chain starts from.

    Raises:
        RobotModelError: the site or the base is missing, the base is not an ancestor of the site, or a body on the way
            has a ball joint, a free joint or more than one joint.
    """
    site_id = int(mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_SITE, site))
    base_id = int(mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_BODY, base))
    if site_id < 0 or base_id < 0:
        raise RobotModelError(f"the model has no site '{site}' or no body '{base}'.", "pass names of this model.")
    tip = ChainLink(site, homogeneous(model.site_pos[site_id], model.site_quat[site_id]), np.zeros(3), "fixed")
    links = [tip]
    body = int(model.site_bodyid[site_id])
    while body != base_id:
        if body == 0:
            raise RobotModelError(f"body '{base}' is not an ancestor of site '{site}'.", "pass the robot's base body.")
        links.append(link_of(model, body))
        body = int(model.body_parentid[body])
    return links[::-1]


def link_of(model: mujoco.MjModel, body: int) -> ChainLink:
    """A body's transform from its parent and the joint that moves it.

    Raises:
        RobotModelError: it is not moved by one hinge or slide through its origin, or by none.
    """
    name = model.body(body).name
    fixed = homogeneous(model.body_pos[body], model.body_quat[body])
    if int(model.body_jntnum[body]) == 0:
        return ChainLink(name, fixed, np.zeros(3), "fixed")
    joint = int(model.body_jntadr[body])
    kinds = {int(mujoco.mjtJoint.mjJNT_HINGE): "revolute", int(mujoco.mjtJoint.mjJNT_SLIDE): "prismatic"}
    kind = kinds.get(int(model.jnt_type[joint]))
    if kind is None or int(model.body_jntnum[body]) > 1 or np.any(model.jnt_pos[joint] != 0.0):
        raise RobotModelError(
            f"body '{name}' is not moved by one hinge or slide joint through its origin.", "use a serial arm."
        )
    return ChainLink(model.joint(joint).name, fixed, model.jnt_axis[joint].copy(), kind)


def forward(chain: Sequence[ChainLink], position: ArrayLike) -> NDArray[np.float64]:
    """Pose of the tip in the base frame.

    Args:
        chain: links from ``kinematic_chain``.
        position: (n,) joint positions in chain order [rad, m].

    Returns:
        (4, 4) homogeneous transform.
    """
    values = iter(np.asarray(position, dtype=float))
    pose = np.eye(4)
    for link in chain:
        pose = pose @ link.fixed
        if link.kind == "fixed":
            continue
        value = next(values)
        motion = np.eye(4)
        if link.kind == "prismatic":
            motion[:3, 3] = value * link.axis
        else:
            x, y, z = link.axis
            cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
            motion[:3, :3] = np.eye(3) + np.sin(value) * cross + (1.0 - np.cos(value)) * (cross @ cross)
        pose = pose @ motion
    return pose

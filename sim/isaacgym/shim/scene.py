"""What a script describes before ``prepare_sim``: environments, their actors, and the ground."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from sim.isaacgym.errors import AssetError, UnsupportedCallError
from sim.isaacgym.shim.assets import Asset
from sim.isaacgym.shim.geometry import Transform, Vec3
from sim.isaacgym.shim.params import RigidBodyProperties, RigidShapeProperties

__all__ = ["Actor", "Env", "Scene"]


@dataclass
class Actor:
    """One asset in one environment; offsets count rigid bodies and degrees of freedom within the environment."""

    asset: Asset
    pose: Transform
    name: str
    collision_filter: int
    body_offset: int
    dof_offset: int
    dof_props: NDArray[np.void]
    shape_props: list[RigidShapeProperties]
    body_props: list[RigidBodyProperties] | None = None
    recompute_inertia: bool = False

    def signature(self) -> tuple[Any, ...]:
        """Equal for actors whose physical parameters are equal."""
        shapes = tuple((s.friction, s.torsion_friction, s.rolling_friction) for s in self.shape_props)
        bodies = tuple((b.mass, *b.com.array()) for b in self.body_props) if self.body_props else None
        start = tuple(self.pose.p.array()) + tuple(self.pose.r.wxyz()) if self.asset.fixed else None
        return self.dof_props.tobytes(), shapes, bodies, self.recompute_inertia, start


@dataclass
class Env:
    """One world."""

    index: int
    origin: Vec3
    actors: list[Actor] = field(default_factory=list)

    @property
    def num_bodies(self) -> int:
        """Rigid bodies of all actors."""
        return sum(len(a.asset.bodies) for a in self.actors)

    @property
    def num_dofs(self) -> int:
        """Degrees of freedom of all actors."""
        return sum(len(a.asset.dofs) for a in self.actors)

    def add_actor(self, asset: Asset, pose: Transform, name: str, collision_filter: int) -> int:
        """Appends an actor; returns its handle, the index within the environment."""
        handle = len(self.actors)
        self.actors.append(
            Actor(
                asset, copy.deepcopy(pose), name, collision_filter, self.num_bodies, self.num_dofs,
                asset.dof_props.copy(), copy.deepcopy(asset.shape_props),
            )
        )  # fmt: skip
        return handle


class Scene:
    """Environments with the same actors in the same order, and one ground.

    Each environment is a MuJoCo world of its own. On a plane, its world frame is the environment's origin; on a height
    field, it is the global frame.
    """

    def __init__(self) -> None:
        self.envs: list[Env] = []
        self.ground: tuple[float, float] | None = None
        self.heightfield: tuple[NDArray[np.float64], Vec3, Vec3, float] | None = None

    def add_env(self, lower: Vec3, upper: Vec3, per_row: int) -> Env:
        """The next place on a grid of cells of size ``upper - lower``, ``per_row`` along x."""
        i, row = len(self.envs), max(1, int(per_row))
        size = upper - lower
        env = Env(i, Vec3((i % row) * size.x, (i // row) * size.y, 0.0))
        self.envs.append(env)
        return env

    def check(self) -> None:
        """Raises AssetError without environments, UnsupportedCallError when they hold different assets."""
        if not self.envs or not self.envs[0].actors:
            raise AssetError("the simulation has no environment with an actor.", "call create_env and create_actor.")
        first = [id(a.asset) for a in self.envs[0].actors]
        for env in self.envs:
            if [id(a.asset) for a in env.actors] != first:
                raise UnsupportedCallError(
                    f"environment {env.index} holds other assets than environment 0.",
                    "give every environment the same assets in the same order.",
                )

    def origins(self) -> NDArray[np.float64]:
        """(N, 3) what to add to a world's coordinates to get global ones."""
        if self.heightfield is not None:
            return np.zeros((len(self.envs), 3))
        return np.array([env.origin.array() for env in self.envs])

    def start(self, env: Env, actor: Actor) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Position (3,) and quaternion wxyz (4,) of an actor in its world."""
        shift = env.origin.array() if self.heightfield is not None else np.zeros(3)
        return actor.pose.p.array() + shift, actor.pose.r.wxyz()


def plane_friction(scene: Scene) -> float:
    """Sliding friction of whatever ground there is."""
    if scene.heightfield is not None:
        return scene.heightfield[3]
    return scene.ground[0] if scene.ground is not None else 1.0


def add_ground(spec: mujoco.MjSpec, scene: Scene) -> None:
    """The plane or height field as static geoms: contact bit 1, in contact with every actor."""
    friction = [plane_friction(scene), 0.005, 0.0001]
    common = {"contype": 1, "conaffinity": 0x7FFFFFFF, "friction": friction, "condim": 3}
    if scene.ground is not None:
        height = -scene.ground[1]
        spec.worldbody.add_geom(
            name="ground", type=mujoco.mjtGeom.mjGEOM_PLANE, size=[0, 0, 1], pos=[0, 0, height], **common
        )
    if scene.heightfield is not None:
        heights, corner, spacing, _ = scene.heightfield
        rows, columns = heights.shape
        low, top = float(heights.min()), float(heights.max() - heights.min())
        spec.add_hfield(
            name="terrain", nrow=columns, ncol=rows, userdata=np.ascontiguousarray(heights.T - low).ravel().tolist(),
            size=[(rows - 1) * spacing.x / 2, (columns - 1) * spacing.y / 2, max(top, 1e-3), 1.0],
        )  # fmt: skip
        middle = corner.array() + np.array([(rows - 1) * spacing.x / 2, (columns - 1) * spacing.y / 2, low])
        spec.worldbody.add_geom(
            name="terrain", type=mujoco.mjtGeom.mjGEOM_HFIELD, hfieldname="terrain", pos=middle.tolist(), **common
        )

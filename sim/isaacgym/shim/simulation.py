"""The handle that ``create_sim`` returns, with the calls that set up environments, actors and the ground."""

from __future__ import annotations

import copy
from typing import Any

import mujoco
import numpy as np
from numpy.typing import ArrayLike

from sim.isaacgym.errors import UnsupportedCallError
from sim.isaacgym.shim import assets
from sim.isaacgym.shim.assets import Asset
from sim.isaacgym.shim.geometry import Transform, Vec3
from sim.isaacgym.shim.meshes import heights_of_mesh
from sim.isaacgym.shim.params import (
    AssetOptions,
    HeightFieldParams,
    PlaneParams,
    RigidBodyProperties,
    RigidShapeProperties,
    SimParams,
    TriangleMeshParams,
)
from sim.isaacgym.shim.physics import Physics
from sim.isaacgym.shim.scene import Actor, Env, Scene

__all__ = ["SceneCalls", "Simulation"]

UP_AXIS_Z = 1


class Simulation:
    """Parameters, scene and, after ``prepare_sim``, physics."""

    def __init__(self, params: SimParams) -> None:
        self.params, self.scene = params, Scene()
        self._physics: Physics | None = None
        self.frames = 0

    @property
    def physics(self) -> Physics:
        """The running physics; started by the first call that needs it."""
        if self._physics is None:
            self._physics = Physics(self.scene, self.params)
        return self._physics

    @property
    def prepared(self) -> bool:
        """Whether the scene is frozen."""
        return self._physics is not None


class SceneCalls:
    """gymapi's calls up to ``prepare_sim``, and the property calls."""

    _sims: list[Simulation]

    def create_sim(
        self, compute_device: int = 0, graphics_device: int = 0, type: int = 0, params: SimParams | None = None
    ) -> Simulation:
        """A simulation on the CPU."""
        params = copy.deepcopy(params) if params is not None else SimParams()
        if params.use_gpu_pipeline:
            raise UnsupportedCallError(
                "the GPU pipeline was asked for, and this isaacgym runs on the CPU.",
                "pass --sim_device=cpu --pipeline=cpu (legged_gym), or sim.use_gpu_pipeline=False.",
            )
        if params.up_axis != UP_AXIS_Z:
            raise UnsupportedCallError("SimParams.up_axis is UP_AXIS_Y.", "use gymapi.UP_AXIS_Z.")
        sim = Simulation(params)
        self._sims.append(sim)
        return sim

    def destroy_sim(self, sim: Simulation) -> None:
        """Stops its threads."""
        if sim.prepared:
            sim.physics.engine.close()
        self._sims.remove(sim)

    def get_sim_params(self, sim: Simulation) -> SimParams:
        """A copy."""
        return copy.deepcopy(sim.params)

    def set_sim_params(self, sim: Simulation, params: SimParams) -> None:
        """Gravity takes effect at once; the time step cannot change after ``prepare_sim``."""
        if sim.prepared:
            if (params.dt, params.substeps) != (sim.params.dt, sim.params.substeps):
                raise UnsupportedCallError("set_sim_params changes dt after prepare_sim.", "set it before.")
            sim.physics.set_gravity(params.gravity.array())
        sim.params = copy.deepcopy(params)

    def add_ground(self, sim: Simulation, params: PlaneParams) -> None:
        """A horizontal plane."""
        n = params.normal.array() / params.normal.length()
        if n[2] < 0.999999:
            raise UnsupportedCallError("add_ground with a tilted normal.", "use (0, 0, 1).")
        sim.scene.ground = (params.static_friction, params.distance)

    def add_heightfield(self, sim: Simulation, samples: ArrayLike, params: HeightFieldParams) -> None:
        """Heights (nbRows, nbColumns) times ``vertical_scale``; rows along x from ``transform.p``."""
        grid = np.asarray(samples, dtype=np.float64).reshape(params.nbRows, params.nbColumns) * params.vertical_scale
        corner, cell = params.transform.p, Vec3(params.row_scale, params.column_scale, 0.0)
        sim.scene.heightfield = (grid, corner, cell, params.static_friction)

    def add_triangle_mesh(
        self, sim: Simulation, vertices: ArrayLike, triangles: ArrayLike, params: TriangleMeshParams
    ) -> None:
        """The upper surface of the mesh, sampled on a grid: a height field (MuJoCo would take a mesh's convex hull)."""
        points = np.asarray(vertices, dtype=np.float64).reshape(-1, 3)
        grid, corner, cell = heights_of_mesh(points)
        start = Vec3(*(corner + params.transform.p.array()).tolist())
        sim.scene.heightfield = (grid, start, Vec3(cell, cell, 0.0), params.static_friction)

    def load_asset(self, sim: Simulation, rootpath: str, filename: str, options: AssetOptions | None = None) -> Asset:
        """URDF or MJCF."""
        return assets.load(rootpath, filename, options if options is not None else AssetOptions())

    def create_box(
        self, sim: Simulation, width: float, height: float, depth: float, options: AssetOptions | None = None
    ) -> Asset:
        """Full lengths along x, y and z [m]."""
        sizes = [width / 2, height / 2, depth / 2]
        return assets.primitive(mujoco.mjtGeom.mjGEOM_BOX, sizes, options or AssetOptions())

    def create_sphere(self, sim: Simulation, radius: float, options: AssetOptions | None = None) -> Asset:
        """Radius [m]."""
        return assets.primitive(mujoco.mjtGeom.mjGEOM_SPHERE, [radius], options or AssetOptions())

    def create_capsule(
        self, sim: Simulation, radius: float, length: float, options: AssetOptions | None = None
    ) -> Asset:
        """Radius and length of the cylindrical part [m]; along z (Isaac Gym: along x)."""
        return assets.primitive(mujoco.mjtGeom.mjGEOM_CAPSULE, [radius, length / 2], options or AssetOptions())

    def create_env(self, sim: Simulation, lower: Vec3, upper: Vec3, num_per_row: int) -> Env:
        """The next world."""
        if sim.prepared:
            raise UnsupportedCallError("create_env after prepare_sim.", "create all environments first.")
        return sim.scene.add_env(lower, upper, num_per_row)

    def create_actor(
        self, env: Env, asset: Asset, pose: Transform, name: str = "", group: int = -1, filter: int = -1,
        seg_id: int = 0,
    ) -> int:  # fmt: skip
        """``group`` is meaningless here (worlds never touch); a ``filter`` above 0 switches self-collision off."""
        return env.add_actor(asset, pose, name, max(int(filter), 0))

    def prepare_sim(self, sim: Simulation) -> bool:
        """Compiles the worlds."""
        return sim.physics is not None

    def begin_aggregate(self, env: Env, *_args: Any) -> bool:
        """Nothing to do."""
        return True

    def end_aggregate(self, env: Env) -> bool:
        """Nothing to do."""
        return True

    def create_asset_force_sensor(
        self, asset: Asset, body: int, pose: Transform | None = None, props: Any = None
    ) -> int:
        """Net contact wrench on a body; returns the sensor's index in the asset."""
        asset.sensors.append((int(body), copy.deepcopy(pose) if pose is not None else Transform()))
        return len(asset.sensors) - 1

    def get_asset_rigid_shape_properties(self, asset: Asset) -> list[RigidShapeProperties]:
        """Copies."""
        return copy.deepcopy(asset.shape_props)

    def set_asset_rigid_shape_properties(self, asset: Asset, props: list[RigidShapeProperties]) -> bool:
        """For actors created from now on."""
        asset.shape_props = copy.deepcopy(props)
        return True

    def get_actor_rigid_shape_properties(self, env: Env, actor: int) -> list[RigidShapeProperties]:
        """Copies."""
        return copy.deepcopy(env.actors[actor].shape_props)

    def set_actor_rigid_shape_properties(self, env: Env, actor: int, props: list[RigidShapeProperties]) -> bool:
        """Friction takes effect; before or after ``prepare_sim``."""
        env.actors[actor].shape_props = copy.deepcopy(props)
        return self._changed(env)

    def get_actor_rigid_body_properties(self, env: Env, actor: int) -> list[RigidBodyProperties]:
        """Copies."""
        chosen: Actor = env.actors[actor]
        return copy.deepcopy(chosen.body_props) if chosen.body_props else chosen.asset.body_props()

    def set_actor_rigid_body_properties(
        self, env: Env, actor: int, props: list[RigidBodyProperties], recomputeInertia: bool = False
    ) -> bool:
        """Masses and centres of mass; ``recomputeInertia`` scales the inertia with the mass."""
        env.actors[actor].body_props = copy.deepcopy(props)
        env.actors[actor].recompute_inertia = recomputeInertia
        return self._changed(env)

    def get_asset_dof_properties(self, asset: Asset) -> Any:
        """Structured array, one row per degree of freedom; a copy."""
        return asset.dof_props.copy()

    def get_actor_dof_properties(self, env: Env, actor: int) -> Any:
        """Structured array; a copy."""
        return env.actors[actor].dof_props.copy()

    def set_actor_dof_properties(self, env: Env, actor: int, props: Any) -> bool:
        """Drive modes, gains, limits, friction, armature."""
        env.actors[actor].dof_props = np.array(props, copy=True)
        return self._changed(env)

    def _changed(self, env: Env) -> bool:
        for sim in self._sims:
            if sim.prepared and any(e is env for e in sim.scene.envs):
                sim.physics.reload(env.index)
        return True

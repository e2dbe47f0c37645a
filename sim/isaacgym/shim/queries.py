"""gymapi's look-ups of names, counts and indices."""

from __future__ import annotations

from typing import Any

from sim.isaacgym.errors import UnsupportedCallError
from sim.isaacgym.shim.assets import Asset
from sim.isaacgym.shim.geometry import Vec3
from sim.isaacgym.shim.params import ActuatorProperties
from sim.isaacgym.shim.scene import Env
from sim.isaacgym.shim.simulation import Simulation

__all__ = ["DOMAIN_ACTOR", "DOMAIN_ENV", "DOMAIN_SIM", "QueryCalls"]

DOMAIN_ACTOR, DOMAIN_ENV, DOMAIN_SIM = 0, 1, 2
INVALID = -1


def _find(names: list[str], name: str) -> int:
    return names.index(name) if name in names else INVALID


class QueryCalls:
    """Look-ups; a name that is not there gives -1, as in Isaac Gym."""

    def get_asset_dof_count(self, asset: Asset) -> int:
        """Degrees of freedom without the free root."""
        return len(asset.dofs)

    def get_asset_dof_names(self, asset: Asset) -> list[str]:
        """In the order of the dof tensors."""
        return list(asset.dofs)

    def get_asset_dof_name(self, asset: Asset, index: int) -> str:
        """One of them."""
        return asset.dofs[index]

    def find_asset_dof_index(self, asset: Asset, name: str) -> int:
        """Index in the asset."""
        return _find(asset.dofs, name)

    def get_asset_dof_dict(self, asset: Asset) -> dict[str, int]:
        """Name to index."""
        return {name: i for i, name in enumerate(asset.dofs)}

    def get_asset_joint_count(self, asset: Asset) -> int:
        """Joints with a degree of freedom."""
        return len(asset.dofs)

    def get_asset_rigid_body_count(self, asset: Asset) -> int:
        """Rigid bodies with the root."""
        return len(asset.bodies)

    def get_asset_rigid_body_names(self, asset: Asset) -> list[str]:
        """In the order of the rigid-body tensors."""
        return list(asset.bodies)

    def get_asset_rigid_body_name(self, asset: Asset, index: int) -> str:
        """One of them."""
        return asset.bodies[index]

    def find_asset_rigid_body_index(self, asset: Asset, name: str) -> int:
        """Index in the asset."""
        return _find(asset.bodies, name)

    def get_asset_rigid_body_dict(self, asset: Asset) -> dict[str, int]:
        """Name to index."""
        return {name: i for i, name in enumerate(asset.bodies)}

    def get_asset_rigid_shape_count(self, asset: Asset) -> int:
        """Collision shapes."""
        return len(asset.shapes)

    def get_asset_actuator_count(self, asset: Asset) -> int:
        """Actuators of the MJCF file."""
        return len(asset.actuators)

    def get_asset_actuator_properties(self, asset: Asset) -> list[ActuatorProperties]:
        """Of the MJCF file, in its order."""
        return [props for _, props in asset.actuators]

    def get_asset_actuator_joint_name(self, asset: Asset, index: int) -> str:
        """What it drives."""
        return asset.actuators[index][0]

    def get_asset_tendon_count(self, asset: Asset) -> int:
        """Fixed tendons of the file."""
        return int(asset.model.ntendon)

    def get_env(self, sim: Simulation, index: int) -> Env:
        """By index."""
        return sim.scene.envs[index]

    def get_env_count(self, sim: Simulation) -> int:
        """N."""
        return len(sim.scene.envs)

    def get_env_origin(self, env: Env) -> Vec3:
        """In the global frame [m]."""
        return env.origin

    def get_env_dof_count(self, env: Env) -> int:
        """Of all its actors."""
        return env.num_dofs

    def get_env_rigid_body_count(self, env: Env) -> int:
        """Of all its actors."""
        return env.num_bodies

    def get_sim_actor_count(self, sim: Simulation) -> int:
        """Rows of the root tensor."""
        return sum(len(env.actors) for env in sim.scene.envs)

    def get_sim_dof_count(self, sim: Simulation) -> int:
        """Rows of the dof tensor."""
        return sum(env.num_dofs for env in sim.scene.envs)

    def get_sim_rigid_body_count(self, sim: Simulation) -> int:
        """Rows of the rigid-body tensor."""
        return sum(env.num_bodies for env in sim.scene.envs)

    def get_actor_count(self, env: Env) -> int:
        """Actors of one environment."""
        return len(env.actors)

    def get_actor_handle(self, env: Env, index: int) -> int:
        """The handle is the index."""
        return index

    def get_actor_name(self, env: Env, actor: int) -> str:
        """As given to ``create_actor``."""
        return env.actors[actor].name

    def find_actor_handle(self, env: Env, name: str) -> int:
        """By name."""
        return _find([a.name for a in env.actors], name)

    def get_actor_index(self, env: Env, actor: int, domain: int) -> int:
        """Row of the root tensor in DOMAIN_SIM."""
        return env.index * len(env.actors) + actor if domain == DOMAIN_SIM else actor

    def find_actor_index(self, env: Env, name: str, domain: int) -> int:
        """By name."""
        handle = self.find_actor_handle(env, name)
        return handle if handle == INVALID else self.get_actor_index(env, handle, domain)

    def get_actor_dof_count(self, env: Env, actor: int) -> int:
        """Degrees of freedom."""
        return len(env.actors[actor].asset.dofs)

    def get_actor_dof_names(self, env: Env, actor: int) -> list[str]:
        """In order."""
        return list(env.actors[actor].asset.dofs)

    def get_actor_dof_dict(self, env: Env, actor: int) -> dict[str, int]:
        """Name to index."""
        return self.get_asset_dof_dict(env.actors[actor].asset)

    def get_actor_joint_dict(self, env: Env, actor: int) -> dict[str, int]:
        """Name to index of joints with a degree of freedom."""
        return self.get_actor_dof_dict(env, actor)

    def find_actor_dof_index(self, env: Env, actor: int, name: str, domain: int) -> int:
        """Row of the dof tensor in DOMAIN_SIM."""
        a = env.actors[actor]
        return self._in_domain(_find(a.asset.dofs, name), domain, a.dof_offset, env.index * env.num_dofs)

    def find_actor_dof_handle(self, env: Env, actor: int, name: str) -> int:
        """Index in the environment."""
        return self.find_actor_dof_index(env, actor, name, DOMAIN_ENV)

    def get_actor_rigid_body_count(self, env: Env, actor: int) -> int:
        """Rigid bodies."""
        return len(env.actors[actor].asset.bodies)

    def get_actor_rigid_body_names(self, env: Env, actor: int) -> list[str]:
        """In order."""
        return list(env.actors[actor].asset.bodies)

    def get_actor_rigid_body_dict(self, env: Env, actor: int) -> dict[str, int]:
        """Name to index."""
        return self.get_asset_rigid_body_dict(env.actors[actor].asset)

    def get_actor_rigid_body_index(self, env: Env, actor: int, body: int, domain: int) -> int:
        """Row of the rigid-body tensor in DOMAIN_SIM."""
        return self._in_domain(body, domain, env.actors[actor].body_offset, env.index * env.num_bodies)

    def find_actor_rigid_body_index(self, env: Env, actor: int, name: str, domain: int) -> int:
        """By name."""
        return self.get_actor_rigid_body_index(env, actor, _find(env.actors[actor].asset.bodies, name), domain)

    def find_actor_rigid_body_handle(self, env: Env, actor: int, name: str) -> int:
        """Index in the environment."""
        return self.find_actor_rigid_body_index(env, actor, name, DOMAIN_ENV)

    def get_actor_rigid_shape_count(self, env: Env, actor: int) -> int:
        """Collision shapes."""
        return len(env.actors[actor].asset.shapes)

    @staticmethod
    def _in_domain(index: int, domain: int, in_env: int, in_sim: int) -> int:
        if index == INVALID or domain == DOMAIN_ACTOR:
            return index
        if domain not in (DOMAIN_ENV, DOMAIN_SIM):
            raise UnsupportedCallError(f"index domain {domain}.", "use DOMAIN_ACTOR, DOMAIN_ENV or DOMAIN_SIM.")
        return index + in_env + (in_sim if domain == DOMAIN_SIM else 0)

    def get_version(self) -> Any:
        """Of the simulator behind this module."""
        import mujoco

        return f"MuJoCo {mujoco.__version__}"

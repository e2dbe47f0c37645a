"""gymapi's calls while the simulation runs: stepping and tensors."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.isaacgym.shim.physics import Physics
from sim.isaacgym.shim.simulation import Simulation

__all__ = ["RunningCalls"]

Tensor = NDArray[Any]


def _ids(indices: Tensor, count: int) -> NDArray[np.int64]:
    return np.asarray(indices).ravel()[:count].astype(np.int64)


class RunningCalls:
    """Tensors are numpy arrays here; ``gymtorch`` turns them into torch tensors on the same memory and back."""

    def simulate(self, sim: Simulation) -> None:
        """One ``dt``."""
        sim.physics.simulate()
        sim.frames += 1

    def fetch_results(self, sim: Simulation, wait: bool = True) -> None:
        """Nothing to wait for."""

    def get_sim_time(self, sim: Simulation) -> float:
        """Seconds simulated."""
        return sim.frames * sim.params.dt

    def get_frame_count(self, sim: Simulation) -> int:
        """Calls of ``simulate``."""
        return sim.frames

    def acquire_actor_root_state_tensor(self, sim: Simulation) -> Tensor:
        """(N actors, 13)."""
        sim.physics.refresh_root()
        return sim.physics.root

    def acquire_dof_state_tensor(self, sim: Simulation) -> Tensor:
        """(N dofs, 2)."""
        sim.physics.refresh_dof()
        return sim.physics.dof

    def acquire_rigid_body_state_tensor(self, sim: Simulation) -> Tensor:
        """(N bodies, 13)."""
        sim.physics.refresh_bodies()
        return sim.physics.bodies

    def acquire_net_contact_force_tensor(self, sim: Simulation) -> Tensor:
        """(N bodies, 3)."""
        sim.physics.refresh_contact()
        return sim.physics.contact

    def acquire_dof_force_tensor(self, sim: Simulation) -> Tensor:
        """(N dofs,)."""
        return sim.physics.dof_force

    def acquire_force_sensor_tensor(self, sim: Simulation) -> Tensor:
        """(N sensors, 6)."""
        return sim.physics.sensor

    def enable_actor_dof_force_sensors(self, env: Any, actor: int) -> bool:
        """They are always there."""
        return True

    def refresh_actor_root_state_tensor(self, sim: Simulation) -> bool:
        """Current state into the buffer."""
        sim.physics.refresh_root()
        return True

    def refresh_dof_state_tensor(self, sim: Simulation) -> bool:
        """Current state into the buffer."""
        sim.physics.refresh_dof()
        return True

    def refresh_rigid_body_state_tensor(self, sim: Simulation) -> bool:
        """Current state into the buffer."""
        sim.physics.refresh_bodies()
        return True

    def refresh_net_contact_force_tensor(self, sim: Simulation) -> bool:
        """Forces of the last physics step into the buffer."""
        sim.physics.refresh_contact()
        return True

    def refresh_dof_force_tensor(self, sim: Simulation) -> bool:
        """Forces of the last physics step into the buffer."""
        sim.physics.refresh_dof_force()
        return True

    def refresh_force_sensor_tensor(self, sim: Simulation) -> bool:
        """Wrenches of the last physics step into the buffer."""
        sim.physics.refresh_sensors()
        return True

    def set_actor_root_state_tensor(self, sim: Simulation, values: Tensor) -> bool:
        """All actors."""
        sim.physics.set_root(values.reshape(-1, 13), np.arange(len(sim.physics.root)))
        return True

    def set_actor_root_state_tensor_indexed(self, sim: Simulation, values: Tensor, indices: Tensor, count: int) -> bool:
        """Actors named by their index in the simulation."""
        sim.physics.set_root(values.reshape(-1, 13), _ids(indices, count))
        return True

    def set_dof_state_tensor(self, sim: Simulation, values: Tensor) -> bool:
        """All actors."""
        sim.physics.set_dof(values, _all_actors(sim.physics))
        return True

    def set_dof_state_tensor_indexed(self, sim: Simulation, values: Tensor, indices: Tensor, count: int) -> bool:
        """Actors named by their index in the simulation."""
        sim.physics.set_dof(values, _ids(indices, count))
        return True

    def set_dof_actuation_force_tensor(self, sim: Simulation, values: Tensor) -> bool:
        """Forces of degrees of freedom in mode NONE or EFFORT, held until the next call."""
        sim.physics.set_controls(sim.physics.force, values, None)
        return True

    def set_dof_actuation_force_tensor_indexed(
        self, sim: Simulation, values: Tensor, indices: Tensor, count: int
    ) -> bool:
        """The same for chosen actors."""
        sim.physics.set_controls(sim.physics.force, values, _ids(indices, count))
        return True

    def set_dof_position_target_tensor(self, sim: Simulation, values: Tensor) -> bool:
        """Targets of degrees of freedom in mode POS."""
        sim.physics.set_controls(sim.physics.target, values, None)
        return True

    def set_dof_position_target_tensor_indexed(
        self, sim: Simulation, values: Tensor, indices: Tensor, count: int
    ) -> bool:
        """The same for chosen actors."""
        sim.physics.set_controls(sim.physics.target, values, _ids(indices, count))
        return True

    def set_dof_velocity_target_tensor(self, sim: Simulation, values: Tensor) -> bool:
        """Targets of degrees of freedom in mode POS or VEL."""
        sim.physics.set_controls(sim.physics.target_velocity, values, None)
        return True

    def set_dof_velocity_target_tensor_indexed(
        self, sim: Simulation, values: Tensor, indices: Tensor, count: int
    ) -> bool:
        """The same for chosen actors."""
        sim.physics.set_controls(sim.physics.target_velocity, values, _ids(indices, count))
        return True

    def apply_rigid_body_force_tensors(
        self, sim: Simulation, forces: Tensor | None = None, torques: Tensor | None = None, space: int = 0
    ) -> bool:
        """(N bodies, 3) each, at the centre of mass, for the next ``simulate``."""
        sim.physics.push(forces, torques, None, int(space))
        return True

    def apply_rigid_body_force_at_pos_tensors(
        self, sim: Simulation, forces: Tensor, positions: Tensor, space: int = 0
    ) -> bool:
        """(N bodies, 3) each, for the next ``simulate``."""
        sim.physics.push(forces, None, positions, int(space))
        return True


def _all_actors(physics: Physics) -> NDArray[np.int64]:
    return np.arange(len(physics.root))

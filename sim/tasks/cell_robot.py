"""A world on a table as the simulator node sees a robot: commands in, joint states and object poses out."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.tasks.pick_place.geometry import cube_yaw


class RunningWorld:
    """A world that runs on for ever; a new episode only moves what the robot deals with.

    Attributes:
        joint_names: names on ``/joint_states``.
        frame_id: frame of the object poses.

    Args:
        world: the task's, already reset.
    """

    joint_names: tuple[str, ...]
    frame_id: str
    walking: None = None

    def __init__(self, world: Any) -> None:
        self.world = world
        self._episode_began = 0.0

    @property
    def episode_time(self) -> float:
        """Simulated time since the objects were placed (s)."""
        return self.world.time - self._episode_began

    def advance(self, command: ArrayLike, seconds: float) -> None:
        """Run the physics under joint position targets (A,) [rad, m]."""
        self.world.advance(command, seconds)

    def joint_state(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Position, velocity and effort, each (A,)."""
        return self.world.joint_state()

    def object_poses(self) -> dict[str, NDArray[np.float64]]:
        """Poses (7,) by object name: xyz [m], quat_xyzw."""
        return self.world.object_poses()

    def new_episode(self, seed: int | None = None) -> None:
        """Place object and goal anew; the robot stays where it is."""
        self.world.new_episode(seed)
        self._episode_began = self.world.time

    def success(self) -> bool:
        """The task is done."""
        return self.world.success()

    def failed(self) -> bool:
        """The task can no longer be done."""
        return self.world.failed()


class SimulatedCell(RunningWorld):
    """A world with one object on a table, which can be displaced.

    Args:
        seed: of the first start and of the displacement.
        world: the task's, e.g. ``PickPlaceWorld`` or ``TransferWorld``.
    """

    def __init__(self, seed: int, world: Any) -> None:
        super().__init__(world)
        self._rng = np.random.default_rng([seed, 3])
        self._before_displacement: NDArray[np.float64] | None = None
        self.world.reset(seed)

    def displace_object(self) -> str:
        """Move the object to a plausible place outside the training region; returns what was done, in words."""
        training, reachable = self.world.config.training_region, self.world.config.reachable_region
        for _ in range(1000):
            x, y = self._rng.uniform(*reachable.x), self._rng.uniform(*reachable.y)
            beyond = max(training.x[0] - x, x - training.x[1], training.y[0] - y, y - training.y[1])
            if reachable.contains((x, y)) and beyond > 0.15:
                self._before_displacement = self.world.object_poses()[self.world.object_name]
                self.world.displace_cube((x, y, self.world.rest_height), self._rng.uniform(-np.pi / 4, np.pi / 4))
                return f"{self.world.object_name} moved to x {x:.2f} m, y {y:.2f} m, outside the training region"
        raise RuntimeError("the reachable region does not extend beyond the training region")

    def restore_object(self) -> str:
        """Put the object back where it was before :meth:`displace_object`; returns what was done, in words."""
        if self._before_displacement is None:
            return f"the {self.world.object_name} was not displaced"
        x, y, z, *quat_xyzw = self._before_displacement
        self.world.displace_cube((x, y, z), cube_yaw(np.array(quat_xyzw)))
        self._before_displacement = None
        return f"{self.world.object_name} put back to x {x:.2f} m, y {y:.2f} m"

"""The Panda's table as Gymnasium environments; here ``keel/PandaPickPlace-v0``, beside the other tasks their own."""

from __future__ import annotations

from typing import ClassVar

from sim.robots import panda
from sim.tasks.env import Observation, TabletopEnv
from sim.tasks.pick_place.world import PickPlaceWorld


class PandaTableEnv(TabletopEnv):
    """Adds ``tool`` (7,), the pose of the grasp centre, in the frame ``panda_link0``."""

    limits = panda.POSITION_LIMITS
    robot_sizes: ClassVar[dict[str, int]] = {"tool": 7}

    def _robot_observation(self) -> Observation:
        return {"tool": self.world.tool_pose()}


class PandaPickPlaceEnv(PandaTableEnv):
    """Adds ``cube`` (7,) and ``goal`` (3,); ``config`` is a ``PickPlaceConfig``."""

    make_world = PickPlaceWorld
    task_sizes: ClassVar[dict[str, int]] = {"cube": 7, "goal": 3}

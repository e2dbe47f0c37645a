"""The pick-and-place expert, with another end: the held cube goes to a point in the air and stays there."""

from __future__ import annotations

import numpy as np

from sim.tasks.lift.world import LiftWorld
from sim.tasks.pick_place.expert import PickPlaceExpert
from sim.tasks.pick_place.geometry import braking_speed, ramp
from sim.tasks.pick_place.strategy import Intent, Phase, View, decide, is_held
from sim.tasks.pick_place.world import PickPlaceWorld

LEAVE = (0.01, 0.04)
"""Height of the cube over the table over which sideways motion fades in [m]."""


class LiftExpert(PickPlaceExpert):
    """Picks up and holds, again if the cube was dropped; arguments as ``PickPlaceExpert``."""

    def _intent(self, world: PickPlaceWorld, view: View) -> Intent:
        assert isinstance(world, LiftWorld)
        if not is_held(view, world.config):
            # A goal that no cube on the table can be at: fetching never ends in letting go.
            nowhere = View(**{**vars(view), "goal": np.full(2, np.inf)})
            return decide(nowhere, world.config, self.config.strategy)
        strategy = self.config.strategy
        way = world.object_poses()[world.goal_name][:3] - view.cube
        way[:2] *= ramp(view.cube[2] - world.rest_height, *LEAVE)
        distance = float(np.linalg.norm(way))
        speed = braking_speed(distance, strategy.speed, strategy.deceleration, strategy.rate)
        return Intent(Phase.CARRY, way / max(distance, 1e-9) * speed, view.tool_yaw, False)

    def _finished(self, world: PickPlaceWorld, intent: Intent) -> bool:
        return intent.phase is Phase.CARRY and world.success()

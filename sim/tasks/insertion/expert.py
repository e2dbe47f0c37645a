"""The pick-and-place expert with an insertion at the end: over the hole, align, lower while it feels no resistance.

Closed loop on the true poses, and on the force: where the peg sits on the rim, lowering stops until sideways
corrections have brought it over the hole, so that it never presses.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sim.tasks.insertion.world import InsertionWorld
from sim.tasks.pick_place.expert import PickPlaceExpert
from sim.tasks.pick_place.geometry import braking_speed, ramp
from sim.tasks.pick_place.strategy import Intent, Phase, StrategyConfig, View, decide, is_held
from sim.tasks.pick_place.world import PickPlaceWorld

ABOVE = 0.02
"""Height of the peg's lower end over the rim while it is not yet over the hole [m]."""
ALIGNED = (0.0008, 0.003)
"""Distance from the hole's axis at which lowering fades out [m]."""
TURNED = (0.02, 0.06)
"""The same for the turn [rad]."""
JAMMED = 0.004
"""Below the rim and further than this from the hole's axis, the peg is tilted or beside the hole: back up [m]."""
LOWERING = 0.05
"""Speed of lowering into the hole [m/s]."""
TOUCH = (4.0, 12.0)
"""Upward force beyond the peg's weight at which lowering fades out [N]."""

GRAVITY = 9.81


class InsertionExpert(PickPlaceExpert):
    """Picks up the peg and inserts it; arguments as ``PickPlaceExpert``."""

    @staticmethod
    def _view(world: PickPlaceWorld, finger: float) -> View:
        """The view of the pick-and-place expert with the place to grip as the object."""
        assert isinstance(world, InsertionWorld)
        view = PickPlaceExpert._view(world, finger)
        return replace(view, cube=view.cube + np.array([0.0, 0.0, world.insertion.grasp_height - world.rest_height]))

    def _intent(self, world: PickPlaceWorld, view: View) -> Intent:
        assert isinstance(world, InsertionWorld)
        strategy = self.config.strategy
        if world.inserted_depth() > world.insertion.inserted + 0.003:
            return _let_go(world, view, strategy)
        if is_held(view, world.config):
            return self._insert(world, view)
        return decide(replace(view, goal=np.full(2, np.inf)), world.config, strategy)

    def _insert(self, world: InsertionWorld, view: View) -> Intent:
        strategy, task = self.config.strategy, world.insertion
        way, turn = world.misalignment()
        distance, height = float(np.hypot(*way)), float(world.tip()[2])
        inside = height < task.depth and distance < JAMMED
        free = 1.0 if height < task.depth else ramp(height, 0.004, 0.02)
        off = max(ramp(distance, *ALIGNED), ramp(abs(turn), *TURNED))
        if distance < 0.01:
            wanted = task.depth + ABOVE * off if off > 0.0 and not inside else 0.0
            pressed = ramp(float(world.contact_force()[2]) + task.cube.mass * GRAVITY, *TOUCH)
            vertical = _limited(wanted - height, LOWERING * (1.0 - pressed), strategy)
        else:
            free *= ramp(height, task.depth + 0.4 * ABOVE, task.depth + 0.8 * ABOVE) if distance < 0.12 else 1.0
            vertical = _limited(task.depth + ABOVE - height, strategy.speed, strategy)
        speed = braking_speed(distance, 0.6 * strategy.speed, strategy.deceleration, strategy.rate)
        sideways = free * way / max(distance, 1e-9) * speed
        yaw = view.tool_yaw + (turn if height > 0.01 else 0.0)
        return Intent(Phase.CARRY, np.append(sideways, vertical), yaw, False)


def _let_go(world: InsertionWorld, view: View, strategy: StrategyConfig) -> Intent:
    near = np.hypot(*(view.cube[:2] - view.tool[:2])) < 0.05 and view.tool[2] < view.cube[2] + 0.03
    if near and view.finger < world.insertion.cube.half_size + 0.008:
        return Intent(Phase.RELEASE, yaw=view.tool_yaw)
    above = view.cube[2] + 0.02
    up: NDArray[np.float64] = np.array([0.0, 0.0, _limited(max(0.3 - view.tool[2], 0.0), strategy.speed, strategy)])
    return Intent(Phase.RETREAT, up, view.tool_yaw, True, ramp(view.tool[2], above, above + 0.05))


def _limited(offset: float, top: float, strategy: StrategyConfig) -> float:
    return float(np.sign(offset)) * braking_speed(abs(offset), top, strategy.deceleration, strategy.rate)

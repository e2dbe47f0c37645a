"""A demonstrator of push-T that plans: the best simulated push, a way round the block to its start, and again.

It tries the same pushes every time, seen from the block, so that what it demonstrates follows from the block's pose;
others are drawn only where none of these helps. With new ones at every decision an imitator met another choice in
every episode, and 150 of them taught it nothing. `keel collect` keeps the episodes that reach gym-pusht's 95 %
coverage and says their share.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.tasks.pick_place.noise import CorrelatedNoise
from training.suites.pusht.planner import CLEARANCE, CORNERS, RADIUS, Push, PushPlanner, gap, to_table
from training.suites.pusht.world import CONTROL_DT, METRES, PushTWorld

TRAVEL = 45.0
"""Way of the pusher's target per control period while it does not push (px)."""
NOISE_TIME_S = 0.4
CANDIDATES = 0
"""Seed of the pushes that are tried first at every decision."""
PATIENCE = 30
"""Control periods on the way to a push after which another one is planned."""
KEEP_OFF = 85.0
"""Distance from the block's middle at which the pusher goes round it (px)."""


class PushTExpert:
    """Plans with a copy of the environment.

    Args:
        noise: stationary standard deviation of the perturbation of the pusher's target (m), while it travels.
        seed: of plans and perturbation.
    """

    def __init__(self, noise: float = 0.0, seed: int = 0) -> None:
        self.noise = noise
        self._rng = np.random.default_rng(seed)
        self._planner: PushPlanner | None = None
        self._done = False

    @property
    def done(self) -> bool:
        """The goal was covered before the last ``act``."""
        return self._done

    def reset(self, world: PushTWorld, seed: int | None = None) -> None:
        """Start from the present state of a world."""
        if seed is not None:
            self._rng = np.random.default_rng(seed)
        if self._planner is None:
            self._planner = PushPlanner(type(world.environment)(obs_type="state"))
        self._noise = CorrelatedNoise(2, self.noise / METRES, NOISE_TIME_S, CONTROL_DT)
        self._push: Push | None = None
        self._pushed = self._travelled = 0
        self._done = False

    def act(self, world: PushTWorld) -> NDArray[np.float64]:
        """Command (2,): target of the pusher (m)."""
        assert self._planner is not None, "call reset first"
        environment = world.environment
        self._done = world.success()
        pusher = np.array(environment.agent.position)
        position, angle = np.array(environment.block.position), float(environment.block.angle)
        self._travelled += 1
        stuck = self._pushed == 0 and self._travelled > PATIENCE
        if self._push is None or self._pushed >= self._push.steps or stuck:
            self._travelled = 0
            goal = np.array(environment.goal_pose, dtype=float)
            same = np.random.default_rng(CANDIDATES)
            push = self._planner.plan(position, angle, goal, same)
            push = push or self._planner.plan(position, angle, goal, self._rng)
            self._push, self._pushed = push, 0
        push = self._push
        if push is None:
            return METRES * pusher
        if self._pushed == 0 and np.linalg.norm(pusher - push.start) > 4.0:
            return METRES * self._towards(pusher, push.start, to_table(CORNERS, position, angle))
        self._pushed += 1
        return METRES * (push.start + push.direction * push.stride * self._pushed)

    def perturb(self, command: NDArray[np.float64]) -> NDArray[np.float64]:
        """The command (2,) to execute: noise while the pusher travels, none in a push."""
        executed = np.array(command, dtype=np.float64)
        if self.noise > 0.0 and self._pushed == 0:
            executed += METRES * self._noise.sample(self._rng)
        return executed

    def _towards(self, pusher: NDArray[Any], target: NDArray[Any], corners: NDArray[Any]) -> NDArray[np.float64]:
        """Next target of the pusher on its way (px): straight when that misses the block, else round its middle."""
        middle = corners.mean(axis=0)
        if not _meets(pusher, target, corners):
            return pusher + _limited(target - pusher, TRAVEL)
        offset, wanted = pusher - middle, target - middle
        angle = np.arctan2(offset[1], offset[0])
        turn = (np.arctan2(wanted[1], wanted[0]) - angle + np.pi) % (2 * np.pi) - np.pi
        radius = max(KEEP_OFF, float(np.abs(corners - middle).max()) + RADIUS + CLEARANCE)
        angle += np.sign(turn) * min(abs(turn), TRAVEL / radius)
        onward = middle + radius * np.array([np.cos(angle), np.sin(angle)])
        return np.clip(pusher + _limited(onward - pusher, TRAVEL), RADIUS, 512.0 - RADIUS)


def _limited(vector: NDArray[Any], length: float) -> NDArray[np.float64]:
    size = float(np.linalg.norm(vector))
    return vector if size <= length else vector * (length / size)


def _meets(start: NDArray[Any], stop: NDArray[Any], corners: NDArray[Any]) -> bool:
    """Whether a pusher on the way from start to stop comes nearer to an edge than its radius."""
    path = (start + share * (stop - start) for share in np.linspace(0.0, 1.0, 12))
    return any(gap(point, corners) < RADIUS + 2.0 for point in path)

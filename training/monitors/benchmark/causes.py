"""Things that go wrong with a pick-and-place cell, one small class each, all seeded.

A cause acts on the world (the cube is moved), on what the robot is told (a biased or late tracker) or on what it does
(a weak actuator). Success is always judged on the true world.
"""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from sim.robots import panda
from sim.tasks.pick_place.scene import CUBE
from sim.tasks.pick_place.world import PickPlaceWorld

Poses = dict[str, NDArray[np.float64]]
ObservedState = tuple[Poses, tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]]


class Cause:
    """Nothing happens; the base of all causes.

    Attributes:
        name: in tables.
        onset: seconds since enabling at which it begins; 0 for conditions that hold from the start.
    """

    name = "none"
    onset = 0.0

    def begin(self, world: PickPlaceWorld, rng: np.random.Generator) -> None:
        """Draw the parameters after the world was reset."""

    def advance(self, world: PickPlaceWorld, seconds: float) -> None:
        """Called after every control period."""

    def observe(self, state: ObservedState) -> ObservedState:
        """What is published of the true poses and joint state; called once per control period."""
        return state

    def command(self, command: NDArray[np.float64]) -> NDArray[np.float64]:
        """What the actuators receive of a command (8,)."""
        return command

    def end(self, world: PickPlaceWorld) -> None:
        """Undo changes to the model."""


class CubeDisplaced(Cause):
    """The cube is moved at once to a reachable place outside the training region.

    Args:
        beyond: distance to the training region's border [m].
    """

    name = "cube displaced"

    def __init__(self, beyond: float = 0.12) -> None:
        self.beyond = beyond

    def begin(self, world: PickPlaceWorld, rng: np.random.Generator) -> None:
        """Place and time; rejection sampling over the reachable region."""
        inside, reach = world.config.training_region, world.config.reachable_region
        self.onset, self._done = float(rng.uniform(0.3, 1.2)), False
        while True:
            x, y = rng.uniform(*reach.x), rng.uniform(*reach.y)
            beyond = max(inside.x[0] - x, x - inside.x[1], inside.y[0] - y, y - inside.y[1])
            if reach.contains((x, y)) and beyond > self.beyond:
                break
        self._pose, self._yaw = (x, y, world.config.cube.half_size), float(rng.uniform(*world.config.cube_yaw))

    def advance(self, world: PickPlaceWorld, seconds: float) -> None:
        """Move it, once."""
        if seconds >= self.onset and not self._done:
            world.displace_cube(self._pose, self._yaw)
            self._done = True


class TrackerBias(Cause):
    """The tracker reports the cube 1 to 3 cm beside where it is: a camera that was bumped."""

    name = "tracker bias"

    def begin(self, world: PickPlaceWorld, rng: np.random.Generator) -> None:
        """Direction and size."""
        angle, size = rng.uniform(-np.pi, np.pi), rng.uniform(0.01, 0.03)
        self._offset = size * np.array([np.cos(angle), np.sin(angle), 0.0])

    def observe(self, state: ObservedState) -> ObservedState:
        """Shift the cube's position."""
        poses, joints = state
        cube = poses["cube"].copy()
        cube[:3] += self._offset
        return {**poses, "cube": cube}, joints


class WeakActuator(Cause):
    """From ``onset`` on commands reach the arm through a first-order lag of 0.2 to 0.8 s."""

    name = "weak actuator"

    def begin(self, world: PickPlaceWorld, rng: np.random.Generator) -> None:
        """Time constant and onset."""
        self.onset, self._now = float(rng.uniform(0.3, 1.2)), 0.0
        self._share = world.control_dt / float(rng.uniform(0.2, 0.8))
        self._sent: NDArray[np.float64] | None = None

    def advance(self, world: PickPlaceWorld, seconds: float) -> None:
        """Follow the time."""
        self._now = seconds

    def command(self, command: NDArray[np.float64]) -> NDArray[np.float64]:
        """Lag the arm joints; the gripper is sound."""
        if self._now < self.onset or self._sent is None:
            self._sent = command.copy()
            return command
        self._sent[:7] += self._share * (command[:7] - self._sent[:7])
        self._sent[7] = command[7]
        return self._sent.copy()


class ObservationDelay(Cause):
    """Poses and joint states arrive 0.1 to 0.3 s late with fresh stamps: a driver that stamps on arrival."""

    name = "observation delay"

    def begin(self, world: PickPlaceWorld, rng: np.random.Generator) -> None:
        """Length of the queue."""
        self._queue: deque[ObservedState] = deque(maxlen=1 + round(rng.uniform(0.1, 0.3) / world.control_dt))

    def observe(self, state: ObservedState) -> ObservedState:
        """The oldest state in the queue."""
        self._queue.append(state)
        return self._queue[0]


class GoalMovedLate(Cause):
    """While the cube is carried the goal jumps to a reachable place outside the training region."""

    name = "goal moved late"

    def begin(self, world: PickPlaceWorld, rng: np.random.Generator) -> None:
        """New goal and time."""
        inside, reach = world.config.training_region, world.config.reachable_region
        self.onset, self._done = float(rng.uniform(1.6, 2.6)), False
        while True:
            goal = np.array([rng.uniform(*reach.x), rng.uniform(*reach.y)])
            if reach.contains(goal) and not inside.contains(goal):
                break
        self._goal_xy = goal

    def advance(self, world: PickPlaceWorld, seconds: float) -> None:
        """Move it, once."""
        if seconds >= self.onset and not self._done:
            world.set_goal(self._goal_xy)
            self._done = True


class SlipperyCube(Cause):
    """The cube's and the fingers' friction falls to 2 to 8 % of the cube's nominal value: it slips out of the grasp."""

    name = "slippery cube"

    def begin(self, world: PickPlaceWorld, rng: np.random.Generator) -> None:
        """Scale the friction of the cube and give its contacts priority over the fingers' own."""
        body = world.model.body(CUBE)
        first, count = int(body.geomadr[0]), int(body.geomnum[0])
        self._rows = slice(first, first + count)
        self._saved = world.model.geom_friction[self._rows].copy(), world.model.geom_priority[self._rows].copy()
        world.model.geom_friction[self._rows, 0] *= float(rng.uniform(0.02, 0.08))
        world.model.geom_priority[self._rows] = 2

    def end(self, world: PickPlaceWorld) -> None:
        """The model is shared between episodes."""
        world.model.geom_friction[self._rows], world.model.geom_priority[self._rows] = self._saved


def all_causes() -> list[Cause]:
    """One of each, without :class:`Cause` itself."""
    return [CubeDisplaced(), TrackerBias(), WeakActuator(), ObservationDelay(), GoalMovedLate(), SlipperyCube()]


class DisturbedCell:
    """A world behind a cause, with the part of the world's interface that closed-loop episodes use.

    Args:
        world: the true cell.
        cause: what goes wrong.
    """

    joint_names = panda.JOINT_NAMES

    def __init__(self, world: PickPlaceWorld, cause: Cause) -> None:
        self.world, self.cause = world, cause
        self._observed: ObservedState | None = None

    def reset(self, seed: int) -> None:
        """Reset the world, then draw the cause."""
        self.world.reset(seed)
        self.cause.begin(self.world, np.random.default_rng([seed, 7]))
        self._refresh()

    def close(self) -> None:
        """Leave the world's model as it was."""
        self.cause.end(self.world)

    def step(self, command: NDArray[np.float64]) -> None:
        """One control period under what the cause leaves of the command."""
        self.world.step(self.cause.command(np.asarray(command, dtype=float)))
        self._refresh()

    def after(self, seconds: float) -> None:
        """Tell the cause the time since enabling."""
        self.cause.advance(self.world, seconds)

    def joint_state(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Observed joint state."""
        assert self._observed is not None
        return self._observed[1]

    def object_poses(self) -> Poses:
        """Observed poses."""
        assert self._observed is not None
        return self._observed[0]

    def success(self) -> bool:
        """Of the true world."""
        return self.world.success()

    def failed(self) -> bool:
        """Of the true world."""
        return self.world.failed()

    def _refresh(self) -> None:
        self._observed = self.cause.observe((self.world.object_poses(), self.world.joint_state()))

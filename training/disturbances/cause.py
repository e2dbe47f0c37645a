"""Things that go wrong, each a small seeded object that any task can use.

A cause acts on the world (something is moved, friction changes), on what the robot is told (a biased, swapped or late
tracker) or on what it does (a weak actuator). Success is always judged on the true world.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Poses = dict[str, Array]
ObservedState = tuple[Poses, tuple[Array, Array, Array]]
Range = tuple[float, float]
Act = Callable[[], None]
Draw = Callable[[Any, np.random.Generator], Act]
"""Draws what will happen from (world, rng) after a reset, and returns what makes it happen."""


class Cause:
    """Nothing happens; the base of all causes.

    Attributes:
        name: in tables.
        onset: seconds since enabling at which it begins; 0 for conditions that hold from the start.
    """

    name = "none"
    onset = 0.0

    def begin(self, world: Any, rng: np.random.Generator) -> None:
        """Draw the parameters after the world was reset."""

    def advance(self, world: Any, seconds: float) -> None:
        """Called after every control period with the time since enabling."""

    def observe(self, state: ObservedState) -> ObservedState:
        """What is published of the true poses and joint state; called once per control period."""
        return state

    def command(self, command: Array) -> Array:
        """What the actuators receive of a command (A,)."""
        return command

    def end(self, world: Any) -> None:
        """Undo changes to the model."""


class Event(Cause):
    """Something happens to the world once, at a random time.

    Args:
        name: in tables.
        onset: range of its time (s).
        draw: chooses what happens, right after the reset.
    """

    def __init__(self, name: str, onset: Range, draw: Draw) -> None:
        self.name, self._range, self._draw = name, onset, draw

    def begin(self, world: Any, rng: np.random.Generator) -> None:
        """Time and event."""
        self.onset, self._done = float(rng.uniform(*self._range)), False
        self._act = self._draw(world, rng)

    def advance(self, world: Any, seconds: float) -> None:
        """Let it happen, once."""
        if seconds >= self.onset and not self._done:
            self._act()
            self._done = True


class Condition(Cause):
    """The world is different from the start, and as before after the episode.

    Args:
        name: in tables.
        draw: changes the world at once and returns what undoes it.
    """

    def __init__(self, name: str, draw: Draw) -> None:
        self.name, self._draw = name, draw

    def begin(self, world: Any, rng: np.random.Generator) -> None:
        """Change the world."""
        self._undo = self._draw(world, rng)

    def end(self, world: Any) -> None:
        """Change it back."""
        self._undo()


class TrackerBias(Cause):
    """The tracker reports an object beside where it is: a camera that was bumped.

    Args:
        objects: names of the shifted poses.
        size: range of the horizontal offset (m).
    """

    name = "tracker bias"

    def __init__(self, objects: Sequence[str], size: Range = (0.01, 0.03)) -> None:
        self._objects, self._range = tuple(objects), size

    def begin(self, world: Any, rng: np.random.Generator) -> None:
        """Direction and size."""
        angle, size = rng.uniform(-np.pi, np.pi), rng.uniform(*self._range)
        self._offset = size * np.array([np.cos(angle), np.sin(angle), 0.0])

    def observe(self, state: ObservedState) -> ObservedState:
        """Shift the positions."""
        poses, joints = dict(state[0]), state[1]
        for name in self._objects:
            poses[name] = np.concatenate([poses[name][:3] + self._offset, poses[name][3:]])
        return poses, joints


class Distractor(Cause):
    """From ``onset`` on the tracker follows a look-alike that stands elsewhere: an unseen object in the scene.

    Args:
        object_name: whose pose is confused.
        onset: range of its time (s).
        place: position (3,) of the look-alike (m) from (world, rng).
    """

    name = "distractor"

    def __init__(self, object_name: str, onset: Range, place: Callable[[Any, np.random.Generator], Array]) -> None:
        self._object, self._range, self._place = object_name, onset, place

    def begin(self, world: Any, rng: np.random.Generator) -> None:
        """Time and place."""
        self.onset, self._now = float(rng.uniform(*self._range)), -1.0
        self._position = np.asarray(self._place(world, rng), dtype=float)

    def advance(self, world: Any, seconds: float) -> None:
        """Follow the time."""
        self._now = seconds

    def observe(self, state: ObservedState) -> ObservedState:
        """The look-alike's position in place of the object's."""
        if self._now < self.onset:
            return state
        poses = dict(state[0])
        poses[self._object] = np.concatenate([self._position, poses[self._object][3:]])
        return poses, state[1]


class WeakActuator(Cause):
    """From ``onset`` on commands reach some joints through a first-order lag.

    Args:
        joints: how many, from the first; the others are sound.
        lag: range of the time constant (s).
        onset: range of its time (s).
    """

    name = "weak actuator"

    def __init__(self, joints: int, lag: Range = (0.2, 0.8), onset: Range = (0.3, 1.2)) -> None:
        self._joints, self._lag, self._range = joints, lag, onset

    def begin(self, world: Any, rng: np.random.Generator) -> None:
        """Time constant and onset."""
        self.onset, self._now = float(rng.uniform(*self._range)), 0.0
        self._share = min(1.0, world.control_dt / float(rng.uniform(*self._lag)))
        self._sent: Array | None = None

    def advance(self, world: Any, seconds: float) -> None:
        """Follow the time."""
        self._now = seconds

    def command(self, command: Array) -> Array:
        """Lag the weak joints."""
        if self._now < self.onset or self._sent is None:
            self._sent = command.copy()
            return command
        n = self._joints
        self._sent[:n] += self._share * (command[:n] - self._sent[:n])
        self._sent[n:] = command[n:]
        return self._sent.copy()


class ObservationDelay(Cause):
    """From ``onset`` on poses and joint states arrive late with fresh stamps: a driver that stamps on arrival.

    They stand still for as long as they are late, and follow then.

    Args:
        seconds: range of the delay (s).
        onset: range of its time (s).
    """

    name = "observation delay"

    def __init__(self, seconds: Range = (0.1, 0.3), onset: Range = (0.0, 0.0)) -> None:
        self._range, self._onset = seconds, onset

    def begin(self, world: Any, rng: np.random.Generator) -> None:
        """Length of the queue, and onset."""
        self.ticks = round(rng.uniform(*self._range) / world.control_dt)
        self.onset, self._now = float(rng.uniform(*self._onset)), -1.0
        self._queue: deque[ObservedState] = deque()

    def advance(self, world: Any, seconds: float) -> None:
        """Follow the time."""
        self._now = seconds

    def observe(self, state: ObservedState) -> ObservedState:
        """The oldest state in a queue that grows from the onset on."""
        self._queue.append(state)
        longest = self.ticks + 1 if self._now >= self.onset else 1
        while len(self._queue) > longest:
            self._queue.popleft()
        return self._queue[0]

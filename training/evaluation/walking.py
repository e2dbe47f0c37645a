"""Closed loop of a walking bundle on a simulated robot without ROS: the observation assembly, planner and governor of
the nodes, on a simulated clock. What the nodes do between processes happens here in one thread, in the same order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from policy_nodes.bundle.load import Bundle
from policy_nodes.bundle.manifest import ObservationTerm
from policy_nodes.errors import ObservationError
from policy_nodes.inference.messages import projected_gravity
from policy_nodes.inference.observation import ObservationBuffer
from policy_nodes.inference.planner import ChunkPlanner
from policy_nodes.safety.chunks import ChunkForm
from policy_nodes.safety.config import load_safety_config
from policy_nodes.safety.decision import Decision
from policy_nodes.safety.governor import Governor
from policy_nodes.types import ActionChunk, JointSample

NS = 1_000_000_000
START_NS = 1000 * NS
READY_TICKS = 30


@dataclass
class WalkTrace:
    """What happened, one row per control period.

    Attributes:
        decisions: of the governor.
        twist: (T, 6) measured, linear and angular in the trunk's frame.
        height: (T,) of the trunk, m.
        fallen: whether the robot lay at any time.
    """

    decisions: list[Decision] = field(default_factory=list)
    twist: list[NDArray[np.float64]] = field(default_factory=list)
    height: list[float] = field(default_factory=list)
    fallen: bool = False


class WalkingLoop:
    """One robot under one bundle.

    Args:
        bundle: of a gait.
        robot: ``sim.tasks.velocity.simulated_robot.SimulatedGo1`` or one like it.
        delay_periods: control periods between an observation and the use of its answer.
        corrupt: changes raw values (n,) on their way, by term name; also ``"joint_state"`` for the safety node's.
    """

    def __init__(
        self,
        bundle: Bundle,
        robot: Any,
        delay_periods: int = 0,
        corrupt: Callable[[str, NDArray[np.float64]], NDArray[np.float64]] = lambda name, value: value,
    ) -> None:
        manifest = bundle.manifest
        actions, self.period_s = manifest.actions, 1.0 / manifest.timing.control_rate_hz
        self.robot, self.command = robot, (0.0, 0.0, 0.0)
        self.governor = Governor(
            load_safety_config(bundle.file("safety.yaml")),
            actions.joints,
            manifest.terms,
            control_period_s=self.period_s,
            chunk_period_s=actions.execution_horizon * actions.step_s,
            monitor_required=False,
            chunk_form=ChunkForm.of(actions),
        )
        self.planner, self.buffer = ChunkPlanner(bundle), ObservationBuffer(manifest.observations)
        self.corrupt, self.planning = corrupt, True
        self.trace = WalkTrace()
        self._terms, self._order = manifest.terms, [robot.joint_names.index(name) for name in actions.joints]
        self._inverse = np.argsort(self._order)
        self._target = np.array(robot.joint_state()[0])
        self._now = START_NS
        self._waiting: list[ActionChunk] = []
        self._delay = delay_periods

    def enable(self) -> None:
        """Let the robot stand until the governor is READY, then enable motion.

        Raises:
            RuntimeError: it is refused; names what is missing.
        """
        self.run(READY_TICKS * self.period_s)
        done, message = self.governor.enable(self._now, True)
        if not done:
            raise RuntimeError(message)

    def run(self, seconds: float, command: tuple[float, float, float] | None = None) -> WalkTrace:
        """Let time pass under a velocity command (vx, vy, yaw rate); returns the trace of everything so far."""
        self.command = self.command if command is None else command
        for _ in range(round(seconds / self.period_s)):
            self._tick()
        return self.trace

    def _tick(self) -> None:
        self.robot.advance(self._target, self.period_s)
        self._now += round(self.period_s * NS)
        now, governor = self._now, self.governor
        position, velocity, effort = (value[self._order] for value in self.robot.joint_state())
        measured = self.corrupt("joint_state", position)
        governor.on_joint_state(now, JointSample(now, measured, velocity, effort))
        for term in self._terms:
            if term.own_action:
                continue
            value = self.corrupt(term.name, self._raw(term, position, velocity))
            governor.on_observation(now, term.name, now, value)
            self.buffer.push(term.name, now, value)
        if self.planning:
            self._plan()
        if len(self._waiting) > self._delay or (self._waiting and not self.planning):
            governor.on_chunk(now, self._waiting.pop(0))
        decision = governor.tick(now)
        if decision.command is not None:
            self._target = decision.command[self._inverse]
        trace = self.trace
        pose, twist = self.robot.odometry()
        trace.decisions.append(decision)
        trace.twist.append(twist)
        trace.height.append(float(pose[2]))
        trace.fallen |= self.robot.failed()

    def _plan(self) -> None:
        try:
            plan = self.planner.plan(self.buffer.assemble(self._now))
        except ObservationError:
            return
        self.buffer.push_own_action(plan.chunk.stamp_ns, plan.chunk.values[0])
        self._waiting.append(plan.chunk)

    def _raw(
        self, term: ObservationTerm, position: NDArray[np.float64], velocity: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        if term.field == "position":
            return position
        if term.field == "velocity":
            return velocity
        if term.field == "planar":
            return np.array(self.command, dtype=np.float64)
        quat_xyzw, rates, force = self.robot.imu()
        values = {
            "angular_velocity": rates,
            "linear_acceleration": force,
            "orientation": quat_xyzw,
            "projected_gravity": np.array(projected_gravity(quat_xyzw.tolist())),
        }
        return values[term.field]

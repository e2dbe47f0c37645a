"""A robot that follows perfectly, its signals, and a policy that publishes chunks; every part can be broken."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from policy_nodes.bundle.manifest import ObservationTerm
from policy_nodes.safety.chunks import ChunkForm
from policy_nodes.safety.config import JointLimit, SafetyConfig
from policy_nodes.safety.governor import Decision, Governor
from policy_nodes.types import ActionChunk, Alarm, JointSample

MS = 1_000_000
PERIOD_MS = 10
FORM = ChunkForm(16, 20 * MS)
JOINTS = ["shoulder", "elbow"]
VELOCITY, ACCELERATION, JERK = 2.0, 10.0, 500.0


def limits(**changes: float) -> list[JointLimit]:
    values = {
        "position_min": -2.0,
        "position_max": 2.0,
        "velocity": VELOCITY,
        "acceleration": ACCELERATION,
        "jerk": JERK,
    }
    return [JointLimit.model_validate({"name": name, **values, **changes}) for name in JOINTS]


def config(**changes: object) -> SafetyConfig:
    return SafetyConfig.model_validate({"joints": limits(), **changes})


def term(name: str = "cube") -> ObservationTerm:
    return ObservationTerm(
        name=name,
        topic="/cube",
        message_type="std_msgs/msg/Float64MultiArray",
        field="data",
        axes=["x", "y", "z"],
        unit=["m"] * 3,
        minimum=[-1.0] * 3,
        maximum=[1.0] * 3,
        max_age_s=0.1,
    )


@dataclass
class Rig:
    """Drives a governor at 100 Hz; a chunk of 16 samples of 20 ms is due every 160 ms.

    ``speed`` moves the policy's target; flags switch single signals off; ``frozen`` is a measurement that stands still.
    Every command is kept and checked against the limits.
    """

    settings: SafetyConfig = field(default_factory=config)
    monitor: bool = True
    speed: float = 0.5
    now: int = 1_000 * MS
    joint_states: bool = True
    observations: bool = True
    chunks: bool = True
    heartbeats: bool = True
    cube: np.ndarray = field(default_factory=lambda: np.zeros(3))

    def __post_init__(self) -> None:
        self.governor = Governor(self.settings, JOINTS, [term()], PERIOD_MS / 1e3, 0.16, self.monitor, FORM)
        self.position = self.start = np.zeros(2)
        self.frozen: np.ndarray | None = None
        self.sequence = 0
        self.count = 0
        self.log: list[Decision] = []
        self.commands: list[np.ndarray] = []

    def chunk(self, offset: float = 0.0, ago_ms: int = 0) -> ActionChunk:
        self.sequence += 1
        ramp = self.position[0] + offset + self.speed * 0.02 * np.arange(16)
        return ActionChunk(self.now - ago_ms * MS, 20 * MS, np.stack([ramp, ramp * 0.5], axis=1), self.sequence)

    def feed(self) -> None:
        if self.joint_states:
            measured = self.position if self.frozen is None else self.frozen
            self.governor.on_joint_state(self.now, JointSample(self.now, measured.copy(), np.zeros(2)))
        if self.observations:
            self.governor.on_observation(self.now, "cube", self.now, self.cube)
        if self.heartbeats:
            self.governor.on_monitor_heartbeat(self.now)
        if self.chunks and self.count % 16 == 0:
            self.governor.on_chunk(self.now, self.chunk())

    def tick(self, times: int = 1) -> Decision:
        for _ in range(times):
            self.now += PERIOD_MS * MS
            self.feed()
            self.count += 1
            decision = self.governor.tick(self.now)
            self.log.append(decision)
            if decision.command is not None:
                self.position = decision.command
                self.commands.append(decision.command)
        return decision

    def active(self, ticks: int = 30) -> Rig:
        self.tick(8)
        accepted, message = self.governor.enable(self.now, True)
        assert accepted, message
        self.tick(ticks)
        return self

    def alarm(self, active: bool = True) -> None:
        self.governor.on_alarm(self.now, Alarm(self.now, active, {"rnd": 1.5}))

    def assert_limits(self) -> None:
        """Finite differences of everything that was commanded."""
        commands = np.array([self.start, self.start, self.start, *self.commands])
        dt = PERIOD_MS / 1e3
        velocity = np.diff(commands, axis=0) / dt
        acceleration = np.diff(velocity, axis=0) / dt
        jerk = np.diff(acceleration, axis=0) / dt
        assert np.abs(velocity).max() <= VELOCITY * (1 + 1e-6)
        assert np.abs(acceleration).max() <= ACCELERATION * (1 + 1e-6)
        assert np.abs(jerk).max() <= JERK * (1 + 1e-6)

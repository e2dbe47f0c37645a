"""A robot, its sensors, a policy and a failure monitor on a simulated clock, around the real governor.

Nothing sleeps and no process is started: messages and ticks are events in one queue, so that a whole matrix of faults
takes seconds and gives the same result every time. The robot follows its commands with the lag of one joint state; the
policy plans a smooth to-and-fro motion. What is judged is the governor, which is the object that runs on the robot.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from policy_nodes.bundle.manifest import ObservationTerm
from policy_nodes.running.campaign.sources import read_term, source_of
from policy_nodes.running.campaign.streams import NS, Corruption, Maker, Sample
from policy_nodes.safety.chunks import ChunkForm
from policy_nodes.safety.config import SafetyConfig
from policy_nodes.safety.decision import Decision
from policy_nodes.safety.governor import Governor
from policy_nodes.safety.supervisor import State
from policy_nodes.types import ActionChunk, Alarm, JointSample

Array = NDArray[np.float64]
JOINT_STATE_S, OBJECT_S = 0.01, 0.02
JOINT_STATE = "sensor_msgs/msg/JointState"
UPRIGHT = np.array([0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 9.81])
"""An inertial unit at rest: quat_xyzw, angular rates, specific force."""
INFERENCE_S = 0.004
"""Time from an observation to its chunk and verdict."""
SWING_S, SWING = 5.0, 1.0
"""Period of the policy's motion and its amplitude (rad) at the first joint; the others move a twentieth of it."""


@dataclass(frozen=True)
class Plant:
    """What the bench needs to know of a bundle.

    Attributes:
        safety: limits and reactions.
        joints: names in command order.
        terms: observation terms of the contract.
        start: (n,) where the robot stands.
        values: plausible raw value of every term.
        period_s: control period; ``chunk_period_s``: between chunks; ``step_s``: of a chunk's samples.
        horizon: samples of a chunk.
        monitored: a failure monitor is required.
    """

    safety: SafetyConfig
    joints: Sequence[str]
    terms: Sequence[ObservationTerm]
    start: Array
    values: dict[str, Array]
    period_s: float
    chunk_period_s: float
    step_s: float
    horizon: int
    monitored: bool = True


@dataclass(frozen=True)
class Delivered:
    """A message as it reached the governor: when, what, and what the source had sent."""

    arrival_ns: int
    sample: Sample
    original: Sample

    @property
    def genuine(self) -> bool:
        """Whether it is what the source sent."""
        same = self.sample.values.shape == self.original.values.shape
        same = same and np.array_equal(self.sample.values, self.original.values, equal_nan=True)
        return same and (self.sample.stamp_ns, self.sample.alarming) == (self.original.stamp_ns, self.original.alarming)


@dataclass
class Tick:
    """One control period: true time, decision, and the measurement that the governor had last received."""

    time_ns: int
    decision: Decision
    measured: Array
    commanded: Array
    """(n,) what was commanded last before this tick."""


@dataclass
class Bench:
    """The world of one trial."""

    plant: Plant
    moving: bool = True
    time_ns: int = 1_000 * NS
    """True time; the clock of all machines is this plus ``clock_step_ns``."""
    clock_step_ns: int = 0
    delivered: dict[str, list[Delivered]] = field(default_factory=lambda: defaultdict(list))
    ticks: list[Tick] = field(default_factory=list)
    stalled_until_ns: int = 0

    def __post_init__(self) -> None:
        plant = self.plant
        self.governor = Governor(
            plant.safety, plant.joints, plant.terms, plant.period_s, plant.chunk_period_s, plant.monitored,
            ChunkForm(plant.horizon, round(plant.step_s * NS)),
        )  # fmt: skip
        self.position = self.reported = np.array(plant.start)
        self._makers: dict[str, Maker] = {}
        self._corruptions: dict[str, Corruption] = {}
        self._wanted = np.array(plant.start)
        self._last_command = np.array(plant.start)
        self._began_ns: int | None = None
        self._sequence = self._count = 0
        self._queue: list[tuple[int, int, Callable[[], None]]] = []
        low = np.array([joint.position_min for joint in plant.safety.joints])
        high = np.array([joint.position_max for joint in plant.safety.joints])
        inwards = np.where(plant.start > 0.5 * (low + high), -1.0, 1.0)
        room = np.maximum(np.where(inwards > 0, high - plant.start, plant.start - low), 0.0)
        share = np.full(len(low), SWING / 20)
        share[0] = SWING
        self._low, self._high, self._base = low, high, self.position
        self._swing = inwards * np.minimum(share, 0.8 * room)
        self._sources: dict[str, list[ObservationTerm]] = defaultdict(list)
        for term in plant.terms:
            if (source := source_of(term)) and source != "joints":
                self._sources[source].append(term)
        self._every(JOINT_STATE_S, 0.003, self._send_joints)
        self._every(OBJECT_S, 0.005, self._send_objects)
        self._every(plant.chunk_period_s, 0.007, self._plan)
        self._every(plant.period_s, plant.period_s, self._tick)

    # Time. --------------------------------------------------------------------------------------------------------

    def run(self, seconds: float) -> None:
        """Let ``seconds`` pass."""
        end = self.time_ns + round(seconds * NS)
        while self._queue and self._queue[0][0] <= end:
            self.time_ns, _, action = heapq.heappop(self._queue)
            action()
        self.time_ns = end

    @property
    def now_ns(self) -> int:
        """What every clock shows."""
        return self.time_ns + self.clock_step_ns

    def _at(self, when_ns: int, action: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._queue, (when_ns, self._count, action))

    def _every(self, period_s: float, phase_s: float, action: Callable[[], None]) -> None:
        period, first = round(period_s * NS), self.time_ns + round(phase_s * NS)

        def again(k: int) -> None:
            action()
            self._at(first + (k + 1) * period, lambda: again(k + 1))

        self._at(first, lambda: again(0))

    # Operator. ----------------------------------------------------------------------------------------------------

    def enable(self) -> tuple[bool, str]:
        """Enable; the policy's motion begins anew from where the robot stands."""
        accepted, message = self.governor.enable(self.now_ns, True)
        if accepted:
            self._began_ns, self._base = self.time_ns, self.position
        return accepted, message

    def commands(self) -> tuple[Array, Array]:
        """Times (s, true) and commands (N, n) as they left the governor."""
        sent = [(t.time_ns / NS, t.decision.command) for t in self.ticks if t.decision.command is not None]
        return np.array([when for when, _ in sent]), np.array([command for _, command in sent])

    # Sources. -----------------------------------------------------------------------------------------------------

    def corrupt(self, stream: str, maker: Maker | None) -> None:
        """Begin, or with None end, the corruption of a stream; every source in it is corrupted on its own."""
        self._corruptions = {key: each for key, each in self._corruptions.items() if key.partition("/")[0] != stream}
        self._makers.pop(stream, None)
        if maker is not None:
            self._makers[stream] = maker

    def _send(self, source: str, original: Sample, receive: Callable[[Sample], None]) -> None:
        maker = self._makers.get(source.partition("/")[0])
        if maker is not None and source not in self._corruptions:
            self._corruptions[source] = maker()
        corruption = self._corruptions.get(source)
        for delay_ns, sample in [(0, original)] if corruption is None else corruption(original):

            def arrive(sample: Sample = sample) -> None:
                self.delivered[source].append(Delivered(self.time_ns, sample, original))
                receive(sample)

            if delay_ns > NS // 1000:
                self._at(self.time_ns + delay_ns, arrive)
            else:
                arrive()

    def _by_name(self, sample: Sample) -> Array:
        """Values in contract order, as every message reader takes them; as they are where joints are missing."""
        names = sample.names
        if sorted(names) != sorted(self.plant.joints):
            return sample.values
        return sample.values[..., [names.index(joint) for joint in self.plant.joints]]

    def _send_joints(self) -> None:
        self.position = self._wanted

        def receive(sample: Sample) -> None:
            values, stamp_ns = self._by_name(sample), sample.stamp_ns
            if values.shape == self.position.shape:
                self.reported = values
            self.governor.on_joint_state(self.now_ns, JointSample(stamp_ns, values, np.zeros(values.shape)))
            for term in self.plant.terms:
                if term.message_type == JOINT_STATE:
                    value = values if term.field == "position" else np.zeros(values.shape)
                    self.governor.on_observation(self.now_ns, term.name, stamp_ns, value)

        self._send("joints", Sample(self.now_ns, self.position, tuple(self.plant.joints)), receive)

    def _send_objects(self) -> None:
        for source, terms in self._sources.items():
            values = UPRIGHT if source == "imu" else self.plant.values[terms[0].name]

            def receive(sample: Sample, terms: Sequence[ObservationTerm] = terms) -> None:
                for term in terms:
                    value = read_term(term, sample.values)
                    self.governor.on_observation(self.now_ns, term.name, sample.stamp_ns, value)

            self._send(source, Sample(self.now_ns, values), receive)

    def _plan(self) -> None:
        """The policy's chunk and the monitor's verdict on the observation of this instant."""
        stamp, plant = self.now_ns, self.plant
        self._sequence += 1
        sequence = self._sequence
        active = self.governor.state in (State.ACTIVE, State.DEGRADED)
        if self._began_ns is None or not active:
            self._base = self.position  # a policy that sees where the robot stands
        phase: Array = np.zeros(plant.horizon)
        if self._began_ns is not None and active and self.moving:
            since_s = (self.time_ns - self._began_ns) / NS
            phase = np.asarray(since_s + plant.step_s * np.arange(plant.horizon), dtype=np.float64)
        share = 0.5 * (1.0 - np.cos(2.0 * np.pi * phase / SWING_S))
        values = np.clip(self._base + share[:, None] * self._swing, self._low, self._high)

        def chunk(sample: Sample) -> None:
            step_ns = round(plant.step_s * NS)
            values = self._by_name(sample)
            self.governor.on_chunk(self.now_ns, ActionChunk(sample.stamp_ns, step_ns, values, sequence))
            for term in self.plant.terms:
                if term.own_action:
                    self.governor.on_observation(self.now_ns, term.name, sample.stamp_ns, values[0])

        def verdict(sample: Sample) -> None:
            alarm = Alarm(sample.stamp_ns, sample.alarming, {"score": float(sample.values[0])})
            self.governor.on_alarm(self.now_ns, alarm)

        def publish() -> None:
            self._send("chunks", Sample(stamp, values, tuple(plant.joints)), chunk)
            self._send("alarms", Sample(stamp, np.array([0.3])), verdict)

        self._at(self.time_ns + round(INFERENCE_S * NS), publish)

    def _tick(self) -> None:
        if self.time_ns < self.stalled_until_ns:
            return
        decision = self.governor.tick(self.now_ns)
        self.ticks.append(Tick(self.time_ns, decision, self.reported, self._last_command))
        if decision.command is None:
            return
        self._last_command = decision.command

        def obey(sample: Sample) -> None:
            if sample.values.shape == self._wanted.shape:  # as a forward_command_controller
                self._wanted = sample.values

        self._send("commands", Sample(self.now_ns, decision.command), obey)

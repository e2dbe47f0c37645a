"""The governor: one object that turns what it has heard into one command per control period.

Order of a tick (design section 7): clock -> freshness, finiteness and ranges -> chunk lookup at the control instant ->
distance of the command to the robot -> alarm and monitor -> temporal logic on trace and chunk -> supervisor table ->
limits and filter, or backup -> independent envelope check -> command. A fault found in a tick changes the command of
that same tick.

Commands are None until motion is first enabled and after a category 0 or 1 stop (the node then publishes nothing and
the drive may drop power); after a category 2 stop the rest position is commanded for as long as the state lasts.
Joint positions only; other action modes are refused by the node that owns the bundle.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import numpy as np

from policy_nodes.bundle.manifest import ObservationTerm
from policy_nodes.safety.alarms import AlarmWatch
from policy_nodes.safety.attitude import AttitudeWatch
from policy_nodes.safety.backup import Home, JerkLimitedStop
from policy_nodes.safety.black_box import BlackBox
from policy_nodes.safety.chunks import ChunkForm, ChunkWatch, Wanted
from policy_nodes.safety.clock import TickClock
from policy_nodes.safety.commander import Commander
from policy_nodes.safety.config import SafetyConfig
from policy_nodes.safety.decision import Decision, decision_of
from policy_nodes.safety.distances import moving_joint, too_far, tracking_lost
from policy_nodes.safety.effort import EffortWatch
from policy_nodes.safety.filter.safety_filter import Infeasible
from policy_nodes.safety.fit import check_fit
from policy_nodes.safety.limits import Array
from policy_nodes.safety.reasons import Reason
from policy_nodes.safety.recoverability import NotRecoverable
from policy_nodes.safety.status import describe
from policy_nodes.safety.stl.layer import SpecificationLayer
from policy_nodes.safety.supervisor import Action, State, Supervisor
from policy_nodes.safety.watch import Fault, JointWatch, SignalWatch
from policy_nodes.types import ActionChunk, Alarm, JointSample


class Governor:
    """Supervisor, watches, limiter and backups of one robot. Thread-safe; holds no clock.

    Args:
        config: limits and reactions (``safety.yaml``).
        joints: joint names in command order, from the bundle.
        terms: observation terms of the bundle's contract.
        control_period_s: time between ticks, s.
        chunk_period_s: time between chunks (execution horizon x step), s.
        monitor_required: a silent failure monitor stops the robot.
        chunk_form: points and step of the contract's chunks; None takes any.

    Raises:
        ConfigError: limits are missing, superfluous or in another order than ``joints``, or a period is not positive.
    """

    def __init__(
        self,
        config: SafetyConfig,
        joints: Sequence[str],
        terms: Sequence[ObservationTerm],
        control_period_s: float,
        chunk_period_s: float,
        monitor_required: bool,
        chunk_form: ChunkForm | None = None,
    ) -> None:
        check_fit(config, list(joints), control_period_s, chunk_period_s)
        self._config = config
        self._lock = threading.RLock()
        self._supervisor = Supervisor(config)
        self._joint = JointWatch(config)
        self._terms = {term.name: SignalWatch.of_term(term, config) for term in terms}
        self._chunks = ChunkWatch(config, len(config.joints), control_period_s, chunk_period_s, chunk_form)
        self._alarms = AlarmWatch(config, monitor_required)
        self._clock = TickClock(control_period_s, config.clock_jump_s)
        self._commander = Commander(config, control_period_s, terms)
        self._specifications = SpecificationLayer(config.temporal_logic, joints, terms, control_period_s)
        self._effort = EffortWatch(config.joints, config.effort_debounce)
        self._attitude = AttitudeWatch(config.attitude)
        self.black_box = BlackBox(config.black_box_s, control_period_s, joints, [term.name for term in terms])
        self._rivals = ""
        self._estop_held = False
        self._ticks = self._clean_ticks = self._limited_ticks = self._unknown_terms = 0
        self._used_backup: str | None = None
        self._error = ""

    # What the node has heard. Nothing of it raises: a failure in here is INTERNAL_ERROR. ------------------------------

    def on_joint_state(self, now_ns: int, sample: JointSample) -> Reason | None:
        """Store a joint state in contract order; the reason if it was rejected."""

        def take() -> Reason | None:
            refused = self._joint.joint_sample(now_ns, sample)
            if refused is None:
                self._effort.sample(sample.effort)
            self.black_box.joint_state(now_ns, sample, refused)
            return refused

        return self._take(now_ns, take)

    def on_observation(self, now_ns: int, term_name: str, stamp_ns: int, value: np.ndarray) -> Reason | None:
        """Store the raw value (n,) of one observation term; the reason if it was rejected. Counts unknown names."""

        def take() -> Reason | None:
            watch = self._terms.get(term_name)
            if watch is None:
                self._unknown_terms += 1
                return None
            refused = watch.sample(now_ns, stamp_ns, value)
            self.black_box.term(now_ns, term_name, stamp_ns, value, refused)
            return refused

        return self._take(now_ns, take)

    def on_chunk(self, now_ns: int, chunk: ActionChunk) -> Reason | None:
        """Store a chunk; the reason if it was rejected, in which case the previous one stays in use."""

        def take() -> Reason | None:
            refused = self._chunks.offer(now_ns, chunk, self._supervisor.state in (State.ACTIVE, State.DEGRADED))
            self.black_box.chunk(now_ns, chunk, refused)
            return refused

        return self._take(now_ns, take)

    def on_malformed_chunk(self, now_ns: int) -> Reason:
        """Count a message that could not even be read as a chunk; the previous chunk stays in use."""
        with self._lock:
            self._note(now_ns, lambda: self.black_box.chunk(now_ns, None, Reason.CHUNK_MALFORMED))
            return self._chunks.reject(Reason.CHUNK_MALFORMED)

    def on_alarm(self, now_ns: int, alarm: Alarm) -> None:
        """Store a verdict of the failure monitor; also a heartbeat."""

        def take() -> None:
            self._alarms.verdict(now_ns, alarm)
            self.black_box.alarm(now_ns, alarm)

        self._take(now_ns, take)

    def on_monitor_heartbeat(self, now_ns: int) -> None:
        """The failure monitor is alive."""
        with self._lock:
            self._alarms.heartbeat(now_ns)

    def on_rivals(self, rivals: Sequence[str]) -> None:
        """Names of other nodes that publish commands to the robot at present; empty when there are none."""
        with self._lock:
            self._rivals = ", ".join(rivals)

    def fail(self, now_ns: int, text: str) -> None:
        """Stop the robot because a part of the safety layer failed: INTERNAL_ERROR, latched."""
        with self._lock:
            self._error = text
            try:
                self._apply(now_ns, Fault(Reason.INTERNAL_ERROR, text))
            except Exception as error:
                self._cut(now_ns, error)

    def _take(self, now_ns: int, take: Callable[[], Reason | None]) -> Reason | None:
        with self._lock:
            try:
                return take()
            except Exception as error:
                self.fail(now_ns, f"{type(error).__name__}: {error}")
                return Reason.INTERNAL_ERROR

    def _note(self, now_ns: int, record: Callable[[], None]) -> None:
        """Write into the black box; that it cannot is INTERNAL_ERROR and holds up nothing."""
        try:
            record()
        except Exception as error:
            self.fail(now_ns, f"black box: {type(error).__name__}: {error}")

    def _cut(self, now_ns: int, error: Exception) -> None:
        """The stop itself failed: nothing that could be commanded has been checked, so nothing is commanded."""
        self._error += f"; then {type(error).__name__}: {error}"
        self._supervisor.cut(now_ns, Reason.INTERNAL_ERROR, self._error)
        self._commander.rest = None

    # What the operator asks. -------------------------------------------------------------------------------------

    def estop(self, now_ns: int, held: bool = False) -> None:
        """Emergency stop, latched. With ``held`` a reset is refused until :meth:`release_estop`."""
        with self._lock:
            self._estop_held = self._estop_held or held
            self._at_once(now_ns, Fault(Reason.ESTOP, "pressed"))
            self._note(now_ns, lambda: self.black_box.event(now_ns, "emergency stop"))

    def release_estop(self) -> None:
        """The emergency stop button is released; the stop stays latched until a reset."""
        with self._lock:
            self._estop_held = False

    def shutdown(self, now_ns: int) -> None:
        """Begin the stop of a clean shutdown; keep ticking until the state is STOPPED."""
        with self._lock:
            self._at_once(now_ns, Fault(Reason.SHUTDOWN, ""))

    def _at_once(self, now_ns: int, fault: Fault) -> None:
        """A stop that someone ordered; also a backup that goes somewhere ends."""
        try:
            self._apply(now_ns, fault)
            self._stop_going(now_ns)
        except Exception as error:
            self._cut(now_ns, error)

    def enable(self, now_ns: int, on: bool) -> tuple[bool, str]:
        """Let the policy move the robot, or bring it to rest.

        Returns:
            Whether it was done, and a message for the operator naming everything that is missing.
        """
        return self._asked(now_ns, "enable" if on else "disable", lambda: self._enable(now_ns, on))

    def _enable(self, now_ns: int, on: bool) -> tuple[bool, str]:
        if not on:
            if not self._stop_going(now_ns):
                self._apply(now_ns, Fault(Reason.OPERATOR_DISABLE, ""))
            return True, f"Disabled; state {self.state.value}."
        if self.state in (State.ACTIVE, State.DEGRADED):
            return True, self._alarms.answer() or "Already enabled."
        missing = self._missing_for_enable(now_ns)
        # Where the robot is held under power its last command continues, so that nothing jumps.
        start = self._standing
        if missing or start is None:
            return False, "Cannot enable: " + "; ".join(missing) + "."
        self._alarms.answer()  # a question of an earlier motion
        self._commander.begin(start)
        self._apply(now_ns, Fault(Reason.OPERATOR_ENABLE, ""))
        return True, "Enabled."

    def reset(self, now_ns: int) -> tuple[bool, str]:
        """Acknowledge a latched stop; refused while its cause persists.

        Returns:
            Whether it was done, and a message for the operator naming everything that is missing.
        """
        return self._asked(now_ns, "reset", lambda: self._reset(now_ns))

    def _reset(self, now_ns: int) -> tuple[bool, str]:
        if self.state is not State.STOPPED:
            return False, f"Nothing to reset in state {self.state.value}."
        missing = [fault.detail for fault in self._signal_faults(now_ns)]
        if self._estop_held:
            missing.append("the emergency stop button is still pressed")
        cause = self._supervisor.reason
        if cause is Reason.CHUNK_EXHAUSTED and self._chunks.at(now_ns) is None:
            missing.append(f"{self._chunks.exhausted(now_ns).detail}; is policy_node running?")
        # A predicted failure refuses enabling, not the reset: from where the robot stands, home is the way out.
        blocking = {Reason.MONITOR_LOST: self._alarms.lost(now_ns)}
        if cause is Reason.SPECIFICATION_VIOLATED:
            # Acknowledged: what happened is forgotten; what still is wrong shows in the present sample.
            self._specifications.restart()
            self._observe([])
            blocking[cause] = next(iter(self._specifications.faults()), None)
        if cause is Reason.FILTER_INFEASIBLE:
            blocking[cause] = self._breach(self._standing)
        if cause is not None and (still := blocking.get(cause)) is not None:
            missing.append(f"{still.reason.value}: {still.detail}")
        if missing:
            return False, "Cannot reset: " + "; ".join(missing) + "."
        self._apply(now_ns, Fault(Reason.OPERATOR_RESET, ""))
        return True, "Reset; READY."

    def move_home(self, now_ns: int) -> tuple[bool, str]:
        """Begin the way from READY to the home position, back to READY; faults, a disable and the filter end it.

        Returns:
            Whether it was begun, and a message for the operator naming everything that is missing.
        """
        return self._asked(now_ns, "move home", lambda: self._move_home(now_ns))

    def _move_home(self, now_ns: int) -> tuple[bool, str]:
        missing, start = self._missing_for_motion(now_ns), self._standing
        if not missing and start is not None:
            self._commander.begin(start)
            problem = self._commander.cannot_begin(Home.name, self._values())
            missing = [] if problem is None else [problem]
        if missing or start is None:
            return False, "Cannot move home: " + "; ".join(missing) + "."
        self._commander.start_backup(now_ns, Home.name)
        self._apply(now_ns, Fault(Reason.OPERATOR_HOME, ""))
        return True, "Moving home."

    def _asked(self, now_ns: int, what: str, act: Callable[[], tuple[bool, str]]) -> tuple[bool, str]:
        """Do what the operator asks and note it; a failure in here is INTERNAL_ERROR."""
        with self._lock:
            try:
                done, message = act()
            except Exception as error:
                self.fail(now_ns, f"{type(error).__name__}: {error}")
                done, message = False, f"internal error: {self._error}"
            self._note(now_ns, lambda: self.black_box.event(now_ns, f"{what}: {message}"))
            return done, message

    # The control period. -----------------------------------------------------------------------------------------

    @property
    def state(self) -> State:
        """Present state."""
        return self._supervisor.state

    @property
    def reason(self) -> Reason | None:
        """Cause of the present state, None in READY and ACTIVE."""
        return self._supervisor.reason

    @property
    def moving(self) -> bool:
        """Whether commands may still move the robot: ACTIVE, DEGRADED or BACKUP."""
        return self.state in (State.ACTIVE, State.DEGRADED, State.BACKUP)

    def tick(self, now_ns: int) -> Decision:
        """One control period. Never raises: an internal error is INTERNAL_ERROR and stops the robot."""
        with self._lock:
            self._ticks += 1
            decision = self._guarded_tick(now_ns)
            self._note(now_ns, lambda: self.black_box.decision(decision))
            return decision

    def _guarded_tick(self, now_ns: int) -> Decision:
        try:
            return self._tick(now_ns)
        except Exception as error:
            self._error = f"{type(error).__name__}: {error}"
        try:
            self._apply(now_ns, Fault(Reason.INTERNAL_ERROR, self._error))
            return self._decide(now_ns, self._command(now_ns, None), None)
        except Exception as error:
            self._cut(now_ns, error)
            return self._decide(now_ns, None, None)

    def status(self) -> dict[str, str]:
        """Everything an operator may want to see, as text for ``/diagnostics``."""
        with self._lock:
            counters = {
                "ticks": self._ticks, "limited_ticks": self._limited_ticks, "ignored_alarms": self._alarms.ignored,
                "unknown_observations": self._unknown_terms, **self._commander.counters,
            }  # fmt: skip
            watches, seen_ns = [self._joint, *self._terms.values()], self._clock.last_ns or 0
            text = describe(self._supervisor, watches, self._chunks, counters, seen_ns, self._error)
            return text | self._specifications.status()

    def _tick(self, now_ns: int) -> Decision:
        jump = self._clock.advance(now_ns)
        now_ns = self._clock.steady_ns
        faults = self._signal_faults(now_ns) if jump is None else [jump, *self._signal_faults(now_ns)]
        self._observe(faults)
        wanted: Wanted | None = None
        if self.state in (State.ACTIVE, State.DEGRADED):
            wanted = self._chunks.at(self._clock.lookup_ns)
            faults += self._policy_faults(now_ns, wanted)
            if not faults and self.state is State.DEGRADED:
                self._apply(now_ns, Fault(Reason.POLICY_RECOVERED, ""))
        elif self._going:
            faults += self._tracking()
            if any(fault.reason is not self._supervisor.reason for fault in faults):
                self._stop_going(now_ns)
        if faults:
            worst = self._supervisor.worst(fault.reason for fault in faults)
            self._apply(now_ns, next(fault for fault in faults if fault.reason is worst))
        self._clean_ticks = 0 if faults else self._clean_ticks + 1
        if self.state is State.INIT and self._clean_ticks >= self._config.enable_clean_ticks:
            self._apply(now_ns, Fault(Reason.SIGNALS_READY, ""))
        return self._decide(now_ns, self._command(now_ns, wanted), wanted)

    def _signal_faults(self, now_ns: int) -> list[Fault]:
        found = [self._joint.fault(now_ns), *[watch.fault(now_ns) for watch in self._terms.values()]]
        found += [self._effort.fault(), self._attitude.fault(self._values())]
        fresh = found[0] is None and self._joint.value is not None and self._joint.velocity is not None
        self._commander.measured = (self._joint.value, self._joint.velocity) if fresh else None  # type: ignore[assignment]
        if self._rivals:
            found.append(Fault(Reason.RIVAL_COMMANDER, f"{self._rivals} also commands the robot"))
        return [fault for fault in found if fault is not None]

    def _values(self) -> dict[str, Array]:
        """Last good value of every observation term that was received."""
        return {name: watch.value for name, watch in self._terms.items() if watch.value is not None}

    @property
    def _standing(self) -> Array | None:
        """Where the robot stands: held under power, or as measured."""
        return self._joint.value if self._commander.rest is None else self._commander.rest

    def _breach(self, position: Array | None) -> Fault | None:
        text = None if position is None else self._commander.breach(position, self._values())
        return None if text is None else Fault(Reason.FILTER_INFEASIBLE, text)

    def _observe(self, faults: list[Fault]) -> None:
        """One sample of the executed trace for the specifications; a trace with a gap starts again."""
        motion, joint = self._commander.motion, self._joint
        # After a category 0 or 1 stop nothing is commanded: the robot may be moved without being off its command.
        in_force = self.moving or self._commander.rest is not None
        command = motion.position if motion is not None and in_force else None
        self._specifications.update(bool(faults), joint.value, joint.velocity, command, self._values())

    def _policy_faults(self, now_ns: int, wanted: Wanted | None) -> list[Fault]:
        motion = self._commander.motion
        found = [self._chunks.late(now_ns), self._alarms.lost(now_ns), self._alarms.in_motion(now_ns)]
        if wanted is None:
            found.append(self._chunks.exhausted(now_ns))
        elif motion is not None:
            found.append(too_far(self._config, wanted.position, motion.position))
        if motion is not None:
            ahead = self._chunks.ahead(self._clock.lookup_ns) if self._specifications.predicts else None
            found += [*self._tracking(), *self._specifications.faults(motion.position, ahead)]
        return [fault for fault in found if fault is not None]

    def _tracking(self) -> list[Fault]:
        motion = self._commander.motion
        return tracking_lost(self._config, None if motion is None else motion.position, self._joint.value)

    @property
    def _going(self) -> bool:
        """Whether a backup is under way that does more than bring the robot to rest."""
        return self.state is State.BACKUP and self._commander.going_somewhere

    def _stop_going(self, now_ns: int) -> bool:
        """Give up a backup that goes somewhere for the stop; whether there was one."""
        if going := self._going:
            self._commander.start_backup(now_ns, JerkLimitedStop.name)
        return going

    def _missing_for_motion(self, now_ns: int) -> list[str]:
        missing = self._supervisor.not_ready + [fault.detail for fault in self._signal_faults(now_ns)]
        joint = moving_joint(self._config, self._joint.velocity)
        return missing if joint is None else [*missing, f"joint '{joint}' is moving"]

    def _missing_for_enable(self, now_ns: int) -> list[str]:
        missing = self._missing_for_motion(now_ns)
        found = [self._alarms.lost(now_ns), self._attitude.fault(self._values(), enabling=True)]
        if self._config.alarm_reaction not in ("warn", "slow"):
            found.append(self._alarms.alarm())
        wanted, measured = self._chunks.at(now_ns), self._joint.value
        if wanted is None:
            found.append(self._chunks.exhausted(now_ns))
        elif measured is not None:
            found.append(too_far(self._config, wanted.position, measured))
        if not missing:
            found.append(self._breach(self._standing))
        warning = Reason.SPECIFICATION_WARNING
        violated = self._specifications.faults(measured, self._chunks.ahead(now_ns))
        found += [fault for fault in violated if fault.reason is not warning]
        missing += [f"{fault.reason.value}: {fault.detail}" for fault in found if fault is not None]
        return missing

    def _apply(self, now_ns: int, fault: Fault) -> None:
        """Tell the supervisor, and start what its action needs."""
        supervisor = self._supervisor
        before = supervisor.action
        if not supervisor.apply(now_ns, fault.reason, fault.detail):
            self._release(now_ns, fault)
            return
        reaction = self._config.stop_reaction(fault.reason)
        if supervisor.action is Action.REST and reaction.stop_category != 2:
            self._commander.rest = None
        going = before is Action.BACKUP and self._going
        if (going or before in (Action.FOLLOW, Action.PAUSE)) and supervisor.action is Action.BACKUP:
            self._commander.start_backup(now_ns, reaction.backup)
        if before is Action.FOLLOW and supervisor.action is Action.PAUSE:
            self._commander.start_backup(now_ns, JerkLimitedStop.name)
        if before is Action.BACKUP and not going:
            self._release(now_ns, fault)

    def _release(self, now_ns: int, fault: Fault) -> None:
        """A robot that falls during a stop must not be held stiffly in whatever pose its backup asks for."""
        backup = self._config.stop_reaction(fault.reason).backup
        other = self._supervisor.action is Action.BACKUP and self._commander.backup_name != backup
        if fault.reason is Reason.FALLEN and other:
            self._commander.start_backup(now_ns, backup)

    def _command(self, now_ns: int, wanted: Wanted | None) -> Array | None:
        commander = self._commander
        self._used_backup = None
        if self._supervisor.action is Action.FOLLOW and wanted is not None:
            try:
                return commander.follow(wanted, self._values(), self._alarms.speed)
            except Infeasible as error:
                self._apply(now_ns, Fault(Reason.FILTER_INFEASIBLE, str(error)))
            except NotRecoverable as error:
                self._apply(now_ns, Fault(Reason.NOT_RECOVERABLE, str(error)))
        action = self._supervisor.action
        if action is Action.REST:
            return commander.rest
        command, at_rest = commander.back_up(now_ns, self._values())
        self._used_backup = commander.backup_name
        if at_rest and action is Action.BACKUP:
            commander.rest = command if self._supervisor.stop_category == 2 else None
            end = Reason.BACKUP_FINISHED if self._supervisor.latched else Reason.DISABLED_AT_REST
            self._apply(now_ns, Fault(end, ""))
        return command

    def _decide(self, now_ns: int, command: Array | None, wanted: Wanted | None) -> Decision:
        asked = None if wanted is None else wanted.position
        decision = decision_of(self._supervisor, now_ns, command, asked, self._used_backup)
        self._limited_ticks += decision.limited
        return decision

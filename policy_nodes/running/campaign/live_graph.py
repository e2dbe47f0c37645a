"""The live nodes between trials: started, scheduled, healed, and started anew when a trial left them damaged."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType

from policy_nodes.bundle.load import Bundle, load_bundle
from policy_nodes.errors import KeelError
from policy_nodes.launching.priority import prefer, schedule_real_time
from policy_nodes.nodes.operator import Operator
from policy_nodes.running.campaign.ledger import Ledger
from policy_nodes.running.campaign.machine import StallWatch
from policy_nodes.running.campaign.phases import LivePhase, Twist
from policy_nodes.running.episodes import STOPPING
from policy_nodes.running.session import RunError, Session, open_session
from policy_nodes.running.walk import command_topic

READY_S = 60.0
"""Longest start of the nodes; they take 5 s on a quiet machine."""
REVIVE_S = 30.0
REST_S = 8.0
"""Longest way to rest: a walking robot sits down."""
RESET_S = 6.0
ENABLE_S = 2.0
PLANS = 3
"""Chunks that must have followed a change of scene before the policy may move: its history is of the new scene then."""
PLANS_S = 3.0
FRESH_PHASE_S = 2.0
"""A policy that moves already since the last trial may be past the phase; a new scene is quicker then."""
FRESH_S = 0.3
FRESH_SHARE = 0.5
"""Over :data:`FRESH_S`, at least this share of the nominal joint states must arrive."""
JOINT_STATES_HZ = 100.0
DRIVE_S = 0.1
UPSTREAM = "/upstream"
PRIORITIES = {"sim_node": 3, "fault_node": 3, "safety_node": 2}
"""SCHED_RR priorities, 1 for all others: a robot and its wire do not share the machine of the nodes, and a policy that
plans for long must not delay the safety node. The witness of stalls waits like the safety node."""


class LiveGraph:
    """Nodes of one kind of trials. Use as a context manager; raises what ``open_session`` raises.

    Args:
        bundle: copied bundle, which the nodes read.
        launch: launch file.
        arguments: of the launch file.
        logs: directory for the nodes' logs.
        real_time: schedule the nodes before ordinary work, where the system permits it.
    """

    def __init__(
        self, bundle: Path, launch: Path, arguments: Mapping[str, str], logs: Path, real_time: bool = True
    ) -> None:
        self._path, self._launch, self._arguments, self._logs = bundle, launch, dict(arguments), logs
        self._wants_real_time = real_time
        self._stack = ExitStack()
        self._session: Session | None = None
        self._deadline = float("inf")
        self._lost: frozenset[str] = frozenset()
        self.bundle: Bundle = load_bundle(bundle)
        self.scheduling = "ordinary priority"
        self.starts = 0
        self.fresh = False
        """The policy moves in a new scene that no fault has touched."""

    def __enter__(self) -> LiveGraph:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def session(self) -> Session:
        """The running session."""
        assert self._session is not None
        return self._session

    @property
    def operator(self) -> Operator:
        """Who talks to the nodes."""
        return self.session.operator

    def start(self) -> None:
        """Start every node anew and wait until the safety node is READY."""
        self.close()
        self.starts += 1
        stack = ExitStack()
        try:
            self._session = stack.enter_context(
                open_session(self.bundle, self._launch, self._arguments, self._logs / f"start_{self.starts}")
            )
            self._session.require_ready(READY_S)
            self.scheduling = self._schedule(list(self._session.runner.processes))
            if self.scheduling.startswith("real"):
                # What the operator hears must not be late either; its main thread starts processes, and stays ordinary.
                schedule_real_time(os.getpid(), main=False)
            self.stalls = stack.enter_context(
                StallWatch(PRIORITIES["safety_node"] if self.scheduling.startswith("real") else 0)
            )
            self._driver = Driver(self._session)
            stack.callback(self._driver.close)
        except BaseException:
            stack.close()
            self._session = None
            raise
        self._stack, self.fresh = stack, False

    def close(self) -> None:
        """End every node; a second call does nothing."""
        self._stack.close()
        self._stack, self._session = ExitStack(), None

    def watch(self) -> None:
        """To be called during every wait: raises when a node ended that should not, or the trial takes too long."""
        if time.monotonic() > self._deadline:
            raise RunError("the trial took too long.", "read the logs of the nodes.")
        for name, process in self.session.runner.processes.items():
            if process.returncode is not None and name not in self._lost:
                self.session.check_processes()

    def begin(self, seconds: float, lost: str = "") -> None:
        """A trial begins: it may take ``seconds``, and may end the node ``lost``."""
        self._deadline, self._lost = time.monotonic() + seconds, frozenset([lost] if lost else [])

    def reach(self, phase: LivePhase, timeout_s: float, attempts: int = 5) -> None:
        """Bring the robot into a phase of motion, from wherever the last trial left it.

        Raises:
            RunError: it does not come.
        """
        operator, done = self.operator, ("success", "failed")
        for number in range(attempts):
            wait_s = FRESH_PHASE_S if self.fresh else timeout_s
            if not self.fresh:
                self.settle()
                self._scene()
                try:
                    self.session.enable(timeout_s=ENABLE_S)
                except RunError:  # a scene that a monitor or a specification refuses
                    if number == attempts - 1:
                        raise
                    self.session.move_home()
                    continue
            self.fresh = False
            self._driver.twist = phase.drive
            operator.wait_for(
                lambda v: phase.reached(v) or v.episode in done or v.state.state in STOPPING, wait_s, self.watch
            )
            if phase.reached(operator.view):
                return
        state = " ".join(part for part in (operator.view.state.state, operator.view.state.reason) if part)
        raise RunError(f"phase '{phase.name}' was not reached: {state}, episode {operator.view.episode}.", "see logs.")

    def settle(self) -> None:
        """From any state to READY, with fresh joint states.

        Raises:
            RunError: it is not reached.
        """
        operator, session = self.operator, self.session
        self.fresh, self._driver.twist = False, (0.0, 0.0, 0.0)
        if operator.view.state.state in STOPPING:
            self._await("STOPPED", timeout_s=REST_S)
            self._scene()
            session.reset(timeout_s=RESET_S)
        elif operator.view.state.state in ("ACTIVE", "DEGRADED"):
            operator.call("enable", False)
        self._await("READY", timeout_s=REST_S)
        self._require_joint_states()

    def recover(self) -> bool:
        """After a fault is gone: a new scene, reset, enable; whether the policy moves again.

        More than one scene is tried, from home: the failure monitor may rightly refuse one with the robot somewhere on
        its way, and even one seen from home.
        """
        try:
            if self.operator.view.state.state in STOPPING:
                self._await("STOPPED", timeout_s=REST_S)
                self._scene()
                self.session.reset(timeout_s=RESET_S)
            self._enable_somewhere()
            self._await("ACTIVE", timeout_s=2.0)
        except RunError:
            self.watch()
            return False
        self.fresh = True
        return True

    def _enable_somewhere(self, scenes: int = 4) -> None:
        for left in reversed(range(scenes)):
            self._plans()
            try:
                self.session.enable(timeout_s=ENABLE_S)
                return
            except RunError:
                if not left:
                    raise
                self.session.move_home()
                self._scene()

    def revive(self, node: str) -> None:
        """Start a node that was killed; it is scheduled like the others once it is there."""
        diagnostics = self.operator.view.diagnostics
        diagnostics.pop(node, None)
        self.session.runner.restart(node)
        self._lost = frozenset()
        if node == "sim_node":
            before = self.operator.view.joint_states
            self.operator.wait_for(lambda v: v.joint_states > before + JOINT_STATES_HZ * FRESH_S, REVIVE_S, self.watch)
        elif node == "monitor_node":  # silent about its scores until it has judged
            self.operator.wait_for(lambda v: bool(v.diagnostics.get(node)), REVIVE_S, self.watch)
        self._plans(REVIVE_S)
        self._schedule([node])

    def ledger(self) -> Ledger:
        """What the relay delivered since the trial began."""
        return Ledger.from_json(self.operator.call("ledger")[1])

    def _scene(self) -> None:
        operator = self.operator
        before = operator.view.episode_index
        operator.call("new_episode")
        operator.wait_for(lambda v: v.episode_index != before, 2.0, self.watch)
        self._plans()

    def _plans(self, timeout_s: float = PLANS_S) -> None:
        arrivals = self.operator.view.chunk_arrivals_ns
        before = len(arrivals)
        self.operator.wait_for(lambda v: len(v.chunk_arrivals_ns) >= before + PLANS, timeout_s, self.watch)

    def _await(self, *states: str, timeout_s: float) -> None:
        if not self.operator.wait_for(lambda v: v.state.state in states, timeout_s, self.watch):
            what = f"not {' or '.join(states)} after {timeout_s:g} s: {self.session.waiting_for()}"
            raise RunError(f"{what}.", "read the logs of the nodes.")

    def _require_joint_states(self) -> None:
        operator = self.operator
        before = operator.view.joint_states
        operator.pause(FRESH_S, self.watch)
        arrived = operator.view.joint_states - before
        if arrived < FRESH_SHARE * FRESH_S * JOINT_STATES_HZ:
            raise RunError(f"{arrived} joint states in {FRESH_S:g} s.", "the machine is too slow, or sim_node is ill.")

    def _schedule(self, names: list[str]) -> str:
        pids = {name: self.session.pid(name) for name in names}
        if self._wants_real_time and all(
            schedule_real_time(pid, PRIORITIES.get(name, 1)) for name, pid in pids.items()
        ):
            return "real-time priority (SCHED_RR)"
        return "raised priority (nice -10)" if all(prefer(pid) for pid in pids.values()) else "ordinary priority"


class Driver:
    """Publishes the velocity command of a walking robot, as a person with a joystick does.

    Args:
        session: whose bundle may take velocity commands; for others this does nothing.
    """

    def __init__(self, session: Session, call: Callable[[str, float, float, float], None] | None = None) -> None:
        self.twist: Twist = (0.0, 0.0, 0.0)
        self._topic = command_topic(session.bundle.manifest)
        self._drive = call or session.operator.drive
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="driver", daemon=True)
        if self._topic:
            self._thread.start()

    def close(self) -> None:
        """End it."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join(timeout=1.0)

    def _run(self) -> None:
        while not self._over.wait(DRIVE_S):
            with suppress(KeelError):
                self._drive(UPSTREAM + self._topic, *self.twist)

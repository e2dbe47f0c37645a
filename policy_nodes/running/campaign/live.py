"""The campaign on live nodes: every stream passes through ``fault_node``, processes get real signals.

A trial is one fault in one phase of one episode: wait for the phase, inject, watch, heal, reset, enable. Times are ROS
time; when a fault could be known comes from the relay's ledger (:mod:`.moments`), when it was answered from the stamp
of the safety node's decision, and the limits from the commands that the recorder saw. The wire and the scheduler of
this machine are part of every live figure.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from policy_nodes.bundle.load import Bundle, load_bundle
from policy_nodes.errors import KeelError
from policy_nodes.nodes.operator import StateEvent, View
from policy_nodes.running.campaign import moments
from policy_nodes.running.campaign.catalogue import Case, Load, Order, Process, Shows, Stall, Stream
from policy_nodes.running.campaign.verdict import STOPPING, Seen, Verdict, expected, judge
from policy_nodes.running.episodes import new_scene, start_episode
from policy_nodes.running.faults import approaching, carrying
from policy_nodes.running.reactions import limit_use
from policy_nodes.running.session import Session, open_session
from policy_nodes.safety.config import SafetyConfig, load_safety_config

NS = 1_000_000_000
PHASES: dict[str, Callable[[View], bool]] = {
    "start": lambda view: view.state.state == "ACTIVE",
    "approach": approaching,
    "carry": carrying,
}
PHASE_TIMEOUT_S = 12.0
WATCH_S, WATCH_DISTANCE_S, SETTLE_S = 1.2, 4.0, 0.4
ATTEMPTS = 3
"""Episodes in which the phase may come, and in which a tolerated fault may meet an unrelated alarm of the monitor."""
UNRELATED = "FAILURE_PREDICTED"
"""The failure monitor has false alarms by construction (its quantile); one of them is no verdict on another fault."""
HOG_BYTES = 1 << 30
RIVALS_S = 0.1
"""Period at which the safety node looks at the graph for rivals: part of when one can be known."""


@dataclass
class Trial:
    """What was done and seen live, before the recorder's trace is at hand; stamps are ROS time (ns)."""

    case: Case
    phase: str
    injected_ns: int
    observable_ns: int | None
    stop: StateEvent | None
    end_ns: int
    state: str
    speed: float
    recovered: bool
    failure: str = ""
    """Why the trial could not be carried out."""


def run_campaign(
    bundle: Bundle,
    cases: Sequence[Case],
    phases: Sequence[str],
    launch: Path,
    arguments: dict[str, str],
    directory: Path,
    allowed_periods: float,
    news: Callable[[str], None],
) -> Iterator[Verdict]:
    """Verdicts of every live case in every phase; cases that end a node get a session of their own, in one phase."""
    lasting = [(case, phase) for case in cases for phase in phases if case.live and not case.restarts]
    once = [[(case, phases[-1])] for case in cases if case.live and case.restarts]
    for number, group in enumerate(([lasting] if lasting else []) + once):
        place = directory / f"session_{number}"
        # The nodes run from a copy, so that it can be swapped under them.
        copy = place / bundle.path.name
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(bundle.path, copy)
        given = {**arguments, "bundle": str(copy.resolve()), "record_directory": str(place.resolve())}
        trials: list[Trial] = []
        with open_session(load_bundle(copy), launch, given, place / "logs") as session:
            session.require_ready()
            for case, phase in group:
                trials.append(_trial(session, case, phase))
                news(_line(trials[-1]))
        yield from _verdicts(bundle, trials, place, allowed_periods)


def _trial(session: Session, case: Case, phase: str) -> Trial:
    for attempt in range(ATTEMPTS):
        try:
            trial = _attempt(session, case, phase)
        except KeelError as error:
            if not case.restarts:
                session.check_processes()  # a node that ended is no trial that failed
            trial = Trial(case, phase, 0, None, None, 0, "", 0.0, False, failure=error.cause)
            continue
        unrelated = trial.stop is not None and trial.stop.reason == UNRELATED and not _expects_alarm(case)
        if not unrelated or attempt == ATTEMPTS - 1:
            break
    return trial


def _expects_alarm(case: Case) -> bool:
    return any(reason.name == UNRELATED for reason in case.reasons)


def _attempt(session: Session, case: Case, phase: str) -> Trial:
    operator, watched = session.operator, None if case.restarts else session.check_processes
    _await_phase(session, phase)
    safety = load_safety_config(session.bundle.file("safety.yaml"))
    first = len(operator.view.events)
    injected = operator.now_ns()
    with _injected(session, case) as moment:
        watch_s = WATCH_DISTANCE_S if case.shows is Shows.DISTANCE else WATCH_S
        operator.wait_for(lambda v: v.state.state in STOPPING or _ended(v, case), watch_s, watched)
        if operator.view.state.state in STOPPING:
            operator.wait_for(lambda v: v.state.state == "STOPPED", 3.0, watched)
        operator.pause(SETTLE_S, watched)
        events, end = operator.view.events[first:], operator.now_ns()
        observable = _observable(session, case, injected, end, safety, moment)
    stop = next((event for event in events if event.state in STOPPING or _left(event, case)), None)
    view = operator.view
    # A robot that is gone says nothing of its speed; its commands are judged all the same.
    speed = float(np.abs(view.joint_velocity).max()) if _robot_speaks(case) else 0.0
    state = view.state.state
    recovered = True if case.restarts else _recover(session)
    return Trial(case, phase, injected, observable, stop, end, state, speed, recovered)


def _ended(view: View, case: Case) -> bool:
    return not case.latches and view.state.state == "READY"


def _left(event: StateEvent, case: Case) -> bool:
    return not case.latches and event.state == "READY"


def _robot_speaks(case: Case) -> bool:
    if isinstance(case.inject, Process):
        return case.inject.node != "sim_node"
    return not (isinstance(case.inject, Stream) and case.inject.name == "joints")


def _await_phase(session: Session, phase: str) -> None:
    """Start episodes until the robot is in the phase."""
    operator, condition = session.operator, PHASES[phase]
    for _ in range(ATTEMPTS):
        start_episode(session)
        operator.wait_for(
            lambda v: condition(v) or v.episode in ("success", "failed") or v.state.state in STOPPING,
            PHASE_TIMEOUT_S,
            session.check_processes,
        )
        if condition(operator.view):
            return
        _recover(session)


def _recover(session: Session) -> bool:
    """Reset and enable after a stop; ends disabled. False when the policy does not move again."""
    operator = session.operator
    try:
        if operator.view.state.state in STOPPING:
            session.wait_state("STOPPED", timeout_s=3.0)
            new_scene(session)
            session.reset()
            operator.pause(0.7, session.check_processes)
            session.enable()
            session.wait_state("ACTIVE", "DEGRADED", timeout_s=2.0)
        session.disable()
    except KeelError:
        session.check_processes()
        return False
    return True


@contextmanager
def _injected(session: Session, case: Case) -> Iterator[list[int]]:
    """The fault is there while the block runs; the list receives moments (ns) from which it could be known."""
    operator, known = session.operator, [0]
    with ExitStack() as stack:
        match case.inject:
            case Stream():
                operator.inject(case.name)
                stack.callback(operator.inject, "")
            case Process(node, number):
                os.kill(session.pid(node), number)
                if number == signal.SIGSTOP:
                    stack.callback(os.kill, session.pid(node), signal.SIGCONT)
            case Stall(seconds):
                os.kill(session.pid("safety_node"), signal.SIGSTOP)
                try:
                    operator.pause(seconds)
                finally:
                    known[0] = operator.now_ns()
                    os.kill(session.pid("safety_node"), signal.SIGCONT)
            case Load(kind):
                stack.enter_context(_hog(kind))
            case Order("estop"):
                known[0] = operator.now_ns()
                operator.call("estop")
            case Order("disable"):
                known[0] = operator.now_ns()
                operator.call("enable", False)
            case Order("rival"):
                stack.enter_context(operator.rival(session.bundle.manifest.actions.command_topic))
                known[0] = operator.now_ns() + round(RIVALS_S * NS)
            case Order("swap_bundle"):
                stack.enter_context(_swapped(session.bundle.path))
        yield known


@contextmanager
def _hog(kind: str) -> Iterator[None]:
    code = {
        "cpu": "while True: pass",
        "memory": f"import time; b = bytearray({HOG_BYTES}); b[::4096] = b'x' * len(b[::4096]); time.sleep(60)",
    }[kind]
    count = (os.cpu_count() or 1) if kind == "cpu" else 1
    processes = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(count)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


@contextmanager
def _swapped(bundle: Path) -> Iterator[None]:
    """Other files under the running nodes; a new start must refuse them.

    Raises:
        RuntimeError: the damaged bundle was accepted.
    """
    names = ("policy.onnx", "safety.yaml")
    saved = {name: (bundle / name).read_bytes() for name in names}
    try:
        for name in names:
            (bundle / name).write_bytes(b"swapped" + saved[name][:1000])
        try:
            load_bundle(bundle)
        except KeelError:
            pass
        else:
            raise RuntimeError("a swapped bundle was accepted")
        yield
    finally:
        for name, data in saved.items():
            (bundle / name).write_bytes(data)


def _observable(
    session: Session, case: Case, injected_ns: int, until_ns: int, safety: SafetyConfig, moment: list[int]
) -> int | None:
    if case.shows is Shows.NEVER:
        return None
    if case.shows is Shows.AT_ONCE:
        return moment[0] or injected_ns
    _, text = session.operator.call("ledger")
    ledger = json.loads(text)
    if case.shows is Shows.DISTANCE:
        return int(ledger["apart_ns"]) or None
    records = {name: [moments.Record(*row) for row in rows] for name, rows in ledger["records"].items()}
    ages = {"joints": safety.joint_state_timeout_s, "alarms": safety.monitor_timeout_s, "commands": 0.0, "chunks": 0.0}
    ages |= {f"objects/{term.name}": term.max_age_s for term in session.bundle.manifest.terms}
    limits = moments.Limits(
        {name: round(seconds * NS) for name, seconds in ages.items()},
        round(safety.extrapolation_limit_s * NS),
        safety.max_rejects,
    )
    return moments.observable(case, records, injected_ns, until_ns, limits)


def _verdicts(bundle: Bundle, trials: Sequence[Trial], place: Path, allowed_periods: float) -> Iterator[Verdict]:
    """Judge with the recorder's trace, which is written when the nodes end."""
    safety = load_safety_config(bundle.file("safety.yaml"))
    period_s = 1.0 / bundle.manifest.timing.control_rate_hz
    trace: dict[str, np.ndarray] = {}
    with suppress(OSError, ValueError), np.load(place / "trace.npz", allow_pickle=False) as archive:
        trace = {name: archive[name] for name in ("command", "command_t", "t0_ns") if name in archive.files}
    for trial in trials:
        stop = trial.stop
        if trial.failure:
            problems = [f"not carried out: {trial.failure}"]
            yield Verdict(trial.case.name, trial.phase, False, problems, expected(trial.case), None, Seen(0.0))
            continue
        seen = Seen(
            injected_s=trial.injected_ns / NS,
            observable_s=None if trial.observable_ns is None else trial.observable_ns / NS,
            state=trial.state,
            at_rest=trial.speed < 0.02,
            recovered=trial.recovered,
        )
        if stop is not None:
            seen = replace(
                seen,
                detected_s=stop.stamp_ns / NS,
                reason=stop.reason.lower(),
                backup=stop.backup,
                category=int(stop.stop_category) if stop.stop_category else None,
                detail=stop.detail,
                limit_use=_limits_used(trace, stop.stamp_ns, trial.end_ns, safety, period_s),
            )
        categories = [safety.stop_reaction(reason).stop_category for reason in trial.case.reasons]
        yield judge(trial.case, trial.phase, True, seen, period_s, allowed_periods, categories)


def _limits_used(
    trace: dict[str, np.ndarray], stop_ns: int, end_ns: int, safety: SafetyConfig, period_s: float
) -> dict[str, float] | None:
    if "command_t" not in trace:
        return None
    first, last = ((when - int(trace["t0_ns"])) / NS for when in (stop_ns, end_ns))
    return limit_use(trace, first, last, safety, period_s)


def _line(trial: Trial) -> str:
    if trial.failure:
        return f"{trial.case.name} in {trial.phase}: not carried out: {trial.failure}"
    found = "went on" if trial.stop is None else f"{trial.stop.reason.lower()} -> {trial.state}"
    return f"{trial.case.name} in {trial.phase}: {found}"

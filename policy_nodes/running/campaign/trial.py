"""One live trial: reach the phase, inject, watch, heal, recover; and its verdict.

Times are ROS time; when a fault could be known comes from the relay's ledger, when it was answered from the stamp of
the safety node's decision, and the limits from the commands that the relay saw. Wire and scheduler of this machine are
part of every figure.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from policy_nodes.nodes.operator import StateEvent, View
from policy_nodes.running.campaign import machine, moments
from policy_nodes.running.campaign.case import Case, Process, Shows
from policy_nodes.running.campaign.injection import injected
from policy_nodes.running.campaign.ledger import Ledger
from policy_nodes.running.campaign.live_graph import LiveGraph
from policy_nodes.running.campaign.moments import NS
from policy_nodes.running.campaign.phases import LivePhase
from policy_nodes.running.campaign.sources import limits_of
from policy_nodes.running.campaign.verdict import STOPPING, Seen, Verdict, excessive, judge
from policy_nodes.running.reactions import REST_SPEED, limit_use, lost_commands
from policy_nodes.safety.config import SafetyConfig, load_safety_config

PHASE_S = 6.0
"""Longest wait for a phase in one scene; a policy that is stuck gets another one."""
WATCH_S, WATCH_DISTANCE_S = 1.0, 4.0
STOP_S = 8.0
REST_S = 1.0
UNRELATED = {
    "failure_predicted": "a false alarm of the failure monitor",
    "not_recoverable": "the policy itself went where the stop would not have been clear",
}
"""Reasons that a scene can bring about without any fault, by the monitor's quantile or by the policy's own motion: no
verdict on another fault."""


class SaysNothing(Exception):
    """The machine starved the graph, or the scene stopped the robot: the trial says nothing about the fault."""


@dataclass(frozen=True)
class Watched:
    """What one attempt showed; stamps are ROS time (ns)."""

    injected_ns: int
    known_ns: int
    end_ns: int
    events: list[StateEvent]
    state: str
    at_rest: bool
    ledger: Ledger


def carry_out(graph: LiveGraph, case: Case, phase: LivePhase, limit_s: float, allowed_periods: float) -> Verdict:
    """One fault in one phase.

    Raises:
        SaysNothing: the machine or the scene, and not the fault, stopped the robot or delayed the reaction.
        KeelError: the phase is not reached, a node ended, or the trial takes longer than ``limit_s``.
    """
    graph.begin(limit_s, case.kills)
    graph.reach(phase, PHASE_S)
    watched = _watch(graph, case)
    if case.kills:
        graph.revive(case.kills)
    safety = load_safety_config(graph.bundle.file("safety.yaml"))
    seen = _seen(graph, case, watched, safety)
    if seen.detected_s is not None:
        seen = replace(seen, recovered=graph.recover())
    categories = [safety.stop_reaction(reason).stop_category for reason in (*case.reasons, *case.may_stop)]
    period_s = 1.0 / graph.bundle.manifest.timing.control_rate_hz
    verdict = judge(case, phase.name, True, seen, period_s, allowed_periods, categories)
    if not verdict.passed:
        _excuse(graph, case, watched, verdict, safety, allowed_periods)
    return verdict


def _watch(graph: LiveGraph, case: Case) -> Watched:
    operator, first = graph.operator, len(graph.operator.view.events)
    manifest = graph.bundle.manifest
    seconds = WATCH_S + manifest.actions.horizon * manifest.actions.step_s
    injected_ns = operator.now_ns()
    operator.inject(case.name)
    try:
        with injected(graph.session, case) as known:
            operator.wait_for(
                lambda v: v.state.state in STOPPING or _ended(v, case),
                WATCH_DISTANCE_S if case.shows is Shows.DISTANCE else seconds,
                graph.watch,
            )
            if operator.view.state.state in STOPPING:
                operator.wait_for(lambda v: v.state.state == "STOPPED", STOP_S, graph.watch)
                rested = not _robot_speaks(case) or operator.wait_for(_rests, REST_S, graph.watch)
            else:
                rested = not _ended(operator.view, case) or operator.wait_for(_rests, REST_S, graph.watch)
            end_ns, state = operator.now_ns(), operator.view.state.state
            events, ledger = operator.view.events[first:], graph.ledger()
    finally:
        operator.inject("")
    return Watched(injected_ns, known[0], end_ns, events, state, rested, ledger)


def _rests(view: View) -> bool:
    return bool(np.abs(view.joint_velocity).max(initial=0.0) < REST_SPEED)


def _ended(view: View, case: Case) -> bool:
    return not case.latches and view.state.state == "READY"


def _robot_speaks(case: Case) -> bool:
    """A robot that is gone says nothing of its speed; its commands are judged all the same."""
    if isinstance(case.inject, Process):
        return case.inject.node != "sim_node"
    return case.stream not in ("joints", "commands")


def _stop(events: list[StateEvent], case: Case) -> StateEvent | None:
    left = (*STOPPING, "READY") if not case.latches else STOPPING
    return next((event for event in events if event.state in left), None)


def _seen(graph: LiveGraph, case: Case, watched: Watched, safety: SafetyConfig) -> Seen:
    manifest, ledger, stop = graph.bundle.manifest, watched.ledger, _stop(watched.events, case)
    observable_ns: int | None = None
    if case.shows is Shows.AT_ONCE:
        observable_ns = watched.known_ns or watched.injected_ns
    elif case.shows is Shows.DISTANCE:
        observable_ns = ledger.apart_ns or None
    elif case.shows is not Shows.NEVER:
        limits = limits_of(safety, manifest.terms)
        observable_ns = moments.observable(case, ledger.records, watched.injected_ns, watched.end_ns, limits)
    seen = Seen(
        injected_s=watched.injected_ns / NS,
        observable_s=None if observable_ns is None else observable_ns / NS,
        state=watched.state,
        at_rest=watched.at_rest,
    )
    if stop is None:
        return seen
    trace, t0 = ledger.trace()
    use = None
    if len(ledger.commands):
        first, last = (stop.stamp_ns - t0) / NS, (watched.end_ns - t0) / NS
        use = limit_use(trace, first, last, safety, 1.0 / manifest.timing.control_rate_hz)
    return replace(
        seen,
        detected_s=stop.stamp_ns / NS,
        reason=stop.reason.lower(),
        backup=stop.backup,
        category=int(stop.stop_category) if stop.stop_category else None,
        detail=stop.detail,
        limit_use=use,
    )


def _excuse(
    graph: LiveGraph, case: Case, watched: Watched, verdict: Verdict, safety: SafetyConfig, allowed_periods: float
) -> None:
    """Raise SaysNothing where a witness says that machine or scene, not the nodes, are the cause of a failed trial."""
    seen, period_s = verdict.seen, 1.0 / graph.bundle.manifest.timing.control_rate_hz
    until_ns = watched.end_ns if seen.detected_s is None else round(seen.detected_s * NS)
    stalled_s = graph.stalls.longest_s(watched.injected_ns, until_ns)
    right = {reason.value for reason in (*case.reasons, *case.may_stop)}
    wrong = seen.detected_s is not None and seen.reason not in right
    if wrong and seen.reason in machine.OF_TIME:
        ages = limits_of(safety, graph.bundle.manifest.terms).max_age_ns
        if text := machine.starved(case, watched.ledger, ages, stalled_s, watched.injected_ns, until_ns):
            raise SaysNothing(f"machine too slow: {seen.reason}, while {text}")
    if seen.detected_s is not None and seen.observable_s is not None and not wrong:
        late_s = seen.detected_s - seen.observable_s - allowed_periods * period_s
        if 0.0 < late_s <= stalled_s:
            raise SaysNothing(f"machine too slow: a late reaction, while it stood still for {1e3 * stalled_s:.0f} ms")
    if verdict.seen.detected_s is not None and excessive(seen.limit_use):
        trace, t0 = watched.ledger.trace()
        lost = lost_commands(trace["command_t"], (until_ns - t0) / NS, (watched.end_ns - t0) / NS, period_s)
        if lost:
            raise SaysNothing(
                f"machine too slow: {lost} commands did not reach the relay, so that limits cannot be judged"
            )
    if wrong and seen.reason in UNRELATED:
        raise SaysNothing(UNRELATED[seen.reason])

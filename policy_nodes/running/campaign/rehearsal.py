"""The campaign on a simulated clock: every rehearsed fault in every phase of motion, in seconds, without processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from policy_nodes.errors import ConfigError
from policy_nodes.running.campaign import moments, streams
from policy_nodes.running.campaign.bench import Bench, Plant
from policy_nodes.running.campaign.case import Case, ClockStep, Order, Process, Shows, Stall, Stream
from policy_nodes.running.campaign.moments import Record
from policy_nodes.running.campaign.sources import limits_of
from policy_nodes.running.campaign.streams import NS
from policy_nodes.running.campaign.verdict import STOPPING, Seen, Verdict, judge
from policy_nodes.running.reactions import limit_use
from policy_nodes.safety.reasons import Reason
from policy_nodes.safety.supervisor import State

WATCH_S, WATCH_DISTANCE_S = 1.3, 2.5
"""How long a fault may take to show and to end in rest; longer for those that show by the distance travelled."""
LONGEST_STOP_S = 8.0
RECOVERY_S = 1.0
REST_RAD = 1e-9


@dataclass(frozen=True)
class Phase:
    """When a fault is injected: seconds after enabling, and whether the policy moves the robot."""

    name: str
    after_s: float
    moving: bool = True


PHASES = {
    phase.name: phase
    for phase in (
        Phase("start", 0.15),
        Phase("full_speed", 1.25),
        Phase("reversal", 2.45),
        Phase("rest", 0.8, moving=False),
    )
}


def rehearse(
    plant: Plant, cases: Sequence[Case], phases: Sequence[str] = tuple(PHASES), allowed_periods: float = 1.0
) -> Iterator[Verdict]:
    """Verdicts of every case in every phase.

    Args:
        plant: the bundle's contract and safety configuration.
        cases: those that are not rehearsed are left out.
        phases: keys of :data:`PHASES`.
        allowed_periods: longest reaction, control periods.
    """
    for case in cases:
        for name in phases if case.rehearsed else ():
            yield trial(plant, case, PHASES[name], allowed_periods)


def trial(plant: Plant, case: Case, phase: Phase, allowed_periods: float = 1.0) -> Verdict:
    """One fault in one phase of motion."""
    bench = Bench(plant, moving=phase.moving)
    bench.run(0.5)
    accepted, message = bench.enable()
    if not accepted:
        raise ConfigError(
            f"the rehearsal's robot cannot be enabled: {message}",
            "it follows joint commands and has no body that stands; inject into the live nodes with --sim",
        )
    bench.run(phase.after_s)
    injected_ns, first = bench.time_ns, len(bench.ticks)
    heal = inject(bench, case)
    bench.run(case.inject.seconds if isinstance(case.inject, Stall) else 0.0)
    bench.run(WATCH_DISTANCE_S if case.shows is Shows.DISTANCE else WATCH_S + plant.horizon * plant.step_s)
    waited = 0.0
    while bench.governor.state is State.BACKUP and waited < LONGEST_STOP_S:  # a walking robot sits down
        bench.run(0.25)
        waited += 0.25
    seen = _seen(bench, case, injected_ns, first)
    if seen.detected_s is not None:
        heal()
        seen = _with_recovery(bench, case, seen)
    categories = [_category(plant, reason) for reason in case.reasons]
    return judge(case, phase.name, phase.moving, seen, plant.period_s, allowed_periods, categories)


def inject(bench: Bench, case: Case) -> Callable[[], None]:
    """Begin a fault; returns what ends it."""
    match case.inject:
        case Stream(name, maker):
            return _corrupt(bench, {name: maker})
        case Process(node, _):
            silent = {"policy_node": ["chunks"], "monitor_node": ["alarms"]}
            return _corrupt(bench, dict.fromkeys(silent.get(node, ["joints", "objects", "commands"]), streams.drop))
        case Stall(seconds):
            bench.stalled_until_ns = bench.time_ns + round(seconds * NS)
            return lambda: None
        case ClockStep(seconds):
            bench.clock_step_ns += round(seconds * NS)
            return lambda: None
        case Order("estop"):
            bench.governor.estop(bench.now_ns)
            return lambda: None
        case Order("disable"):
            bench.governor.enable(bench.now_ns, False)
            return lambda: None
        case Order("rival"):
            bench.governor.on_rivals(["/teleop"])
            return lambda: bench.governor.on_rivals([])
    raise ValueError(f"'{case.name}' cannot be rehearsed")


def _corrupt(bench: Bench, makers: dict[str, streams.Maker]) -> Callable[[], None]:
    for name, maker in makers.items():
        bench.corrupt(name, maker)

    def heal() -> None:
        for name in makers:
            bench.corrupt(name, None)

    return heal


def _category(plant: Plant, reason: Reason) -> int:
    return plant.safety.stop_reaction(reason).stop_category


def _seen(bench: Bench, case: Case, injected_ns: int, first: int) -> Seen:
    ticks = bench.ticks[first:]
    stop = next((tick for tick in ticks if _left_policy(tick.decision.state, case)), None)
    observable_ns = observable(bench, case, injected_ns, first)
    last = bench.ticks[-1].decision
    seen = Seen(
        injected_s=injected_ns / NS,
        observable_s=None if observable_ns is None else observable_ns / NS,
        state=last.state.value,
    )
    if stop is None:
        return seen
    times, commands = bench.commands()
    trace = {"command_t": times, "command": commands}
    use = limit_use(trace, stop.time_ns / NS, bench.time_ns / NS, bench.plant.safety, bench.plant.period_s)
    return Seen(
        injected_s=seen.injected_s,
        observable_s=seen.observable_s,
        detected_s=stop.time_ns / NS,
        state=seen.state,
        reason=stop.decision.reason.value if stop.decision.reason else "",
        backup=stop.decision.backup or "",
        category=stop.decision.stop_category,
        limit_use=use,
        at_rest=len(commands) < 2 or bool(np.abs(commands[-1] - commands[-2]).max() < REST_RAD),
        detail=stop.decision.detail,
    )


def _left_policy(state: State, case: Case) -> bool:
    return state.value in STOPPING or (not case.latches and state is State.READY)


def _with_recovery(bench: Bench, case: Case, seen: Seen) -> Seen:
    """After the fault is gone: a reset is accepted, the policy moves again."""
    bench.run(RECOVERY_S)
    if case.latches:
        accepted, message = bench.governor.reset(bench.now_ns)
        if not accepted:
            return _not_recovered(seen, message)
    bench.run(0.3)
    accepted, message = bench.enable()
    bench.run(0.5)
    active = bench.governor.state in (State.ACTIVE, State.DEGRADED)
    return seen if accepted and active else _not_recovered(seen, message)


def _not_recovered(seen: Seen, message: str) -> Seen:
    return Seen(**{**seen.__dict__, "recovered": False, "detail": f"{seen.detail}; {message}"})


def observable(bench: Bench, case: Case, injected_ns: int, first: int) -> int | None:
    """When the safety layer could know of the fault (true time, ns), from messages and configured limits alone."""
    if case.shows is Shows.AT_ONCE:
        return max(injected_ns, bench.stalled_until_ns)
    if case.shows is Shows.DISTANCE:
        limit = bench.plant.safety.max_tracking_error
        apart = (t.time_ns for t in bench.ticks[first:] if np.abs(t.commanded - t.measured).max() > limit)
        return next(apart, None)
    length = round(bench.plant.step_s * NS) * bench.plant.horizon
    records = {
        source: [
            Record(
                m.arrival_ns,
                m.genuine,
                min(m.arrival_ns, m.original.stamp_ns - bench.clock_step_ns),
                m.sample.stamp_ns + length,
            )
            for m in messages
        ]
        for source, messages in bench.delivered.items()
    }
    return moments.observable(
        case, records, injected_ns, bench.time_ns, limits_of(bench.plant.safety, bench.plant.terms)
    )

"""The campaign on live nodes: one trial after the other, each from a healthy graph, whatever the last one left.

Trials about the failure monitor run with it, all others with a quiet stand-in: its false alarms, and its share of the
machine, say nothing about them.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from policy_nodes.bundle.load import Bundle
from policy_nodes.errors import KeelError
from policy_nodes.running.campaign.case import Case
from policy_nodes.running.campaign.live_graph import LiveGraph
from policy_nodes.running.campaign.phases import LivePhase
from policy_nodes.running.campaign.progress import spoken
from policy_nodes.running.campaign.trial import SaysNothing, carry_out
from policy_nodes.running.campaign.verdict import Verdict, not_carried_out

Plan = Sequence[tuple[Case, LivePhase]]
Trial = Callable[[LiveGraph, Case, LivePhase, float, float], Verdict]
STARTS_IN_A_ROW = 3
"""Failed starts of the nodes after which the machine cannot do it."""


@dataclass(frozen=True)
class Setting:
    """How trials are carried out.

    Attributes:
        launch: launch file.
        arguments: of it.
        directory: for copies of the bundle, logs and black boxes.
        allowed_periods: longest reaction.
        attempts: how often a trial is begun that says nothing about its fault.
        trial_s: longest trial; what takes longer is given up, and the nodes are started anew.
        real_time: schedule the nodes before ordinary work where permitted.
    """

    launch: Path
    arguments: Mapping[str, str]
    directory: Path
    allowed_periods: float
    attempts: int = 3
    trial_s: float = 45.0
    real_time: bool = True


def groups(plan: Plan) -> list[tuple[bool, list[tuple[Case, LivePhase]]]]:
    """Trials by whether they need the failure monitor itself."""
    split = [(need, [item for item in plan if item[0].about_the_monitor is need]) for need in (False, True)]
    return [(need, items) for need, items in split if items]


def run_campaign(
    bundle: Bundle, plan: Plan, setting: Setting, say: Callable[[str], None], told: Callable[..., None]
) -> Iterator[Verdict]:
    """Verdicts one by one.

    Args:
        bundle: calibrated or not.
        plan: what to do.
        setting: how.
        say: receives lines about the campaign itself.
        told: receives what the report should say of the conditions.
    """
    calibrated = "calibration.npz" in bundle.manifest.files
    for monitored, items in groups(plan):
        place = setting.directory / ("with_monitor" if monitored else "without_monitor")
        with own_copy(bundle, place) as copy:
            given = {
                **setting.arguments,
                "bundle": str(copy),
                "record_directory": str(place.resolve()),
                "monitor": str(monitored).lower(),
                "quiet_monitor": str(calibrated and not monitored).lower(),
            }
            graph = LiveGraph(copy, setting.launch, given, place / "logs", setting.real_time)
            try:
                start(graph, say)
                told(scheduling=graph.scheduling)
                for case, phase in items:
                    yield attempt(graph, case, phase, setting, say)
            finally:
                graph.close()


def attempt(
    graph: LiveGraph,
    case: Case,
    phase: LivePhase,
    setting: Setting,
    say: Callable[[str], None],
    trial: Trial = carry_out,
) -> Verdict:
    """One trial, begun again while it says nothing about the fault; after a failure the nodes are started anew."""
    began = time.monotonic()
    notes: list[str] = []
    for number in range(1, setting.attempts + 1):
        try:
            verdict = trial(graph, case, phase, setting.trial_s, setting.allowed_periods)
        except SaysNothing as nothing:
            cause = str(nothing)
            graph.fresh = False
        except KeelError as error:
            cause = error.cause.rstrip(".")
            start(graph, say)
        else:
            return replace(verdict, attempts=number, notes=notes, seconds=time.monotonic() - began)
        notes.append(cause)
        say(f"  {case.name} in {phase.name}, attempt {number}: {cause}")
    failed = not_carried_out(case, phase.name, notes[-1])
    return replace(failed, attempts=setting.attempts, notes=notes, seconds=time.monotonic() - began)


def start(graph: LiveGraph, say: Callable[[str], None]) -> None:
    """Start the nodes, more than once if need be.

    Raises:
        KeelError: they do not come up.
    """
    for number in range(1, STARTS_IN_A_ROW + 1):
        began = time.monotonic()
        try:
            graph.start()
        except KeelError as error:
            if number == STARTS_IN_A_ROW:
                raise
            say(f"  the nodes did not come up: {error.cause}")
        else:
            say(f"  nodes up after {time.monotonic() - began:.0f} s, {graph.scheduling}")
            return


@contextmanager
def own_copy(bundle: Bundle, place: Path) -> Iterator[Path]:
    """A copy of the bundle for the nodes, so that it can be swapped under them."""
    copy = place / bundle.path.name
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(bundle.path, copy)
    yield copy.resolve()


def progress_line(verdict: Verdict, done: int, total: int, spent_s: float, trials: int) -> str:
    """One line about a verdict: what was seen, and how long the rest will take."""
    seen = verdict.seen
    if not verdict.carried_out:
        found = verdict.problems[0]
    elif seen.detected_s is None:
        found = "went on" if verdict.passed else "; ".join(verdict.problems)
    else:
        reaction = "" if verdict.reaction_periods is None else f", {verdict.reaction_periods:.2f} periods"
        found = f"{seen.reason or 'left'} -> {seen.state}{reaction}"
        found += "" if verdict.passed else f": {'; '.join(verdict.problems)}"
    left = spent_s / max(trials, 1) * (total - done)
    mark = "ok  " if verdict.passed else "FAIL" if verdict.carried_out else "none"
    return (
        f"{mark} {done}/{total} {verdict.case} in {verdict.phase}: {found} "
        f"({verdict.seconds:.1f} s, {spoken(left)} left)"
    )


def load_now() -> str:
    """Cores and load of the machine, in words."""
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    return f"{os.cpu_count()} cores{load}"

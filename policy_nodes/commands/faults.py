"""Inject every fault of the catalogue and prove the declared reaction: reason, stop category, reaction time, limits.

Without --sim the governor of the bundle runs on a simulated clock with a robot that follows: hundreds of trials in a
minute, the same every time. With --sim the bundle's nodes run live, every stream passes through a relay that corrupts
it, and processes are stopped and killed. The matrix is written as faults.html and faults.json after every trial; the
exit code is 1 when anything was not as declared, and 3 when all that was carried out was, but something could not be.

Examples:
    keel faults runs/demo/pick_place.keel
    keel faults runs/demo/pick_place.keel --only joints_nan chunks_drop --phases full_speed
    keel faults runs/demo/pick_place.keel --sim --output runs/demo/faults
    keel faults runs/demo/pick_place.keel --sim --phases all --resume
    keel faults runs/demo/pick_place.keel --sim --only estop policy_killed --phases carry
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tyro.conf import Positional

from policy_nodes.bundle.load import Bundle, load_bundle
from policy_nodes.errors import ConfigError
from policy_nodes.nodes.simulators import SIMULATORS
from policy_nodes.running.campaign.case import Case
from policy_nodes.running.campaign.catalogue import CASES
from policy_nodes.running.campaign.progress import Results, estimate_s, spoken
from policy_nodes.running.campaign.sources import applies, declared

if TYPE_CHECKING:
    from policy_nodes.running.campaign.phases import LivePhase

ALL = "all"
NOT_CARRIED_OUT = 3
"""Exit code when trials could not be carried out, and all others were as declared."""


@dataclass(frozen=True)
class Args:
    """Options of `keel faults`."""

    bundle: Positional[Path]
    """Bundle directory."""
    sim: bool = False
    """Inject into the live nodes, with a simulated robot; otherwise on a simulated clock."""
    only: tuple[str, ...] = ()
    """Names of faults; by default all that touch something of the bundle's contract (--list shows them)."""
    phases: tuple[str, ...] = ()
    """Phases of motion, or all. On the simulated clock start, full_speed, reversal, rest, by default all; live start,
    approach, carry of the Panda's pick-and-place, moving, start of other arms, walk, stand, turn of a legged robot, by
    default the first."""
    output: Path | None = None
    """Directory for faults.html, faults.json and, with --sim, logs and black boxes; BUNDLE's parent/faults."""
    resume: bool = False
    """Keep the trials that an interrupted run into the same directory has carried out, and go on."""
    reaction_periods: float | None = None
    """Longest reaction, in control periods; by default 1 on the simulated clock and 2 live, where wire and scheduler
    have their share."""
    attempts: int = 3
    """How often a live trial is begun that says nothing about its fault: machine too slow, phase not reached, stopped
    for what the scene itself brought about."""
    real_time: bool = True
    """Schedule the live nodes before ordinary work (SCHED_RR) where the system permits it."""
    domain: int | None = None
    """ROS domain of the live nodes; ROS_DOMAIN_ID or 0 by default."""
    seed: int = 0
    """Seed of the live simulated robot."""
    simulator: str | None = None
    """Simulated robot as module:factory; by default the one for the bundle's task or robot."""
    list: bool = False
    """Only list the faults."""


def run(args: Args) -> int:
    """Run the campaign; returns 1 when a trial was not as declared, 3 when one could not be carried out."""
    cases = _chosen(args.only)
    if args.list:
        for case in cases:
            print(f"{case.name:<24}{case.description}")
        return 0
    bundle = load_bundle(args.bundle)
    if args.attempts < 1:
        raise ConfigError("--attempts is below 1.", "give 1 or more.")
    if args.reaction_periods is not None and not args.reaction_periods > 0.0:
        raise ConfigError(f"--reaction-periods is {args.reaction_periods}.", "give more than 0, or leave it out.")
    if not args.only:
        cases = [case for case in cases if applies(case, bundle.manifest)]
    cases = [declared(case, bundle.manifest) for case in cases]
    directory = args.output or args.bundle.resolve().parent / "faults"
    directory.mkdir(parents=True, exist_ok=True)
    if args.sim:
        results = _live(args, bundle, cases, directory)
    else:
        results = _rehearsed(args, bundle, cases, directory)
    return _told(results.verdicts, directory)


def _told(verdicts: Sequence[dict[str, Any]], directory: Path) -> int:
    done = [item for item in verdicts if item["carried_out"]]
    passed = sum(item["passed"] for item in done)
    print(f"{passed} of {len(done)} trials as declared; {directory / 'faults.html'}")
    if missing := len(verdicts) - len(done):
        print(f"{missing} trials were not carried out: see there, and run again with --resume")
    if passed < len(done) or not done:
        return 1
    return NOT_CARRIED_OUT if missing else 0


def _chosen(only: Sequence[str]) -> list[Case]:
    unknown = [name for name in only if name not in CASES]
    if unknown:
        raise ConfigError(f"unknown faults: {', '.join(unknown)}.", "keel faults BUNDLE --list shows their names.")
    return [CASES[name] for name in only] if only else list(CASES.values())


def _phases(wanted: Sequence[str], known: Iterable[str], default: int | None) -> list[str]:
    names = list(known)
    if unknown := [name for name in wanted if name not in (*names, ALL)]:
        raise ConfigError(f"unknown phases: {', '.join(unknown)}.", f"use {', '.join(names)}, or {ALL}.")
    if ALL in wanted:
        return names
    return list(dict.fromkeys(wanted)) or names[:default]


def _header(bundle: Bundle, mode: str, allowed: float, conditions: str) -> dict[str, Any]:
    manifest = hashlib.sha256((bundle.path / "manifest.json").read_bytes()).hexdigest()
    return {
        "key": {"manifest": manifest, "mode": mode, "allowed_periods": allowed},
        "bundle": bundle.manifest.name,
        "mode": mode,
        "period_s": 1.0 / bundle.manifest.timing.control_rate_hz,
        "allowed_periods": allowed,
        "conditions": conditions,
    }


def _rehearsed(args: Args, bundle: Bundle, cases: Sequence[Case], directory: Path) -> Results:
    from policy_nodes.running.campaign.plant import plant_of
    from policy_nodes.running.campaign.rehearsal import PHASES, rehearse

    allowed = args.reaction_periods or 1.0
    results = Results(directory, _header(bundle, "simulated clock", allowed, ""))
    for verdict in rehearse(plant_of(bundle), cases, _phases(args.phases, PHASES, None), allowed):
        results.verdicts.append(verdict.to_dict())
        if not verdict.passed:
            print(f"  {verdict.case} in {verdict.phase}: {'; '.join(verdict.problems)} ({verdict.seen.detail})")
        if len(results.verdicts) % 50 == 0:
            print(f"  {len(results.verdicts)} trials", flush=True)
    results.write()
    return results


def _live(args: Args, bundle: Bundle, cases: Sequence[Case], directory: Path) -> Results:
    if args.domain is not None:
        os.environ["ROS_DOMAIN_ID"] = str(args.domain)
    from policy_nodes.launching.packages import share_directory
    from policy_nodes.rosless.activate import ensure_ros

    ensure_ros()
    from policy_nodes.running.campaign.live import Setting, groups, load_now, progress_line, run_campaign
    from policy_nodes.running.campaign.phases import phases_of
    from policy_nodes.running.console import RunConsole, quiet_launch

    known = phases_of(bundle.manifest)
    phases = [known[name] for name in _phases(args.phases, known, 1)]
    allowed = args.reaction_periods or 2.0
    header = _header(bundle, "live nodes and a simulated robot", allowed, load_now())
    results = Results(directory, header, args.resume)
    plan: list[tuple[Case, LivePhase]] = [(case, phase) for phase in phases for case in cases if case.live]
    todo = [(case, phase) for case, phase in plan if not results.has(case, phase.name)]
    launch = share_directory("keel", os.environ) / "launch" / "faults.launch.yaml"
    arguments = {"command_topic": bundle.manifest.actions.command_topic, "seed": str(args.seed)}
    simulator = args.simulator or SIMULATORS.get(bundle.manifest.task) or SIMULATORS.get(bundle.manifest.robot)
    if simulator is not None:
        arguments["simulator"] = simulator
    console = RunConsole()
    expected_s = estimate_s([(case, phase.name) for case, phase in todo], len(groups(todo)))
    console.say(f"{len(todo)} of {len(plan)} trials to carry out, about {spoken(expected_s)} on a quiet machine")
    setting = Setting(launch, arguments, directory, allowed, args.attempts, real_time=args.real_time)
    began = time.monotonic()
    with quiet_launch(directory / "launch.log", verbose=False):
        for number, verdict in enumerate(run_campaign(bundle, todo, setting, console.say, results.say), start=1):
            results.say(load_at_end=load_now(), planned=len(plan))
            results.add(verdict)
            spent = time.monotonic() - began
            console.say(progress_line(verdict, len(plan) - len(todo) + number, len(plan), spent, number))
    return results

"""Inject every fault of the catalogue and prove the declared reaction: reason, stop category, reaction time, limits.

Without --sim the governor of the bundle runs on a simulated clock with a robot that follows: hundreds of trials in a
minute, the same every time. With --sim the bundle's nodes run live, every stream passes through a relay that corrupts
it, and processes are stopped and killed. The matrix is written as faults.html and faults.json; the exit code is 1 when
anything was not as declared.

Examples:
    keel faults runs/demo/pick_place.keel
    keel faults runs/demo/pick_place.keel --only joints_nan chunks_drop --phases full_speed
    keel faults runs/demo/pick_place.keel --sim --output runs/demo/faults
    keel faults runs/demo/pick_place.keel --sim --only estop policy_killed --phases carry
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tyro.conf import Positional

from policy_nodes.bundle.load import Bundle, load_bundle
from policy_nodes.errors import ConfigError
from policy_nodes.running.campaign.bench import JOINT_STATE, Plant
from policy_nodes.running.campaign.catalogue import CASES, Case
from policy_nodes.running.campaign.page import page
from policy_nodes.running.campaign.verdict import Verdict
from policy_nodes.safety.config import load_safety_config


@dataclass(frozen=True)
class Args:
    """Options of `keel faults`."""

    bundle: Positional[Path]
    """Bundle directory."""
    sim: bool = False
    """Inject into the live nodes, with a simulated robot; otherwise on a simulated clock."""
    only: tuple[str, ...] = ()
    """Names of faults; all when empty (--list shows them)."""
    phases: tuple[str, ...] = ()
    """Phases of motion; all when empty. On the simulated clock start, full_speed, reversal, rest; live start, approach,
    carry."""
    output: Path | None = None
    """Directory for faults.html, faults.json and, with --sim, logs, traces and black boxes; BUNDLE's parent/faults."""
    reaction_periods: float | None = None
    """Longest reaction, in control periods; by default 1 on the simulated clock and 2 live, where wire and scheduler
    have their share."""
    domain: int | None = None
    """ROS domain of the live nodes; ROS_DOMAIN_ID or 0 by default."""
    seed: int = 0
    """Seed of the live simulated robot."""
    simulator: str | None = None
    """Simulated robot as module:factory; the launch file's default otherwise."""
    list: bool = False
    """Only list the faults."""


def run(args: Args) -> int:
    """Run the campaign; returns 1 when a trial was not as declared."""
    cases = _chosen(args.only)
    if args.list:
        for case in cases:
            print(f"{case.name:<24}{case.description}")
        return 0
    bundle = load_bundle(args.bundle)
    directory = args.output or args.bundle.resolve().parent / "faults"
    directory.mkdir(parents=True, exist_ok=True)
    allowed = args.reaction_periods or (2.0 if args.sim else 1.0)
    verdicts = _live(args, bundle, cases, directory, allowed) if args.sim else _rehearsed(args, bundle, cases)
    results = _results(bundle, args, allowed, _shown(verdicts))
    _write(directory, results)
    found = results["verdicts"]
    failed = [item for item in found if not item["passed"]]
    print(f"{len(found) - len(failed)} of {len(found)} trials as declared; {directory / 'faults.html'}")
    return 1 if failed or not found else 0


def _chosen(only: Sequence[str]) -> list[Case]:
    unknown = [name for name in only if name not in CASES]
    if unknown:
        raise ConfigError(f"unknown faults: {', '.join(unknown)}.", "keel faults BUNDLE --list shows their names.")
    return [CASES[name] for name in only] if only else list(CASES.values())


def _phases(wanted: Sequence[str], known: Iterable[str]) -> list[str]:
    names = list(known)
    if unknown := [name for name in wanted if name not in names]:
        raise ConfigError(f"unknown phases: {', '.join(unknown)}.", f"use {', '.join(names)}.")
    return list(wanted) or names


def _rehearsed(args: Args, bundle: Bundle, cases: Sequence[Case]) -> Iterable[Verdict]:
    from policy_nodes.running.campaign.rehearsal import PHASES, rehearse

    return rehearse(plant_of(bundle), cases, _phases(args.phases, PHASES))


def _live(args: Args, bundle: Bundle, cases: Sequence[Case], directory: Path, allowed: float) -> Iterable[Verdict]:
    if args.domain is not None:
        os.environ["ROS_DOMAIN_ID"] = str(args.domain)
    from policy_nodes.launching.packages import share_directory
    from policy_nodes.rosless.activate import ensure_ros

    ensure_ros()
    from policy_nodes.running.campaign.live import PHASES, run_campaign
    from policy_nodes.running.console import quiet_launch

    launch = share_directory("keel", os.environ) / "launch" / "faults.launch.yaml"
    arguments = {"command_topic": bundle.manifest.actions.command_topic, "seed": str(args.seed)}
    arguments["monitor"] = str("calibration.npz" in bundle.manifest.files).lower()
    if args.simulator is not None:
        arguments["simulator"] = args.simulator
    phases = _phases(args.phases, PHASES)
    log = directory / "trials.log"
    log.unlink(missing_ok=True)

    def news(line: str) -> None:
        with log.open("a", encoding="utf-8") as file:
            file.write(line + "\n")

    with quiet_launch(directory / "launch.log", verbose=False):
        yield from run_campaign(bundle, cases, phases, launch, arguments, directory, allowed, news)


def plant_of(bundle: Bundle) -> Plant:
    """The bench's robot from a bundle: contract, limits, and a start that the policy was proven at (``parity.npz``)."""
    manifest = bundle.manifest
    actions, safety = manifest.actions, load_safety_config(bundle.file("safety.yaml"))
    values = {term.name: (np.array(term.minimum) + np.array(term.maximum)) / 2 for term in manifest.terms}
    start = np.array([(joint.position_min + joint.position_max) / 2 for joint in safety.joints])
    with np.load(bundle.file("parity.npz"), allow_pickle=False) as parity:
        for feature in manifest.observations:
            key = next((name for name in parity.files if name.rpartition("/")[2] == feature.name), None)
            if key is None:
                continue
            # (N, history, terms one after another): the newest entry of the first sample.
            row, at = np.asarray(parity[key][0], dtype=np.float64).reshape(feature.history, -1)[-1], 0
            for term in feature.terms:
                values[term.name], at = row[at : at + term.size], at + term.size
    for term in manifest.terms:
        if term.message_type == JOINT_STATE and list(term.axes) == list(actions.joints) and term.field == "position":
            start = values[term.name]
    return Plant(
        safety=safety,
        joints=actions.joints,
        terms=manifest.terms,
        start=start,
        values=values,
        period_s=1.0 / manifest.timing.control_rate_hz,
        chunk_period_s=actions.execution_horizon * actions.step_s,
        step_s=actions.step_s,
        horizon=actions.horizon,
    )


def _shown(verdicts: Iterable[Verdict]) -> list[Verdict]:
    """Print what fails as it comes, and now and then how far it is."""
    kept: list[Verdict] = []
    for verdict in verdicts:
        kept.append(verdict)
        if not verdict.passed:
            print(f"  {verdict.case} in {verdict.phase}: {'; '.join(verdict.problems)} ({verdict.seen.detail})")
        if len(kept) % 50 == 0:
            print(f"  {len(kept)} trials", flush=True)
    return kept


def _results(bundle: Bundle, args: Args, allowed: float, verdicts: Sequence[Verdict]) -> dict[str, Any]:
    load = f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    return {
        "bundle": bundle.manifest.name,
        "mode": "live nodes and a simulated robot" if args.sim else "simulated clock",
        "period_s": 1.0 / bundle.manifest.timing.control_rate_hz,
        "allowed_periods": allowed,
        "conditions": load,
        "verdicts": [verdict.to_dict() for verdict in verdicts],
    }


def _write(directory: Path, results: dict[str, Any]) -> None:
    for name, text in (("faults.json", json.dumps(results, indent=1)), ("faults.html", page(results))):
        temporary = directory / f".{name}.{os.getpid()}.tmp"
        try:
            temporary.write_text(text, encoding="utf-8")
            temporary.replace(directory / name)
        finally:
            temporary.unlink(missing_ok=True)

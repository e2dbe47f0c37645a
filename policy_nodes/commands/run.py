"""Run a bundle's nodes: policy, failure monitor and safety supervisor as separate processes on the ROS 2 wire.

With --sim a simulated robot stands in for the real one on the same topics; episodes are run and faults can be injected.
Without --sim the nodes wait for a robot; motion is enabled only with --enable (or by the service /safety_node/enable).
Where ROS 2 is sourced, `ros2 launch keel manipulation.launch.yaml bundle:=...` does the same.

Examples:
    keel run runs/mine/pick_place.keel --sim
    keel run runs/mine/pick_place.keel --sim --episodes 10 --output runs/mine/run
    keel run runs/mine/pick_place.keel --sim --faults policy_stopped observation_nan object_displaced
    keel run /opt/policies/pick_place.keel --enable
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from rich.console import Console
from tyro.conf import Positional

from policy_nodes.bundle.load import Bundle, load_bundle
from policy_nodes.errors import ConfigError
from policy_nodes.launching.packages import share_directory

FaultName = Literal["policy_stopped", "observation_nan", "object_displaced"]


@dataclass(frozen=True)
class Args:
    """Options of `keel run`."""

    bundle: Positional[Path]
    """Bundle directory."""
    sim: bool = False
    """Start the simulated robot too, and run episodes on it."""
    episodes: int = 5
    """Episodes to run with --sim; 0 leaves everything to services until Ctrl-C."""
    faults: tuple[FaultName, ...] = ()
    """Faults to inject with --sim after the episodes."""
    output: Path | None = None
    """Directory for trace.npz, run.json and logs."""
    enable: bool = False
    """Without --sim: enable motion as soon as the safety node is READY."""
    domain: int | None = None
    """ROS domain; ROS_DOMAIN_ID or 0 by default."""
    seed: int = 0
    """Seed of the simulated robot and of the sampling noise."""
    provider: str = "cpu"
    """Execution provider: cpu, cuda, tensorrt or openvino."""
    launch_file: str = "manipulation.launch.yaml"
    """Launch file of the package, or a path."""
    episode_timeout: float = 20.0
    """Time limit of a live episode (s)."""


def run(args: Args) -> int:
    """Run; returns the exit code: 1 when an injected fault was not handled as it must be."""
    bundle = load_bundle(args.bundle)
    _check(args)
    if args.domain is not None:
        os.environ["ROS_DOMAIN_ID"] = str(args.domain)
    from policy_nodes.rosless.activate import ensure_ros

    stack = ensure_ros()
    if args.output is not None:
        args.output.mkdir(parents=True, exist_ok=True)
        return _run(args, bundle, stack, args.output)
    with tempfile.TemporaryDirectory(prefix="keel-run-") as directory:
        return _run(args, bundle, stack, Path(directory))


def _check(args: Args) -> None:
    if args.faults and not args.sim:
        raise ConfigError("faults are injected into the simulated robot only.", "add --sim.")


def _run(args: Args, bundle: Bundle, stack: str, directory: Path) -> int:
    from policy_nodes.running.episodes import finish_episode, start_episode
    from policy_nodes.running.faults import FAULTS, FaultResult, run_fault
    from policy_nodes.running.results import write_results
    from policy_nodes.running.session import open_session

    console = Console(highlight=False)
    launch = Path(args.launch_file)
    if not launch.is_file():
        launch = share_directory("keel", os.environ) / "launch" / args.launch_file
    arguments = {
        "bundle": str(bundle.path.resolve()),
        "sim": str(args.sim).lower(),
        "seed": str(args.seed),
        "provider": args.provider,
        "record": "true",
        "record_directory": str(directory.resolve()),
    }
    episodes, faults = [], list[FaultResult]()
    with open_session(bundle, launch, arguments, directory / "logs") as session:
        session.require_ready()
        console.print(f"{stack}, domain {os.environ.get('ROS_DOMAIN_ID', '0')}: all nodes up, READY")
        if not args.sim or args.episodes + len(args.faults) == 0:
            if args.enable:
                session.enable()
            _watch(session, console)
        for index in range(args.episodes if args.sim else 0):
            episode = finish_episode(session, index, start_episode(session), args.episode_timeout)
            episodes.append(episode)
            outcome = "success" if episode.success else f"failed {episode.stopped_by}"
            console.print(f"episode {index + 1}/{args.episodes}: {outcome} in {episode.duration_s:.1f} s")
        for index, name in enumerate(args.faults):
            result = run_fault(session, FAULTS[name], args.episodes + index, args.episode_timeout)
            faults.append(result)
        session.operator.wait_for(lambda v: False, 1.2, session.check_processes)  # one more round of diagnostics
        diagnostics = dict(session.operator.view.diagnostics)
    results = write_results(
        directory,
        stack=stack,
        domain=int(os.environ.get("ROS_DOMAIN_ID", "0")),
        control_period_s=1.0 / bundle.manifest.timing.control_rate_hz,
        episodes=episodes,
        faults=faults,
        diagnostics=diagnostics,
    )
    _print(console, results)
    return 0 if all(fault.passed for fault in faults) else 1


def _watch(session: Any, console: Console) -> None:
    """Show every change of state until Ctrl-C."""
    console.print("enable:  ros2 service call /safety_node/enable std_srvs/srv/SetBool '{data: true}'   stop: Ctrl-C")
    shown = 0
    try:
        while True:
            session.operator.wait_for(lambda v: len(v.events) > shown, 0.5, session.check_processes)
            for event in session.operator.view.events[shown:]:
                console.print(f"{event.state} {event.reason} {event.backup}".rstrip())
                shown += 1
    except KeyboardInterrupt:
        console.print("stopping: the safety node brings the robot to rest first")


def _print(console: Console, results: dict[str, Any]) -> None:
    for fault in results["faults"]:
        verdict = "ok" if fault["passed"] else "NOT HANDLED"
        reaction = fault.get("reaction_s")
        timing = (
            f"{reaction * 1e3:.0f} ms after it was observable, {fault['since_injection_s'] * 1e3:.0f} ms after injection"
            if reaction is not None
            else "no reaction"
        )
        console.print(
            f"fault {fault['name']}: {verdict}: {fault['reason'] or 'no reason'} -> {fault['backup'] or 'no backup'}, {timing}, "
            f"{'recovered' if fault['recovered'] else 'not recovered'}"
        )
    done = sum(e["success"] for e in results["episodes"])
    if results["episodes"]:
        console.print(f"live episodes: {done}/{len(results['episodes'])} succeeded")

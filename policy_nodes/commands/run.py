"""Run a bundle's nodes: policy, failure monitor and safety supervisor as separate processes on the ROS 2 wire.

With --sim a simulated robot stands in for the real one on the same topics; episodes are run and faults can be injected.
Without --sim the nodes wait for a robot; motion is enabled only with --enable (or by the service ~/enable of the
safety node), and Ctrl-C brings the robot to rest before anything ends. Where ROS 2 is sourced,
`ros2 launch keel manipulation.launch.yaml bundle:=...` does the same.

Examples:
    keel run runs/mine/pick_place.keel --sim
    keel run runs/mine/pick_place.keel --sim --episodes 10 --output runs/mine/run
    keel run runs/mine/pick_place.keel --sim --faults policy_stopped observation_nan object_displaced
    keel run /opt/policies/pick_place.keel --enable
    keel run /opt/policies/pick_place.keel --namespace left --domain 7
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tyro.conf import Positional

from policy_nodes.bundle.load import Bundle, load_bundle
from policy_nodes.errors import ConfigError
from policy_nodes.launching import describe
from policy_nodes.launching.packages import share_directory
from policy_nodes.nodes.simulators import SIMULATORS

if TYPE_CHECKING:
    from policy_nodes.running.console import RunConsole
    from policy_nodes.running.session import Session

FaultName = Literal["policy_stopped", "observation_nan", "object_displaced"]
PRODUCTS = ("trace.npz", "events.json", "run.json")


@dataclass(frozen=True)
class Args:
    """Options of `keel run`."""

    bundle: Positional[Path]
    """Bundle directory."""
    sim: bool = False
    """Start the simulated robot too, and run episodes on it."""
    episodes: int = 5
    """Episodes to run with --sim; 0 without faults leaves everything to services until Ctrl-C."""
    faults: tuple[FaultName, ...] = ()
    """Faults to inject with --sim after the episodes."""
    output: Path | None = None
    """Directory for trace.npz, run.json and logs."""
    enable: bool = False
    """Without --sim: enable motion as soon as the safety node is READY."""
    domain: int | None = None
    """ROS domain; ROS_DOMAIN_ID or 0 by default."""
    namespace: str = ""
    """Namespace of the nodes, also put before the contract's topics (left: /left/joint_states)."""
    seed: int = 0
    """Seed of the simulated robot and of the sampling noise."""
    provider: str = "cpu"
    """Execution provider: cpu, cuda, tensorrt, openvino, or auto (the fastest, measured at the start)."""
    simulator: str | None = None
    """Simulated robot as module:factory; by default the one for the bundle's task or robot."""
    launch_file: str = ""
    """Launch file of the package, or a path; by default the one for the bundle's kind of robot."""
    episode_timeout: float = 20.0
    """Time limit of a live episode (s)."""
    verbose: bool = False
    """Show everything that the nodes say, not only changes of state, warnings and errors."""


def run(args: Args) -> int:
    """Run; returns the exit code: 1 when an injected fault was not handled as it must be."""
    _check(args)
    bundle = load_bundle(args.bundle)
    if args.domain is not None:
        os.environ["ROS_DOMAIN_ID"] = str(args.domain)
    from policy_nodes.rosless.activate import ensure_ros

    stack = ensure_ros()
    if args.output is not None:
        return _run(args, bundle, stack, args.output)
    with tempfile.TemporaryDirectory(prefix="keel-run-") as directory:
        return _run(args, bundle, stack, Path(directory))


def launch_arguments(args: Args, bundle: Bundle, launch: Path, directory: Path) -> dict[str, str]:
    """Arguments for a launch file: those of them that it declares.

    Raises:
        ConfigError: --sim, --namespace or --simulator was given and the file has no such argument; or --sim was given
            and the policy has cameras.
    """
    if args.sim and bundle.manifest.images:
        topics = ", ".join(image.topic for image in bundle.manifest.images)
        raise ConfigError(
            f"the policy sees through cameras ({topics}), and no simulator here publishes pictures.",
            "run it on the robot, without --sim.",
        )
    wanted = {
        "bundle": str(bundle.path.resolve()),
        "sim": str(args.sim).lower(),
        "namespace": args.namespace,
        "seed": str(args.seed),
        "provider": args.provider,
        "command_topic": bundle.manifest.actions.command_topic,
        "monitor": str("calibration.npz" in bundle.manifest.files).lower(),
        "record": str(args.sim or args.output is not None).lower(),
        "record_directory": str(directory.resolve()),
    }
    if args.sim or args.output is not None:
        wanted["black_box_directory"] = str(directory.resolve() / "black_box")
    known = SIMULATORS.get(bundle.manifest.task) or SIMULATORS.get(bundle.manifest.robot)
    if args.simulator is not None or known is not None:
        wanted["simulator"] = args.simulator or str(known)
    declared = {argument.name for argument in describe(launch)}
    given = {"sim": args.sim, "namespace": bool(args.namespace), "simulator": args.simulator is not None}
    for name in (name for name, present in given.items() if present and name not in declared):
        raise ConfigError(
            f"{launch.name} has no argument '{name}'.", f"leave --{name} out, or use another launch file."
        )
    return {name: value for name, value in wanted.items() if name in declared}


def _check(args: Args) -> None:
    if args.faults and not args.sim:
        raise ConfigError("faults are injected into the simulated robot only.", "add --sim.")
    if args.enable and args.sim:
        raise ConfigError("--enable is for a robot; with --sim every episode is enabled.", "leave --enable out.")
    if args.episodes < 0 or not args.episode_timeout > 0:
        raise ConfigError("--episodes or --episode-timeout is negative.", "give 0 or more episodes and some seconds.")


def _run(args: Args, bundle: Bundle, stack: str, directory: Path) -> int:
    from policy_nodes.running.console import RunConsole, quiet_launch
    from policy_nodes.running.results import write_results
    from policy_nodes.running.session import open_session

    console, logs = RunConsole(), directory / "logs"
    from policy_nodes.running.walk import command_topic

    walks = bool(command_topic(bundle.manifest))
    name = args.launch_file or ("locomotion.launch.yaml" if walks else "manipulation.launch.yaml")
    launch = Path(name)
    if not launch.is_file():
        launch = share_directory("keel", os.environ) / "launch" / name
    arguments = launch_arguments(args, bundle, launch, directory)
    episodes: list[Any] = []
    faults: list[Any] = []
    domain = os.environ.get("ROS_DOMAIN_ID", "").strip() or "0"
    with (
        quiet_launch(logs / "launch.log", args.verbose),
        open_session(bundle, launch, arguments, logs, args.namespace) as session,
    ):
        for name in PRODUCTS:
            (directory / name).unlink(missing_ok=True)
        session.on_news = console.news
        if arguments.get("monitor") == "false":
            console.say("no failure monitor: the bundle is not calibrated (keel calibrate)", "yellow")
        if not args.sim or args.episodes + len(args.faults) == 0:
            console.say(f"{stack}, domain {domain}: nodes started; Ctrl-C brings the robot to rest and ends them")
            _watch(session, console, args.enable)
        else:
            session.require_ready()
            console.say(f"{stack}, domain {domain}: all nodes up, READY")
            if walks:
                return _walk(args, session, console)
            _act(args, session, console, episodes, faults)
        diagnostics = dict(session.operator.view.diagnostics)
    if arguments.get("record") != "true" or (not args.sim and not (directory / "trace.npz").is_file()):
        return 0
    results = write_results(
        directory,
        bundle,
        stack=stack,
        domain=int(domain),
        episodes=episodes,
        faults=faults,
        diagnostics=diagnostics,
    )
    for line in summary(results):
        console.say(line)
    return 0 if all(fault["passed"] for fault in results["faults"]) else 1


def _act(args: Args, session: Session, console: RunConsole, episodes: list[Any], faults: list[Any]) -> None:
    """Run the episodes, then the faults."""
    from policy_nodes.running.episodes import finish_episode, start_episode
    from policy_nodes.running.faults import FAULTS, run_fault

    for index in range(args.episodes):
        episode = finish_episode(session, index, start_episode(session), args.episode_timeout)
        episodes.append(episode)
        console.news(session)
        outcome = "success" if episode.success else f"failed {episode.stopped_by}".rstrip()
        console.say(f"episode {index + 1}/{args.episodes}: {outcome} in {episode.duration_s:.1f} s")
    for index, name in enumerate(args.faults):
        console.say(f"fault {name}: {FAULTS[name].description}")
        faults.append(run_fault(session, FAULTS[name], args.episodes + index, args.episode_timeout))
    session.operator.pause(1.2, session.check_processes)  # one more round of diagnostics


def _walk(args: Args, session: Session, console: RunConsole) -> int:
    """A scripted walk per episode, then the faults; 1 when the robot fell or a fault was not handled."""
    from policy_nodes.running.walk import walk, walk_fault

    good = True
    for index in range(args.episodes):
        console.say(f"walk {index + 1}/{args.episodes}")
        good &= not any(leg.stopped_by for leg in walk(session, console.say))
        if session.operator.view.state.state in ("BACKUP", "STOPPED"):
            break
        session.disable()
    for name in args.faults if good else ():
        good &= bool(walk_fault(session, name, console.say)["passed"])
    return 0 if good else 1


def _watch(session: Session, console: RunConsole, enable: bool) -> None:
    """Wait for a robot, enable it if asked to, and show what is news, until Ctrl-C."""
    operator, told, enabled = session.operator, "", False
    try:
        while True:
            if operator.view.state.state == "READY" and enable and not enabled:
                session.enable()
                enabled = True
            waiting = session.waiting_for() if operator.view.state.state in ("", "INIT") else ""
            if waiting != told and operator.view.diagnostics:
                told = waiting
                console.say(f"  waiting for the robot: {waiting}" if waiting else "  the robot is there")
            operator.pause(0.5, session.check_processes)
    except KeyboardInterrupt:
        console.say("stopping: the robot is brought to rest first")


def summary(results: dict[str, Any]) -> list[str]:
    """What a person wants to know of a run, line by line."""
    lines = []
    for fault in results["faults"]:
        verdict = "ok" if fault["passed"] else "NOT HANDLED"
        reaction = fault.get("reaction_s")
        timing = "no reaction"
        if reaction is not None:
            since = fault["since_injection_s"]
            timing = f"{reaction * 1e3:.0f} ms after it was observable, {since * 1e3:.0f} ms after injection"
        limits = "limits kept" if fault.get("limits_respected") else "LIMITS NOT SHOWN TO BE KEPT"
        recovered = "recovered" if fault["recovered"] else "not recovered"
        reason, backup = fault["reason"] or "no reason", fault["backup"] or "no backup"
        lines.append(f"fault {fault['name']}: {verdict}: {reason} -> {backup}, {timing}, {limits}, {recovered}")
    if results["episodes"]:
        done = sum(episode["success"] for episode in results["episodes"])
        lines.append(f"live episodes: {done}/{len(results['episodes'])} succeeded")
    return lines

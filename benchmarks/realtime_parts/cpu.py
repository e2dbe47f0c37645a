"""Processor time per node of the running graph at 100 Hz: the bundle in simulation, READY and then moving.

The nodes run as ``keel run --sim`` starts them, at 100 Hz control and 100 Hz joint states (object poses at half of
it). Processor time is the kernel's per thread (schedstat), so that other work on the machine counts only through
colder caches. The time of the networks (the policy's session, the failure predictor's batch) is measured apart, in this
process, and subtracted: a node's overhead is what it costs beyond its network.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.realtime_parts.nodes import AIM_CPU, NODES, RATE_HZ, ROOT, START_S, at_rate, environment

SIMULATOR, FLOOR = "sim_node", "floor"
WINDOW_S = 0.25
ATTEMPTS = 20
CALLS = 60


def measure(bundle: Path, seconds: float, domain: int) -> dict[str, Any]:
    """Run the graph until it was READY and moving for ``seconds`` each; prints the table.

    Raises:
        KeelError: the graph does not come up.
    """
    os.environ["ROS_DOMAIN_ID"] = str(domain)
    from policy_nodes.rosless.activate import ensure_ros

    stack = ensure_ros()
    from policy_nodes.bundle.load import load_bundle
    from policy_nodes.commands.run import Args, launch_arguments
    from policy_nodes.running.console import quiet_launch
    from policy_nodes.running.episodes import finish_episode, start_episode
    from policy_nodes.running.session import open_session

    launch = ROOT / "launch" / "manipulation.launch.yaml"
    with tempfile.TemporaryDirectory() as directory:
        copied = load_bundle(at_rate(bundle, Path(directory)))
        arguments = launch_arguments(Args(copied.path, sim=True), copied, launch, Path(directory))
        arguments["record"] = "false"
        logs = Path(directory) / "logs"
        with (
            quiet_launch(logs / "launch.log", False),
            open_session(copied, launch, arguments, logs) as session,
            _listener(copied.path) as listener,
        ):
            session.require_ready(START_S)
            sampler = _Sampler(session, listener.pid)
            session.on_news = sampler
            session.operator.pause(seconds, session.check_processes)
            for index in range(ATTEMPTS):
                if sampler.wall["ACTIVE"] >= seconds:
                    break
                finish_episode(session, index, start_episode(session), 20.0)
            diagnostics = dict(session.operator.view.diagnostics)
        network = _network(copied)
    print(f"  stack {stack}, {RATE_HZ:.0f} Hz control and joint states; moving for {sampler.wall['ACTIVE']:.0f} s")
    return _report(sampler, network, diagnostics)


@contextmanager
def _listener(bundle: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The floor's process while the block runs."""
    command = [sys.executable, "-m", "benchmarks.realtime_parts.listener", str(bundle)]
    process = subprocess.Popen(command, cwd=ROOT, env=environment(), stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


class _Sampler:
    """Adds up processor time per node and state of the supervisor; called now and then by the session."""

    def __init__(self, session: Any, floor: int) -> None:
        self.wall: defaultdict[str, float] = defaultdict(float)
        self.cpu: defaultdict[str, defaultdict[str, float]] = defaultdict(lambda: defaultdict(float))
        self._pids = {name: session.pid(name) for name in (*NODES, SIMULATOR) if name in session.runner.processes}
        self._pids[FLOOR] = floor
        self._before: tuple[float, str, dict[str, float]] | None = None

    def __call__(self, session: Any) -> None:
        now, state = time.monotonic(), session.operator.view.state.state
        if self._before is not None and now - self._before[0] < WINDOW_S:
            return
        spent = {name: thread_seconds(pid) for name, pid in self._pids.items()}
        if self._before is not None and self._before[1] == state:
            self.wall[state] += now - self._before[0]
            for name, value in spent.items():
                self.cpu[state][name] += max(value - self._before[2][name], 0.0)
        self._before = (now, state, spent)


def thread_seconds(pid: int) -> float:
    """Processor time of all threads of a process so far."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            total += int((task / "schedstat").read_text().split()[0])
        except (OSError, IndexError):
            continue  # the thread has just ended
    return total / 1e9


def _network(bundle: Any) -> dict[str, float]:
    """Share of a core that the networks take at their rate, by node; the median call, one thread."""
    from policy_nodes.inference.policy import PolicySession
    from policy_nodes.monitors.identity import calibrated_samples

    session, actions = PolicySession(bundle), bundle.manifest.actions
    from policy_nodes.inference.parity import load_parity

    recorded, _ = load_parity(bundle)
    names = [feature.name for feature in bundle.manifest.observations]
    observation = {name: recorded[name][0] for name in names}
    rng, rate = np.random.default_rng(0), 1.0 / (actions.execution_horizon * actions.step_s)
    batches = {"policy_node": 1}
    if "calibration.npz" in bundle.manifest.files:
        batches["monitor_node"] = calibrated_samples(bundle)
    shares = {}
    for name, batch in batches.items():
        times = []
        for _ in range(CALLS):
            began = time.process_time()
            session.sample(observation, batch=batch, rng=rng)
            times.append(time.process_time() - began)
        shares[name] = statistics.median(times) * rate
    return shares


def _report(sampler: _Sampler, network: dict[str, float], diagnostics: dict[str, dict[str, str]]) -> dict[str, Any]:
    """Print the table; the same as plain numbers."""
    print(f"  {'share of a core':16s}{'READY':>9s}{'moving':>9s}{'network':>9s}{'moving without':>16s}{'aim':>7s}")
    rows = {}
    for name in (name for name in (*NODES, SIMULATOR, FLOOR) if name in sampler.cpu["READY"]):
        ready, moving = (sampler.cpu[s][name] / max(sampler.wall[s], 1e-9) for s in ("READY", "ACTIVE"))
        own = moving - network.get(name, 0.0)
        aim = f"{AIM_CPU:.0%}" if name in NODES else ""
        print(f"  {name:16s}{ready:9.1%}{moving:9.1%}{network.get(name, 0.0):9.1%}{own:16.1%}{aim:>7s}")
        rows[name] = {"ready": ready, "moving": moving, "network": network.get(name, 0.0), "without": own}
    ticks = {key: value for key, value in diagnostics.get("safety_node", {}).items() if key.startswith("tick ")}
    if ticks:
        print(f"  the governor's tick, of safety_node: {', '.join(f'{key} {value}' for key, value in ticks.items())}")
    return {"rate_hz": RATE_HZ, "seconds": dict(sampler.wall), "nodes": rows, "tick": ticks}

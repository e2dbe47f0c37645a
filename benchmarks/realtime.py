"""What real time costs here: jitter of the loop, overhead of a node, CPU per node, sampling with and without a guess.

Every figure stands beside its floor, measured in the same run on the same machine in turns: the rate loop beside a bare
``clock_nanosleep`` loop, a node's way from state to chunk beside the session alone. A busy machine hits both alike;
the load is printed.

    python benchmarks/realtime.py [--bundle NAME.keel] [--seconds 4] [--output realtime.json]

Without ``--bundle`` sampling is skipped; with one that `keel realtime` has extended, its graphs are compared.
About three minutes with the defaults.
"""

from __future__ import annotations

import argparse
import gc
import json
import multiprocessing
import os
import platform
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

RATES = (50.0, 100.0, 200.0, 500.0)
PERCENTILES = {"p50": 50.0, "p99": 99.0, "p99.9": 99.9, "max": 100.0}
JOINTS = 8


def percentiles_us(seconds: np.ndarray) -> dict[str, float]:
    """In microseconds."""
    return {name: float(np.percentile(seconds, q) * 1e6) for name, q in PERCENTILES.items()}


def spin(stop: Any) -> None:
    """Load: arithmetic until told to stop."""
    value = 1.0
    while not stop.is_set():
        for _ in range(10_000):
            value = value * 1.0000001 + 1e-9


class Burners:
    """One busy process per core while the block runs."""

    def __enter__(self) -> Burners:
        context = multiprocessing.get_context("spawn")
        self.stop = context.Event()
        self.processes = [
            context.Process(target=spin, args=(self.stop,), daemon=True) for _ in range(os.cpu_count() or 1)
        ]
        for process in self.processes:
            process.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop.set()
        for process in self.processes:
            process.join(5)
            if process.is_alive():
                process.terminate()


def empty_loop(period_s: float, seconds: float) -> np.ndarray:
    """The floor: lateness (s) of a loop that only sleeps until absolute deadlines."""
    late, deadline = [], time.monotonic()
    end = deadline + seconds
    while deadline < end:
        deadline += period_s
        rest = deadline - time.monotonic()
        if rest > 0:
            time.sleep(rest)
        late.append(max(time.monotonic() - deadline, 0.0))
        deadline += late[-1] // period_s * period_s  # what is missed is skipped, as in the rate loop
    return np.array(late)


def rate_loop(period_s: float, seconds: float) -> tuple[np.ndarray, int, int]:
    """Lateness (s) of Keel's rate loop around a tick that does nothing; ticks and deadlines skipped."""
    from policy_nodes.realtime.rate_loop import RateLoop

    late: list[float] = []
    loop = RateLoop(lambda now: None, period_s)
    loop.lateness.add = late.append  # type: ignore[method-assign]
    loop.start()
    time.sleep(seconds)
    loop.stop()
    return np.array(late[1:]), loop.ticks, loop.skipped


def jitter(seconds: float, rows: list[dict[str, Any]]) -> None:
    """Both loops in turns at every rate, idle and loaded."""
    for loaded in (False, True):
        burners = Burners() if loaded else None
        if burners is not None:
            burners.__enter__()
        try:
            for rate in RATES:
                floor = empty_loop(1 / rate, seconds)
                late, ticks, skipped = rate_loop(1 / rate, seconds)
                row = {
                    "rate_hz": rate, "loaded": loaded, "ticks": ticks, "skipped": skipped,
                    "loop_us": percentiles_us(late), "empty_us": percentiles_us(floor),
                }  # fmt: skip
                rows.append(row)
                print(
                    _pair(f"{rate:4.0f} Hz {'loaded' if loaded else 'idle'}", row["loop_us"], row["empty_us"], skipped)
                )
        finally:
            if burners is not None:
                burners.__exit__()


def _pair(label: str, mine: dict[str, float], floor: dict[str, float], skipped: int) -> str:
    cells = "  ".join(f"{name} {mine[name]:8.0f} ({floor[name]:8.0f})" for name in PERCENTILES)
    return f"  {label:16s} {cells}  skipped {skipped}"


def parameters(name: str, value: Any) -> list[str]:
    """A ROS argument."""
    return ["-p", f"{name}:={value}"]


def overhead(directory: Path, seconds: float, domain: int) -> dict[str, Any]:
    """From the newest stored state to the published chunk, minus the session's own time; control ticks; CPU per node.

    ``policy_node`` and ``safety_node`` run as processes on the ROS layer. This process is the robot: it publishes joint
    states and the cube at 100 Hz and reads ``~/action_chunk``, ``~/status`` and the command. The floor is the same
    publisher and a bare subscriber to what it publishes, in the same run.
    """
    import signal
    import subprocess

    os.environ["ROS_DOMAIN_ID"] = str(domain)
    from policy_nodes.rosless.activate import ensure_ros

    ensure_ros()
    import rclpy
    from diagnostic_msgs.msg import DiagnosticArray
    from geometry_msgs.msg import PoseStamped
    from rclpy.executors import SingleThreadedExecutor
    from sensor_msgs.msg import JointState

    from policy_nodes.nodes.qos import RECORD, SENSOR
    from tests.policy_nodes.bundle_fixture import HIGH, LOW
    from tests.policy_nodes.bundle_fixture import JOINTS as NAMES
    from tests.policy_nodes.nodes.bundles import drifting_bundle

    bundle = drifting_bundle(directory, 0.0)
    processes = {}
    for name in ("policy_node", "safety_node"):
        arguments = [
            sys.executable,
            "-m",
            "policy_nodes.nodes._entry",
            name,
            "--ros-args",
            *parameters("bundle", bundle),
        ]
        with (directory / f"{name}.log").open("wb") as log:
            processes[name] = subprocess.Popen(arguments, stdout=log, stderr=log, cwd=ROOT)
    rclpy.init()
    node = rclpy.create_node("benchmark_robot")
    states = node.create_publisher(JointState, "/joint_states", 10)
    cubes = node.create_publisher(PoseStamped, "/objects/cube/pose", 10)
    beyond: list[float] = []
    hops: list[float] = []
    control: dict[str, str] = {}

    def on_status(message: Any) -> None:
        values = {item.key: item.value for item in message.status[0].values}
        beyond.append(float(values["delay_s"]) - float(values["observation_age_s"]) - float(values["inference_s"]))

    def on_diagnostics(message: Any) -> None:
        for status in message.status:
            if status.name.endswith("safety_node"):
                control.update({i.key: i.value for i in status.values if i.key.startswith(("tick", "wake-up"))})

    def on_state(message: Any) -> None:
        stamp = message.header.stamp.sec + message.header.stamp.nanosec * 1e-9
        hops.append(node.get_clock().now().nanoseconds * 1e-9 - stamp)

    node.create_subscription(DiagnosticArray, "/policy_node/status", on_status, RECORD)
    node.create_subscription(DiagnosticArray, "/diagnostics", on_diagnostics, 10)
    node.create_subscription(JointState, "/joint_states", on_state, SENSOR)
    middle = [(low + high) / 2 for low, high in zip(LOW, HIGH, strict=True)]

    def tick() -> None:
        now = node.get_clock().now().to_msg()
        cube = PoseStamped()
        cube.header.stamp, cube.header.frame_id = now, "panda_link0"
        cube.pose.position.x, cube.pose.orientation.w = 0.5, 1.0
        cubes.publish(cube)
        state = JointState(name=list(NAMES), position=middle, velocity=[0.0] * len(NAMES))
        state.header.stamp = node.get_clock().now().to_msg()
        states.publish(state)

    node.create_timer(0.01, tick)
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    try:
        _spin_until(executor, lambda: len(beyond) >= 5, 60.0)
        if len(beyond) < 5:
            return {"error": (directory / "policy_node.log").read_text()[-500:]}
        beyond.clear()
        hops.clear()
        before = {name: _cpu_seconds(process.pid) for name, process in processes.items()}
        began = time.monotonic()
        _spin_until(executor, lambda: False, seconds)
        wall = time.monotonic() - began
        cpu = {name: (_cpu_seconds(p.pid) - before[name]) / wall for name, p in processes.items()}
    finally:
        for process in processes.values():
            process.send_signal(signal.SIGINT)
        for process in processes.values():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
        node.destroy_node()
        rclpy.shutdown()
    return {
        "chunks": len(beyond),
        "plan_minus_session_us": percentiles_us(np.array(beyond)),
        "wire_hop_us": percentiles_us(np.array(hops)),
        "safety_node": control,
        "cpu_share_of_a_core": cpu,
    }


def _spin_until(executor: Any, done: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and not done():
        executor.spin_once(timeout_sec=0.01)


def _cpu_seconds(pid: int) -> float:
    """User and system time of a process, from /proc."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def sampling(path: Path, calls: int = 300) -> list[dict[str, Any]]:
    """Cost of each graph of a bundle, in turns, and its ratio to the plain policy."""
    from policy_nodes.bundle.load import load_bundle
    from policy_nodes.inference.parity import load_parity
    from policy_nodes.inference.policy import PolicySession

    bundle = load_bundle(path)
    sessions = {"policy": PolicySession(bundle)}
    sessions |= {v.name: PolicySession(bundle, variant=v.name) for v in bundle.manifest.policy.variants}
    inputs, outputs = load_parity(bundle)
    features = {feature.name: inputs[feature.name][0] for feature in bundle.manifest.observations}
    chunk = outputs["action"][0]
    extra = {"previous_chunk": chunk, "prefix_weights": np.linspace(1, 0, len(chunk), dtype=np.float32)}
    rng, times = np.random.default_rng(0), {name: np.empty(calls) for name in sessions}
    gc.disable()
    for call in range(-20, calls):
        for name, session in sessions.items():
            seconds = session.sample(features, rng=rng, extra=extra).seconds
            if call >= 0:
                times[name][call] = seconds
    gc.enable()
    plain = float(np.median(times["policy"]))
    return [
        {
            "graph": name,
            "evaluations": session.evaluations,
            "median_us": float(np.median(times[name]) * 1e6),
            "p99_us": float(np.percentile(times[name], 99) * 1e6),
            "of_full": float(np.median(times[name]) / plain),
        }
        for name, session in sessions.items()
    ]


def machine() -> dict[str, Any]:
    """Conditions of the run."""
    return {
        "cores": os.cpu_count(),
        "load_1_min": os.getloadavg()[0],
        "kernel": platform.release(),
        "python": platform.python_version(),
        "threads": threading.active_count(),
    }


def main() -> int:
    """Run everything; returns the exit code."""
    import tempfile

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, default=None)
    parser.add_argument("--seconds", type=float, default=4.0, help="per loop and rate")
    parser.add_argument("--node-seconds", type=float, default=20.0)
    parser.add_argument("--domain", type=int, default=77)
    parser.add_argument("--output", type=Path, default=None)
    args = parser.parse_args()
    results: dict[str, Any] = {"machine": machine(), "jitter": []}
    print(f"machine: {results['machine']}")
    print("lateness of the rate loop in us (in brackets: an empty loop in the same run)")
    jitter(args.seconds, results["jitter"])
    with tempfile.TemporaryDirectory() as directory:
        results["nodes"] = overhead(Path(directory), args.node_seconds, args.domain)
    print(f"nodes, joint states at 100 Hz:\n{json.dumps(results['nodes'], indent=1)}")
    if args.bundle is not None:
        results["sampling"] = sampling(args.bundle)
        for row in results["sampling"]:
            print(
                f"  {row['graph']:14s} {row['evaluations']:3d} evaluations  median {row['median_us']:8.0f} us  "
                f"p99 {row['p99_us']:8.0f} us  {row['of_full']:.2f} of the plain policy"
            )
    results["machine"]["load_1_min_at_end"] = os.getloadavg()[0]
    print(f"load at the end: {results['machine']['load_1_min_at_end']:.1f}")
    if args.output is not None:
        args.output.write_text(json.dumps(results, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())

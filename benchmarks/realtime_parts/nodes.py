"""Overhead and processor time of the live nodes at 100 Hz, on whatever ROS stack is there.

This process is the robot: it publishes joint states and object poses at 100 Hz and receives the policy's chunks. Per
chunk, ``~/status`` says how old the observation was when planning began and how long the session took, so that

    written - (stamp + observation age + session)

is what the node costs until its chunk is on the wire (DDS stamps a sample when it is written, so that this process's
own work does not enter); without encoding it is the delay that the node reports minus the same two. The floor is the
lateness of an empty loop, the scheduler's own; a bare subscriber to this process's own joint states stands beside it.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.realtime_parts.loops import empty_loop
from benchmarks.realtime_parts.summary import head, percentiles_us, row

ROOT = Path(__file__).resolve().parents[2]
RATE_HZ = 100.0
START_S = 120.0
NODES = ("policy_node", "safety_node", "monitor_node")
AIM_CPU, AIM_US = 0.05, 1000.0


def measure(bundle: Path, seconds: float, domain: int) -> dict[str, Any]:
    """Run the nodes for ``seconds`` once they plan; prints the tables.

    Raises:
        RuntimeError: a node does not start, or does not plan; with the end of its log.
    """
    os.environ["ROS_DOMAIN_ID"] = str(domain)
    from policy_nodes.rosless.activate import ensure_ros

    stack = ensure_ros()
    with tempfile.TemporaryDirectory() as directory:
        copied = at_rate(bundle, Path(directory))
        names = ["policy_node", "safety_node"]
        names += ["monitor_node"] if (copied / "calibration.npz").is_file() else []
        processes = {name: _start(name, copied, Path(directory)) for name in names}
        try:
            robot = _Robot(copied)
            try:
                found = robot.watch(processes, Path(directory), seconds)
            finally:
                robot.close()
        finally:
            _end(processes)
    return _report(stack, found)


def at_rate(bundle: Path, directory: Path) -> Path:
    """A copy of the bundle whose control rate is 100 Hz."""
    from policy_nodes.bundle.load import load_bundle
    from policy_nodes.bundle.write import update_manifest

    target = directory / "rate.keel"
    shutil.copytree(bundle, target)
    loaded = load_bundle(target)
    timing = loaded.manifest.timing.model_copy(update={"control_rate_hz": RATE_HZ})
    return update_manifest(loaded, timing=timing).path


def environment() -> dict[str, str]:
    """This process's environment for a child that imports from this checkout."""
    paths = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    return os.environ | {"PYTHONPATH": paths}


def _start(name: str, bundle: Path, directory: Path) -> subprocess.Popen[bytes]:
    arguments = [sys.executable, "-m", "policy_nodes.nodes._entry", name, "--ros-args", "-p", f"bundle:={bundle}"]
    with (directory / f"{name}.log").open("wb") as log:
        return subprocess.Popen(arguments, stdout=log, stderr=log, cwd=ROOT, env=environment())


def _end(processes: dict[str, subprocess.Popen[bytes]]) -> None:
    for process in processes.values():
        process.send_signal(signal.SIGINT)
    for process in processes.values():
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()


class _Robot:
    """Publishes what the contract reads, receives what the nodes say."""

    def __init__(self, bundle: Path) -> None:
        import rclpy
        from diagnostic_msgs.msg import DiagnosticArray
        from geometry_msgs.msg import PoseStamped
        from rclpy.executors import SingleThreadedExecutor
        from sensor_msgs.msg import JointState
        from trajectory_msgs.msg import JointTrajectory

        from policy_nodes.bundle.load import load_bundle
        from policy_nodes.nodes.qos import RECORD, SENSOR

        manifest = load_bundle(bundle).manifest
        self._joints = [j for term in manifest.terms if term.field == "position" for j in term.axes]
        term = next(term for term in manifest.terms if term.field == "position")
        self._middle = [(a + b) / 2 for a, b in zip(term.minimum, term.maximum, strict=True)]
        self._pose_terms = [t for t in manifest.terms if t.message_type == "geometry_msgs/msg/PoseStamped"]
        self.hops: list[float] = []
        self.written: dict[int, int] = {}
        self.told: dict[int, dict[str, str]] = {}
        self.diagnostics: dict[str, dict[str, str]] = {}
        rclpy.init()
        self._node = node = rclpy.create_node("benchmark_robot")
        self._states = node.create_publisher(JointState, "/joint_states", 10)
        self._poses = {t.topic: node.create_publisher(PoseStamped, t.topic, 10) for t in self._pose_terms}
        self._types = (JointState, PoseStamped)
        node.create_subscription(JointState, "/joint_states", self._on_state, SENSOR)
        node.create_subscription(JointTrajectory, "/policy_node/action_chunk", self._on_chunk, RECORD)
        node.create_subscription(DiagnosticArray, "/policy_node/status", self._on_status, RECORD)
        node.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, 10)
        node.create_timer(1.0 / RATE_HZ, self._tick)
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(node)

    def watch(self, processes: dict[str, Any], directory: Path, seconds: float) -> dict[str, Any]:
        """Everything that was measured while the nodes planned."""
        self._spin(START_S, lambda: len(self.told) >= 5 and len(self.written) >= 5)
        for name, process in processes.items():
            if process.poll() is not None or len(self.told) < 5:
                log = (directory / f"{name}.log").read_text()[-600:]
                raise RuntimeError(f"{name} {'ended' if process.poll() is not None else 'does not plan'}: {log}")
        self.hops.clear()
        self.told.clear()
        self.written.clear()
        before = {name: _cpu_seconds(process.pid) for name, process in processes.items()}
        began = time.monotonic()
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            empty = pool.apply_async(empty_loop, (1.0 / RATE_HZ, seconds))
            self._spin(seconds, lambda: False)
            wall = time.monotonic() - began
            late = empty.get(timeout=seconds)
        cpu = {name: (_cpu_seconds(process.pid) - before[name]) / wall for name, process in processes.items()}
        beyond, whole = [], []
        for stamp, values in self.told.items():
            spent = float(values["observation_age_s"]) + float(values["inference_s"])
            beyond.append(float(values["delay_s"]) - spent)
            if stamp in self.written:
                whole.append((self.written[stamp] - stamp) / 1e9 - spent)
        inference = [float(values["inference_s"]) for values in self.told.values()]
        return {
            "cpu": cpu, "hops": self.hops, "beyond": beyond, "whole": whole, "inference": inference,
            "diagnostics": self.diagnostics, "late": late,
        }  # fmt: skip

    def close(self) -> None:
        import rclpy

        self._executor.shutdown()
        self._node.destroy_node()
        rclpy.shutdown()

    def _now_ns(self) -> int:
        return int(self._node.get_clock().now().nanoseconds)

    def _tick(self) -> None:
        joint_state, pose_stamped = self._types
        for term in self._pose_terms:
            pose = pose_stamped()
            pose.header.stamp, pose.header.frame_id = self._node.get_clock().now().to_msg(), term.frame_id or ""
            pose.pose.position.x, pose.pose.orientation.w = 0.5, 1.0
            self._poses[term.topic].publish(pose)
        state = joint_state(name=self._joints, position=self._middle, velocity=[0.0] * len(self._joints))
        state.header.stamp = self._node.get_clock().now().to_msg()
        self._states.publish(state)

    def _on_state(self, message: Any) -> None:
        self.hops.append((self._now_ns() - _stamp_ns(message)) / 1e9)

    def _on_chunk(self, message: Any, info: Any) -> None:
        self.written[_stamp_ns(message)] = info["source_timestamp"]

    def _on_status(self, message: Any) -> None:
        self.told[_stamp_ns(message)] = {item.key: item.value for item in message.status[0].values}

    def _on_diagnostics(self, message: Any) -> None:
        for status in message.status:
            self.diagnostics[status.name] = {item.key: item.value for item in status.values}

    def _spin(self, seconds: float, done: Callable[[], bool]) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end and not done():
            self._executor.spin_once(timeout_sec=0.05)


def _stamp_ns(message: Any) -> int:
    return int(message.header.stamp.sec) * 10**9 + int(message.header.stamp.nanosec)


def _cpu_seconds(pid: int) -> float:
    """User and system time of a process, from /proc."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _report(stack: str, found: dict[str, Any]) -> dict[str, Any]:
    """Print the tables; the same as plain numbers."""
    print(f"  stack {stack}, {len(found['beyond'])} chunks")
    tables = {name: percentiles_us(found[name]) for name in ("hops", "inference", "beyond", "whole", "late")}
    head("policy_node (us)")
    row("session", tables["inference"])
    row("plan minus session", tables["beyond"], "assembly, checks, decoding")
    row("chunk written minus session", tables["whole"], "and encoding, up to the wire")
    row("floor: an empty loop, late", tables["late"], "the scheduler's own jitter")
    row("a bare hop", tables["hops"], "joint state, this process to itself")
    excess = float(np.subtract(tables["whole"]["p99"], tables["late"]["p99"]))
    print(f"  p99 above session and an empty loop: {excess:.0f} us (aim {AIM_US:.0f})")
    control = {}
    for name, values in found["diagnostics"].items():
        if name.endswith("safety_node"):
            timing = {key: value for key, value in values.items() if key.startswith(("tick ", "wake-up "))}
            control = {key: float(value) * 1e3 for key, value in timing.items()}
    for kind in ("tick", "wake-up"):
        cells = {p: control.get(f"{kind} {q} (ms)", float("nan")) for p, q in _KEYS.items()}
        row(f"safety_node {kind}", cells, "since it was started")
    for name, share in found["cpu"].items():
        print(f"  {name:34s}{share:10.1%} of a core at {RATE_HZ:.0f} Hz (aim {AIM_CPU:.0%})")
    return {"stack": stack, "cpu": found["cpu"], "us": tables, "p99_above_floor_us": excess, "safety_us": control}


_KEYS = {"p50": "p50", "p99": "p99", "p99.9": "p999", "max": "max"}

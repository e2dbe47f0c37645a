"""Cost of every layer of the safety core per control period, and temporal logic against rtamt.

    python benchmarks/safety.py [--ticks 3000]

A seven-joint arm (Panda, from its DH table) at 100 Hz with 20 filter constraints and four specifications follows a
policy that moves about freely, and one that keeps steering into what it must stay clear of. Times are wall clock, one
thread; the load of the machine is printed because it is part of the result.
"""

from __future__ import annotations

import argparse
import logging
import os
import platform
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from policy_nodes.bundle.manifest import ObservationTerm
from policy_nodes.safety.backup import BACKUPS, BackupContext
from policy_nodes.safety.backup_config import StlMpcConfig
from policy_nodes.safety.config import JointLimit, SafetyConfig
from policy_nodes.safety.filter.config import FilterConfig
from policy_nodes.safety.filter.model import FilterModel
from policy_nodes.safety.filter.safety_filter import SafetyFilter
from policy_nodes.safety.governor import Governor
from policy_nodes.safety.limits import JointLimiter, Limits, Motion
from policy_nodes.safety.stl import Monitor, bounds, parse
from policy_nodes.safety.supervisor import State
from policy_nodes.types import ActionChunk, JointSample

DT = 0.01
NAMES = [f"joint{k}" for k in range(1, 8)]
READY = np.array([0, -np.pi / 4, 0, -3 * np.pi / 4, 0, np.pi / 2, np.pi / 4])
POSITION = [2.8973, 1.7628, 2.8973, (-3.0718, -0.0698), 2.8973, (-0.0175, 3.7525), 2.8973]
VELOCITY = [2.175] * 4 + [2.61] * 3
ACCELERATION = [15.0, 7.5, 10.0, 12.5, 15.0, 20.0, 20.0]
FORMULAS = [
    "historically[0:200samples](abs(joint1.velocity) < 2.5)",
    "historically[0:50samples]((cube.z < 0.5) implies (joint4.position < 0))",
    "(abs(joint2.error) < 0.3) since[0:200samples] (abs(joint2.velocity) < 3)",
    "always[0:100ms](joint6.position > -0.1)",
]
VERSUS = [
    "historically[0:200](a > -0.9)",
    "once[50:200](abs(a - b) < 0.05)",
    "historically[0:200]((a > 0.9) implies (once[0:20](b > 0.2)))",
    "(a > -0.5) since[0:200] (b > 0.9)",
]


def chain() -> list[dict[str, object]]:
    """Craig's DH parameters a, d, alpha of Franka's documentation as fixed transforms, and the tool."""
    turn = np.pi / 2
    table = [(0, 0.333, 0), (0, 0, -turn), (0, 0.316, turn), (0.0825, 0, turn), (-0.0825, 0.384, -turn)]
    table += [(0, 0, turn), (0.088, 0, turn)]
    links: list[dict[str, object]] = []
    for name, (a, d, alpha) in zip(NAMES, table, strict=True):
        c, s = np.cos(alpha), np.sin(alpha)
        links.append({"name": name, "fixed": [[1, 0, 0, a], [0, c, -s, -s * d], [0, s, c, c * d], [0, 0, 0, 1]]})
    tool = [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0.21], [0, 0, 0, 1]]
    return [*links, {"name": "tool", "fixed": tool, "kind": "fixed"}]


def filter_section() -> dict[str, object]:
    bodies = [
        {"name": "hand", "link": "tool", "start": [0, 0, -0.1], "end": [0, 0, 0], "radius": 0.05},
        {"name": "elbow", "link": "joint4", "start": [0, 0, 0], "radius": 0.08},
        {"name": "wrist", "link": "joint6", "start": [0, 0, 0], "radius": 0.07},
        {"name": "base", "link": "joint1", "start": [0, 0, -0.3], "end": [0, 0, 0], "radius": 0.1},
    ]
    post = {"name": "post", "position": [0.45, 0.3, 0], "end": [0, 0, 0.6], "radius": 0.05, "bodies": ["hand", "elbow"]}
    ball = {"name": "ball", "position": [0.4, -0.4, 0.5], "radius": 0.1, "bodies": ["hand", "elbow", "wrist"]}
    return {
        "chain": chain(),
        "bodies": bodies,
        "pairs": [{"first": "hand", "second": "base"}],
        "obstacles": [post, ball],
        "workspace": {"link": "tool", "minimum": [0.1, -0.7, 0.05], "maximum": [0.8, 0.7, 1.1]},
    }


def config(**sections: object) -> SafetyConfig:
    joints = []
    for name, bound, velocity, acceleration in zip(NAMES, POSITION, VELOCITY, ACCELERATION, strict=True):
        low, high = bound if isinstance(bound, tuple) else (-bound, bound)
        limit = {"position_min": low, "position_max": high, "velocity": velocity, "acceleration": acceleration}
        joints.append(JointLimit.model_validate({"name": name, **limit, "jerk": 500 * acceleration}))
    return SafetyConfig.model_validate({"joints": joints, "max_command_distance": 3.0, **sections})


def cube() -> ObservationTerm:
    values = {"topic": "/cube", "message_type": "std_msgs/msg/Float64MultiArray", "field": "data", "max_age_s": 0.1}
    values |= {"axes": ["x", "y", "z"], "unit": ["m"] * 3, "minimum": [-2.0] * 3, "maximum": [2.0] * 3}
    return ObservationTerm.model_validate({"name": "cube", **values})


class Timings:
    """Microseconds of every call, by name."""

    def __init__(self) -> None:
        self.found: dict[str, list[float]] = {}

    def add(self, name: str, start_ns: int) -> None:
        """Note the time since ``start_ns``."""
        self.found.setdefault(name, []).append((time.perf_counter_ns() - start_ns) / 1e3)

    def call(self, name: str, function: Callable[[], Any]) -> Any:
        """Call and note the time."""
        start = time.perf_counter_ns()
        result = function()
        self.add(name, start)
        return result

    def table(self) -> None:
        """Print medians and 99th percentiles."""
        print(f"{'layer':<52}{'p50 us':>9}{'p99 us':>9}{'calls':>8}")
        for name, values in self.found.items():
            print(f"{name:<52}{np.median(values):9.1f}{np.percentile(values, 99):9.1f}{len(values):8d}")


def targets(ticks: int, spread: float) -> list[np.ndarray]:
    """Random postures within ``spread`` (rad) of the ready pose, half a second each; beyond 1 many are out of reach."""
    rng = np.random.default_rng(0)
    settings = config()
    low = np.array([joint.position_min for joint in settings.joints])
    high = np.array([joint.position_max for joint in settings.joints])
    postures = [np.clip(READY + rng.uniform(-spread, spread, 7), low, high) for _ in range(ticks // 50 + 1)]
    return [postures[tick // 50] for tick in range(ticks)]


def layers(timings: Timings, ticks: int) -> None:
    """Limiter, filter and backups on their own."""
    settings = config()
    limits, limiter = Limits.of(settings.joints, DT), JointLimiter(settings.joints, DT)
    section = FilterConfig.model_validate(filter_section())
    model = FilterModel(section, NAMES, limits)
    barrier = SafetyFilter(section, model, limits)
    print(f"filter: {len(model.labels)} constraints")
    for label, spread in (("moving freely", 0.25), ("steering into obstacles", 1.2)):
        motion, closest, changed = Motion.rest(READY), np.inf, 0
        for wanted in targets(ticks, spread):
            limited = timings.call(f"limiter, {label}", lambda m=motion, w=wanted: limiter.next(m, w))
            start = time.perf_counter_ns()
            command = barrier.next(motion, limited, {})
            timings.add(f"filter, {label}", start)
            changed += command is not limited
            motion = motion.then(command, DT)
            closest = min(closest, float(model.rows(motion.position, {}).value.min()))
        print(f"  {label}: program solved in {changed / ticks:.0%} of the ticks, smallest barrier {closest:.4f} m")
    poses = {name: READY.tolist() for name in ("home", "sit", "stand")}
    search = StlMpcConfig(link="tool", goal=[0.45, 0.25, 0.45])
    sections = settings.backups.model_copy(update={**poses, "stl_mpc": search})
    context = BackupContext(settings.joints, limits, sections, model=model)
    context.trail.extend(READY + 0.002 * k for k in range(100))
    for name, make in BACKUPS.items():
        backup = make(context)
        speed = 0.0 if name == "hold" else 0.2
        backup.start(0, context.trail[-1], np.full(7, speed), np.zeros(7))
        for now in range(1, 200):
            timings.call(f"backup {name}", lambda b=backup, n=now: b.command(n))


def temporal_logic(timings: Timings, ticks: int) -> None:
    """Monitors on random traces; the prediction on a chunk of 32 samples."""
    rng = random.Random(0)
    names = [f"{joint}.{what}" for joint in NAMES for what in ("position", "velocity", "error")] + ["cube.z"]
    trees = [parse(text, names, DT) for text in FORMULAS]
    monitors = [Monitor(tree, names) for tree in trees[:3]]
    for _ in range(ticks):
        sample = [rng.uniform(-1, 1) for _ in names]
        for text, monitor in zip(FORMULAS, monitors, strict=False):
            timings.call(f"monitor {text[:42]}", lambda m=monitor, s=sample: m.update(s))
    trace = {name: np.linspace(0.0, 1.0, 32) for name in names}
    for _ in range(ticks // 4):
        timings.call("prediction, always[0:100ms] on 32 samples", lambda: bounds(trees[3], trace))


def governor(timings: Timings, ticks: int, label: str, **sections: object) -> None:
    """Whole control periods: signals in, decision out."""
    robot = Governor(config(**sections), NAMES, [cube()], DT, 0.16, monitor_required=False)
    now, position = 10**9, READY
    postures = targets(ticks, 1.2)
    zero = np.zeros(7)
    stopped = 0
    for tick in range(ticks):
        now += round(DT * 1e9)
        start = time.perf_counter_ns()
        robot.on_joint_state(now, JointSample(now, position, zero))
        robot.on_observation(now, "cube", now, np.array([0.5, 0.0, 0.6]))
        if tick % 16 == 0:
            values = np.linspace(position, position + np.clip(postures[tick] - position, -0.15, 0.15), 16)
            robot.on_chunk(now, ActionChunk(now, 20_000_000, values, tick + 1))
        timings.add(f"signals in ({label})", start)
        if tick == 10:
            assert robot.enable(now, True)[0], robot.enable(now, True)[1]
        decision = timings.call(f"tick ({label})", lambda t=now: robot.tick(t))
        stopped += decision.state in (State.BACKUP, State.STOPPED)
        if decision.command is not None:
            position = decision.command
    assert stopped == 0, "the benchmark's policy was stopped"


def versus_rtamt() -> None:
    """Updates per second of both, on one trace, results compared."""
    try:
        import rtamt
    except ImportError:
        print("rtamt is not installed: no comparison (pip install rtamt==0.4.10)")
        return
    logging.getLogger().setLevel(logging.ERROR)
    rng = random.Random(1)
    samples = [[rng.uniform(-1, 1), rng.uniform(-1, 1)] for _ in range(4000)]
    print(f"\n{'formula, window 200':<64}{'rtamt /s':>10}{'keel /s':>10}{'ratio':>8}")
    for text in VERSUS:
        spec = rtamt.StlDiscreteTimeSpecification()
        spec.declare_var("a", "float")
        spec.declare_var("b", "float")
        spec.spec = "out = " + text
        spec.parse()
        monitor = Monitor(parse(text, "ab", 1.0), "ab")
        count = 400 if "since" in text else 1500
        # Warm, so that both work on full windows.
        expected = [spec.update(t, [("a", a), ("b", b)]) for t, (a, b) in enumerate(samples[:250])]
        assert [monitor.update(sample) for sample in samples[:250]] == expected
        start = time.perf_counter()
        theirs = [spec.update(t, [("a", a), ("b", b)]) for t, (a, b) in enumerate(samples[250 : 250 + count])]
        rtamt_s = (time.perf_counter() - start) / count
        start = time.perf_counter()
        ours = [monitor.update(sample) for sample in samples[250 : 250 + count]]
        keel_s = (time.perf_counter() - start) / count
        assert ours == theirs
        print(f"{text:<64}{1 / rtamt_s:10.0f}{1 / keel_s:10.0f}{rtamt_s / keel_s:8.0f}")


def conditions() -> None:
    """What the figures depend on."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [
            line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")
        ]
        model = names[0] if names else model
    load = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
    print(f"{model}, {os.cpu_count()} CPUs, load {load}; Python {platform.python_version()}, numpy {np.__version__}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ticks", type=int, default=3000)
    ticks = parser.parse_args().ticks
    conditions()
    timings = Timings()
    layers(timings, ticks)
    temporal_logic(timings, ticks)
    specifications = [{"name": f"s{k}", "formula": text} for k, text in enumerate(FORMULAS)]
    governor(timings, ticks, "limits only")
    governor(timings, ticks, "with temporal logic", temporal_logic=specifications)
    governor(timings, ticks, "with filter", filter=filter_section())
    governor(timings, ticks, "with both", temporal_logic=specifications, filter=filter_section())
    timings.table()
    versus_rtamt()
    conditions()


if __name__ == "__main__":
    main()

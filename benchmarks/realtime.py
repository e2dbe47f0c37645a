"""What real time costs here: lateness of the loop, overhead of the nodes, CPU per node, sampling with and without a
previous chunk.

Every figure stands beside its floor, measured in the same run on the same machine in turns: the rate loop beside a bare
loop of ``clock_nanosleep``, a node's way from message to message beside the session and an empty loop, a node's
processor time beside that of one that only listens. A busy machine hits both alike; the load is printed, because on one
these figures say little.

    python benchmarks/realtime.py                           about 6 minutes on a quiet machine
    python benchmarks/realtime.py --only nodes --seconds 10
    python benchmarks/realtime.py --output realtime.json

The nodes run on whatever ROS stack this Python finds: the real rclpy in a sourced ROS 2, else rosless; the name is
printed. They run the given bundle at 100 Hz control; sampling uses random weights of the demo's size, because what a
graph costs does not depend on what it has learned.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.realtime_parts import cpu, loops, nodes, sampling  # noqa: E402
from benchmarks.realtime_parts.summary import addition_ns, conditions  # noqa: E402

PARTS = ("loops", "nodes", "cpu", "sampling")


def main() -> int:
    """Run what is asked for; returns the exit code: 1 when a part could not be measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, help="parts to measure")
    parser.add_argument("--seconds", type=float, default=5.0, help="per loop and rate; nodes six times as long")
    parser.add_argument("--bundle", type=Path, default=ROOT / "examples" / "panda_pick_place.keel")
    parser.add_argument("--domain", type=int, default=77, help="ROS domain of the nodes")
    parser.add_argument("--output", type=Path, default=None, help="also write everything as JSON")
    args = parser.parse_args()
    results: dict[str, Any] = {"conditions": conditions()}
    print("  ".join(f"{key} {value}" for key, value in results["conditions"].items()))
    began, failed = time.monotonic(), False
    for part in args.only:
        print(f"\n--- {part} (load {os.getloadavg()[0]:.1f})", flush=True)
        try:
            if part == "loops":
                results[part] = loops.measure(args.seconds)
            elif part == "nodes":
                results[part] = nodes.measure(args.bundle, 6 * args.seconds, args.domain)
            elif part == "cpu":
                results[part] = cpu.measure(args.bundle, 6 * args.seconds, args.domain)
            else:
                results[part] = sampling.measure()
        except Exception as error:  # one part that cannot run here must not cost the others
            results[part], failed = {"error": f"{type(error).__name__}: {error}"}, True
            print(f"  not measured: {results[part]['error']}")
    print_aims(results)
    results["conditions"]["ns per addition at the end"] = round(addition_ns(), 1)
    results["conditions"]["load at the end"] = round(os.getloadavg()[0], 1)
    last = ", ".join(f"{key} {value}" for key, value in results["conditions"].items() if key.endswith("the end"))
    print(f"\n{time.monotonic() - began:.0f} s, {last}")
    if args.output is not None:
        args.output.write_text(json.dumps(results, indent=1))
    return int(failed)


def print_aims(results: dict[str, Any]) -> None:
    """The aims beside the figures of this run; what closed loops must show has commands of its own."""
    print("\n--- aims")
    for name, figure, aim, unit in aims(results):
        verdict = "holds" if figure <= aim else "does not hold"
        print(f"  {name:58s}{figure:10.1f} {unit:3s} aim {aim:g} {unit:3s} {verdict}")
    print("  RTI (evaluations per tick, success) and RTC (jump, success): keel evaluate BUNDLE --latency-sweep")


def aims(results: dict[str, Any]) -> list[tuple[str, float, float, str]]:
    """Name, figure, aim and unit of every aim that this run measured."""
    found = []
    overhead = results.get("nodes", {}).get("p99_above_floor_us") if "nodes" in results else None
    if overhead is not None:
        found.append(("policy_node: p99 above session and an empty loop", overhead, nodes.AIM_US, "us"))
    rows = results["cpu"].get("nodes", {}) if "cpu" in results else {}
    for name, row in rows.items():
        if name not in nodes.NODES:
            continue
        for key, label in (("ready", "READY"), ("moving", "moving"), ("without", "moving, without its network")):
            found.append((f"{name}: share of a core, {label}", 100.0 * row[key], 100.0 * nodes.AIM_CPU, "%"))
    return found


if __name__ == "__main__":
    sys.exit(main())

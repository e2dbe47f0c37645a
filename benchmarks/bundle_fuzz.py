"""The long fuzz run of the bundle reader: over 10 000 mutants, none may be accepted, crash it, or cost much.

    python benchmarks/bundle_fuzz.py [--count 12000] [--seed 20260101]

A third of them are of a plain bundle, a third of one with every optional part (variants, step graph, reduced precision,
sim-to-sim gate, warm start), a third of one with cameras. Every mutant is made from the seed and its own number alone,
so a fault can be repeated. Mutations: bytes, truncation, JSON values and structure, contradictions between fields,
shapes, names and paths, links and directories, zip bombs and lying archives, ONNX content (external data, huge shapes,
randomness, loops, foreign operators), ambiguous JSON, unfolding YAML, false signatures.
Exit code 1 when any mutant was not refused with a cause and a fix.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from policy_nodes.cli.progress import ProgressBar
from tests.policy_nodes.bundle.mutations import MUTATIONS, fuzz
from tests.policy_nodes.bundle.newer_fields import NEWER, make_full_bundle
from tests.policy_nodes.bundle_fixture import make_bundle
from tests.policy_nodes.camera_bundle import camera_bundle


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=12_000)
    parser.add_argument("--seed", type=int, default=20260101)
    options = parser.parse_args()
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as directory, ProgressBar("fuzz", options.count) as bar:
        work, third = Path(directory) / "work", options.count // 3
        tell, both = (lambda done: bar.advance()), (*MUTATIONS, *NEWER)
        report = fuzz(make_bundle(Path(directory)), work, options.count - 2 * third, options.seed, tell)
        for number, make in enumerate((make_full_bundle, camera_bundle), start=1):
            seed = options.seed + number * options.count
            fuzz(make(Path(directory)), work, third, seed, tell, both, report)
    for name, number in sorted(report.made.items()):
        print(f"{name:<24}{number:>7}")
    made = sum(report.made.values())
    print(
        f"{made} mutants (seed {options.seed}) in {time.perf_counter() - started:.0f} s: "
        f"{made - len(report.faults)} refused with cause and fix, {len(report.faults)} not; "
        f"slowest {report.slowest_s * 1e3:.0f} ms ({report.slowest}), "
        f"peak memory grew by {report.growth_bytes / 2**20:.0f} MiB"
    )
    for fault in report.faults:
        print(fault, file=sys.stderr)
    return 1 if report.faults else 0


if __name__ == "__main__":
    sys.exit(main())

"""The long fuzz run of the bundle reader: over 10 000 mutants, none may be accepted, crash it, or cost much.

    python benchmarks/bundle_fuzz.py [--count 10100] [--seed 20260101]

Every mutant is made from the seed and its own number alone, so a fault can be repeated. Mutations: bytes, truncation,
JSON values and structure, shapes, names and paths, links and directories, zip bombs and lying archives, ONNX content
(external data, huge shapes, randomness, loops, foreign operators), ambiguous JSON, unfolding YAML, false signatures.
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
from tests.policy_nodes.bundle.mutations import fuzz
from tests.policy_nodes.bundle_fixture import make_bundle


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=10_100)
    parser.add_argument("--seed", type=int, default=20260101)
    options = parser.parse_args()
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as directory, ProgressBar("fuzz", options.count) as bar:
        original = make_bundle(Path(directory))
        report = fuzz(original, Path(directory), options.count, options.seed, lambda done: bar.advance())
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

"""What the safety layers cost a good policy: the same episodes with and without them, paired.

    python benchmarks/success_cost.py [BUNDLE] [--episodes 200] [--output FILE.json]

Every seed is run twice through the code that runs on the robot (observation assembly, exported graph, governor): once
with the bundle's own `safety.yaml`, once without barrier filter, recoverability and temporal logic, so that only joint
limits remain. Same seeds mean same scenes and same noise, so that a difference is the layers' doing. Prints success
with Wilson intervals, the discordant pairs with the exact McNemar test (Psychometrika 1947), and how episodes were
lost. Results so far are kept in --output, and the run goes on from there.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import time
from pathlib import Path

from policy_nodes.bundle.load import load_bundle
from training.contracts.registry import task_contract
from training.evaluation.closed_loop import ClosedLoop
from training.evaluation.statistics import wilson_interval

OFF = {"filter": None, "recoverability": None, "temporal_logic": []}


def mcnemar(lost: int, gained: int) -> float:
    """Two-sided exact p-value of ``lost`` against ``gained`` discordant pairs."""
    total, least = lost + gained, min(lost, gained)
    if total == 0:
        return 1.0
    return min(1.0, 2.0 * sum(math.comb(total, k) for k in range(least + 1)) / 2.0**total)


def report(done: list[dict[str, object]], seconds: float) -> None:
    """Print what is known so far."""
    count = len(done)
    for label in ("with", "without"):
        successes = sum(bool(pair[label]) for pair in done)
        low, high = wilson_interval(successes, count, 0.95)
        print(f"{label:<8} the layers: {successes}/{count} = {successes / count:.3f} ({low:.3f}..{high:.3f})")
    lost = sum(bool(pair["without"]) and not pair["with"] for pair in done)
    gained = sum(bool(pair["with"]) and not pair["without"] for pair in done)
    print(f"lost by the layers {lost}, gained {gained}: {100 * (lost - gained) / count:+.2f} points, ", end="")
    print(f"exact McNemar p = {mcnemar(lost, gained):.3f}; {seconds:.0f} s of CPU")
    for pair in done:
        if not pair["with"]:
            print(f"  seed {pair['seed']}: {pair['outcome']} {pair['stopped_by'] or ''}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", type=Path, nargs="?", default=Path("examples/panda_pick_place.keel"))
    parser.add_argument("--episodes", type=int, default=200)
    parser.add_argument("--seed", type=int, default=200_000)
    parser.add_argument("--output", type=Path, default=None)
    args = parser.parse_args()
    bundle = load_bundle(args.bundle)
    contract = task_contract(bundle.manifest.task)
    guarded, bare = (ClosedLoop(bundle, contract.make_world(), react=False) for _ in range(2))
    bare.safety = bare.safety.model_copy(update=OFF)
    done: list[dict[str, object]] = []
    if args.output is not None and args.output.exists():
        done = json.loads(args.output.read_text())
    began = time.process_time()
    for seed in range(args.seed + len(done), args.seed + args.episodes):
        first, second = (loop.run(seed, contract.episode_s) for loop in (guarded, bare))
        pair = {"seed": seed, "with": first.success, "without": second.success}
        done.append({**pair, "outcome": first.outcome, "stopped_by": first.stopped_by})
        if args.output is not None:
            args.output.write_text(json.dumps(done))
    print(f"{bundle.path.name}, {len(done)} pairs, load {os.getloadavg()[0]:.1f}")
    report(done, time.process_time() - began)


if __name__ == "__main__":
    main()

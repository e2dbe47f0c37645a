"""Does H-infinity training widen the push envelope over plain randomisation on the same budget?

Both arms continue the same training run with its own settings for the same number of iterations, for several seeds:
plain PPO with random kicks, and H-infinity PPO (Long et al. 2024, arXiv 2404.14405) with the same kicks and a learned
disturber. Tested are, on randomised robots that walk at 0.8 m/s and that stand: kicks of rising size (a velocity, at
once), forces that last one and five seconds, the velocity error, and a disturber trained anew against each frozen
policy. An envelope is the largest push that 95 % of the robots survive, interpolated.

    keel train-rl --output runs/judged --initial-policy examples/go1_velocity_flat/policy.onnx \\
        --iterations 40 --ppo.critic-warm-up 40 --ppo.init-std 0.2 --ppo.entropy 0.002 \\
        --set rewards.tracking_sigma=0.1 rewards.track_linear_velocity=2.0 rewards.air_time=10
    OMP_NUM_THREADS=1 python benchmarks/push_envelope.py --start runs/judged --seeds 1 2 3
    python benchmarks/push_envelope.py --start runs/judged --summary

A finished arm is a line in OUTPUT/results.jsonl and is not run again; training itself resumes from its checkpoints.
"""

from __future__ import annotations

import argparse
import json
import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

ARMS = ("plain", "h-infinity")
KICKS = (0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0)
SHOVES = {"1 s": (1.0, (20.0, 30.0, 40.0, 50.0, 60.0, 80.0)), "5 s": (5.0, (15.0, 20.0, 25.0, 30.0, 40.0, 50.0))}
"""Name -> how long the force lasts [s], and the forces [N]."""
WALK, STAND = (0.8, 0.0, 0.0), (0.0, 0.0, 0.0)
LEVEL = 0.95


def train_arm(start: Path, output: Path, arm: str, iterations: int, seed: int, disturber: Any) -> Path:
    """Continue the run in ``start`` for ``iterations``; returns the last checkpoint.

    Args:
        start: run directory that both arms continue, left as it is.
        output: run directory of this arm; an interrupted one is continued.
        arm: of ``ARMS``.
        iterations: beyond those of ``start``.
        seed: of worlds and networks from here on.
        disturber: ``HInfinityConfig`` of the second arm.
    """
    import torch

    from training.commands.resolved import CONFIG_NAME
    from training.commands.train_rl import overrides
    from training.rl.config import PpoConfig
    from training.rl.run import RunConfig, checkpoints, latest_checkpoint, train

    torch.set_num_threads(1)
    begun = checkpoints(start)[-1][0] + 1
    if not output.exists():
        output.mkdir(parents=True)
        shutil.copy(latest_checkpoint(start), output)
    if checkpoints(output)[-1][0] + 1 >= begun + iterations:
        return latest_checkpoint(output)
    given = json.loads((start / CONFIG_NAME).read_text())["arguments"]
    config = RunConfig(
        seed=seed,
        ppo=PpoConfig(**given["ppo"] | {"hidden": tuple(given["ppo"]["hidden"])}),
        overrides=overrides(tuple(given["set"])),
        h_infinity=disturber if arm == "h-infinity" else None,
    )
    return train(config, output, begun + iterations, resume=True)


def test_arm(checkpoint: Path, trials: int, attackers: tuple[float, ...], seed: int) -> dict[str, Any]:
    """Kicks and shoves survived, velocity error and falls under new attackers of a checkpoint."""
    from training.rl.attack import AttackConfig, attack
    from training.rl.evaluation import pushes, shoves, tracking

    policy, task = _mean_action(checkpoint)
    config, ranges = replace(task.cfg, reset=replace(task.cfg.reset, velocity=0.0)), task.randomization
    common = {"randomization": ranges, "trials": trials, "seed": seed}
    rows: dict[str, list[dict[str, Any]]] = {}
    for gait, command in (("walking", WALK), ("standing", STAND)):
        rows[f"kick, {gait}"] = [
            {"size": kick} | asdict(pushes(policy, task.robot, config, command, kick, **common)) for kick in KICKS
        ]
        for name, (duration, forces) in SHOVES.items():
            rows[f"{name}, {gait}"] = [
                {"size": force} | asdict(shoves(policy, task.robot, config, command, force, duration, **common))
                for force in forces
            ]
    error = tracking(policy, task.robot, config, WALK, **common)
    under = {f"{force:g}": attack(checkpoint, AttackConfig(max_force=force)) for force in attackers}
    return {"pushes": rows, "linear_rms": error.linear_rms, "attackers": under}


def _mean_action(checkpoint: Path) -> tuple[Any, Any]:
    """The policy's mean, observations (N, d) -> actions (N, A), and its task."""
    import torch

    from sim.tasks.velocity.tasks import go1_flat
    from training.rl.config import PpoConfig
    from training.rl.export import load_actor

    task, settings = go1_flat(), PpoConfig()
    sizes = (task.observation_groups["policy"], *settings.hidden, len(task.action_low))
    network = load_actor(checkpoint, sizes, settings.activation)

    def policy(observation: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return network(torch.from_numpy(np.ascontiguousarray(observation))).numpy()

    return policy, task


def envelope(sizes: list[float], shares: list[float], level: float = LEVEL) -> float:
    """Largest push that a share ``level`` survives, linear between the tested ones; 0 where none does."""
    below = next((k for k, share in enumerate(shares) if share < level), None)
    if below is None:
        return sizes[-1]
    if below == 0:
        return 0.0
    part = (shares[below - 1] - level) / (shares[below - 1] - shares[below])
    return sizes[below - 1] + part * (sizes[below] - sizes[below - 1])


def finished(results: Path) -> list[dict[str, Any]]:
    """Rows of arms that are done."""
    return [json.loads(line) for line in results.read_text().splitlines()] if results.exists() else []


def table(rows: list[dict[str, Any]]) -> str:
    """Markdown: one row per arm and seed with its envelopes, attackers and velocity error, then survival by size."""
    if not rows:
        return "no arm is finished."
    kinds = list(rows[0]["pushes"])
    forces = sorted({force for row in rows for force in row["attackers"]}, key=float)
    rows = sorted(rows, key=lambda row: (row["arm"] != "plain", row["seed"]))
    head = "| arm | seed |" + "".join(f" {kind} ({'m/s' if kind.startswith('kick') else 'N'}) |" for kind in kinds)
    head += "".join(f" falls per minute, {force} N |" for force in forces) + " velocity rms (m/s) |"
    lines = [head, "| --- " * (head.count("|") - 1) + "|"]
    for row in rows:
        line = f"| {row['arm']} | {row['seed']} |"
        for kind in kinds:
            part = row["pushes"][kind]
            line += f" {envelope([p['size'] for p in part], [p['survived'] / p['trials'] for p in part]):.3g} |"
        line += "".join(f" {row['attackers'][force]['falls_per_minute_last']:.2f} |" for force in forces)
        lines.append(line + f" {row['linear_rms']:.3f} |")
    for kind in kinds:
        head = f"| {kind} |" + "".join(f" {p['size']:g} |" for p in rows[0]["pushes"][kind])
        lines += ["", head, "| --- " * (head.count("|") - 1) + "|"]
        for arm in ARMS:
            parts = [row["pushes"][kind] for row in rows if row["arm"] == arm]
            sums = [
                (sum(p["survived"] for p in same), sum(p["trials"] for p in same)) for same in zip(*parts, strict=True)
            ]
            lines += [f"| {arm}, {len(parts)} seeds |" + "".join(f" {100 * s / n:.1f} % |" for s, n in sums)]
    return "\n".join(lines)


def main() -> None:
    """Trains and tests what is missing, and prints the table."""
    from training.rl.h_infinity import HInfinityConfig

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--start", type=Path, required=True, help="run directory of keel train-rl to continue")
    parser.add_argument("--iterations", type=int, default=150)
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=ARMS)
    parser.add_argument("--max-force", type=float, default=40.0, help="of the disturber in training (N)")
    parser.add_argument("--attackers", nargs="*", type=float, default=[25.0, 35.0], help="of the new ones (N)")
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--output", type=Path, default=Path("runs/push_envelope"))
    parser.add_argument("--summary", action="store_true", help="only print what is there")
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    results = args.output / "results.jsonl"
    for seed in [] if args.summary else args.seeds:
        for arm in args.arms:
            if any((row["arm"], row["seed"]) == (arm, seed) for row in finished(results)):
                continue
            run = args.output / f"{arm}_{seed}"
            disturber = replace(HInfinityConfig(), max_force=args.max_force)
            checkpoint = train_arm(args.start, run, arm, args.iterations, seed, disturber)
            row = {"arm": arm, "seed": seed} | test_arm(checkpoint, args.trials, tuple(args.attackers), 1000 + seed)
            with results.open("a") as file:
                file.write(json.dumps(row) + "\n")
            print(table(finished(results)), flush=True)
    print(table(finished(results)))


if __name__ == "__main__":
    main()

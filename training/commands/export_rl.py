"""Turn a trained walking policy into one ONNX file, and measure that file in closed loop.

Writes policy.onnx (raw observation terms in, action out; scales folded in; metadata keys of mjlab and rsl_rl exports)
and provenance.json (configuration, seed, steps, checkpoint hash, measured tracking and push tables). Make a bundle
of it with `keel convert onnx`.

Examples:
    keel export-rl --run runs/go1 --output runs/go1/export
    keel export-rl --run runs/go1 --checkpoint runs/go1/model_800.pt --output runs/go1/export --trials 200
    keel export-rl --run runs/go1 --output runs/go1/export --trials 0
"""

from __future__ import annotations

import hashlib
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from policy_nodes.errors import ConfigError
from training.atomic import write_file
from training.commands.output import check_output
from training.commands.resolved import CONFIG_NAME
from training.commands.train_rl import overrides
from training.rl.export import OnnxPolicy, ScaledPolicy, export_actor, load_actor, observation_scale
from training.rl.gait_report import measure, table
from training.rl.learning_curve import training_seconds
from training.rl.run import earlier_configs, latest_checkpoint

POLICY_NAME, PROVENANCE_NAME = "policy.onnx", "provenance.json"


@dataclass(frozen=True)
class Args:
    """Options of `keel export-rl`."""

    run: Path
    """Directory of a `keel train-rl` run."""
    output: Path
    """Directory to write policy.onnx and provenance.json into."""
    checkpoint: Path | None = None
    """Which checkpoint; the newest of the run by default."""
    trials: int = 200
    """Robots per row of the measured tables; 0 measures nothing."""
    seed: int = 100
    """Of the measurements."""


def run(args: Args) -> int:
    """Export; returns the exit code.

    Raises:
        ConfigError: the run or the checkpoint is missing or does not fit its configuration.
    """
    if args.trials < 0:
        raise ConfigError(f"--trials is {args.trials}.", "give 0 (measure nothing) or more.")
    check_output(args.output)
    resolved = _resolved(args.run)
    arguments = resolved["arguments"]
    checkpoint = args.checkpoint or latest_checkpoint(args.run)
    task = _task(arguments["task"], arguments.get("set", []))
    ppo = arguments["ppo"]
    sizes = (task.observation_groups["policy"], *ppo["hidden"], len(task.robot.joints))
    content = export_actor(load_actor(checkpoint, sizes, ppo["activation"]), task)
    args.output.mkdir(parents=True, exist_ok=True)
    write_file(args.output / POLICY_NAME, content)
    iteration = int(checkpoint.stem.rpartition("_")[2]) if checkpoint.stem.rpartition("_")[2].isdigit() else None
    provenance: dict[str, Any] = {
        "config": resolved,
        "checkpoint": checkpoint.name,
        "checkpoint_sha256": hashlib.sha256(checkpoint.read_bytes()).hexdigest(),
        "policy_sha256": hashlib.sha256(content).hexdigest(),
        "iteration": iteration,
        "environment_steps": None if iteration is None else (iteration + 1) * ppo["steps"] * ppo["num_envs"],
    }
    provenance["earlier_configs"] = [
        json.loads(path.read_text(encoding="utf-8")) for _, path in earlier_configs(args.run)
    ]
    provenance["training_s"] = training_seconds(args.run, iteration)
    if args.trials:
        policy = ScaledPolicy(OnnxPolicy(content), observation_scale(task))
        provenance["measured"] = measure(policy, task, args.trials, args.seed)
        print(table(provenance["measured"]))
    write_file(args.output / PROVENANCE_NAME, json.dumps(provenance, indent=2) + "\n")
    print(f"{args.output / POLICY_NAME} ({len(content) / 1e3:.0f} kB) from {checkpoint}", file=sys.stderr)
    return 0


def _resolved(directory: Path) -> dict[str, Any]:
    try:
        resolved: dict[str, Any] = json.loads((directory / CONFIG_NAME).read_text(encoding="utf-8"))
        if resolved["command"] != "train-rl":
            raise KeyError(resolved["command"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"'{directory}' is not a run of keel train-rl: {error}.", "give --run DIR of one.") from None
    return resolved


def _task(name: str, changes: list[str]) -> Any:
    """The task itself, without worlds.

    Raises:
        ConfigError: it is not a velocity task.
    """
    from sim.tasks.velocity.task import VelocityTask
    from sim.vector import make

    env = make(name, 1, seed=0, num_threads=0, **overrides(tuple(changes)))
    env.close()
    if not isinstance(env.task, VelocityTask):
        raise ConfigError(f"'{name}' is not a velocity task.", "keel export-rl knows walking policies only.")
    return env.task

"""Train a controller that satisfies a temporal-logic formula, by gradients through known dynamics.

STL neural predictive control (Meng and Fan, arXiv 2309.05131): one network maps the state and its surroundings to a
whole control sequence, and is re-planned at every step. `planar` is a vehicle between two discs, `panda` an arm that
reaches a goal past a sphere. The weights are written as safetensors; for `panda` also a bundle that the nodes run.

Examples:
    keel train-npc panda --output runs/reach_avoid
    keel run runs/reach_avoid/reach_avoid.keel --sim
    keel train-npc planar --output runs/planar --config.iterations 1000
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

import torch
import tyro
from safetensors.torch import save_file

from policy_nodes.cli.progress import ProgressBar
from policy_nodes.errors import ConfigError
from training.commands.output import check_output
from training.stl_npc.export import export_bundle
from training.stl_npc.panda import PandaReachAvoid
from training.stl_npc.planar import PlanarVehicle
from training.stl_npc.task import ControlTask, rollout, satisfaction
from training.stl_npc.train import REPORT_EVERY, NpcConfig, train

HELD_OUT = 2000
WEIGHTS = "policy.safetensors"


@dataclass(frozen=True)
class Args:
    """Options of ``keel train-npc``."""

    task: tyro.conf.Positional[Literal["panda", "planar"]]
    """What is to be controlled."""
    output: Path
    """Directory for the weights, the configuration and, for the arm, the bundle."""
    config: NpcConfig = field(default_factory=NpcConfig)
    """Hyper-parameters."""
    overwrite: bool = False
    """Replace what an earlier training wrote there."""


def run(args: Args) -> int:
    """Train, judge on unseen states, write; returns the exit code.

    Raises:
        ConfigError: a number is out of range, or --output is no directory, or one with a trained controller.
    """
    for name in ("states", "batch_size", "iterations", "learning_rate", "tau"):
        if not getattr(args.config, name) > 0:
            option = f"--config.{name.replace('_', '-')}"
            raise ConfigError(f"{option} is {getattr(args.config, name)}.", "give more than 0.")
    check_output(args.output)
    if (args.output / WEIGHTS).exists() and not args.overwrite:
        raise ConfigError(f"'{args.output}' already holds a trained controller.", "add --overwrite or choose another.")
    task: ControlTask = PandaReachAvoid() if args.task == "panda" else PlanarVehicle()
    with ProgressBar("train", total=-(-args.config.iterations // REPORT_EVERY)) as bar:
        policy = train(task, args.config, lambda iteration, loss, rate: bar.advance(loss=loss, satisfied=rate))
    unseen = task.sample(HELD_OUT, torch.Generator().manual_seed(args.config.seed + 1_000_000))
    holds = (satisfaction(task, rollout(task, unseen, policy(unseen))) > 0).float().mean().item()
    args.output.mkdir(parents=True, exist_ok=True)
    save_file(policy.state_dict(), args.output / WEIGHTS)
    record = {"task": args.task, "config": asdict(args.config), "plans_satisfied": holds, "unseen_states": HELD_OUT}
    (args.output / "config.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    print(f"open-loop plans satisfy '{task.name}' from {holds:.1%} of {HELD_OUT} unseen states")
    if args.task == "panda":
        bundle = export_bundle(policy, args.config, args.output / "reach_avoid.keel")
        print(f"bundle {bundle.path}")
    return 0

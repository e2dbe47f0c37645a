"""Turn a LeRobot checkpoint (ACT or Diffusion, formats 0.4 to 0.6) into a bundle, with proof that it computes the same.

The processors' normalisation is folded into the graph and the sampler's loop is inside, so that the bundle reads raw
observations and writes raw actions. LeRobot need not be installed. What a checkpoint does not say (topics, joint names,
units, rate, limits) comes from a contract file; `--template` writes one to fill in.

Examples:
    keel convert lerobot outputs/train/checkpoints/last --template contract.yaml
    keel convert lerobot outputs/train/checkpoints/last --contract contract.yaml --output pick.keel
    keel convert lerobot diffusion --contract contract.yaml --output pick.keel --sampler DDIM --steps 10
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import tyro

from policy_nodes.errors import ConfigError
from training.atomic import write_file
from training.convert.lerobot.checkpoint import read_checkpoint
from training.convert.lerobot.contract import read_contract, template
from training.convert.lerobot.convert import convert
from training.convert.lerobot.deployed import build

MANY = 25
"""Evaluations of the network per chunk beyond which a faster sampler is pointed out."""


@dataclass(frozen=True)
class Args:
    """Options of ``keel convert lerobot``."""

    checkpoint: tyro.conf.Positional[Path]
    """The checkpoint directory, or its pretrained_model directory."""
    contract: Path | None = None
    """YAML: topics, joint names, units, ranges, rate and limits of the robot."""
    output: Path | None = None
    """Bundle directory to write, by convention NAME.keel."""
    template: Path | None = None
    """Write a contract to fill in to this file, and stop."""
    sampler: Literal["DDPM", "DDIM"] | None = None
    """Sampler of a Diffusion policy instead of the checkpoint's."""
    steps: int | None = None
    """Network evaluations of a Diffusion policy instead of the checkpoint's."""
    name: str = ""
    """Name in the manifest; the output's name by default."""
    samples: int = 32
    """Random observations stored as proof; at most 8 where the policy has cameras."""


def run(args: Args) -> int:
    """Convert; returns the exit code.

    Raises:
        BundleError: the checkpoint cannot be a bundle's policy.
        ConfigError: the contract is missing or does not fit.
    """
    if args.samples < 1:
        raise ConfigError(f"--samples is {args.samples}.", "prove at least one observation")
    if args.steps is not None and args.steps < 1:
        raise ConfigError(f"--steps is {args.steps}.", "give at least 1")
    checkpoint = read_checkpoint(args.checkpoint)
    for feature, reason in checkpoint.passed_through.items():
        print(f"note: LeRobot does not normalise '{feature}' ({reason}); neither does the bundle")
    if args.template is not None:
        if args.template.exists():
            raise ConfigError(f"'{args.template}' exists.", "give the template a new name")
        write_file(args.template, template(checkpoint).encode())
        print(f"contract {args.template}: replace every null, then give it with --contract")
        return 0
    if args.contract is None or args.output is None:
        raise ConfigError(
            "a checkpoint does not say the robot's topics, joint names and limits.",
            "write a contract with --template FILE, fill it in, then give --contract FILE --output NAME.keel",
        )
    policy, shape = build(checkpoint, args.sampler, args.steps)
    contract = read_contract(args.contract, checkpoint)
    print(f"exporting {checkpoint.family}, {shape.steps} network evaluation{'s' * (shape.steps > 1)} in one graph")
    if shape.steps > MANY:
        print(
            "note: --sampler DDIM --steps 10, which LeRobot offers too, asks the network ten times; evaluate the result"
        )
    done = convert(checkpoint, policy, shape, contract, args.output, name=args.name, samples=args.samples)
    executed = done.bundle.manifest.actions.execution_horizon
    if executed < shape.execution_horizon:
        print(
            f"note: {executed} steps of a chunk are executed, not n_action_steps {shape.execution_horizon}: LeRobot "
            "stands still while it computes, a robot goes on, and the chunk must last until the next one"
        )
    print(
        f"bundle {done.bundle.path}: chunk of {shape.horizon} steps at {contract.control_rate_hz:g} Hz; "
        f"differs from PyTorch by {done.error:.1e} over {done.samples} random observations"
    )
    return 0

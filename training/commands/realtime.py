"""Add graphs for real-time execution to a bundle: warm starts, guided chunks, other numbers of steps, each with proof.

The bundle must have been exported from the checkpoint. --use says which graph continues chunks on the robot; without it
the bundle behaves as before, and `keel evaluate --latency-sweep` compares them.

Examples:
    keel realtime pick_place.keel --checkpoint runs/mine/train
    keel realtime pick_place.keel --checkpoint runs/mine/train --use guided
    keel realtime pick_place.keel --checkpoint runs/mine/train --guided-steps 0 --full-steps 1 2 8   (anytime sampling)
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tyro.conf import Positional

from policy_nodes.bundle.chunking import WarmStart
from policy_nodes.bundle.load import Bundle, load_bundle
from policy_nodes.errors import ConfigError
from training.imitation.build import load_policy
from training.realtime.export import Execution, add_variants
from training.realtime.graphs import VariantConfig


@dataclass(frozen=True)
class Args:
    """Options of `keel realtime`."""

    bundle: Positional[Path]
    """Bundle directory; it is replaced in one step."""
    checkpoint: Path
    """Training output that the bundle was exported from."""
    warm_steps: tuple[int, ...] = (2,)
    """Numbers of evaluations of warm-started graphs (RTI-DP); none with an empty list."""
    warm_start: float = 0.5
    """Flow time at which a warm start begins: nearer to 1 trusts the previous chunk more."""
    guided_steps: int = 5
    """Evaluations of the guided graph (real-time chunking); 0 for none."""
    max_weight: float = 5.0
    """Clip of the guidance."""
    full_steps: tuple[int, ...] = ()
    """Numbers of evaluations of further plain graphs, from which policy_node's parameter 'anytime' chooses."""
    discrete: tuple[int, ...] = ()
    """Two-valued action columns, whose guess is clipped under warm start."""
    use: Literal["keep", "full", "warm_start", "guided"] = "keep"
    """What the bundle shall do on the robot; 'keep' leaves its settings."""


def configs(args: Args) -> list[VariantConfig]:
    """The graphs asked for.

    Raises:
        ConfigError: a number is out of range, or nothing is asked for.
    """
    if min((*args.warm_steps, *args.full_steps, 1)) < 1 or args.guided_steps < 0:
        raise ConfigError("a number of steps is below its minimum.", "give 1 or more; --guided-steps 0 leaves it out.")
    if not 0.0 < args.warm_start < 1.0:
        raise ConfigError(f"--warm-start is {args.warm_start}.", "give a flow time between 0 and 1.")
    found = [
        VariantConfig("warm_start", steps, start=args.warm_start, discrete=args.discrete) for steps in args.warm_steps
    ]
    found += [VariantConfig("full", steps) for steps in args.full_steps]
    if args.guided_steps:
        found.append(VariantConfig("guided", args.guided_steps, max_weight=args.max_weight))
    if not found:
        raise ConfigError("no graph is asked for.", "give --warm-steps, --guided-steps or --full-steps.")
    return found


def run(args: Args) -> int:
    """Add the graphs; returns the exit code."""
    bundle, trained = load_bundle(args.bundle), load_policy(args.checkpoint)
    execution = None
    if args.use != "keep":
        execution = Execution(bundle.manifest.timing.chunking, WarmStart(method=args.use))
    wanted = configs(args)
    for config in wanted[:-1]:
        bundle = add_variants(bundle, trained, [config])
        print(f"{config.name}: {_proof(bundle, config.name)}", flush=True)
    bundle = add_variants(bundle, trained, wanted[-1:], execution=execution)
    print(f"{wanted[-1].name}: {_proof(bundle, wanted[-1].name)}")
    print(f"bundle {bundle.path}: continues chunks by '{bundle.manifest.timing.warm_start.method}'")
    return 0


def _proof(bundle: Bundle, name: str) -> str:
    variant = next(item for item in bundle.manifest.policy.variants if item.name == name)
    errors = ", ".join(f"{key} {error:.1e}" for key, error in variant.parity.max_abs_error.items())
    return f"{variant.evaluations} evaluations, parity {errors} over {variant.parity.samples} samples"

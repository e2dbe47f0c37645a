"""Add graphs for real-time execution to a bundle: warm starts, guided chunks, other numbers of steps, each with proof.

The bundle must have been exported from the checkpoint. --use says which graph continues chunks on the robot; without it
the bundle behaves as before, and `keel evaluate --latency-sweep` compares them.

Examples:
    keel realtime pick_place.keel --checkpoint runs/mine/train
    keel realtime pick_place.keel --checkpoint runs/mine/train --use guided
    keel realtime diffusion.keel --checkpoint runs/ddpm/train --step-list 3 1 0      (a ddpm policy, as published)
    keel realtime pick_place.keel --checkpoint runs/mine/train --guided-steps 0 --full-steps 1 2 8   (anytime sampling)
    keel realtime pick_place.keel --checkpoint runs/mine/train --dataset runs/mine/dataset --prefix-steps 4 --use prefix
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tyro.conf import Positional

from policy_nodes.bundle.chunking import WarmStart
from policy_nodes.bundle.load import Bundle, load_bundle
from policy_nodes.cli.progress import ProgressBar
from policy_nodes.errors import ConfigError
from training.datasets.lerobot_v3.reader import Dataset
from training.imitation.build import TrainedPolicy, load_policy
from training.realtime.export import Execution, add_variants
from training.realtime.finetune import PrefixTraining, train_prefix
from training.realtime.graphs import VariantConfig
from training.realtime.prefix import PrefixMLP


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
    step_list: tuple[int, ...] = ()
    """Descending diffusion steps of the warm start of a ddpm policy, for example 3 1 0; replaces --warm-steps."""
    guided_steps: int = 5
    """Evaluations of the guided graph (real-time chunking); 0 for none."""
    max_weight: float = 5.0
    """Clip of the guidance."""
    jacobian: Literal["true", "identity"] = "true"
    """Guide through the denoiser's derivative, as published, or leave it out, as LeRobot's implementation does."""
    prefix_steps: int = 0
    """Evaluations of the graph that continues a given beginning (training-time real-time chunking); it is trained
    first, which needs --dataset; 0 for none."""
    dataset: Path | None = None
    """Dataset that the policy was trained on."""
    prefix_training: PrefixTraining = field(default_factory=PrefixTraining)
    """Training of that graph."""
    full_steps: tuple[int, ...] = ()
    """Numbers of evaluations of further plain graphs, from which policy_node's parameter 'anytime' chooses."""
    discrete: tuple[int, ...] = ()
    """Two-valued action columns, whose guess is clipped under warm start."""
    use: Literal["keep", "full", "warm_start", "guided", "prefix"] = "keep"
    """What the bundle shall do on the robot; 'keep' leaves its settings."""


def configs(args: Args) -> list[VariantConfig]:
    """The graphs asked for.

    Raises:
        ConfigError: a number is out of range, or nothing is asked for.
    """
    if min((*args.warm_steps, *args.full_steps, 1)) < 1 or min(args.guided_steps, args.prefix_steps) < 0:
        raise ConfigError("a number of steps is below its minimum.", "give 1 or more; --guided-steps 0 leaves it out.")
    if args.prefix_steps and args.dataset is None:
        raise ConfigError("--prefix-steps trains a graph, which needs data.", "give --dataset.")
    if not 0.0 < args.warm_start < 1.0:
        raise ConfigError(f"--warm-start is {args.warm_start}.", "give a flow time between 0 and 1.")
    if args.step_list:
        return [VariantConfig("warm_start", len(args.step_list), step_list=args.step_list, discrete=args.discrete)]
    found = [
        VariantConfig("warm_start", steps, start=args.warm_start, discrete=args.discrete) for steps in args.warm_steps
    ]
    found += [VariantConfig("full", steps) for steps in args.full_steps]
    if args.guided_steps:
        found.append(VariantConfig("guided", args.guided_steps, max_weight=args.max_weight, jacobian=args.jacobian))
    if args.prefix_steps:
        found.append(VariantConfig("prefix", args.prefix_steps))
    if not found:
        raise ConfigError("no graph is asked for.", "give --warm-steps, --guided-steps or another kind.")
    return found


def run(args: Args) -> int:
    """Add the graphs; returns the exit code."""
    bundle, trained = load_bundle(args.bundle), load_policy(args.checkpoint)
    execution = None
    if args.use != "keep":
        execution = Execution(bundle.manifest.timing.chunking, WarmStart(method=args.use))
    wanted = configs(args)
    prefix = _train(args, trained) if args.prefix_steps else None
    for config in wanted[:-1]:
        bundle = add_variants(bundle, trained, [config], prefix=prefix)
        print(f"{config.name}: {_proof(bundle, config.name)}", flush=True)
    bundle = add_variants(bundle, trained, wanted[-1:], execution=execution, prefix=prefix)
    print(f"{wanted[-1].name}: {_proof(bundle, wanted[-1].name)}")
    print(f"bundle {bundle.path}: continues chunks by '{bundle.manifest.timing.warm_start.method}'")
    return 0


def _train(args: Args, trained: TrainedPolicy) -> PrefixMLP:
    assert args.dataset is not None
    with ProgressBar("prefix", total=args.prefix_training.steps) as bar:
        return train_prefix(
            trained,
            Dataset.open(args.dataset),
            args.prefix_training,
            lambda step, loss: bar.advance(loss=f"{loss:.4f}"),
        )


def _proof(bundle: Bundle, name: str) -> str:
    variant = next(item for item in bundle.manifest.policy.variants if item.name == name)
    errors = ", ".join(f"{key} {error:.1e}" for key, error in variant.parity.max_abs_error.items())
    return f"{variant.evaluations} evaluations, parity {errors} over {variant.parity.samples} samples"

"""Export a checkpoint as a policy bundle, with proof that the graph computes the same numbers as PyTorch.

The bundle holds one ONNX graph (normalisation folded in, sampler unrolled), the deployment contract, recorded inputs
with reference outputs, and the safety configuration. Export fails when a feature has no statistics or when parity is
worse than 1e-5, or than four times PyTorch's own rounding where that is more. `--anytime` adds one denoising step as a
graph of its own, from which `policy_node` takes as many steps as its time allows.

Examples:
    keel export --checkpoint runs/mine/train --dataset runs/mine/dataset --output runs/mine/pick_place.keel
    keel export --checkpoint runs/mine/train --dataset runs/mine/dataset --output pick_place.keel --anytime 1 2 4 8
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from policy_nodes.errors import ConfigError
from training.datasets.lerobot_v3.reader import Dataset
from training.export.bundle import export_bundle
from training.export.stepwise import add_step_graph
from training.imitation.build import load_policy


@dataclass(frozen=True)
class Args:
    """Options of `keel export`."""

    checkpoint: Path
    """Training output, or a checkpoint directory in it."""
    dataset: Path
    """The dataset it was trained on: source of the recorded parity inputs."""
    output: Path
    """Bundle directory to write, by convention NAME.keel."""
    name: str = ""
    """Name in the manifest; the directory's name by default."""
    samples: int = 64
    """Recorded observations stored as proof."""
    anytime: tuple[int, ...] = ()
    """Numbers of denoising steps that the robot may choose from; adds the step graph."""


def run(args: Args) -> int:
    """Export; returns the exit code."""
    if args.samples < 1:
        raise ConfigError(f"--samples is {args.samples}.", "record at least one observation.")
    if args.anytime and not 1 <= min(args.anytime) <= max(args.anytime) <= 1000:
        raise ConfigError(f"--anytime is {args.anytime}.", "give numbers of steps from 1 to 1000.")
    name = args.name or args.output.name.removesuffix(".keel")
    trained = load_policy(args.checkpoint)
    bundle = export_bundle(trained, Dataset.open(args.dataset), args.output, name=name, samples=args.samples)
    if args.anytime:
        bundle = add_step_graph(bundle, trained, args.anytime)
    size = sum(bundle.file(file).stat().st_size for file in bundle.manifest.files) / 1e6
    errors = ", ".join(f"{k} {v:.1e}" for k, v in bundle.manifest.parity.max_abs_error.items())
    parity = bundle.manifest.parity
    print(
        f"bundle {bundle.path} ({size:.1f} MB); parity over {args.samples} recorded observations: {errors} "
        f"(tolerance {parity.tolerance:.0e})"
    )
    if (step := bundle.manifest.policy.step_graph) is not None:
        worst = max(step.parity.max_abs_error.values())
        counts = ", ".join(str(schedule.steps) for schedule in step.schedules)
        print(f"step graph for {counts} steps; parity of one step {worst:.1e}, of the whole chain proven as above")
    return 0

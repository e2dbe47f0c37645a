"""Export a checkpoint as a policy bundle, with proof that the graph computes the same numbers as PyTorch.

The bundle holds one ONNX graph (normalisation folded in, sampler unrolled), the deployment contract, recorded inputs
with reference outputs, and the safety configuration. Export fails when a feature has no statistics or when parity is
worse than 1e-5.

Examples:
    keel export --checkpoint runs/mine/train --dataset runs/mine/dataset --output runs/mine/pick_place.keel
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from policy_nodes.errors import ConfigError
from training.datasets.lerobot_v3.reader import Dataset
from training.export.bundle import export_bundle
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


def run(args: Args) -> int:
    """Export; returns the exit code."""
    if args.samples < 1:
        raise ConfigError(f"--samples is {args.samples}.", "record at least one observation.")
    name = args.name or args.output.name.removesuffix(".keel")
    bundle = export_bundle(
        load_policy(args.checkpoint), Dataset.open(args.dataset), args.output, name=name, samples=args.samples
    )
    size = sum(bundle.file(file).stat().st_size for file in bundle.manifest.files) / 1e6
    errors = ", ".join(f"{k} {v:.1e}" for k, v in bundle.manifest.parity.max_abs_error.items())
    print(f"bundle {bundle.path} ({size:.1f} MB); parity over {args.samples} recorded observations: {errors}")
    return 0

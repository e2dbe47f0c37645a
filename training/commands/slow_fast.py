"""Train a slow-fast policy on demonstrations of a task in which forces are felt, and write it as a bundle.

A slow policy plans latent chunks; a fast decoder, which feels force and displacement, turns the newest plan into a
command at every action step (reactive diffusion policy, arXiv 2503.02881). policy_node, `keel evaluate` and
`keel run --sim` run both halves.

Examples:
    keel collect --task wiping --noise 0.001 --episodes 400 --output runs/wiping/dataset
    keel slow-fast --dataset runs/wiping/dataset --output runs/wiping/wiping.keel
    keel evaluate runs/wiping/wiping.keel
    keel evaluate runs/wiping/wiping.keel --open-loop           (the plans alone)
    keel run runs/wiping/wiping.keel --sim
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from policy_nodes.cli.progress import ProgressBar
from policy_nodes.errors import ConfigError
from training.contracts.registry import task_contract
from training.datasets.lerobot_v3.reader import Dataset
from training.datasets.task import recorded_task
from training.export.slow_fast import export_slow_fast
from training.policies.rdp.policy import felt_terms
from training.policies.rdp.training import SlowFastTraining, train_slow_fast


@dataclass(frozen=True)
class Args:
    """Options of `keel slow-fast`."""

    dataset: Path
    """Dataset of `keel collect`."""
    output: Path
    """Bundle directory to write, by convention NAME.keel."""
    task: str = ""
    """Task of the dataset; by default the one it says it is of."""
    feel: tuple[str, ...] = ()
    """Observation terms that the decoder feels; forces and joint positions by default."""
    training: SlowFastTraining = field(default_factory=SlowFastTraining)
    """Sizes and lengths of training."""
    samples: int = 64
    """Recorded windows stored as proof."""


def run(args: Args) -> int:
    """Train and export; returns the exit code."""
    if args.samples < 1:
        raise ConfigError(f"--samples is {args.samples}.", "record at least one window.")
    dataset = Dataset.open(args.dataset)
    contract = task_contract(args.task or recorded_task(dataset))
    felt = felt_terms(contract, args.feel)
    config = args.training
    with ProgressBar("slow-fast", total=config.tokenizer_steps + config.policy_steps) as bar:
        policy = train_slow_fast(
            contract, dataset, felt, config, lambda stage, loss: bar.advance(stage=stage, loss=f"{loss:.4f}")
        )
    bundle = export_slow_fast(policy, contract, dataset, config, args.output, samples=args.samples)
    reactive = bundle.manifest.policy.reactive
    assert reactive is not None
    errors = bundle.manifest.parity.max_abs_error | {"reaction": reactive.parity.max_abs_error["action"]}
    listed = ", ".join(f"{name} {error:.1e}" for name, error in errors.items())
    feels = "nothing" if config.blind else ", ".join(reactive.terms)
    print(f"bundle {bundle.path}: feels {feels}, plans live {reactive.window} steps; parity {listed}")
    return 0

"""Train a mixture of experts with information maximizing curricula, and write it as a bundle.

Every expert learns the part of the data that it represents well; together they cover it. A gate draws one of them for
each chunk. `--training.method em` is mixture regression with the same experts.

Examples:
    keel collect --task toys/targets --output runs/targets/dataset --episodes 300
    keel imc --dataset runs/targets/dataset --output runs/targets/imc.keel
    keel imc --dataset runs/targets/dataset --output runs/targets/em.keel --training.method em
    keel evaluate runs/targets/imc.keel --episodes 50
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from policy_nodes.cli.progress import ProgressBar
from policy_nodes.errors import ConfigError
from training.contracts.registry import task_contract
from training.datasets.lerobot_v3.reader import Dataset
from training.datasets.task import recorded_task
from training.export.mixture import export_mixture
from training.policies.imc.training import MixtureTraining, train_mixture


@dataclass(frozen=True)
class Args:
    """Options of `keel imc`."""

    dataset: Path
    """Dataset of `keel collect`."""
    output: Path
    """Bundle directory to write, by convention NAME.keel."""
    task: str = ""
    """Task of the dataset; by default the one it says it is of."""
    training: MixtureTraining = field(default_factory=MixtureTraining)
    """Sizes and lengths of training."""
    samples: int = 64
    """Recorded windows stored as proof."""


def run(args: Args) -> int:
    """Train and export; returns the exit code."""
    if args.samples < 1:
        raise ConfigError(f"--samples is {args.samples}.", "record at least one window.")
    dataset, config = Dataset.open(args.dataset), args.training
    contract = task_contract(args.task or recorded_task(dataset))
    with ProgressBar(config.method, total=config.iterations + 1) as bar:
        policy, assignment = train_mixture(
            contract,
            dataset,
            config,
            lambda stage, values: bar.advance(1, stage=stage, **values),
        )
    bundle = export_mixture(policy, contract, dataset, config, args.output, samples=args.samples)
    shares = assignment.posterior.mean(dim=0)
    owned = ", ".join(f"{float(share):.0%}" for share in shares.sort(descending=True).values[: policy.experts])
    errors = ", ".join(f"{name} {error:.1e}" for name, error in bundle.manifest.parity.max_abs_error.items())
    print(f"{policy.experts} of {config.experts} experts are left; they own {owned} of the data")
    print(f"bundle {bundle.path}: {bundle.manifest.policy.parameters} parameters; parity {errors}")
    return 0

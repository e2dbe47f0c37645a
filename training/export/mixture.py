"""Writes a mixture of experts (``keel imc``) as a bundle."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from policy_nodes.bundle.load import Bundle
from policy_nodes.bundle.manifest import Parity, PolicyInfo
from policy_nodes.bundle.onnx_metadata import contract_pairs
from policy_nodes.bundle.write import write_bundle
from training.contracts.task import TaskContract
from training.datasets.lerobot_v3.reader import Dataset
from training.export.contents import bundle_files, contract_fields, graph_tensors, require_parity
from training.export.graph import export_graph
from training.export.parity import TOLERANCE, graph_errors, recorded_inputs, reference_outputs
from training.export.provenance import origin, statistics_sha256
from training.imitation.build import build_sampler
from training.policies.imc.mixture import MixturePolicy
from training.policies.imc.training import MixtureTraining, windows


def export_mixture(
    policy: MixturePolicy,
    contract: TaskContract,
    dataset: Dataset,
    config: MixtureTraining,
    output: Path,
    *,
    samples: int = 64,
) -> Bundle:
    """Export, prove parity on recorded windows, write the bundle.

    Raises:
        BundleError: the graph's answers differ from PyTorch's.
    """
    sampler = build_sampler(dataset, contract, windows(contract))
    inputs = recorded_inputs(sampler, sampler.spread(samples), (policy.noise_rows, policy.action_dim))
    outputs = reference_outputs(policy, inputs)
    metadata = contract_pairs(contract.observations, contract.actions, contract.timing.control_rate_hz)
    graph = export_graph(policy, contract.observations, contract.actions, metadata, policy.noise_rows)
    errors = graph_errors(graph, inputs, outputs)
    require_parity(
        errors, TOLERANCE, "the exported mixture differs from PyTorch", "use the versions of constraints.txt."
    )
    steps = config.iterations * config.epochs * -(-len(sampler.frames("train")) // config.batch_size)
    fields = {
        **contract_fields(contract, output.name.removesuffix(".keel")),
        "policy": PolicyInfo(
            family=f"mixture_{config.method}",
            sampler="expert",
            sampling_steps=1,
            parameters=sum(p.numel() for p in policy.parameters()),
            **graph_tensors(contract.observations, contract.actions, policy.noise_rows, config.gate_width),
        ),
        "parity": Parity(samples=samples, tolerance=TOLERANCE, max_abs_error=errors),
        "provenance": origin(
            asdict(config),
            statistics_sha256(policy, "normalizer"),
            seed=config.seed,
            training_steps=steps,
            dataset_sha256=dataset.sha256(),
        ),
    }
    return write_bundle(output, fields, bundle_files(graph, inputs, outputs, contract.safety))

"""Writes a trained policy as a bundle: graph, contract, recorded parity, safety configuration, provenance."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from policy_nodes.bundle.load import Bundle
from policy_nodes.bundle.manifest import Parity, PolicyInfo
from policy_nodes.bundle.onnx_metadata import contract_pairs
from policy_nodes.bundle.write import write_bundle
from policy_nodes.errors import BundleError
from training.datasets.lerobot_v3.reader import Dataset
from training.export.contents import bundle_files, contract_fields, graph_tensors, require_parity
from training.export.deployable import deployable
from training.export.graph import export_graph
from training.export.parity import accepted, graph_errors, own_rounding, record_parity
from training.export.provenance import provenance
from training.imitation.build import TrainedPolicy
from training.policies.combinations import sampler_name
from training.policies.config import PolicyConfig


def export_bundle(trained: TrainedPolicy, dataset: Dataset, output: Path, *, name: str, samples: int = 64) -> Bundle:
    """Export, prove parity on recorded observations, and write the bundle.

    Args:
        trained: policy with fitted statistics.
        dataset: source of the recorded observations; must be the one it was trained on.
        output: bundle directory, ``NAME.keel``.
        name: name in the manifest.
        samples: recorded observations stored as proof.

    Returns:
        The bundle, as a robot would load it.

    Raises:
        BundleError: the graph's answers differ from the framework's by more than the tolerance, or another dataset.
        ContractError: a feature has no statistics.
    """
    contract = trained.contract
    trained.policy.require_statistics()
    if dataset.sha256() != trained.config["dataset"]["sha256"]:
        raise BundleError(
            f"'{dataset.root}' is not the dataset that this policy was trained on.", "export with the training dataset."
        )
    metadata = contract_pairs(contract.observations, contract.actions, contract.timing.control_rate_hz)
    graph = export_graph(
        deployable(trained.policy), contract.observations, contract.actions, metadata, trained.policy.noise_rows
    )
    inputs, outputs = record_parity(trained, dataset, samples)
    errors = graph_errors(graph, inputs, outputs)
    tolerance = accepted(own_rounding(trained.policy, inputs))
    require_parity(
        errors,
        tolerance,
        "the exported graph differs from PyTorch",
        "export with the torch and onnx versions of constraints.txt; check the dataset for extreme values.",
    )
    files = bundle_files(graph, inputs, outputs, contract.safety)
    parity = Parity(samples=samples, tolerance=tolerance, max_abs_error=errors)
    return write_bundle(output, manifest_fields(trained, name, parity), files)


def manifest_fields(trained: TrainedPolicy, name: str, parity: Parity) -> dict[str, Any]:
    """Every manifest field but files and digest."""
    contract, policy = trained.contract, trained.policy
    tensors = graph_tensors(contract.observations, contract.actions, policy.noise_rows, policy.config.embedding_size)
    info = PolicyInfo(
        family=family_name(policy.config),
        sampler=sampler_name(policy.config),
        sampling_steps=policy.config.sampling_steps,
        parameters=sum(p.numel() for p in policy.parameters()),
        **tensors,
    )
    return {
        **contract_fields(contract, name),
        "policy": info,
        "parity": parity,
        "provenance": provenance(trained),
    }


def family_name(config: PolicyConfig) -> str:
    """Family in the manifest: the objective, and the backbone where it is not the default one."""
    objective = "flow_matching" if config.objective == "flow" else config.objective
    return objective if config.backbone == "mlp" else f"{objective}_{config.backbone}"

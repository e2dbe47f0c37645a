"""Writes a trained policy as a bundle: graph, contract, recorded parity, safety configuration, provenance."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from policy_nodes.bundle.limits import PARITY_NAME, POLICY_NAME, SAFETY_NAME
from policy_nodes.bundle.load import Bundle
from policy_nodes.bundle.manifest import GraphTensor, PolicyInfo
from policy_nodes.bundle.onnx_metadata import contract_pairs
from policy_nodes.bundle.write import write_bundle
from policy_nodes.errors import BundleError
from training.datasets.lerobot_v3.reader import Dataset
from training.export.deployable import deployable
from training.export.graph import ACTION, EMBEDDING, NOISE, export_graph
from training.export.parity import graph_errors, record_parity
from training.export.provenance import provenance
from training.export.recorded import pack
from training.imitation.build import TrainedPolicy
from training.policies.combinations import sampler_name
from training.policies.config import PolicyConfig

TOLERANCE = 1e-5
DIFFUSION_TOLERANCE = {"flow": TOLERANCE, "shortcut": TOLERANCE, "ddpm": 1e-3}
"""By family, 1e-4 for the others: noise levels up to 80 scale rounding, and a noise prediction is divided by an alpha
near zero at the first diffusion step."""


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
    worst = max(errors, key=lambda key: errors[key] if np.isfinite(errors[key]) else np.inf)
    allowed = tolerance(trained.policy.config)
    if not errors[worst] <= allowed:
        raise BundleError(
            f"output '{worst}' of the exported graph differs from PyTorch by {errors[worst]:.2e} "
            f"(allowed {allowed:.0e}).",
            "export with the torch and onnx versions of constraints.txt; check the dataset for extreme values.",
        )
    safety = contract.safety.model_dump(mode="json", exclude_none=True)
    files: dict[str, Path | bytes] = {
        POLICY_NAME: graph,
        PARITY_NAME: pack(inputs, outputs),
        SAFETY_NAME: yaml.safe_dump(safety, sort_keys=False).encode(),
    }
    return write_bundle(output, manifest_fields(trained, name, errors, samples), files)


def manifest_fields(trained: TrainedPolicy, name: str, errors: Mapping[str, float], samples: int) -> dict[str, Any]:
    """Every manifest field but files and digest."""
    contract, policy = trained.contract, trained.policy
    actions = contract.actions
    shape = [actions.horizon, len(actions.joints)]
    inputs = [GraphTensor(name=f.name, role="observation", shape=[f.history, f.size]) for f in contract.observations]
    inputs.append(GraphTensor(name=NOISE, role="noise", shape=[policy.noise_rows, len(actions.joints)]))
    outputs = [
        GraphTensor(name=ACTION, role="action", shape=shape),
        GraphTensor(name=EMBEDDING, role="embedding", shape=[policy.config.embedding_size]),
    ]
    info = PolicyInfo(
        family=family_name(policy.config),
        sampler=sampler_name(policy.config),
        sampling_steps=policy.config.sampling_steps,
        parameters=sum(p.numel() for p in policy.parameters()),
        inputs=inputs,
        outputs=outputs,
    )
    return {
        "name": name,
        "robot": contract.robot,
        "task": contract.name,
        "observations": contract.observations,
        "actions": actions,
        "timing": contract.timing,
        "policy": info,
        "parity": {"samples": samples, "tolerance": tolerance(policy.config), "max_abs_error": dict(errors)},
        "provenance": provenance(trained),
    }


def tolerance(config: PolicyConfig) -> float:
    """Largest difference between graph and framework that export accepts."""
    return DIFFUSION_TOLERANCE.get(config.family, 1e-4)


def family_name(config: PolicyConfig) -> str:
    """Family in the manifest: the objective, and the backbone where it is not the default one."""
    objective = "flow_matching" if config.objective == "flow" else config.objective
    return objective if config.backbone == "mlp" else f"{objective}_{config.backbone}"

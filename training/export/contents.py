"""What every bundle holds, whatever it was made from: the description of its graph, and its files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from policy_nodes.bundle.limits import PARITY_NAME, POLICY_NAME, SAFETY_NAME
from policy_nodes.bundle.manifest import ActionSpec, GraphTensor, ImageFeature, ObservationFeature
from policy_nodes.errors import BundleError
from policy_nodes.safety.config import SafetyConfig
from training.contracts.task import TaskContract
from training.export.graph import ACTION, EMBEDDING, NOISE
from training.export.recorded import pack

Arrays = Mapping[str, NDArray[Any]]


def graph_tensors(
    observations: Sequence[ObservationFeature],
    actions: ActionSpec,
    noise_rows: int,
    embedding: int,
    images: Sequence[ImageFeature] = (),
) -> dict[str, list[GraphTensor]]:
    """``inputs`` and ``outputs`` of the manifest's policy, without the batch dimension.

    Args:
        observations: contract features, one graph input each.
        actions: of the contract.
        noise_rows: rows of the noise input, 0 for none.
        embedding: elements of the embedding output, 0 for none.
        images: contract cameras, one graph input each.
    """
    channels = len(actions.joints)
    inputs = [GraphTensor(name=f.name, role="observation", shape=[f.history, f.size]) for f in observations]
    inputs += [
        GraphTensor(name=image.name, role="image", shape=[image.history, *image.shape], dtype="uint8")
        for image in images
    ]
    if noise_rows:
        inputs.append(GraphTensor(name=NOISE, role="noise", shape=[noise_rows, channels]))
    outputs = [GraphTensor(name=ACTION, role="action", shape=[actions.horizon, channels])]
    if embedding:
        outputs.append(GraphTensor(name=EMBEDDING, role="embedding", shape=[embedding]))
    return {"inputs": inputs, "outputs": outputs}


def contract_fields(contract: TaskContract, name: str) -> dict[str, Any]:
    """Fields of the manifest that a task's contract gives, and the bundle's name."""
    return {
        "name": name,
        "robot": contract.robot,
        "task": contract.name,
        "observations": contract.observations,
        "actions": contract.actions,
        "timing": contract.timing,
    }


def bundle_files(graph: bytes, inputs: Arrays, outputs: Arrays, safety: SafetyConfig) -> dict[str, Path | bytes]:
    """The files of a plain bundle by name: graph, recorded proof, safety configuration."""
    limits = safety.model_dump(mode="json", exclude_none=True)
    return {
        POLICY_NAME: graph,
        PARITY_NAME: pack(inputs, outputs),
        SAFETY_NAME: yaml.safe_dump(limits, sort_keys=False).encode(),
    }


def require_parity(errors: Mapping[str, float], tolerance: float, what: str, fix: str) -> None:
    """Refuse a graph whose answers are not the reference's.

    Args:
        errors: largest absolute difference by output; NaN counts as the worst.
        tolerance: largest that is accepted.
        what: the graph and the reference, as in ``"the exported graph differs from PyTorch"``.
        fix: what to do about it.

    Raises:
        BundleError: names the worst output, its error and the tolerance.
    """
    worst = max(errors, key=lambda name: errors[name] if np.isfinite(errors[name]) else np.inf)
    if not errors[worst] <= tolerance:
        raise BundleError(f"output '{worst}' of {what} by {errors[worst]:.2e} (allowed {tolerance:.0e}).", fix)

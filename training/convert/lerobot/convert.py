"""A LeRobot checkpoint and a contract become a bundle, with proof that the graph computes what PyTorch computes."""

from __future__ import annotations

import hashlib
import json
import platform
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
import yaml
from numpy.typing import NDArray

from policy_nodes import __version__
from policy_nodes.bundle.limits import PARITY_NAME, POLICY_NAME, SAFETY_NAME
from policy_nodes.bundle.load import Bundle
from policy_nodes.bundle.manifest import ActionSpec, GraphTensor, ObservationFeature, PolicyInfo
from policy_nodes.bundle.onnx_metadata import contract_pairs
from policy_nodes.bundle.write import write_bundle
from policy_nodes.errors import BundleError
from policy_nodes.inference.observation import transform
from training.convert.lerobot.checkpoint import LeRobotCheckpoint
from training.convert.lerobot.contract import RobotContract, manifest_parts
from training.convert.lerobot.deployed import DeployedPolicy, Shape
from training.export.graph import ACTION, EMBEDDING, NOISE, export_graph
from training.export.parity import graph_errors, reference_outputs
from training.export.provenance import git_commit
from training.export.recorded import pack

TOLERANCE = 1e-5
"""Of the proof, relative to the largest action where that exceeds 1 (LeRobot datasets often hold degrees)."""
UNKNOWN_SHA256 = "0" * 64
Arrays = dict[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Converted:
    """The bundle, and the largest difference between its graph and PyTorch in the policy's own units."""

    bundle: Bundle
    error: float


def convert(
    checkpoint: LeRobotCheckpoint,
    policy: DeployedPolicy,
    shape: Shape,
    contract: RobotContract,
    output: Path,
    *,
    name: str = "",
    samples: int = 32,
    seed: int = 0,
) -> Converted:
    """Export, prove, write.

    Args:
        checkpoint: where the policy comes from.
        policy: as built by ``deployed.build``; shape: of it.
        contract: of the robot.
        output: bundle directory.
        name: in the manifest; the output's name when empty.
        samples: random observations within the contract's ranges, stored as proof.
        seed: of them.

    Raises:
        BundleError: the graph's answers differ from PyTorch's, or the parts contradict each other.
    """
    observations, actions, timing = manifest_parts(contract, checkpoint, shape)
    metadata = contract_pairs(observations, actions, timing.control_rate_hz)
    graph = export_graph(policy, observations, actions, metadata, shape.noise_rows)
    inputs = random_inputs(observations, actions, shape, samples, seed)
    outputs = reference_outputs(policy, inputs)
    errors = graph_errors(graph, inputs, outputs)
    tolerance = TOLERANCE * max(1.0, float(np.abs(outputs[ACTION]).max()), float(np.abs(outputs[EMBEDDING]).max()))
    worst = max(errors, key=lambda key: errors[key] if np.isfinite(errors[key]) else np.inf)
    if not errors[worst] <= min(tolerance, 1e-2):
        raise BundleError(
            f"output '{worst}' of the exported graph differs from PyTorch by {errors[worst]:.2e} "
            f"(allowed {tolerance:.0e}).",
            "use the torch and onnx versions of constraints.txt; check the contract's ranges against the statistics.",
        )
    fields = _fields(
        checkpoint, policy, shape, contract, observations, actions, name or output.name, outputs[EMBEDDING].shape[1]
    )
    fields["timing"] = timing
    fields["parity"] = {"samples": samples, "tolerance": min(tolerance, 1e-2), "max_abs_error": errors}
    fields["provenance"]["seed"] = seed
    safety = contract.safety.model_dump(mode="json", exclude_none=True)
    files: dict[str, Path | bytes] = {
        POLICY_NAME: graph,
        PARITY_NAME: pack(inputs, outputs),
        SAFETY_NAME: yaml.safe_dump(safety, sort_keys=False).encode(),
    }
    return Converted(write_bundle(output, fields, files), errors[ACTION])


def random_inputs(
    observations: list[ObservationFeature], actions: ActionSpec, shape: Shape, samples: int, seed: int
) -> Arrays:
    """Observations drawn uniformly from the contract's ranges, as the graph sees them, and standard normal noise."""
    rng = np.random.default_rng(seed)
    inputs: Arrays = {}
    for feature in observations:
        columns = [
            transform(term, rng.uniform(term.minimum, term.maximum, (samples, feature.history, term.size)))
            for term in feature.terms
        ]
        inputs[feature.name] = np.concatenate(columns, axis=-1).astype(np.float32)
    if shape.noise_rows:
        size = (samples, shape.noise_rows, len(actions.joints))
        inputs[NOISE] = rng.standard_normal(size, dtype=np.float32)
    return inputs


def _fields(
    checkpoint: LeRobotCheckpoint,
    policy: DeployedPolicy,
    shape: Shape,
    contract: RobotContract,
    observations: list[ObservationFeature],
    actions: ActionSpec,
    name: str,
    embedding_size: int,
) -> dict[str, Any]:
    chunk = [actions.horizon, len(actions.joints)]
    inputs = [GraphTensor(name=f.name, role="observation", shape=[f.history, f.size]) for f in observations]
    if shape.noise_rows:
        inputs.append(GraphTensor(name=NOISE, role="noise", shape=[shape.noise_rows, chunk[1]]))
    info = PolicyInfo(
        family=f"lerobot_{checkpoint.family}",
        sampler=shape.sampler,
        sampling_steps=shape.steps,
        parameters=sum(p.numel() for p in policy.parameters()),
        inputs=inputs,
        outputs=[
            GraphTensor(name=ACTION, role="action", shape=chunk),
            GraphTensor(name=EMBEDDING, role="embedding", shape=[embedding_size]),
        ],
    )
    return {
        "name": name.removesuffix(".keel"),
        "robot": contract.robot,
        "task": contract.task,
        "observations": observations,
        "actions": actions,
        "policy": info,
        "provenance": {
            "created": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "keel_version": __version__,
            "git_commit": git_commit(),
            "versions": {
                "python": platform.python_version(),
                "torch": str(torch.__version__),
                "onnxruntime": onnxruntime.__version__,
            },
            "dataset_sha256": UNKNOWN_SHA256,
            "config_sha256": hashlib.sha256(json.dumps(checkpoint.config, sort_keys=True).encode()).hexdigest(),
            "statistics_sha256": _statistics_sha256(policy),
            "training_steps": _training_steps(checkpoint),
        },
    }


def _statistics_sha256(policy: DeployedPolicy) -> str:
    digest = hashlib.sha256()
    for key, value in sorted(policy.state_dict().items()):
        if "normalize" in key:
            digest.update(key.encode() + value.numpy().tobytes())
    return digest.hexdigest()


def _training_steps(checkpoint: LeRobotCheckpoint) -> int:
    """Steps trained, where LeRobot's training_state lies beside the checkpoint; 0 where it does not."""
    path = checkpoint.directory.parent / "training_state" / "training_step.json"
    try:
        return int(json.loads(path.read_text(encoding="utf-8"))["step"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0

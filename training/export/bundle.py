"""Writes a trained policy as a bundle: graph, contract, recorded parity, safety configuration, provenance."""

from __future__ import annotations

import hashlib
import io
import json
import platform
import subprocess
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
import yaml

from policy_nodes import __version__
from policy_nodes.bundle.limits import PARITY_NAME, POLICY_NAME, SAFETY_NAME
from policy_nodes.bundle.load import Bundle
from policy_nodes.bundle.manifest import GraphTensor, PolicyInfo
from policy_nodes.bundle.write import write_bundle
from policy_nodes.errors import BundleError
from policy_nodes.inference.providers import create_session
from training.datasets.lerobot_v3.reader import Dataset
from training.export.graph import ACTION, EMBEDDING, NOISE, de_facto_metadata, export_graph, reference_outputs
from training.imitation.build import TrainedPolicy, build_sampler
from training.imitation.config import TrainConfig
from training.policies.flow_policy import FlowPolicyConfig

TOLERANCE = 1e-5


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
    graph = export_graph(
        trained.policy,
        contract.observations,
        contract.actions,
        de_facto_metadata(contract.observations, contract.actions),
    )
    inputs, outputs = record_parity(trained, dataset, samples)
    errors = graph_errors(graph, inputs, outputs)
    worst = max(errors.values())
    if not worst <= TOLERANCE:
        raise BundleError(
            f"the exported graph differs from PyTorch by {worst:.2e} (allowed {TOLERANCE:.0e}).", "report this model."
        )
    files: dict[str, Path | bytes] = {
        POLICY_NAME: graph,
        PARITY_NAME: _npz(
            {f"input/{k}": v for k, v in inputs.items()} | {f"output/{k}": v for k, v in outputs.items()}
        ),
        SAFETY_NAME: yaml.safe_dump(
            contract.safety.model_dump(mode="json", exclude_none=True), sort_keys=False
        ).encode(),
    }
    return write_bundle(output, manifest_fields(trained, name, errors, samples), files)


def record_parity(
    trained: TrainedPolicy, dataset: Dataset, samples: int
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Recorded observations spread over the dataset, seeded noise, and the framework's answers."""
    config = TrainConfig(**{**trained.config["train"], "policy": FlowPolicyConfig(**trained.config["train"]["policy"])})
    sampler = build_sampler(dataset, trained.contract, config)
    frames = sampler.frames("train")
    batch = sampler.gather(frames[np.linspace(0, len(frames) - 1, samples).astype(np.int64)])
    actions = trained.contract.actions
    rng = np.random.default_rng(0)
    noise = rng.standard_normal((samples, actions.horizon, len(actions.joints)), dtype=np.float32)
    outputs = reference_outputs(trained.policy, batch.observations, noise)
    return {**batch.observations, NOISE: noise}, outputs


def graph_errors(graph: bytes, inputs: dict[str, np.ndarray], outputs: dict[str, np.ndarray]) -> dict[str, float]:
    """Largest absolute difference per output between ONNX Runtime on the CPU and the reference."""
    session = create_session(graph, "cpu", threads=1)
    answers = session.run(list(outputs), inputs)
    return {name: float(np.abs(a - b).max()) for (name, b), a in zip(outputs.items(), answers, strict=True)}


def manifest_fields(trained: TrainedPolicy, name: str, errors: dict[str, float], samples: int) -> dict[str, Any]:
    """Every manifest field but files and digest."""
    contract, policy = trained.contract, trained.policy
    actions = contract.actions
    shape = [actions.horizon, len(actions.joints)]
    inputs = [GraphTensor(name=f.name, role="observation", shape=[f.history, f.size]) for f in contract.observations]
    inputs.append(GraphTensor(name=NOISE, role="noise", shape=shape))
    outputs = [
        GraphTensor(name=ACTION, role="action", shape=shape),
        GraphTensor(name=EMBEDDING, role="embedding", shape=[policy.config.embedding_size]),
    ]
    info = PolicyInfo(
        family="flow_matching",
        sampler="euler",
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
        "parity": {"samples": samples, "tolerance": TOLERANCE, "max_abs_error": errors},
        "provenance": provenance(trained),
    }


def provenance(trained: TrainedPolicy) -> dict[str, Any]:
    """Versions, hashes and seed."""
    statistics = hashlib.sha256()
    for key, value in sorted(trained.policy.state_dict().items()):
        if "normalizer" in key:
            statistics.update(key.encode() + value.numpy().tobytes())
    config = json.dumps(trained.config, sort_keys=True).encode()
    return {
        "created": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "keel_version": __version__,
        "git_commit": _git_commit(),
        "versions": {
            "python": platform.python_version(),
            "torch": str(torch.__version__),
            "onnx": version("onnx"),
            "onnxruntime": onnxruntime.__version__,
            "mujoco": version("mujoco"),
        },
        "dataset_sha256": trained.config["dataset"]["sha256"],
        "config_sha256": hashlib.sha256(config).hexdigest(),
        "statistics_sha256": statistics.hexdigest(),
        "seed": int(trained.config["train"]["seed"]),
        "training_steps": int(trained.config["step"]),
    }


def _git_commit() -> str:
    """Commit of the source tree, with ``-dirty`` when it is modified; ``unknown`` outside a checkout."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--abbrev=40", "--match=-"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _npz(arrays: dict[str, np.ndarray]) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()

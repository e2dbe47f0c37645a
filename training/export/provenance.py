"""Where an exported policy comes from: versions, commit, hashes of data, configuration and statistics, seed."""

from __future__ import annotations

import hashlib
import json
import platform
import subprocess
from collections.abc import Mapping
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import onnxruntime
import torch

from policy_nodes import __version__
from training.imitation.build import TrainedPolicy

UNKNOWN_SHA256 = "0" * 64
"""Hash of what cannot be known, such as the data behind another framework's policy."""
PACKAGES = ("torch", "onnx", "mujoco")
"""Whose versions are recorded where they are installed, beside Python's and ONNX Runtime's."""


def origin(
    config: Any,
    statistics_sha256: str,
    *,
    seed: int,
    training_steps: int,
    dataset_sha256: str = UNKNOWN_SHA256,
    versions: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Fields of the manifest's provenance, now and here.

    Args:
        config: of the training, anything JSON can hold; its canonical form is hashed.
        statistics_sha256: of the normalisation statistics in the graph.
        seed: of the training run, or of the proof where there was none.
        training_steps: 0 when unknown.
        dataset_sha256: of the training data.
        versions: further entries by name, such as the source framework's.
    """
    return {
        "created": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "keel_version": __version__,
        "git_commit": git_commit(),
        "versions": installed_versions() | dict(versions or {}),
        "dataset_sha256": dataset_sha256,
        "config_sha256": hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest(),
        "statistics_sha256": statistics_sha256,
        "seed": seed,
        "training_steps": training_steps,
    }


def provenance(trained: TrainedPolicy) -> dict[str, Any]:
    """Fields of the manifest's provenance of a policy trained here."""
    return origin(
        trained.config,
        statistics_sha256(trained.policy, "normalizer"),
        seed=trained.train.seed,
        training_steps=int(trained.config["step"]),
        dataset_sha256=trained.config["dataset"]["sha256"],
    )


def installed_versions() -> dict[str, str]:
    """Versions of Python, ONNX Runtime (whatever its distribution is called) and :data:`PACKAGES`."""
    found = {"python": platform.python_version(), "onnxruntime": onnxruntime.__version__}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def statistics_sha256(module: torch.nn.Module, part: str) -> str:
    """Hash of the buffers and parameters whose name holds ``part``, names included, as they are folded into a graph."""
    digest = hashlib.sha256()
    for key, value in sorted(module.state_dict().items()):
        if part in key:
            digest.update(key.encode() + value.numpy().tobytes())
    return digest.hexdigest()


def git_commit(file: Path = Path(__file__)) -> str:
    """Commit of the source tree that ``file`` belongs to, with ``-dirty`` when it is modified.

    ``unknown`` outside a checkout, also when an unrelated repository happens to surround the installation.
    """
    git = ["git", "-C", str(file.parent)]
    describe = [*git, "describe", "--always", "--dirty", "--abbrev=40", "--match=-"]
    try:
        subprocess.run([*git, "ls-files", "--error-unmatch", file.name], capture_output=True, check=True)
        return subprocess.run(describe, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"

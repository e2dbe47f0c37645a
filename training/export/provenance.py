"""Where an exported policy comes from: versions, commit, hashes of data, configuration and statistics, seed."""

from __future__ import annotations

import hashlib
import json
import platform
import subprocess
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mujoco
import onnxruntime
import torch

from policy_nodes import __version__
from training.imitation.build import TrainedPolicy


def provenance(trained: TrainedPolicy) -> dict[str, Any]:
    """Fields of the manifest's provenance."""
    config = json.dumps(trained.config, sort_keys=True).encode()
    return {
        "created": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "keel_version": __version__,
        "git_commit": git_commit(),
        "versions": {
            "python": platform.python_version(),
            "torch": str(torch.__version__),
            "onnx": version("onnx"),
            "onnxruntime": onnxruntime.__version__,
            "mujoco": mujoco.__version__,
        },
        "dataset_sha256": trained.config["dataset"]["sha256"],
        "config_sha256": hashlib.sha256(config).hexdigest(),
        "statistics_sha256": policy_statistics_sha256(trained.policy),
        "seed": trained.train.seed,
        "training_steps": int(trained.config["step"]),
    }


def policy_statistics_sha256(policy: torch.nn.Module) -> str:
    """Hash of the normalisers' buffers, names included, as they are folded into the graph."""
    digest = hashlib.sha256()
    for key, value in sorted(policy.state_dict().items()):
        if "normalizer" in key:
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

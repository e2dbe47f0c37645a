"""Training checkpoints: safetensors for weights, JSON for configuration, written whole or not at all."""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from policy_nodes.errors import ConfigError
from training.atomic import replacing_directory

LAST = "last"


@dataclass(frozen=True)
class TrainingState:
    """Everything beside the weights that a resumed run needs to continue bit for bit on CPU."""

    step: int
    optimizer: dict[str, Any]
    scheduler: dict[str, Any]
    torch_rng: torch.Tensor
    sampler: dict[str, Any]


def save_checkpoint(
    directory: Path, *, model: nn.Module, ema: nn.Module, state: TrainingState, config: dict[str, Any]
) -> None:
    """Write ``directory`` whole: ``model`` and ``ema`` as safetensors, ``training_state.pt``, ``config.json``."""
    with replacing_directory(directory) as temporary:
        save_file(dict(model.state_dict()), temporary / "model.safetensors")
        save_file(dict(ema.state_dict()), temporary / "ema.safetensors")
        torch.save(vars(state), temporary / "training_state.pt")
        (temporary / "config.json").write_text(json.dumps(config, indent=2, sort_keys=True))


def read_config(directory: Path) -> dict[str, Any]:
    """Configuration of a checkpoint directory.

    Raises:
        ConfigError: it is not a complete checkpoint.
    """
    missing = [n for n in ("config.json", "ema.safetensors", "model.safetensors") if not (directory / n).is_file()]
    if missing:
        raise ConfigError(
            f"'{directory}' is not a training checkpoint: {', '.join(missing)} missing.",
            "give the directory that `keel train --output` wrote, or its checkpoints/last.",
        )
    try:
        content = json.loads((directory / "config.json").read_text())
        missing = [key for key in ("task", "dataset", "train", "step") if key not in content]
    except (ValueError, TypeError) as error:
        raise ConfigError(f"'{directory}/config.json' is not JSON: {error}.", "train again.") from error
    if not isinstance(content, dict) or missing:
        raise ConfigError(f"'{directory}/config.json' lacks {', '.join(missing) or 'its keys'}.", "train again.")
    return content


def load_weights(directory: Path, module: nn.Module, name: str) -> None:
    """Load ``name``.safetensors (``model`` or ``ema``) into ``module``; every tensor must be there and fit.

    Raises:
        ConfigError: the file is missing or damaged, or belongs to another architecture.
    """
    try:
        module.load_state_dict(load_file(directory / f"{name}.safetensors"))
    except (OSError, SafetensorError) as error:
        raise ConfigError(f"'{directory}/{name}.safetensors' cannot be read: {error}.", "train again.") from error
    except (RuntimeError, ValueError) as error:
        raise ConfigError(
            f"checkpoint '{directory}' does not fit the policy: {_one_line(error)}",
            "use the version of Keel that trained it.",
        ) from error


def load_training_state(directory: Path) -> TrainingState:
    """State of an interrupted run; only tensors and plain values are unpickled (``weights_only``).

    Raises:
        ConfigError: the file is missing or damaged.
    """
    try:
        return TrainingState(**torch.load(directory / "training_state.pt", weights_only=True))
    except (OSError, EOFError, RuntimeError, TypeError, ValueError, pickle.UnpicklingError) as error:
        raise ConfigError(
            f"cannot resume from '{directory}': training_state.pt: {_one_line(error)}",
            "train from the start with --overwrite.",
        ) from error


def resolve_checkpoint(path: Path) -> Path:
    """Accept a training output directory or a checkpoint directory."""
    return path / "checkpoints" / LAST if (path / "checkpoints" / LAST).is_dir() else path


def differences(saved: Any, wanted: Any, prefix: str = "") -> list[str]:
    """Where two nested dictionaries differ, as ``train.batch_size (was 256, now 128)``; extra keys in ``saved`` do not
    count."""
    if isinstance(saved, Mapping) and isinstance(wanted, Mapping):
        found: list[str] = []
        for key in sorted(wanted):
            found += differences(saved.get(key), wanted[key], f"{prefix}.{key}" if prefix else key)
        return found
    return [] if saved == wanted else [f"{prefix} (was {saved}, now {wanted})"]


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]

"""Training checkpoints: safetensors for weights, JSON for configuration, written whole or not at all."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from policy_nodes.errors import ConfigError

LAST = "last"


@dataclass(frozen=True)
class TrainingState:
    """Everything beside the weights that a resumed run needs to continue bit for bit on CPU."""

    step: int
    optimizer: dict[str, Any]
    scheduler: dict[str, Any]
    torch_rng: torch.Tensor
    sampler: dict[str, Any]


@contextlib.contextmanager
def replacing_directory(target: Path) -> Iterator[Path]:
    """Yield a temporary directory beside ``target`` that takes its place on success and vanishes on any error."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    previous = target.with_name(f".{target.name}.{os.getpid()}.old.tmp")
    temporary.mkdir()
    try:
        yield temporary
        if target.exists():
            target.rename(previous)
        temporary.rename(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.rmtree(previous, ignore_errors=True)


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
        return dict(json.loads((directory / "config.json").read_text()))
    except ValueError as error:
        raise ConfigError(f"'{directory}/config.json' is not JSON: {error}.", "train again.") from error


def load_weights(directory: Path, module: nn.Module, name: str) -> None:
    """Load ``name``.safetensors (``model`` or ``ema``) into ``module``; every tensor must be there and fit."""
    try:
        module.load_state_dict(load_file(directory / f"{name}.safetensors"))
    except (OSError, RuntimeError, ValueError) as error:
        raise ConfigError(
            f"checkpoint '{directory}' does not fit the policy: {error}", "use the version of Keel that trained it."
        ) from error


def load_training_state(directory: Path) -> TrainingState:
    """State of an interrupted run; only tensors and plain values are unpickled (``weights_only``)."""
    try:
        return TrainingState(**torch.load(directory / "training_state.pt", weights_only=True))
    except (OSError, RuntimeError, TypeError, ValueError) as error:
        raise ConfigError(
            f"cannot resume from '{directory}': {error}", "delete the output directory and train from the start."
        ) from error


def resolve_checkpoint(path: Path) -> Path:
    """Accept a training output directory or a checkpoint directory."""
    return path / "checkpoints" / LAST if (path / "checkpoints" / LAST).is_dir() else path

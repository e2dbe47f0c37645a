"""Weights that follow from their name and shape alone: a ResNet has 45 MB of them, which no repository should hold."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file


def seeded_tensor(name: str, shape: tuple[int, ...]) -> torch.Tensor:
    """Float32 values of a magnitude that keeps activations near one, by what the name says the tensor is for."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    if name.endswith("pos_grid"):  # keypoint coordinates, no weight: rows are cells, y outer
        raise ValueError("coordinates are no weights")
    if name.endswith("running_var"):
        value = rng.uniform(0.5, 1.5, shape)
    elif len(shape) > 1:
        value = rng.standard_normal(shape) / (3.0 * np.prod(shape[1:])) ** 0.5  # as PyTorch starts layers
    else:
        value = rng.standard_normal(shape) * 0.1 + (1.0 if name.endswith("weight") else 0.0)
    return torch.from_numpy(np.asarray(value, dtype=np.float32))


def seeded_state(shapes: Mapping[str, list[int]], kept: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """A state dictionary: ``kept`` as it is, the rest seeded."""
    return {name: kept[name] if name in kept else seeded_tensor(name, tuple(shape)) for name, shape in shapes.items()}


def write_weights(directory: Path) -> None:
    """``model.safetensors`` from ``weights.json`` (name to shape, or to the values of what is no weight)."""
    listed = json.loads((directory / "weights.json").read_text())
    kept = {name: torch.tensor(value) for name, value in listed["kept"].items()}
    save_file(seeded_state(listed["shapes"], kept), directory / "model.safetensors")

"""What is kept when training diverges: the batch, the weights that met it, and which numbers were not finite."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

from policy_nodes.errors import KeelError
from training.atomic import replacing_directory
from training.datasets.lerobot_v3.windows import ChunkBatch

DUMP_NAME = "divergence"


class DivergenceError(KeelError):
    """Loss or gradient became NaN or infinite; the last checkpoint is intact and the batch was dumped."""


def dump_divergence(output: Path, batch: ChunkBatch, model: nn.Module, facts: dict[str, Any]) -> Path:
    """Write ``divergence/`` in a training output directory and return it.

    ``batch.npz`` holds the windows as they were read (``observation/NAME``, ``actions``, ``action_is_pad`` and the
    frame ``index`` in the dataset), ``model.safetensors`` the weights before the step, ``report.json`` the facts, the
    range of every array and the parameters whose gradient is not finite.

    Args:
        output: training output directory.
        batch: the windows of the step.
        model: the network, with the gradients of the step if there are any.
        facts: JSON-able (step, quantity, value ...).
    """
    arrays = {f"observation/{name}": np.asarray(value) for name, value in batch.observations.items()}
    arrays |= {"actions": batch.actions, "action_is_pad": batch.action_is_pad, "index": batch.index}
    report = {
        **facts,
        "ranges": {name: _range(value) for name, value in arrays.items()},
        "parameters_not_finite": _not_finite({n: p.detach() for n, p in model.named_parameters()}),
        "gradients_not_finite": _not_finite({n: p.grad for n, p in model.named_parameters() if p.grad is not None}),
    }
    directory = output / DUMP_NAME
    with replacing_directory(directory) as temporary:
        np.savez_compressed(temporary / "batch.npz", allow_pickle=False, **arrays)  # type: ignore[arg-type]
        save_file(
            {name: value.contiguous() for name, value in model.state_dict().items()}, temporary / "model.safetensors"
        )
        (temporary / "report.json").write_text(json.dumps(report, indent=2))
    return directory


def _range(values: np.ndarray) -> list[float] | None:
    """Smallest and largest finite value; None when there is none."""
    numbers = np.asarray(values, dtype=np.float64)
    finite = numbers[np.isfinite(numbers)]
    return [float(finite.min()), float(finite.max())] if finite.size else None


def _not_finite(tensors: dict[str, torch.Tensor]) -> list[str]:
    return [name for name, value in tensors.items() if not bool(torch.isfinite(value).all())]

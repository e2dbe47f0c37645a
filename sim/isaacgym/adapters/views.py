"""Torch views of numpy buffers, and what all adapters ask of a batched environment."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from sim.isaacgym.errors import InterfaceError

__all__ = ["as_numpy_actions", "group", "tensor", "tensors", "terminal_rows"]


def tensor(array: NDArray[Any]) -> torch.Tensor:
    """A tensor on the same memory: what is written to one is seen in the other."""
    return torch.from_numpy(array)


def tensors(values: dict[str, NDArray[Any]]) -> dict[str, torch.Tensor]:
    """``tensor`` of every value."""
    return {key: torch.from_numpy(value) for key, value in values.items()}


def as_numpy_actions(actions: torch.Tensor, bound: float = np.inf) -> NDArray[np.float32]:
    """(N, A) float32 numpy actions within [-bound, bound], from a tensor on any device, without a copy on the CPU."""
    array = actions.detach().to(device="cpu", dtype=torch.float32).numpy()
    return array if np.isinf(bound) else np.clip(array, -bound, bound)


def group(env: Any, *names: str) -> str | None:
    """The first of the observation groups ``names`` that the environment has."""
    return next((name for name in names if name in env.observation_groups), None)


def required_group(env: Any, *names: str) -> str:
    """Like ``group``.

    Raises:
        InterfaceError: it has none of them.
    """
    found = group(env, *names)
    if found is None:
        raise InterfaceError(
            f"the environment has the observation groups {', '.join(env.observation_groups)}.",
            f"it needs one of {', '.join(names)}.",
        )
    return found


def terminal_rows(
    extras: dict[str, Any], done: NDArray[np.bool_], name: str
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Ids (k,) of the worlds that ended and their observations (k, d) from before the reset."""
    ids = np.flatnonzero(done)
    rows = extras.get("final_observation", {}).get(name)
    if rows is None or not ids.size:
        return ids[:0], np.zeros((0, 0), dtype=np.float32)
    # Either one row per ended world, or one per world.
    return ids, rows if len(rows) == len(ids) != len(done) else rows[ids]

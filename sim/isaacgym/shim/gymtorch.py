"""``isaacgym.gymtorch``: tensors as live views of the simulation's buffers."""

from __future__ import annotations

from typing import Any

import torch
from numpy.typing import NDArray

from sim.isaacgym.errors import UnsupportedCallError

__all__ = ["unwrap_tensor", "wrap_tensor"]


def wrap_tensor(gym_tensor: NDArray[Any]) -> torch.Tensor:
    """A torch tensor on the buffer's memory: refresh calls change it in place."""
    return torch.from_numpy(gym_tensor)


def unwrap_tensor(tensor: torch.Tensor) -> NDArray[Any]:
    """The tensor's memory for a setter.

    Raises:
        UnsupportedCallError: it is not on the CPU or not contiguous.
    """
    if tensor.device.type != "cpu":
        raise UnsupportedCallError(f"a tensor on {tensor.device} was passed.", "run with --sim_device=cpu.")
    if not tensor.is_contiguous():
        raise UnsupportedCallError("a tensor passed to a setter is not contiguous.", "call .contiguous().")
    return tensor.detach().numpy()

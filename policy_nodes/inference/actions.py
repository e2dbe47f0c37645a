"""From the graph's raw actions to commands, as the contract's action terms say."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from policy_nodes.bundle.manifest import ActionSpec


def decode_chunk(
    spec: ActionSpec, chunk: NDArray[np.floating], position: NDArray[np.floating] | None = None
) -> NDArray[np.float64]:
    """Commands in contract order and units: ``raw * scale + offset``, plus the measured position for delta modes.

    Limits are not applied here: that is the safety node's part, which must see what the policy wanted.

    Args:
        spec: the contract's actions.
        chunk: (..., H, A) raw graph output.
        position: (A,) measured at the chunk's stamp, in contract order; needed for ``delta_position``.

    Returns:
        (..., H, A) float64.

    Raises:
        ValueError: wrong number of actions, or a delta mode without ``position``.
    """
    scale = np.concatenate([np.full(term.size, term.scale) for term in spec.terms])
    offset = np.concatenate([np.asarray(term.offset, dtype=np.float64) for term in spec.terms])
    if chunk.shape[-1] != scale.size:
        raise ValueError(f"chunk has {chunk.shape[-1]} actions, the contract {scale.size}")
    relative = np.concatenate([np.full(term.size, term.mode == "delta_position") for term in spec.terms])
    commands = np.asarray(chunk, dtype=np.float64) * scale + offset
    if relative.any():
        if position is None:
            raise ValueError("delta_position actions need the measured position")
        commands = commands + np.where(relative, position, 0.0)
    return commands

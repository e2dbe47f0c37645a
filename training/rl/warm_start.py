"""Begin a PPO run with an exported actor: its weights from the ONNX file, a critic that first learns to judge it.

An export carries no critic and no action noise. A fresh critic's advantages are noise that would spoil the gait within
a few updates, so for the first iterations the actor stays as it is and only the critic learns.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import onnx
import torch
from google.protobuf.message import DecodeError
from onnx import numpy_helper
from torch import Tensor

from policy_nodes.errors import ConfigError


def actor_state(file: Path) -> dict[str, Tensor]:
    """Weights of the actor in a file of ``keel export-rl``, named as rsl_rl's ``MLPModel`` names them.

    Raises:
        ConfigError: the file cannot be read, or was not made by ``keel export-rl``.
    """
    try:
        graph = onnx.load(file).graph
    except (OSError, DecodeError) as error:
        raise ConfigError(f"'{file}' is no ONNX file: {error}", "give the policy.onnx of keel export-rl.") from None
    state = {
        "mlp." + item.name.removeprefix("network."): torch.from_numpy(numpy_helper.to_array(item).copy())
        for item in graph.initializer
        if item.name.startswith("network.")
    }
    if not state:
        raise ConfigError(f"'{file}' holds no actor of keel export-rl.", "give the policy.onnx of keel export-rl.")
    return state


def load_actor_weights(algorithm: Any, file: Path) -> None:
    """Put the weights into the actor of an rsl_rl ``PPO``; the action noise stays as configured.

    Raises:
        ConfigError: as ``actor_state``, or the layers have other sizes.
    """
    actor = algorithm.actor
    state = actor.state_dict() | actor_state(file)
    try:
        actor.load_state_dict(state)
    except RuntimeError as error:
        raise ConfigError(
            f"'{file}' has other layers than this run: {' '.join(str(error).split())[:300]}",
            "set --ppo.hidden and --task to those that the policy was trained with.",
        ) from None


@contextmanager
def critic_only(algorithm: Any) -> Iterator[None]:
    """Within it, an rsl_rl ``PPO`` leaves its actor alone; values may move freely and the step size is fixed."""
    kept = algorithm.schedule, algorithm.use_clipped_value_loss
    parameters = list(algorithm.actor.parameters())
    algorithm.schedule, algorithm.use_clipped_value_loss = "fixed", False
    for parameter in parameters:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        algorithm.schedule, algorithm.use_clipped_value_loss = kept
        for parameter in parameters:
            parameter.requires_grad_(True)

"""Mirrored samples for PPO, as rsl_rl's symmetry extension calls for them (Mittal et al. 2024, arXiv 2403.04359)."""

from __future__ import annotations

from typing import Any

import torch
from tensordict import TensorDict

from sim.tasks.velocity.mirror import Mirror


def _reflect(vector: torch.Tensor, mirror: Mirror) -> torch.Tensor:
    return vector[..., torch.from_numpy(mirror.index)] * torch.from_numpy(mirror.sign)


def augment(
    env: Any, obs: TensorDict | None, actions: torch.Tensor | None
) -> tuple[TensorDict | None, torch.Tensor | None]:
    """Each batch followed by its mirror image.

    Args:
        env: a ``sim.isaacgym`` ``RslRlEnv`` whose task has ``mirrors()``.
        obs: observation groups, (B, d) each; None for none.
        actions: (B, A); None for none.

    Returns:
        Both with 2 B rows.
    """
    groups, action_mirror = env.env.task.mirrors()
    if obs is not None:
        size = obs.batch_size[0]
        obs = TensorDict(
            {key: torch.cat([obs[key], _reflect(obs[key], groups[key])]) for key in groups}, batch_size=[2 * size]
        )
    if actions is not None:
        actions = torch.cat([actions, _reflect(actions, action_mirror)])
    return obs, actions

"""Names of batched tasks; a task's module is imported when it is made."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from sim.tasks.table import BATCHED_TASKS
from sim.vector.env import VectorEnv
from sim.vector.errors import BatchSizeError, UnknownTaskError
from sim.vector.warp_engine import open_device

__all__ = ["make", "names", "register"]

_FACTORIES: dict[str, str] = dict(BATCHED_TASKS)

_ENV_OPTIONS = frozenset({"seed", "num_threads", "chunk_size", "exact", "dump_dir"})


def register(name: str, factory: str) -> None:
    """Adds a task.

    Args:
        name: e.g. ``"Go1-Velocity-Flat"``.
        factory: ``"package.module:function"``; called with the overrides, returns a ``BatchedTask``.
    """
    _FACTORIES[name] = factory


def names() -> list[str]:
    """Registered task names, sorted."""
    return sorted(_FACTORIES)


def make(name: str, num_envs: int, **overrides: Any) -> VectorEnv:
    """Builds N worlds of a registered task.

    Args:
        name: a registered name.
        num_envs: N, at least 1.
        **overrides: ``device`` (``"cpu"``; ``"cuda"`` or ``"cuda:N"`` by MuJoCo Warp); ``seed``, ``num_threads``,
            ``chunk_size``, ``exact`` and ``dump_dir`` go to :class:`VectorEnv`; everything else to the task's factory
            (fields of its configuration).

    Raises:
        UnknownTaskError: no task has this name; the message lists those that exist.
        BatchSizeError: ``num_envs`` is below 1.
        BackendError: ``device`` is not ``"cpu"`` and MuJoCo Warp or the device is missing.
    """
    if name not in _FACTORIES:
        raise UnknownTaskError(f"there is no task '{name}'.", f"use one of {', '.join(names())}.")
    device = str(overrides.pop("device", "cpu"))
    if device != "cpu":
        open_device(device)
    if num_envs < 1:
        raise BatchSizeError(f"num_envs is {num_envs}.", "use at least 1.")
    env_options = {key: overrides.pop(key) for key in _ENV_OPTIONS & overrides.keys()}
    module, _, function = _FACTORIES[name].partition(":")
    factory: Callable[..., Any] = getattr(importlib.import_module(module), function)
    return VectorEnv(factory(**overrides), num_envs, name=name, backend=device, **env_options)

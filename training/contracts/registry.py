"""Finds task contracts by name; a contract is built only when it is asked for."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from policy_nodes.errors import ConfigError
from training.contracts.task import TaskContract

_FACTORIES = {"panda_pick_place": "training.contracts.panda_pick_place:make"}


def task_names() -> list[str]:
    """Names that :func:`task_contract` accepts."""
    return sorted(_FACTORIES)


@cache
def task_contract(name: str) -> TaskContract:
    """Contract of the task ``name``, built once per process: reading the robot's gains compiles a model.

    Raises:
        ConfigError: no such task.
    """
    if name not in _FACTORIES:
        raise ConfigError(f"unknown task '{name}'.", f"use one of: {', '.join(task_names())}.")
    module, factory = _FACTORIES[name].split(":")
    contract: TaskContract = getattr(import_module(module), factory)()
    return contract

"""Finds task contracts by name; a contract is built only when it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module

from policy_nodes.errors import ConfigError
from training.contracts.task import TaskContract

_FACTORIES = {
    "aloha_transfer": "training.contracts.aloha_transfer:make",
    "panda_insertion": "training.contracts.panda_insertion:make",
    "panda_lift": "training.contracts.panda_lift:make",
    "panda_pick_place": "training.contracts.panda_pick_place:make",
    "pusht": "training.contracts.pusht:make",
    "wiping": "training.contracts.wiping:make",
}
_FAMILIES = {"metaworld": "training.contracts.metaworld:make", "toys": "training.contracts.toys:make"}
"""Families of tasks, named FAMILY/VARIANT; the factory takes the variant."""


def task_names() -> list[str]:
    """Names that :func:`task_contract` accepts; a family stands for all its variants."""
    return sorted([*_FACTORIES, *(f"{family}/..." for family in _FAMILIES)])


@cache
def task_contract(name: str) -> TaskContract:
    """Contract of the task ``name``, built once per process: reading the robot's gains compiles a model.

    Raises:
        ConfigError: no such task.
    """
    family, _, variant = name.partition("/")
    if name in _FACTORIES:
        contract: TaskContract = _load(_FACTORIES[name])()
    elif variant and family in _FAMILIES:
        contract = _load(_FAMILIES[family])(variant)
    else:
        raise ConfigError(f"unknown task '{name}'.", f"use one of: {', '.join(task_names())}.")
    return contract


def _load(reference: str) -> Callable[..., TaskContract]:
    module, factory = reference.split(":")
    make: Callable[..., TaskContract] = getattr(import_module(module), factory)
    return make

"""Finds what can go wrong with a task by the task's name."""

from __future__ import annotations

from importlib import import_module

from policy_nodes.errors import ConfigError
from training.disturbances.suite import Disturbances

_FACTORIES = {
    "panda_pick_place": "training.disturbances.panda:make",
    "metaworld/pick-place-v3": "training.disturbances.metaworld:make_pick_place",
    "metaworld/drawer-open-v3": "training.disturbances.metaworld:make_drawer",
    "pusht": "training.disturbances.pusht:make",
}


def disturbances(task: str) -> Disturbances:
    """Causes and harms of a task.

    Raises:
        ConfigError: none are known for it.
    """
    if task not in _FACTORIES:
        raise ConfigError(
            f"no causes of failure are described for the task '{task}'.", f"use one of: {', '.join(_FACTORIES)}."
        )
    module, name = _FACTORIES[task].split(":")
    found: Disturbances = getattr(import_module(module), name)()
    return found

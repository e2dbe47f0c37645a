"""One function from the batched environment to the interface that a library speaks."""

from __future__ import annotations

import importlib
from typing import Any, Final

from sim.isaacgym.errors import InterfaceError

__all__ = ["INTERFACES", "wrap"]

INTERFACES: Final[dict[str, str]] = {
    "vectask": "sim.isaacgym.adapters.vectask:VecTask",
    "legged": "sim.isaacgym.adapters.legged:LeggedTask",
    "isaaclab": "sim.isaacgym.adapters.isaaclab:IsaacLabEnv",
    "rsl_rl": "sim.isaacgym.adapters.rsl_rl:RslRlEnv",
    "rl_games": "sim.isaacgym.adapters.rl_games:RlGamesEnv",
    "sb3": "sim.isaacgym.adapters.sb3:Sb3Env",
    "gymnasium": "sim.isaacgym.adapters.gymnasium_vector:GymnasiumEnv",
}
"""Interface name to the class that provides it; imported when asked for."""


def wrap(env: Any, interface: str = "vectask", **options: Any) -> Any:
    """Gives a batched environment another interface.

    Args:
        env: a :class:`sim.vector.VectorEnv` or anything with its methods and attributes.
        interface: a key of ``INTERFACES``.
        **options: arguments of the adapter, e.g. ``clip_actions=1.0``.

    Raises:
        InterfaceError: the interface is unknown, or the library it belongs to is not installed.
    """
    if interface not in INTERFACES:
        raise InterfaceError(f"there is no interface '{interface}'.", f"use one of {', '.join(sorted(INTERFACES))}.")
    module, _, name = INTERFACES[interface].partition(":")
    try:
        adapter = getattr(importlib.import_module(module), name)
    except ModuleNotFoundError as error:
        raise InterfaceError(
            f"interface '{interface}' needs the package '{error.name}'.", "pip install it (extra `bench`)."
        ) from error
    return adapter(env, **options)

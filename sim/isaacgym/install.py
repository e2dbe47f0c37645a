"""Puts Keel's MuJoCo-backed ``isaacgym`` into ``sys.modules``, on request only."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Final

from sim.isaacgym.errors import InterfaceError

__all__ = ["install", "uninstall"]

SUBMODULES: Final = ("gymapi", "gymtorch", "gymutil", "torch_utils", "terrain_utils")
_MARK = "__keel__"


def install() -> ModuleType:
    """Makes ``import isaacgym`` work in this process; calling it again does nothing.

    Raises:
        InterfaceError: another ``isaacgym`` (NVIDIA's) was imported already.
    """
    present = sys.modules.get("isaacgym")
    if present is not None:
        if not hasattr(present, _MARK):
            raise InterfaceError(
                "another 'isaacgym' is imported already.", "call install() before importing it, or do not call it."
            )
        return present
    package = ModuleType("isaacgym", "Isaac Gym's module names on MuJoCo (Keel).")
    package.__path__ = []
    setattr(package, _MARK, True)
    for name in SUBMODULES:
        module = importlib.import_module(f"sim.isaacgym.shim.{name}")
        setattr(package, name, module)
        sys.modules[f"isaacgym.{name}"] = module
    sys.modules["isaacgym"] = package
    return package


def uninstall() -> None:
    """Takes it out again; modules that imported names from it keep them."""
    if hasattr(sys.modules.get("isaacgym"), _MARK):
        for name in ("isaacgym", *(f"isaacgym.{part}" for part in SUBMODULES)):
            sys.modules.pop(name, None)

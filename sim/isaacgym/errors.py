"""Errors of the Isaac-Gym-compatible layer."""

from __future__ import annotations

from sim.errors import SimError

__all__ = ["AssetError", "InterfaceError", "UnsupportedCallError"]


class InterfaceError(SimError):
    """An interface is unknown, or an environment lacks what the interface needs."""


class AssetError(SimError):
    """An asset file is missing or cannot become one articulation."""


class UnsupportedCallError(SimError, NotImplementedError):
    """A call of Isaac Gym that has no counterpart here; the message names it."""

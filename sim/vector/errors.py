"""Errors and warnings of the batched simulator."""

from __future__ import annotations

from sim.errors import SimError

__all__ = ["BackendError", "BatchSizeError", "BatchedActionError", "UnknownTaskError", "UnstableWorldWarning"]


class UnknownTaskError(SimError):
    """A task name is not registered."""


class BatchSizeError(SimError):
    """The number of worlds, models or rows does not fit."""


class BatchedActionError(SimError):
    """A batch of actions has the wrong shape or holds values that are not finite."""


class BackendError(SimError):
    """A physics backend cannot run on this machine, or lacks what the task asks of it."""


class UnstableWorldWarning(UserWarning):
    """A world's physics diverged; the world was reset and its last states were written to a file."""

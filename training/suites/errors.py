"""Errors of the third-party tasks."""

from __future__ import annotations

from policy_nodes.errors import KeelError


class SuiteError(KeelError):
    """A third-party task is not installed, unknown, or was given a command that it cannot execute."""

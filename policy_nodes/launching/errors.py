"""Errors of launching."""

from policy_nodes.errors import KeelError


class LaunchError(KeelError):
    """A launch file, its arguments or one of its processes is not as it must be."""

"""The ``keel`` command."""

from policy_nodes.cli.dispatch import main

__all__ = ["main"]

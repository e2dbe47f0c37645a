"""What can be wrong with a dataset, said so that its owner can repair it."""

from __future__ import annotations

from policy_nodes.errors import KeelError


class DatasetError(KeelError):
    """A dataset is missing, corrupted, inconsistent, or lacks something that was asked of it."""

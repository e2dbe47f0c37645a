"""Errors of the layer that a person can act on; the exceptions that rclpy itself raises are in ``exceptions``."""

from __future__ import annotations

from policy_nodes.errors import KeelError


class DomainError(KeelError):
    """The DDS domain cannot be opened: bad id, all participant indexes in use, or two configurations in one process."""


class UnsupportedError(KeelError, NotImplementedError):
    """Code uses a part of rclpy that the layer does not have; it runs on a real ROS 2."""


def unsupported(what: str) -> UnsupportedError:
    """Build the error for an rclpy feature that is missing here.

    Args:
        what: the feature as a programmer would name it, for example ``"Node.create_subscription(raw=True)"``.
    """
    return UnsupportedError(
        f"{what} is not supported by rosless.",
        "Run this on a machine with ROS 2, or use what the table in docs/ros.md lists.",
    )

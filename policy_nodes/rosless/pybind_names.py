"""The names people import from rclpy's C++ module although it is private."""

from policy_nodes.rosless.exceptions import InvalidHandle, RCLError, RCLInvalidROSArgsError, UnknownROSArgsError

__all__ = ["InvalidHandle", "RCLError", "RCLInvalidROSArgsError", "UnknownROSArgsError"]

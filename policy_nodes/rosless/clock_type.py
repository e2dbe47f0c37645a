"""``rclpy.clock_type``: which clock a time was read from."""

from __future__ import annotations

from enum import IntEnum


class ClockType(IntEnum):
    """Source of a clock, numbered as in rcl."""

    UNINITIALIZED = 0
    ROS_TIME = 1
    SYSTEM_TIME = 2
    STEADY_TIME = 3


__all__ = ["ClockType"]

"""The real ``ros2 launch``, where there is one."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path


def ros2_launch_command(path: str | Path, arguments: Mapping[str, str]) -> list[str] | None:
    """Command line that runs a launch file with ROS 2, or None where ``ros2`` or ``rclpy`` is missing.

    Args:
        path: launch file.
        arguments: its arguments.
    """
    program = shutil.which("ros2")
    if program is None or find_spec("rclpy") is None:
        return None
    return [program, "launch", str(path), *(f"{name}:={value}" for name, value in arguments.items())]

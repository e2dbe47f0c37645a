"""Launch files without ROS: the same ``*.launch.yaml`` that ``ros2 launch`` runs on a robot."""

from policy_nodes.launching.description import describe
from policy_nodes.launching.errors import LaunchError
from policy_nodes.launching.model import LaunchArgument
from policy_nodes.launching.process import Process
from policy_nodes.launching.ros2 import ros2_launch_command
from policy_nodes.launching.runner import LaunchRunner

__all__ = ["LaunchArgument", "LaunchError", "LaunchRunner", "Process", "describe", "ros2_launch_command"]

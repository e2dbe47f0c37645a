"""Executables of the ROS package: make sure that a ROS 2 stack is importable, then run one node.

Beside the test configuration this is the only place that knows about the fallback stack; the nodes are plain rclpy.
"""

from __future__ import annotations

import sys
from importlib import import_module

from policy_nodes.errors import KeelError

NODES = ("policy_node", "monitor_node", "safety_node", "sim_node", "recorder_node", "fault_node")


def run(name: str) -> int:
    """Run the node ``name`` until it is shut down; returns the process exit code."""
    from policy_nodes.rosless.activate import ensure_ros

    try:
        ensure_ros()
        return int(import_module(f"policy_nodes.nodes.{name}").main())
    except KeelError as error:
        print(f"{name}: {error.cause}\n{name}: fix: {error.fix}", file=sys.stderr)
        return 1


def policy_node() -> int:
    """Entry point."""
    return run("policy_node")


def monitor_node() -> int:
    """Entry point."""
    return run("monitor_node")


def safety_node() -> int:
    """Entry point."""
    return run("safety_node")


def sim_node() -> int:
    """Entry point."""
    return run("sim_node")


def recorder_node() -> int:
    """Entry point."""
    return run("recorder_node")


def fault_node() -> int:
    """Entry point."""
    return run("fault_node")


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in NODES:
        sys.exit(f"usage: python -m policy_nodes.nodes._entry {{{','.join(NODES)}}} [--ros-args ...]")
    node = sys.argv.pop(1)
    sys.exit(run(node))

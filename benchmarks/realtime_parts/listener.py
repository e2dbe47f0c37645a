"""The floor of a node's processor time: a node that hears the contract's topics, ignores them, and has an empty loop.

python -m benchmarks.realtime_parts.listener BUNDLE
"""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path


def main() -> int:
    """Listen until SIGINT or SIGTERM."""
    from policy_nodes.rosless.activate import ensure_ros

    ensure_ros()
    import rclpy
    from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor

    from policy_nodes.bundle.load import load_bundle
    from policy_nodes.nodes.message_types import message_type
    from policy_nodes.nodes.qos import SENSOR
    from policy_nodes.realtime.rate_loop import RateLoop

    manifest = load_bundle(Path(sys.argv[1])).manifest
    rclpy.init(args=[])
    node = rclpy.create_node("benchmark_listener")
    for topic, kind in {term.topic: term.message_type for term in manifest.terms}.items():
        node.create_subscription(message_type(kind), topic, lambda message: None, SENSOR)
    loop = RateLoop(lambda now: None, 1.0 / manifest.timing.control_rate_hz)
    loop.start()
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    with contextlib.suppress(KeyboardInterrupt, ExternalShutdownException):
        executor.spin()
    loop.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""``/diagnostics`` at 1 Hz: how a node is, for an operator's rqt, Foxglove or diagnostic aggregator."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.clock import Clock, ClockType
from rclpy.node import Node

from policy_nodes.nodes.conversions import diagnostic_array

PERIOD_S = 1.0
Health = Callable[[], tuple[bytes, str, Mapping[str, str]]]


class Diagnostics:
    """Publishes a node's health for as long as the node lives.

    Args:
        node: whose health it is; its fully qualified name is the name of the status.
        health: level, message and values.
    """

    def __init__(self, node: Node, health: Health) -> None:
        self._node, self._health = node, health
        self._publisher = node.create_publisher(DiagnosticArray, "/diagnostics", 10)
        # On the steady clock: health must be visible also when /clock has stopped.
        node.create_timer(PERIOD_S, self._publish, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def _publish(self) -> None:
        level, text, values = self._health()
        now_ns = int(self._node.get_clock().now().nanoseconds)
        name = self._node.get_fully_qualified_name().lstrip("/")
        self._publisher.publish(diagnostic_array(now_ns, name, level, text, values))

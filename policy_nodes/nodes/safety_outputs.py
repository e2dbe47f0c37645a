"""What the safety node says: commands to the robot, its state to everybody."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node
from std_msgs.msg import Float64MultiArray

from policy_nodes.nodes.conversions import command_to_message
from policy_nodes.nodes.qos import LATCHED, watched
from policy_nodes.nodes.state_messages import is_alarming, state_key, state_line, state_message
from policy_nodes.nodes.stream_events import StreamEvents
from policy_nodes.safety.governor import Decision

STATE_HEARTBEAT_TICKS = 10
SHORTEST_DEADLINE_PERIOD_S = 0.05


class SafetyOutputs:
    """Publishers of the safety node.

    Args:
        node: that publishes.
        joints: in command order.
        command_topic: of the robot's controller.
        period_s: control period, s.
        in_motion: whether silence of the command topic is worth a line in the log.
    """

    def __init__(
        self, node: Node, joints: Sequence[str], command_topic: str, period_s: float, in_motion: Callable[[], bool]
    ) -> None:
        self.command_events = StreamEvents(node, "command", in_motion)
        self._node, self._joints = node, joints
        self._commands = node.create_publisher(
            Float64MultiArray,
            command_topic,
            watched(max(period_s, SHORTEST_DEADLINE_PERIOD_S)),
            event_callbacks=self.command_events.of_publisher(),
        )
        self._states = node.create_publisher(DiagnosticArray, "~/state", LATCHED)
        self._published: tuple[object, ...] = ()
        self._ticks = 0

    def publish(self, decision: Decision) -> None:
        """Send the command, and the state when it is news or its heartbeat is due."""
        if decision.command is not None:
            self._commands.publish(command_to_message(decision.command, self._joints))
        self._ticks += 1
        key = state_key(decision)
        changed = key != self._published
        if not changed and self._ticks % STATE_HEARTBEAT_TICKS:
            return
        self._states.publish(state_message(decision))
        self._published = key
        if changed:
            # Two call sites: rclpy refuses a call site that changes its severity.
            if is_alarming(decision):
                self._node.get_logger().error(state_line(decision))
            else:
                self._node.get_logger().info(state_line(decision))

    def close(self) -> None:
        """Destroy the publishers."""
        self._node.destroy_publisher(self._commands)
        self._node.destroy_publisher(self._states)

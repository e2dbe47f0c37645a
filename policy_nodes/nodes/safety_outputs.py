"""What the safety node says: commands to the robot, its state to everybody."""

from __future__ import annotations

from collections.abc import Callable

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node
from std_msgs.msg import Float64MultiArray

from policy_nodes.bundle.manifest import Manifest
from policy_nodes.nodes.authority import Rivals
from policy_nodes.nodes.conversions import command_to_message
from policy_nodes.nodes.foreign_types import foreign_types
from policy_nodes.nodes.parameters import contract_topic
from policy_nodes.nodes.qos import LATCHED, watched
from policy_nodes.nodes.state_messages import is_alarming, state_key, state_line, state_message
from policy_nodes.nodes.stream_events import StreamEvents
from policy_nodes.safety.governor import Decision, Governor

STATE_HEARTBEAT_TICKS = 10
SHORTEST_DEADLINE_PERIOD_S = 0.05


class SafetyOutputs:
    """Publishers of the safety node.

    Args:
        node: that publishes.
        manifest: the contract.
        governor: told the names of other publishers of commands, ten times a second.
        prefix: parameter ``topic_prefix``.
        in_motion: whether silence of the command topic is worth a line in the log.
    """

    def __init__(
        self, node: Node, manifest: Manifest, governor: Governor, prefix: str, in_motion: Callable[[], bool]
    ) -> None:
        command_topic = contract_topic(manifest.actions.command_topic, prefix)
        period_s = 1.0 / manifest.timing.control_rate_hz
        self.command_events = StreamEvents(node, "command", in_motion)
        self._node, self._joints = node, manifest.actions.joints
        self._commands = node.create_publisher(
            Float64MultiArray,
            command_topic,
            watched(max(period_s, SHORTEST_DEADLINE_PERIOD_S)),
            event_callbacks=self.command_events.of_publisher(),
        )
        self._rivals = Rivals(node, command_topic, governor.on_rivals)
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

    def problems(self) -> list[str]:
        """Sentences about who else commands, and who expects another message type."""
        return [*self._rivals.sentences(), *foreign_types(self._node, [self._commands])]

    def close(self) -> None:
        """Destroy the publishers."""
        self._rivals.close()
        self._node.destroy_publisher(self._commands)
        self._node.destroy_publisher(self._states)

"""Who else commands the robot, and whether the robot is the one of the contract: both are checked before motion."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rclpy.clock import Clock, ClockType
from rclpy.node import Node

from policy_nodes.bundle.compare import check_robot
from policy_nodes.bundle.manifest import Manifest

REMEMBER_NS = 500_000_000
LOOK_S = 0.1
"""How often the graph is asked for other publishers of commands."""


def other_publishers(node: Node, topic: str) -> list[str]:
    """Fully qualified names of publishers of ``topic`` beside the node's own one."""
    if node.count_publishers(topic) <= 1:
        return []
    names = [f"{info.node_namespace.rstrip('/')}/{info.node_name}" for info in node.get_publishers_info_by_topic(topic)]
    own = node.get_fully_qualified_name()
    if own in names:
        names.remove(own)  # once: a second process of the same name stays in the list
    return sorted(names)


class Rivals:
    """Looks for other publishers of commands: they are a fault at any time, not only before motion.

    Args:
        node: that commands.
        topic: of the commands.
        report: receives their names each time.
    """

    def __init__(self, node: Node, topic: str, report: Callable[[list[str]], None]) -> None:
        self._node, self._topic, self._report = node, topic, report
        # On the steady clock: the graph does not stand still with /clock.
        self._timer = node.create_timer(LOOK_S, self._look, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def _look(self) -> None:
        self._report(other_publishers(self._node, self._topic))

    def sentences(self) -> list[str]:
        """What stands in the way of motion."""
        names = other_publishers(self._node, self._topic)
        return [f"{', '.join(names)} also publishes commands on {self._topic}"] if names else []

    def close(self) -> None:
        """Stop to look."""
        self._node.destroy_timer(self._timer)


class RobotFit:
    """Compares the names in the live JointState with the contract; the order never matters.

    Args:
        manifest: the contract.
    """

    def __init__(self, manifest: Manifest) -> None:
        self._manifest = manifest
        self._judged: dict[tuple[str, ...], list[str]] = {}
        self._fitted_ns: int | None = None
        self.problems: list[str] = []
        """Sentences about the latest message that did not fit; empty while fitting ones arrive."""

    def fits(self, names: Sequence[str], now_ns: int) -> bool:
        """Judge a message by its joint names.

        Part messages (a gripper's driver on the same topic) do not count while whole ones arrive as well.
        """
        key = tuple(names)
        if key not in self._judged:
            if len(self._judged) > 64:
                self._judged.clear()
            self._judged[key] = check_robot(self._manifest, names)
        found = self._judged[key]
        if not found:
            self._fitted_ns, self.problems = now_ns, []
        elif self._fitted_ns is None or now_ns - self._fitted_ns > REMEMBER_NS:
            self.problems = found
        return not found

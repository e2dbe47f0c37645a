"""What an operator asks of the safety node: enable, reset, move home, emergency stop."""

from __future__ import annotations

from collections.abc import Callable

from rclpy.node import Node
from std_srvs.srv import SetBool, Trigger

from policy_nodes.safety.governor import Governor


class SafetyServices:
    """``~/enable`` (std_srvs/SetBool), ``~/reset``, ``~/move_home`` and ``~/estop`` (std_srvs/Trigger).

    Args:
        node: that serves.
        governor: decides.
        now_ns: clock of the node, ns.
        obstacles: reasons not to move that lie outside the governor.
    """

    def __init__(
        self, node: Node, governor: Governor, now_ns: Callable[[], int], obstacles: Callable[[], list[str]]
    ) -> None:
        self._node, self._governor, self._now_ns, self._obstacles = node, governor, now_ns, obstacles
        self._served = [
            node.create_service(SetBool, "~/enable", self.enable),
            node.create_service(Trigger, "~/reset", self.reset),
            node.create_service(Trigger, "~/move_home", self.move_home),
            node.create_service(Trigger, "~/estop", self.estop),
        ]

    def enable(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        """Let the policy move the robot, or stop it; only the former can be refused."""
        obstacles = self._obstacles() if request.data else []
        if obstacles:
            response.success, response.message = False, f"Cannot enable: {'; '.join(obstacles)}."
        else:
            response.success, response.message = self._governor.enable(self._now_ns(), bool(request.data))
        return response

    def reset(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        """Acknowledge a latched stop."""
        response.success, response.message = self._governor.reset(self._now_ns())
        return response

    def move_home(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        """Begin the way home; answered at once, the state is READY again when the robot is there."""
        if obstacles := self._obstacles():
            response.success, response.message = False, f"Cannot move home: {'; '.join(obstacles)}."
        else:
            response.success, response.message = self._governor.move_home(self._now_ns())
        return response

    def estop(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        """Stop now."""
        self._governor.estop(self._now_ns())
        response.success, response.message = True, "emergency stop latched; reset when the cause is gone"
        return response

    def close(self) -> None:
        """Destroy the services."""
        for service in self._served:
            self._node.destroy_service(service)

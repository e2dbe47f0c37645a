"""Simulated time: the parameter ``use_sim_time`` makes a node's clock follow /clock."""

from __future__ import annotations

import weakref
from typing import Any

from policy_nodes.rosless.clock import ROSClock
from policy_nodes.rosless.clock_type import ClockType
from policy_nodes.rosless.idl import message_class
from policy_nodes.rosless.qos import QoSProfile, ReliabilityPolicy
from policy_nodes.rosless.time import Time

CLOCK_TOPIC = "/clock"
USE_SIM_TIME = "use_sim_time"


class TimeSource:
    """Feeds a node's clock.

    Args:
        node: declares ``use_sim_time`` on it unless that is done.
        clock: the clock to feed.
    """

    def __init__(self, node: Any, clock: ROSClock) -> None:
        self._node = weakref.ref(node)
        self._clock = clock
        self._subscription: Any = None
        if not node.has_parameter(USE_SIM_TIME):
            node.declare_parameter(USE_SIM_TIME, False)
        value = node.get_parameter(USE_SIM_TIME).value
        if isinstance(value, bool):
            self._activate(value)
        else:
            node.get_logger().error(f"Invalid type for parameter '{USE_SIM_TIME}': {value!r} should be bool")
        node.add_on_set_parameters_callback(self._on_parameters)

    @property
    def ros_time_is_active(self) -> bool:
        """Whether /clock is followed."""
        return self._clock.ros_time_is_active

    def _activate(self, enabled: bool) -> None:
        node = self._node()
        if enabled == self.ros_time_is_active or node is None:
            return
        self._clock._set_ros_time_is_active(enabled)
        if enabled:
            qos = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
            clock_type = message_class("rosgraph_msgs/msg/Clock")
            self._subscription = node.create_subscription(clock_type, CLOCK_TOPIC, self._on_clock, qos)
        elif self._subscription is not None:
            node.destroy_subscription(self._subscription)
            self._subscription = None

    def _on_clock(self, msg: Any) -> None:
        self._clock.set_ros_time_override(Time.from_msg(msg.clock, ClockType.ROS_TIME))

    def _on_parameters(self, parameters: list[Any]) -> Any:
        result = message_class("rcl_interfaces/msg/SetParametersResult")
        for parameter in parameters:
            if parameter.name == USE_SIM_TIME:
                if not isinstance(parameter.value, bool):
                    return result(successful=False, reason=f"{USE_SIM_TIME} parameter set to something besides a bool")
                self._activate(parameter.value)
        return result(successful=True, reason="")

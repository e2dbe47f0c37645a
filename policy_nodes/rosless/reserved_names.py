"""Attribute names that belong to rclpy's own ``Node``, and the refusal of nodes that take them for themselves.

rclpy keeps most of a node's state under names with a single underscore (``_services``, ``_timers``, ``_parameters``).
A node that stores its own things there breaks on a robot, often long after it was started. The layer keeps its state
elsewhere and would not notice, so it refuses these names outright: what runs here must run there. All other names are
the author's. Read from rclpy 7.1.3 (Jazzy) and 3.3 (Humble).
"""

from __future__ import annotations

from typing import Any

from policy_nodes.errors import KeelError

NODE_NAMES = frozenset(
    {
        "_allow_undeclared_parameters", "_apply_descriptor", "_apply_descriptor_and_set", "_apply_descriptors",
        "_apply_floating_point_range", "_apply_integer_range", "_call_post_set_parameters_callback",
        "_call_pre_set_parameters_callback", "_check_undeclared_parameters", "_clients", "_clock", "_context",
        "_count_clients_or_servers", "_count_publishers_or_subscribers", "_declare_parameter_common",
        "_default_callback_group", "_descriptors", "_get_info_by_topic", "_guards", "_logger", "_logger_service",
        "_on_set_parameters_callbacks", "_parameter_event_publisher", "_parameter_overrides", "_parameter_service",
        "_parameters", "_parameters_callbacks", "_post_set_parameters_callbacks", "_pre_set_parameters_callbacks",
        "_publishers", "_rate_group", "_services", "_set_parameters", "_set_parameters_atomically",
        "_set_parameters_atomically_common", "_subscriptions", "_time_source", "_timers",
        "_type_description_service", "_validate_qos_or_depth_parameter", "_validate_topic_or_service_name",
        "_wake_executor",
    }
)  # fmt: skip
"""Of every node."""

LIFECYCLE_NAMES = NODE_NAMES | {
    "_callbacks", "_managed_entities", "_service_change_state", "_service_get_available_states",
    "_service_get_available_transitions", "_service_get_state", "_service_get_transition_graph",
    "_state_machine",
}  # fmt: skip
"""Of lifecycle nodes."""

_ABSENT = object()


class ReservedNameError(KeelError, AttributeError, TypeError):
    """A node uses a name of rclpy's Node for something else."""


def _refusal(owner: type, name: str) -> ReservedNameError:
    return ReservedNameError(
        f"{owner.__name__} uses the name {name!r}, which belongs to rclpy's Node: on ROS 2 the node would break.",
        f"Choose another name, for example '{name}_'.",
    )


def check_class(cls: type, reserved: frozenset[str]) -> None:
    """Refuse a class body that defines a reserved name.

    Raises:
        ReservedNameError: it does.
    """
    for name in sorted(reserved & vars(cls).keys()):
        raise _refusal(cls, name)


def check_assignment(node: Any, name: str, value: Any, reserved: frozenset[str]) -> None:
    """Refuse to assign a reserved attribute, unless it holds that value already (``self._logger = self.get_logger()``).

    Raises:
        ReservedNameError: another value.
    """
    if name in reserved and vars(node).get(name, _ABSENT) is not value:
        raise _refusal(type(node), name)

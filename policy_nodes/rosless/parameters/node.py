"""Parameters as part of a node: overrides, the ``/parameter_events`` publisher and the services."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from policy_nodes.rosless.parameters.descriptors import ParameterDescriptor
from policy_nodes.rosless.parameters.parameter import Parameter
from policy_nodes.rosless.parameters.services import SERVICES, ParameterServices
from policy_nodes.rosless.parameters.setting import ParameterEvent
from policy_nodes.rosless.parameters.state import ParameterState
from policy_nodes.rosless.qos import qos_profile_parameter_events, qos_profile_parameters


def start_parameters(
    node: Any,
    *,
    parameter_overrides: Iterable[Parameter] | None = None,
    allow_undeclared: bool = False,
    automatically_declare: bool = False,
    context_overrides: Mapping[str, Any] | None = None,
    start_services: bool = True,
) -> None:
    """Give a node its parameters; its publishers, services and clock must work already.

    Args:
        node: a ``ParameterNode``.
        parameter_overrides: from the node's constructor; they win over the context's.
        allow_undeclared: whether undeclared parameters may be set and read.
        automatically_declare: declare every override at once.
        context_overrides: name to value from parameter files and ``-p``, resolved for this node.
        start_services: offer the six services.
    """
    overrides = {
        name: value if isinstance(value, Parameter) else Parameter(name, value=value)
        for name, value in (context_overrides or {}).items()
    }
    overrides.update({item.name: item for item in parameter_overrides or ()})
    publisher = node.create_publisher(ParameterEvent, "/parameter_events", qos_profile_parameter_events)
    full_name = f"{node.get_namespace().rstrip('/')}/{node.get_name()}"

    def announce(event: Any) -> None:
        event.node = full_name
        event.stamp = node.get_clock().now().to_msg()
        publisher.publish(event)

    node._rosless_parameters = ParameterState(overrides, allow_undeclared, announce)
    if automatically_declare:
        entries = [(name, item.value, ParameterDescriptor()) for name, item in overrides.items()]
        node.declare_parameters("", entries, ignore_override=True)
    if start_services:
        services = ParameterServices(node)
        for name, service in SERVICES.items():
            node.create_service(
                service, f"{node.get_name()}/{name}", getattr(services, name), qos_profile=qos_profile_parameters
            )

"""Parameters as part of a node: overrides, the ``/parameter_events`` publisher and the services."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from policy_nodes.rosless.parameters.descriptors import ParameterDescriptor
from policy_nodes.rosless.parameters.parameter import Parameter
from policy_nodes.rosless.parameters.services import SERVICES, ParameterServices
from policy_nodes.rosless.parameters.setting import ParameterEvent, ParameterSetting
from policy_nodes.rosless.qos import qos_profile_parameter_events, qos_profile_parameters


class ParameterNode(ParameterSetting):
    """Base of ``Node`` that adds every parameter method of ``rclpy.node.Node``.

    The node calls `_init_parameters` once its publishers, services and clock work.
    """

    _parameter_event_publisher: Any = None

    def _init_parameters(
        self,
        *,
        parameter_overrides: Iterable[Parameter] | None = None,
        allow_undeclared: bool = False,
        automatically_declare: bool = False,
        context_overrides: Mapping[str, Any] | None = None,
        start_services: bool = True,
    ) -> None:
        """Prepare parameters.

        Args:
            parameter_overrides: from the node's constructor; they win over the context's.
            allow_undeclared: whether undeclared parameters may be set and read.
            automatically_declare: declare every override at once.
            context_overrides: name to value from parameter files and ``-p``, resolved for this node.
            start_services: offer the six services.
        """
        self._parameters = {}
        self._descriptors = {}
        self._allow_undeclared_parameters = allow_undeclared
        self._pre_set_parameters_callbacks = []
        self._on_set_parameters_callbacks = []
        self._post_set_parameters_callbacks = []
        self._parameter_overrides = {
            name: value if isinstance(value, Parameter) else Parameter(name, value=value)
            for name, value in (context_overrides or {}).items()
        }
        self._parameter_overrides.update({item.name: item for item in parameter_overrides or ()})
        node: Any = self
        self._parameter_event_publisher = node.create_publisher(
            ParameterEvent, "/parameter_events", qos_profile_parameter_events
        )
        if automatically_declare:
            entries = [(name, item.value, ParameterDescriptor()) for name, item in self._parameter_overrides.items()]
            self.declare_parameters("", entries, ignore_override=True)
        if start_services:
            services = ParameterServices(self)
            for name, service in SERVICES.items():
                node.create_service(
                    service, f"{node.get_name()}/{name}", getattr(services, name), qos_profile=qos_profile_parameters
                )

    def _publish_parameter_event(self, event: Any) -> None:
        if self._parameter_event_publisher is None:
            return
        node: Any = self
        event.node = f"{node.get_namespace().rstrip('/')}/{node.get_name()}"
        event.stamp = node.get_clock().now().to_msg()
        self._parameter_event_publisher.publish(event)

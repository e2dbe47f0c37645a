"""``rclpy.node``: a node and what it owns."""

from __future__ import annotations

import weakref
from typing import Any, ClassVar

from policy_nodes.rosless import names
from policy_nodes.rosless.arguments import merge, parse
from policy_nodes.rosless.clock import Clock
from policy_nodes.rosless.context import Context
from policy_nodes.rosless.errors import unsupported
from policy_nodes.rosless.exceptions import NotInitializedException
from policy_nodes.rosless.logging import RcutilsLogger
from policy_nodes.rosless.node_entities import EntityNode
from policy_nodes.rosless.node_graph import GraphNode, NodeNameNonExistentError
from policy_nodes.rosless.node_parameters import parameters_of_node
from policy_nodes.rosless.node_state import NodeState
from policy_nodes.rosless.parameters import Parameter, ParameterNode, start_parameters
from policy_nodes.rosless.reserved_names import NODE_NAMES, check_assignment, check_class
from policy_nodes.rosless.rosout import RosoutPublisher
from policy_nodes.rosless.time_source import TimeSource
from policy_nodes.rosless.type_description import start_type_description
from policy_nodes.rosless.utilities import get_default_context


class Node(EntityNode, ParameterNode, GraphNode):
    """A ROS node.

    Args:
        node_name: its name, unless remapped.
        context: default when None.
        cli_args: further ``--ros-args`` arguments of this node alone; they win over the process's.
        namespace: its namespace, unless remapped.
        use_global_arguments: heed the process's ``--ros-args``.
        enable_rosout: publish its logs on /rosout.
        start_parameter_services: offer the six parameter services.
        parameter_overrides: initial values; they win over files and command line.
        allow_undeclared_parameters: permit setting parameters that were not declared.
        automatically_declare_parameters_from_overrides: declare every override.
        enable_logger_service: not supported.

    Raises:
        NotInitializedException: ``rclpy.init()`` was not called.
        InvalidNodeNameException, InvalidNamespaceException: a bad name.
        DomainError: the DDS domain cannot be opened.
    """

    _rosless_reserved: ClassVar[frozenset[str]] = NODE_NAMES

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        check_class(cls, cls._rosless_reserved)

    def __setattr__(self, name: str, value: Any) -> None:
        check_assignment(self, name, value, self._rosless_reserved)
        super().__setattr__(name, value)

    def __init__(
        self,
        node_name: str,
        *,
        context: Context | None = None,
        cli_args: list[str] | None = None,
        namespace: str | None = None,
        use_global_arguments: bool = True,
        enable_rosout: bool = True,
        start_parameter_services: bool = True,
        parameter_overrides: list[Parameter] | None = None,
        allow_undeclared_parameters: bool = False,
        automatically_declare_parameters_from_overrides: bool = False,
        enable_logger_service: bool = False,
    ) -> None:
        context = context or get_default_context()
        if not context.ok():
            raise NotInitializedException("cannot create node")
        if enable_logger_service:
            raise unsupported("Node(enable_logger_service=True)")
        arguments = parse(["--ros-args", *(cli_args or [])])
        if use_global_arguments:
            arguments = merge(arguments, context.arguments)
        names.validate_node_name(node_name)
        names.validate_namespace(names.normalise_namespace(namespace))
        name, namespace = names.remap_node(node_name, names.normalise_namespace(namespace), arguments.remaps)
        names.validate_node_name(name)
        names.validate_namespace(namespace)
        session = context.session()
        entry = session.graph.add_node(name, namespace)
        own = self._rosless = NodeState(context, name, namespace, arguments.remaps, session, entry)
        # the four that code in the wild reads; rclpy has them under the same names
        vars(self).update(
            _context=context, _logger=own.logger, _clock=own.clock, _default_callback_group=own.default_callback_group
        )
        context.track_node(self)
        own.rosout = RosoutPublisher(self) if enable_rosout and arguments.rosout else None
        start_parameters(
            self,
            parameter_overrides=parameter_overrides,
            allow_undeclared=allow_undeclared_parameters,
            automatically_declare=automatically_declare_parameters_from_overrides,
            context_overrides=parameters_of_node(arguments, name, namespace),
            start_services=start_parameter_services,
        )
        own.time_source = TimeSource(self, own.clock)
        start_type_description(self, own)

    # Identity

    @property
    def context(self) -> Context:
        """The context it was created in."""
        return self._rosless.context

    def get_name(self) -> str:
        """Name without namespace."""
        return self._rosless.name

    def get_namespace(self) -> str:
        """Namespace, ``/`` when none."""
        return self._rosless.namespace

    def get_fully_qualified_name(self) -> str:
        """Namespace and name."""
        return self._rosless.full_name

    def get_logger(self) -> RcutilsLogger:
        """The node's logger."""
        return self._rosless.logger

    def get_clock(self) -> Clock:
        """The node's ROS clock."""
        return self._rosless.clock

    def resolve_topic_name(self, topic: str, *, only_expand: bool = False) -> str:
        """Fully qualified topic name, remapped unless ``only_expand``."""
        return self._rosless.resolve(topic, only_expand=only_expand, is_service=False)

    def resolve_service_name(self, service: str, *, only_expand: bool = False) -> str:
        """Fully qualified service name, remapped unless ``only_expand``."""
        return self._rosless.resolve(service, only_expand=only_expand, is_service=True)

    @property
    def executor(self) -> Any:
        """The executor that runs its callbacks, or None."""
        return self._rosless.current_executor()

    @executor.setter
    def executor(self, new_executor: Any) -> None:
        current = self.executor
        if current is new_executor:
            return
        if current is not None:
            current.remove_node(self)
        self._rosless.executor = weakref.ref(new_executor) if new_executor is not None else None
        if new_executor is not None:
            new_executor.add_node(self)

    def destroy_node(self) -> None:
        """Destroy the node and all it owns; peers see it leave. A second call does nothing."""
        own = self._rosless
        if own.destroyed:
            return
        own.destroyed = True
        own.context.untrack_node(self)
        if own.rosout is not None:
            own.rosout.close()
        if self.executor is not None:
            self.executor.remove_node(self)
        own.graph.remove_node(own.graph_node)
        own.destroy_entities()


__all__ = ["Node", "NodeNameNonExistentError"]

"""``rclpy.node``: a node and what it owns."""

from __future__ import annotations

import weakref
from typing import Any

from policy_nodes.rosless import names
from policy_nodes.rosless.arguments import merge, parse
from policy_nodes.rosless.clock import Clock, ROSClock
from policy_nodes.rosless.context import Context
from policy_nodes.rosless.errors import unsupported
from policy_nodes.rosless.exceptions import NotInitializedException
from policy_nodes.rosless.logging import RcutilsLogger, get_logger
from policy_nodes.rosless.node_entities import EntityNode
from policy_nodes.rosless.node_graph import GraphNode, NodeNameNonExistentError
from policy_nodes.rosless.node_parameters import parameters_of_node
from policy_nodes.rosless.parameters import Parameter, ParameterNode
from policy_nodes.rosless.rosout import RosoutPublisher
from policy_nodes.rosless.time_source import TimeSource
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
        self._context = context or get_default_context()
        if not self._context.ok():
            raise NotInitializedException("cannot create node")
        if enable_logger_service:
            raise unsupported("Node(enable_logger_service=True)")
        arguments = parse(["--ros-args", *(cli_args or [])])
        if use_global_arguments:
            arguments = merge(arguments, self._context.arguments)
        self._remaps = arguments.remaps
        names.validate_node_name(node_name)
        names.validate_namespace(names.normalise_namespace(namespace))
        self._name, self._namespace = names.remap_node(node_name, names.normalise_namespace(namespace), self._remaps)
        names.validate_node_name(self._name)
        names.validate_namespace(self._namespace)
        self._init_entities()
        self._executor: weakref.ref[Any] | None = None
        self._destroyed = False
        self._logger = get_logger(self.get_fully_qualified_name()[1:].replace("/", "."))
        self._session = self._context.session()
        self._graph = self._session.graph
        self._graph_node = self._graph.add_node(self._name, self._namespace)
        self._context.track_node(self)
        self._clock = ROSClock()
        self._rosout = RosoutPublisher(self) if enable_rosout and arguments.rosout else None
        self._init_parameters(
            parameter_overrides=parameter_overrides,
            allow_undeclared=allow_undeclared_parameters,
            automatically_declare=automatically_declare_parameters_from_overrides,
            context_overrides=parameters_of_node(arguments, self._name, self._namespace),
            start_services=start_parameter_services,
        )
        self._time_source = TimeSource(self, self._clock)

    # Identity

    @property
    def context(self) -> Context:
        """The context it was created in."""
        return self._context

    def get_name(self) -> str:
        """Name without namespace."""
        return self._name

    def get_namespace(self) -> str:
        """Namespace, ``/`` when none."""
        return self._namespace

    def get_fully_qualified_name(self) -> str:
        """Namespace and name."""
        return names.join(self._namespace, self._name)

    def get_logger(self) -> RcutilsLogger:
        """The node's logger."""
        return self._logger

    def get_clock(self) -> Clock:
        """The node's ROS clock."""
        return self._clock

    def resolve_topic_name(self, topic: str, *, only_expand: bool = False) -> str:
        """Fully qualified topic name, remapped unless ``only_expand``."""
        return self._resolve(topic, only_expand, False)

    def resolve_service_name(self, service: str, *, only_expand: bool = False) -> str:
        """Fully qualified service name, remapped unless ``only_expand``."""
        return self._resolve(service, only_expand, True)

    def _resolve(self, name: str, only_expand: bool, is_service: bool) -> str:
        full = names.expand(name, self._name, self._namespace, is_service=is_service)
        if only_expand:
            return full
        return names.remap(full, self._remaps, self._name, self._namespace, is_service=is_service)

    @property
    def executor(self) -> Any:
        """The executor that runs its callbacks, or None."""
        return self._executor() if self._executor is not None else None

    @executor.setter
    def executor(self, new_executor: Any) -> None:
        current = self.executor
        if current is new_executor:
            return
        if current is not None:
            current.remove_node(self)
        self._executor = weakref.ref(new_executor) if new_executor is not None else None
        if new_executor is not None:
            new_executor.add_node(self)

    def _forget_executor(self, executor: Any) -> None:
        if self.executor is executor:
            self._executor = None

    def destroy_node(self) -> None:
        """Destroy the node and all it owns; peers see it leave. A second call does nothing."""
        if self._destroyed:
            return
        self._destroyed = True
        self._context.untrack_node(self)
        if self._rosout is not None:
            self._rosout.close()
        if self.executor is not None:
            self.executor.remove_node(self)
        self._graph.remove_node(self._graph_node)
        self._destroy_all()

    def __enter__(self) -> Node:
        return self

    def __exit__(self, *_: object) -> None:
        self.destroy_node()


__all__ = ["Node", "NodeNameNonExistentError"]

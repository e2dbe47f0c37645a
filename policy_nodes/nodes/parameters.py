"""Typed parameters with descriptors and ranges; what does not fit is refused by name before anything else happens.

ROS 2 drops overrides of parameters that a node does not declare, so that a misspelt limit is silently not set. Nodes
here are created with ``automatically_declare_parameters_from_overrides`` and then compared with their own list.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TypeVar

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.exceptions import ParameterException
from rclpy.node import Node

from policy_nodes.errors import ConfigError

OF_EVERY_NODE = ("use_sim_time", "start_type_description_service")
Value = TypeVar("Value", bool, int, float, str)


@dataclass(frozen=True)
class Option:
    """One read-only parameter.

    Attributes:
        name: of the parameter.
        default: its value unless overridden; fixes the type.
        description: shown by ``ros2 param describe``.
        low: smallest value of a number.
        high: largest value of a number.
        listed: a text that may also be given as a whole number or a list, because ROS reads ``cpus:=2`` as a number.
    """

    name: str
    default: bool | int | float | str
    description: str
    low: float | None = None
    high: float | None = None
    listed: bool = False

    @property
    def descriptor(self) -> ParameterDescriptor:
        """As ROS 2 describes it."""
        descriptor = ParameterDescriptor(description=self.description, read_only=True, dynamic_typing=self.listed)
        if self.low is not None and self.high is not None:
            if isinstance(self.default, int):
                integers = IntegerRange(from_value=int(self.low), to_value=int(self.high), step=1)
                descriptor.integer_range.append(integers)
            else:
                floats = FloatingPointRange(from_value=float(self.low), to_value=float(self.high), step=0.0)
                descriptor.floating_point_range.append(floats)
        return descriptor


TOPIC_PREFIX = Option(
    "topic_prefix", "", "put before the contract's absolute topics, for example the robot's namespace"
)


def declare_options(node: Node, options: Sequence[Option]) -> None:
    """Declare the parameters of a node.

    Args:
        node: created with ``automatically_declare_parameters_from_overrides=True``.
        options: every parameter it has.

    Raises:
        ConfigError: an override has an unknown name, another type, or is out of range.
    """
    known = {option.name for option in options}
    given = set(node.get_parameters_by_prefix("")) - set(OF_EVERY_NODE)
    for name in sorted(given - known):
        near = get_close_matches(name, known, n=1)
        hint = f"did you mean '{near[0]}'? " if near else ""
        raise ConfigError(
            f"{node.get_name()} has no parameter '{name}'.", f"{hint}It takes {', '.join(sorted(known))}."
        )
    for option in options:
        if option.name in given:
            node.undeclare_parameter(option.name)  # declared without our descriptor; its override stays in force
        try:
            node.declare_parameter(option.name, option.default, option.descriptor)
        except ParameterException as error:
            bounds = "" if option.low is None else f" between {option.low:g} and {option.high:g}"
            raise ConfigError(
                f"{node.get_name()}: parameter '{option.name}': {error}.",
                f"give a {type(option.default).__name__}{bounds}: {option.description}.",
            ) from error
        value = node.get_parameter(option.name).value
        if option.listed and type(value) not in (str, int, list, array):
            raise ConfigError(
                f"{node.get_name()}: parameter '{option.name}' is {value!r}.",
                f"give a text, a whole number or a list: {option.description}.",
            )


def read(node: Node, name: str, kind: type[Value]) -> Value:
    """Value of a declared parameter, of the type it was declared with."""
    return kind(node.get_parameter(name).value)


def contract_topic(topic: str, prefix: str) -> str:
    """Name under which a contract topic is found: an absolute one gets ``prefix``, relative ones are left to ROS.

    ``contract_topic("/joint_states", "left") == "/left/joint_states"``; remapping applies afterwards as to any topic.
    """
    prefix = prefix.strip("/")
    return f"/{prefix}{topic}" if prefix and topic.startswith("/") else topic

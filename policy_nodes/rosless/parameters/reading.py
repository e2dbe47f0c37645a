"""The reading half of a node's parameter interface: get, describe, list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from policy_nodes.rosless.exceptions import ParameterNotDeclaredException, ParameterUninitializedException
from policy_nodes.rosless.idl import message_class
from policy_nodes.rosless.parameters.descriptors import ParameterDescriptor
from policy_nodes.rosless.parameters.parameter import PARAMETER_SEPARATOR_STRING, Parameter, Type
from policy_nodes.rosless.parameters.state import ParameterState

ListParametersResult: Any = message_class("rcl_interfaces/msg/ListParametersResult")
DEPTH_RECURSIVE = 0


def _check_names(names: Sequence[str]) -> None:
    if not all(isinstance(name, str) for name in names):
        raise TypeError("All names must be instances of type str")


class ParameterReading:
    """Parameters by name with their descriptors, and the methods of ``rclpy.node.Node`` that read them."""

    _rosless_parameters: ParameterState

    def has_parameter(self, name: str) -> bool:
        """Whether a parameter is declared."""
        return name in self._rosless_parameters.values

    def get_parameter(self, name: str) -> Parameter:
        """A parameter by name; one that is not set when it is undeclared and that is allowed.

        Raises:
            ParameterNotDeclaredException: it is undeclared and that is not allowed.
            ParameterUninitializedException: it was declared by type only and has no value yet.
        """
        own = self._rosless_parameters
        if not self.has_parameter(name):
            if own.allow_undeclared:
                return Parameter(name, Type.NOT_SET)
            raise ParameterNotDeclaredException(name)
        parameter = own.values[name]
        if parameter.type_ is Type.NOT_SET and not own.descriptors[name].dynamic_typing:
            raise ParameterUninitializedException(name)
        return parameter

    def get_parameters(self, names: Sequence[str]) -> list[Parameter]:
        """Several parameters, see `get_parameter`.

        Raises:
            TypeError: a name is no text.
        """
        _check_names(names)
        return [self.get_parameter(name) for name in names]

    def get_parameter_or(self, name: str, alternative_value: Parameter | None = None) -> Parameter:
        """A parameter, or the alternative (by default one that is not set) when it is undeclared or not set."""
        stored = self._rosless_parameters.values.get(name)
        if stored is not None and stored.type_ is not Type.NOT_SET:
            return stored
        return Parameter(name, Type.NOT_SET) if alternative_value is None else alternative_value

    def get_parameters_by_prefix(self, prefix: str) -> dict[str, Parameter]:
        """Parameters under ``prefix.``, keyed by the rest of their names; every one for an empty prefix."""
        start = prefix + PARAMETER_SEPARATOR_STRING if prefix else ""
        return {
            name[len(start) :]: value
            for name, value in self._rosless_parameters.values.items()
            if name.startswith(start)
        }

    def get_parameter_type(self, name: str) -> Type:
        """Type of a parameter; NOT_SET when it is undeclared and that is allowed.

        Raises:
            ParameterNotDeclaredException: it is undeclared and that is not allowed.
        """
        own = self._rosless_parameters
        if self.has_parameter(name):
            return own.values[name].type_
        if own.allow_undeclared:
            return Type.NOT_SET
        raise ParameterNotDeclaredException(name)

    def get_parameter_types(self, names: Sequence[str]) -> list[Type]:
        """Several types, see `get_parameter_type`.

        Raises:
            TypeError: a name is no text.
        """
        _check_names(names)
        return [self.get_parameter_type(name) for name in names]

    def describe_parameter(self, name: str) -> Any:
        """Descriptor of a parameter; an empty one when it is undeclared and that is allowed.

        Raises:
            ParameterNotDeclaredException: it is undeclared and that is not allowed.
        """
        own = self._rosless_parameters
        if name in own.descriptors:
            return own.descriptors[name]
        if own.allow_undeclared:
            return ParameterDescriptor()
        raise ParameterNotDeclaredException(name)

    def describe_parameters(self, names: Sequence[str]) -> list[Any]:
        """Several descriptors, see `describe_parameter`."""
        return [self.describe_parameter(name) for name in names]

    def list_parameters(self, prefixes: list[str], depth: int) -> Any:
        """Names that equal a prefix or lie at most ``depth`` groups below one, and the groups they are in.

        Args:
            prefixes: groups to list; empty for the whole node.
            depth: number of name parts below the prefix, 0 for any.

        Raises:
            TypeError: an argument has the wrong type.
            ValueError: the depth is negative.
        """
        if not isinstance(prefixes, list) or not all(isinstance(prefix, str) for prefix in prefixes):
            raise TypeError("The prefixes argument must be a list of str")
        if not isinstance(depth, int):
            raise TypeError("The depth must be instance of type int")
        if depth < 0:
            raise ValueError("The depth must be greater than or equal to zero")

        def near(rest: str) -> bool:
            return depth == DEPTH_RECURSIVE or rest.count(PARAMETER_SEPARATOR_STRING) < depth

        def wanted(name: str) -> bool:
            if not prefixes:
                return near(name)
            starts = [prefix + PARAMETER_SEPARATOR_STRING for prefix in prefixes]
            return name in prefixes or any(name.startswith(s) and near(name[len(s) :]) for s in starts)

        names = [name for name in self._rosless_parameters.values if wanted(name)]
        groups = (name.rpartition(PARAMETER_SEPARATOR_STRING)[0] for name in names)
        return ListParametersResult(names=names, prefixes=list(dict.fromkeys(filter(None, groups))))

"""``rclpy.parameter``: a parameter, its type, and conversion between Python values and messages."""

from __future__ import annotations

from array import array
from enum import IntEnum
from typing import Any

import yaml

from policy_nodes.rosless.idl import message_class

PARAMETER_SEPARATOR_STRING = "."

ParameterMsg: Any = message_class("rcl_interfaces/msg/Parameter")
ParameterType: Any = message_class("rcl_interfaces/msg/ParameterType")
ParameterValue: Any = message_class("rcl_interfaces/msg/ParameterValue")


class Type(IntEnum):
    """Kind of a parameter value, numbered as in ``rcl_interfaces/msg/ParameterType``."""

    NOT_SET = 0
    BOOL = 1
    INTEGER = 2
    DOUBLE = 3
    STRING = 4
    BYTE_ARRAY = 5
    BOOL_ARRAY = 6
    INTEGER_ARRAY = 7
    DOUBLE_ARRAY = 8
    STRING_ARRAY = 9

    @classmethod
    def from_parameter_value(cls, parameter_value: Any) -> Type:
        """Type of a Python value; an empty sequence counts as a byte array, as in rclpy.

        Raises:
            TypeError: the value, or the mixture in a sequence, is no parameter type.
        """
        if parameter_value is None:
            return cls.NOT_SET
        for kind in (cls.BOOL, cls.INTEGER, cls.DOUBLE, cls.STRING):  # bool before int: a bool is an int in Python
            if isinstance(parameter_value, _ELEMENT[kind]):
                return kind
        if isinstance(parameter_value, (list, tuple, array)):
            for kind, element in _ELEMENT.items():
                if kind >= cls.BYTE_ARRAY and all(isinstance(item, element) for item in parameter_value):
                    return kind
            raise TypeError(f"The given value is not a list of one of the allowed types '{parameter_value}'.")
        raise TypeError(f"The given value is not one of the allowed types '{parameter_value}'.")

    def check(self, parameter_value: Any) -> bool:
        """Whether a Python value may be stored under this type."""
        if self is Type.NOT_SET:
            return parameter_value is None
        element = _ELEMENT[self]
        if self < Type.BYTE_ARRAY:
            return isinstance(parameter_value, element)
        containers = (list, tuple, array) if self in (Type.INTEGER_ARRAY, Type.DOUBLE_ARRAY) else (list, tuple)
        return isinstance(parameter_value, containers) and all(
            isinstance(item, element) and (self is not Type.BYTE_ARRAY or len(item) == 1) for item in parameter_value
        )


_Kind = Type  # inside Parameter the name Type is the class attribute

_ELEMENT: dict[Type, type[Any]] = {
    Type.BOOL: bool,
    Type.INTEGER: int,
    Type.DOUBLE: float,
    Type.STRING: str,
    Type.BYTE_ARRAY: bytes,
    Type.BOOL_ARRAY: bool,
    Type.INTEGER_ARRAY: int,
    Type.DOUBLE_ARRAY: float,
    Type.STRING_ARRAY: str,
}


def _member(kind: Type) -> str:
    return f"{kind.name.lower()}_value"


class Parameter:
    """Name, type and value of one parameter; immutable.

    Args:
        name: name within the node, with dots between groups.
        type_: its type; derived from the value when absent.
        value: its value; None for a parameter that is not set.

    Raises:
        TypeError: the type is no `Parameter.Type`, or none can be derived.
        ValueError: type and value disagree.
    """

    Type = Type

    def __init__(self, name: str, type_: _Kind | None = None, value: Any = None) -> None:
        if type_ is None:
            type_ = Type.from_parameter_value(value)
        if not isinstance(type_, Type):
            raise TypeError(f"type must be an instance of '{Type!r}'")
        if not type_.check(value):
            raise ValueError(f"Type '{type_!r}' and value '{value}' do not agree")
        self._name, self._type, self._value = name, type_, value

    @classmethod
    def from_parameter_msg(cls, param_msg: Any) -> Parameter:
        """Parameter from an ``rcl_interfaces/msg/Parameter``."""
        kind = Type(param_msg.value.type)
        return cls(param_msg.name, kind, None if kind is Type.NOT_SET else getattr(param_msg.value, _member(kind)))

    @property
    def name(self) -> str:
        """Name within the node."""
        return self._name

    @property
    def type_(self) -> _Kind:
        """Type of the value."""
        return self._type

    @property
    def value(self) -> Any:
        """The value; numeric arrays that came by message are `array.array`."""
        return self._value

    def get_parameter_value(self) -> Any:
        """The value as an ``rcl_interfaces/msg/ParameterValue``."""
        message = ParameterValue(type=int(self._type))
        if self._type is not Type.NOT_SET:
            setattr(message, _member(self._type), self._value)
        return message

    def to_parameter_msg(self) -> Any:
        """The parameter as an ``rcl_interfaces/msg/Parameter``."""
        return ParameterMsg(name=self._name, value=self.get_parameter_value())

    def __repr__(self) -> str:
        return f"Parameter({self._name!r}, {self._type.name}, {self._value!r})"


def get_parameter_value(string_value: str) -> Any:
    """``ParameterValue`` guessed from YAML text with PyYAML's rules, as this rclpy function does.

    Parameter files follow rcl's other rules: see `yaml_rules`.
    """
    try:
        value = yaml.safe_load(string_value)
    except yaml.parser.ParserError:
        value = string_value
    try:
        kind = Type.from_parameter_value(value)
    except TypeError:
        kind = Type.NOT_SET
    if kind in (Type.NOT_SET, Type.BYTE_ARRAY) and value != []:
        return Parameter("", Type.STRING, string_value).get_parameter_value()
    return Parameter("", Type.BOOL_ARRAY if value == [] else kind, value).get_parameter_value()


def parameter_value_to_python(parameter_value: Any) -> Any:
    """Plain Python value of a ``ParameterValue``; sequences become lists, NOT_SET becomes None.

    Raises:
        RuntimeError: the message's type number is unknown.
    """
    try:
        kind = Type(parameter_value.type)
    except ValueError:
        raise RuntimeError(f"unexpected parameter type {parameter_value.type}") from None
    if kind is Type.NOT_SET:
        return None
    value = getattr(parameter_value, _member(kind))
    return list(value) if kind >= Type.BYTE_ARRAY else value

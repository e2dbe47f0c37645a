"""Message and service classes with the shape rclpy gives them.

A message has keyword construction, ``__slots__`` storage behind checked properties, equality, ``repr``, constants as
class attributes and ``get_fields_and_field_types()``; a service has ``Request``, ``Response`` and ``Event``.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from functools import cache
from operator import attrgetter
from typing import Any, ClassVar

import numpy as np

from policy_nodes.rosless.idl.checks import TYPECODE, field_check
from policy_nodes.rosless.idl.model import Field, FieldType, MessageSpec, specs

_ZERO: dict[str, Any] = {"bool": False, "string": "", "byte": b"\0", "float32": 0.0, "float64": 0.0}
_IDL_NAME = {"bool": "boolean", "byte": "octet", "float32": "float", "float64": "double"}


class Message:
    """Base of every generated message class."""

    __slots__: tuple[str, ...] = ()
    __hash__ = None  # type: ignore[assignment]  # mutable, compared by value
    _ROS_TYPE: ClassVar[str]
    _DEFAULTS: ClassVar[dict[str, Callable[[], Any]]]
    _FIELD_TYPES: ClassVar[dict[str, str]]

    def __init__(self, **kwargs: Any) -> None:
        defaults = self._DEFAULTS
        for name in kwargs:
            if name not in defaults:
                raise AssertionError(
                    f"Invalid arguments passed to constructor: {name!r} is no field of {self._ROS_TYPE}"
                )
        for name, default in defaults.items():
            if name in kwargs:
                setattr(self, name, kwargs[name])
            else:
                setattr(self, "_" + name, default())

    def __eq__(self, other: object) -> bool:
        if other.__class__ is not self.__class__:
            return NotImplemented
        return all(_same(getattr(self, slot), getattr(other, slot)) for slot in self.__slots__)

    def __repr__(self) -> str:
        members = (f"{name}={_show(getattr(self, '_' + name))}" for name in self._FIELD_TYPES)
        return f"{self.__class__.__module__}.{self.__class__.__name__}({', '.join(members)})"

    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]:
        """Field name to IDL type, e.g. ``{'position': 'sequence<double>'}``, in wire order."""
        return dict(cls._FIELD_TYPES)


class Service:
    """Base of every generated service class; only a holder of `Request`, `Response` and `Event`."""

    _ROS_TYPE: ClassVar[str]
    Request: ClassVar[type[Message]]
    Response: ClassVar[type[Message]]
    Event: ClassVar[type[Message]]

    def __init__(self) -> None:
        raise NotImplementedError("Service classes can not be instantiated")


def _same(left: Any, right: Any) -> bool:
    if isinstance(left, np.ndarray):
        return bool(np.array_equal(left, right))
    if isinstance(left, (list, tuple)) and isinstance(right, (list, tuple)):
        return len(left) == len(right) and all(a == b for a, b in zip(left, right, strict=True))
    return bool(left == right)


def _show(value: Any) -> str:
    return repr(value.tolist()) if isinstance(value, (array, np.ndarray)) else repr(value)


def _idl_name(ftype: FieldType) -> str:
    name = (
        ftype.base.replace("/msg/", "/").replace("/srv/", "/")
        if ftype.nested
        else _IDL_NAME.get(ftype.base, ftype.base)
    )
    if ftype.string_bound:
        name = f"{name}<{ftype.string_bound}>"
    forms = {"single": "{0}", "array": "{0}[{1}]", "bounded": "sequence<{0}, {1}>", "sequence": "sequence<{0}>"}
    return forms[ftype.kind].format(name, ftype.size)


def _default(field: Field, nested: type[Message] | None) -> Callable[[], Any]:
    ftype = field.type
    if nested is not None:
        zero: Callable[[], Any] = nested
    else:
        constant = _ZERO.get(ftype.base, 0) if field.default is None else field.default
        zero = lambda: constant  # noqa: E731
    if ftype.kind == "single":
        return zero
    if ftype.kind == "array":
        if ftype.base in TYPECODE:
            return lambda: np.zeros(ftype.size, dtype=ftype.base)
        return lambda: [zero() for _ in range(ftype.size)]
    return (lambda: array(TYPECODE[ftype.base])) if ftype.base in TYPECODE else list


def _property(cls: type[Message], field: Field, nested: type[Message] | None) -> property:
    check = field_check(field.type, nested)
    store = getattr(cls, "_" + field.name).__set__

    def assign(self: Message, value: Any) -> None:
        try:
            store(self, check(value))
        except AssertionError as error:
            raise AssertionError(f"The '{field.name}' field of {cls._ROS_TYPE} {error}") from None

    return property(attrgetter("_" + field.name), assign, doc=_idl_name(field.type))


def _build(spec: MessageSpec) -> type[Message]:
    package, group, name = spec.name.split("/")
    nested = {f.name: message_class(f.type.base) if f.type.nested else None for f in spec.fields}
    members: dict[str, Any] = {
        **spec.constants,
        "__slots__": tuple("_" + f.name for f in spec.fields),
        "__module__": f"{package}.{group}",
        "__doc__": f"{spec.name}: {', '.join(f'{_idl_name(f.type)} {f.name}' for f in spec.fields) or 'no members'}.",
        "_ROS_TYPE": spec.name,
        "_DEFAULTS": {f.name: _default(f, nested[f.name]) for f in spec.fields},
        "_FIELD_TYPES": {f.name: _idl_name(f.type) for f in spec.fields},
    }
    cls = type(name, (Message,), members)
    for field in spec.fields:
        setattr(cls, field.name, _property(cls, field, nested[field.name]))
    return cls


@cache
def message_class(name: str) -> Any:
    """Class of a message, e.g. ``message_class("sensor_msgs/msg/JointState")``.

    Raises:
        KeyError: the type is not in the tables.
    """
    messages, _ = specs()
    if name not in messages:
        raise KeyError(f"message type {name!r} is not known to rosless")
    return _build(messages[name])


@cache
def service_class(name: str) -> Any:
    """Class of a service, e.g. ``service_class("std_srvs/srv/Trigger")``.

    Raises:
        KeyError: the type is not in the tables.
    """
    _, services = specs()
    if name not in services:
        raise KeyError(f"service type {name!r} is not known to rosless")
    package, group, short = name.split("/")
    parts = {part: message_class(full) for part, full in services[name].members.items()}
    return type(
        short, (Service,), {**parts, "_ROS_TYPE": name, "__module__": f"{package}.{group}", "__doc__": f"{name}."}
    )


@cache
def all_packages() -> dict[str, dict[str, dict[str, type]]]:
    """Everything known: package to ``{"msg": {Name: class}, "srv": {Name: class}}``.

    The halves of services appear under ``srv`` as ``Name_Request`` and so on, as rosidl exports them.
    """
    messages, services = specs()
    packages: dict[str, dict[str, dict[str, type]]] = {}
    for name in (*messages, *services):
        package, group, short = name.split("/")
        made = service_class(name) if name in services else message_class(name)
        packages.setdefault(package, {"msg": {}, "srv": {}})[group][short] = made
    return packages

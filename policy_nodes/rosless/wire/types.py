"""DDS topic types for ROS messages: the true structure is declared, the bytes are passed through untouched.

cyclonedds needs an ``IdlStruct`` per topic to announce its XTypes description. The structure is derived from the
message class's ``get_fields_and_field_types()``; coding is left to our own codec (a third of IdlStruct's cost), so the
struct's ``serialize``/``deserialize`` only carry bytes. Names follow rosidl's DDS mapping: type ``pkg.msg.dds_.Type_``,
members ``name_``.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from cyclonedds.idl import IdlStruct, make_idl_struct, types

from policy_nodes.rosless.idl import message_class

_PRIMITIVES: dict[str, Any] = {
    "boolean": bool, "octet": types.uint8, "byte": types.uint8, "char": types.uint8,
    "float": types.float32, "double": types.float64,
    "int8": types.int8, "uint8": types.uint8, "int16": types.int16, "uint16": types.uint16,
    "int32": types.int32, "uint32": types.uint32, "int64": types.int64, "uint64": types.uint64,
    "string": str,
}  # fmt: skip
_ARRAY = re.compile(r"^(?P<item>.+)\[(?P<size>\d+)\]$")
_SEQUENCE = re.compile(r"^sequence<(?P<item>.+?)(?:, (?P<bound>\d+))?>$")
_BOUNDED_STRING = re.compile(r"^string<(?P<bound>\d+)>$")
HEADER_FIELDS = {"client_guid_": types.uint64, "sequence_number_": types.int64}


class Sample:
    """A received sample: its bytes and Cyclone's ``sample_info``."""

    __slots__ = ("data", "sample_info")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.sample_info: Any = None


def dds_type_name(ros_type: str) -> str:
    """``"sensor_msgs/msg/JointState"`` to ``"sensor_msgs::msg::dds_::JointState_"``."""
    package, group, name = ros_type.split("/")
    return f"{package}::{group}::dds_::{name}_"


def ros_type_name(dds_type: str) -> str | None:
    """Inverse of :func:`dds_type_name`; None for a type that is not ROS's."""
    parts = dds_type.split("::")
    if len(parts) != 4 or parts[2] != "dds_" or not parts[3].endswith("_"):
        return None
    return f"{parts[0]}/{parts[1]}/{parts[3][:-1]}"


def _field_type(spec: str) -> Any:
    if spec in _PRIMITIVES:
        return _PRIMITIVES[spec]
    if match := _BOUNDED_STRING.match(spec):
        return types.bounded_str[int(match["bound"])]
    if match := _SEQUENCE.match(spec):
        item = _field_type(match["item"])
        return types.sequence[item, int(match["bound"])] if match["bound"] else types.sequence[item]
    if match := _ARRAY.match(spec):
        return types.array[_field_type(match["item"]), int(match["size"])]
    package, name = spec.split("/")[0], spec.split("/")[-1]
    nested: Any = message_class(f"{package}/msg/{name}")
    return idl_struct(nested)


def _carry(self: Any, *_: Any, **__: Any) -> bytes:
    return self.data


@cache
def idl_struct(message: Any, with_header: bool = False) -> type[IdlStruct]:
    """The byte-carrying DDS type of a ROS message class.

    Args:
        message: a message class, or a service's Request or Response.
        with_header: prefix the 16 byte request identity that rmw_cyclonedds puts before service payloads.
    """
    specs: dict[str, str] = message.get_fields_and_field_types()
    fields = {f"{name}_": _field_type(spec) for name, spec in specs.items()}
    fields = fields or {"structure_needs_at_least_one_member_": types.uint8}
    if with_header:
        fields = {**HEADER_FIELDS, **fields}
    ros_type: str = message._ROS_TYPE
    struct = make_idl_struct(ros_type.split("/")[-1] + "_", dds_type_name(ros_type).replace("::", "."), fields)
    struct.serialize = struct.serialize_key = _carry
    struct.deserialize = struct.deserialize_key = staticmethod(lambda data, *_, **__: Sample(data))
    return struct

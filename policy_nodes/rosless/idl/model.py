"""Interface specifications: what a message or service consists of, parsed from the definition tables.

Grammar and meaning follow the ROS 2 interface definition (docs.ros.org, "About ROS 2 interfaces"). ``char`` is an
alias of ``uint8`` exactly as rosidl maps it, which also matters for type hashes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from policy_nodes.rosless.idl.definitions import MESSAGES, SERVICES
from policy_nodes.rosless.idl.definitions_graph import GRAPH_MESSAGES, GRAPH_SERVICES

PRIMITIVES = frozenset(
    {
        "bool", "byte", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64",
        "float32", "float64", "string",
    }
)  # fmt: skip
_TYPE = re.compile(r"(?P<base>[\w/]+)(?:<=(?P<string_bound>\d+))?(?P<array>\[(?P<bound><=)?(?P<size>\d*)\])?$")


@dataclass(frozen=True)
class FieldType:
    """Type of one field.

    Attributes:
        base: a name in `PRIMITIVES` or a full interface name such as ``std_msgs/msg/Header``.
        kind: ``single``, ``array`` (fixed length), ``bounded`` or ``sequence`` (variable length).
        size: length of an array, largest length of a bounded sequence, else 0.
        string_bound: largest number of characters of a bounded string, 0 when unbounded.
    """

    base: str
    kind: str = "single"
    size: int = 0
    string_bound: int = 0

    @property
    def nested(self) -> bool:
        """Whether the element is itself a message."""
        return self.base not in PRIMITIVES


@dataclass(frozen=True)
class Field:
    """A named field; ``default`` is a Python value, or None for the zero value of its type."""

    name: str
    type: FieldType
    default: Any = None


@dataclass(frozen=True)
class MessageSpec:
    """A message, or the request, response or event half of a service.

    Attributes:
        name: full name, e.g. ``sensor_msgs/msg/JointState``.
        fields: in wire order; empty for messages without members.
        constants: name to value.
    """

    name: str
    fields: tuple[Field, ...]
    constants: dict[str, Any]

    @property
    def wire_fields(self) -> tuple[Field, ...]:
        """Fields as they go on the wire and into hashes: a message without members carries one uint8."""
        return self.fields or (Field("structure_needs_at_least_one_member", FieldType("uint8")),)


@dataclass(frozen=True)
class ServiceSpec:
    """A service: names its request, response and event messages by the suffixes rosidl gives them."""

    name: str

    @property
    def members(self) -> dict[str, str]:
        """Attribute of the service class to full message name."""
        return {part: f"{self.name}_{part}" for part in ("Request", "Response", "Event")}


def parse_type(text: str, package: str) -> FieldType:
    """Read a type such as ``float64[9]``, ``string<=255`` or ``Range[<=1]`` used inside ``package``.

    Raises:
        ValueError: the text is not a ROS interface type.
    """
    match = _TYPE.match(text)
    if match is None:
        raise ValueError(f"not an interface type: {text!r}")
    base = "uint8" if match["base"] == "char" else match["base"]
    if base not in PRIMITIVES:
        parts = base.split("/")
        base = f"{package}/msg/{base}" if len(parts) == 1 else f"{parts[0]}/msg/{parts[-1]}"
    kind = "single"
    if match["array"]:
        kind = "bounded" if match["bound"] else "array" if match["size"] else "sequence"
    return FieldType(base, kind, int(match["size"] or 0), int(match["string_bound"] or 0))


def _value(base: str, text: str) -> Any:
    if base == "bool":
        return text == "true"
    if base == "byte":
        return bytes([int(text)])
    return float(text) if base.startswith("float") else int(text)


def parse_message(name: str, body: str) -> MessageSpec:
    """Read the members of one message from the table grammar (see `definitions`)."""
    package = name.split("/")[0]
    fields, constants = [], {}
    for member in filter(None, (part.strip() for part in body.split(";"))):
        type_text, rest = member.split(None, 1)
        ftype = parse_type(type_text, package)
        label, equals, value = rest.partition("=")
        if equals and label.isupper():
            constants[label] = _value(ftype.base, value)
        else:
            fields.append(Field(label, ftype, _value(ftype.base, value) if equals else None))
    return MessageSpec(name, tuple(fields), constants)


def _lines(tables: tuple[dict[str, str], ...]) -> Iterator[tuple[str, str, str]]:
    for table in tables:
        for package, text in table.items():
            for line in filter(None, text.splitlines()):
                name, _, body = line.partition(":")
                yield package, name, body


def _event(service: str) -> MessageSpec:
    fields = [Field("info", FieldType("service_msgs/msg/ServiceEventInfo"))]
    fields += [Field(part.lower(), FieldType(f"{service}_{part}", "bounded", 1)) for part in ("Request", "Response")]
    return MessageSpec(f"{service}_Event", tuple(fields), {})


@cache
def specs() -> tuple[dict[str, MessageSpec], dict[str, ServiceSpec]]:
    """All known messages (including the halves of services) and services, by full name."""
    messages = {
        f"{package}/msg/{name}": parse_message(f"{package}/msg/{name}", body)
        for package, name, body in _lines((MESSAGES, GRAPH_MESSAGES))
    }
    services = {}
    for package, name, body in _lines((SERVICES, GRAPH_SERVICES)):
        full = f"{package}/srv/{name}"
        services[full] = ServiceSpec(full)
        request, response = body.split("---")
        messages[f"{full}_Request"] = parse_message(f"{full}_Request", request)
        messages[f"{full}_Response"] = parse_message(f"{full}_Response", response)
        messages[f"{full}_Event"] = _event(full)
    return messages, services

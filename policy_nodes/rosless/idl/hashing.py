"""RIHS01 type hashes: SHA-256 over the canonical JSON type description (REP-2011, REP-2016).

The hash travels in the DDS user data of every endpoint; Jazzy warns when it is missing, rmw_zenoh does not
match at all.
"""

from __future__ import annotations

import json
from functools import cache
from hashlib import sha256
from typing import Any

from policy_nodes.rosless.idl.model import Field, FieldType, specs

# type_description_interfaces/msg/FieldType: identifier of a single value; offsets for its containers.
_TYPE_ID = {
    "int8": 2, "uint8": 3, "int16": 4, "uint16": 5, "int32": 6, "uint32": 7, "int64": 8, "uint64": 9,
    "float32": 10, "float64": 11, "bool": 15, "byte": 16, "string": 17,
}  # fmt: skip
_NESTED, _BOUNDED_STRING = 1, 21
_CONTAINER = {"single": 0, "array": 48, "bounded": 96, "sequence": 144}


def _describe_field(field: Field) -> dict[str, Any]:
    ftype = field.type
    single = _NESTED if ftype.nested else _BOUNDED_STRING if ftype.string_bound else _TYPE_ID[ftype.base]
    return {
        "name": field.name,
        "type": {
            "type_id": single + _CONTAINER[ftype.kind],
            "capacity": ftype.size,
            "string_capacity": ftype.string_bound,
            "nested_type_name": ftype.base if ftype.nested else "",
        },
    }


def fields_of(name: str) -> tuple[Field, ...]:
    """Members of a message on the wire; of a service, its request, response and event messages."""
    messages, services = specs()
    if name in services:
        return tuple(Field(f"{part.lower()}_message", FieldType(full)) for part, full in services[name].members.items())
    return messages[name].wire_fields


@cache
def type_description(name: str) -> dict[str, Any]:
    """Canonical description of a message or service: itself, then every type it refers to, sorted by name.

    Args:
        name: full name, e.g. ``std_srvs/srv/Trigger``.
    """
    seen: dict[str, list[dict[str, Any]]] = {}

    def visit(type_name: str) -> None:
        if type_name not in seen:
            fields = fields_of(type_name)
            seen[type_name] = [_describe_field(field) for field in fields]
            for field in fields:
                if field.type.nested:
                    visit(field.type.base)

    visit(name)
    own = {"type_name": name, "fields": seen.pop(name)}
    return {
        "type_description": own,
        "referenced_type_descriptions": [{"type_name": key, "fields": seen[key]} for key in sorted(seen)],
    }


@cache
def hash_of(name: str) -> str:
    """``RIHS01_`` and 64 hexadecimal digits for a message or service by full name."""
    return "RIHS01_" + sha256(json.dumps(type_description(name)).encode()).hexdigest()

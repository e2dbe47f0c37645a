"""The service ``~/get_type_description``: what the types of this node's topics and services look like.

REP-2016; behaviour of rcl (``rcl_node_type_description_service_handle_request``) and rclpy 7.1: on by default, switched
off with the read-only parameter ``start_type_description_service``, answers for types the node uses at the moment.
Type sources are announced without contents (encoding ``dynamic``): the layer has no interface files.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from policy_nodes.rosless.idl import message_class, rihs01, service_class
from policy_nodes.rosless.idl.hashing import fields_of, type_description
from policy_nodes.rosless.node_state import NodeState
from policy_nodes.rosless.parameters.descriptors import ParameterDescriptor
from policy_nodes.rosless.parameters.parameter import Type

PARAMETER = "start_type_description_service"
_HASH = re.compile(r"RIHS01_[0-9a-f]{64}")
_PARTS = ("_Request", "_Response", "_Event")

GetTypeDescription: Any = service_class("type_description_interfaces/srv/GetTypeDescription")
TypeDescription: Any = message_class("type_description_interfaces/msg/TypeDescription")
IndividualTypeDescription: Any = message_class("type_description_interfaces/msg/IndividualTypeDescription")
TypeSource: Any = message_class("type_description_interfaces/msg/TypeSource")
FieldMsg: Any = message_class("type_description_interfaces/msg/Field")
FieldTypeMsg: Any = message_class("type_description_interfaces/msg/FieldType")


def _individual(description: dict[str, Any]) -> Any:
    defaults = {field.name: field.default for field in fields_of(description["type_name"])}
    fields = [
        FieldMsg(
            name=field["name"],
            type=FieldTypeMsg(**field["type"]),
            default_value="" if defaults[field["name"]] is None else str(defaults[field["name"]]),
        )
        for field in description["fields"]
    ]
    return IndividualTypeDescription(type_name=description["type_name"], fields=fields)


def description_message(name: str) -> Any:
    """``TypeDescription`` of a message or service by full name, with every type it refers to."""
    found = type_description(name)
    return TypeDescription(
        type_description=_individual(found["type_description"]),
        referenced_type_descriptions=[_individual(item) for item in found["referenced_type_descriptions"]],
    )


def sources(name: str) -> list[Any]:
    """``TypeSource`` of a type and of every type it refers to, without contents."""
    found = type_description(name)
    parts = [found["type_description"], *found["referenced_type_descriptions"]]
    return [
        TypeSource(
            type_name=part["type_name"],
            encoding="implicit" if part["type_name"].endswith(_PARTS) and "/srv/" in part["type_name"] else "dynamic",
        )
        for part in parts
    ]


def types_in_use(own: NodeState) -> Iterator[Any]:
    """Message and service classes of a node's topics and services."""
    yield from (publisher.msg_type for publisher in own.publishers)
    yield from (subscription.msg_type for subscription in own.subscriptions)
    yield from (service.srv_type for service in own.services)
    yield from (client.srv_type for client in own.clients)


def answer(own: NodeState, request: Any, response: Any) -> Any:
    """Answer ``GetTypeDescription``; the hash decides, as in rcl, and the name is not looked at."""
    if not _HASH.fullmatch(request.type_hash):
        response.failure_reason = "Failed to parse type hash"
        return response
    for cls in types_in_use(own):
        if rihs01(cls) == request.type_hash:
            response.successful = True
            response.type_description = description_message(cls._ROS_TYPE)
            response.type_sources = sources(cls._ROS_TYPE) if request.include_type_sources else []
            return response
    response.failure_reason = "Type not currently in use by this node"
    return response


def start_type_description(node: Any, own: NodeState) -> None:
    """Declare the parameter and, unless it says no, offer the service.

    Raises:
        InvalidParameterTypeException: the parameter is overridden by something else than a bool.
    """
    if not node.has_parameter(PARAMETER):
        text = "If enabled, start the ~/get_type_description service."
        node.declare_parameter(PARAMETER, True, ParameterDescriptor(description=text, read_only=True))
    parameter = node.get_parameter(PARAMETER)
    if parameter.type_ is not Type.BOOL:
        node.get_logger().error(f"Invalid type for parameter '{PARAMETER}': {parameter.value!r} should be bool")
    elif parameter.value:
        node.create_service(
            GetTypeDescription, "~/get_type_description", lambda request, response: answer(own, request, response)
        )

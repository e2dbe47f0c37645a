"""ROS names: validation, expansion to fully qualified names, remapping. Pure functions over strings.

Rules and messages follow rmw's ``validate_*`` and rcl's ``expand_topic_name`` and ``remap`` (design.ros2.org, topic and
service names; static remapping).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from policy_nodes.rosless.exceptions import (
    InvalidNamespaceException,
    InvalidNodeNameException,
    InvalidServiceNameException,
    InvalidTopicNameException,
)

MAX_NODE_NAME = 255
MAX_TOPIC_NAME = 255 - 8  # RMW_TOPIC_MAX_NAME_LENGTH
MAX_NAMESPACE = MAX_TOPIC_NAME - 2  # RMW_NAMESPACE_MAX_LENGTH: the shortest topic in it is "/x"
_SUBSTITUTION = re.compile(r"\{(\w*)\}", re.ASCII)


@dataclass(frozen=True)
class RemapRule:
    """One ``[node:]from:=to`` rule.

    Attributes:
        kind: ``topic`` (topics and services), ``topic_only``, ``service_only``, ``node_name`` or ``namespace``.
        match: name to replace; empty for node name and namespace.
        replacement: the new name.
        node: node name the rule is limited to; None for all nodes.
    """

    kind: str
    match: str
    replacement: str
    node: str | None = None


def validate_node_name(name: str) -> bool:
    """Return True for a valid node name.

    Raises:
        InvalidNodeNameException: otherwise.
    """
    if not name:
        raise InvalidNodeNameException(name, "node name must not be empty", 0)
    for index, char in enumerate(name):
        if not (char.isascii() and (char.isalnum() or char == "_")):
            raise InvalidNodeNameException(
                name, "node name must not contain characters other than alphanumerics or '_'", index
            )
    if name[0].isdigit():
        raise InvalidNodeNameException(name, "node name must not start with a number", 0)
    if len(name) > MAX_NODE_NAME:
        raise InvalidNodeNameException(name, f"node name length should not exceed '{MAX_NODE_NAME}'", MAX_NODE_NAME)
    return True


def _full_name_fault(name: str) -> tuple[str, int] | None:
    """What is wrong with an absolute name, and where; None when it is valid."""
    if not name:
        return "must not be empty", 0
    if not name.startswith("/"):
        return "must be absolute, it must lead with a '/'", 0
    if len(name) > 1 and name.endswith("/"):
        return "must not end with a '/', unless only a '/'", len(name) - 1
    for index, char in enumerate(name):
        if not (char.isascii() and (char.isalnum() or char in "_/")):
            return "must not contain characters other than alphanumerics, '_', or '/'", index
    if (index := name.find("//")) >= 0:
        return "must not contain repeated '/'", index + 1
    if token := re.search(r"/\d", name):
        return "must not have a token that starts with a number", token.start() + 1
    return None


def validate_namespace(namespace: str) -> bool:
    """Return True for a valid, absolute namespace.

    Raises:
        InvalidNamespaceException: otherwise.
    """
    if fault := _full_name_fault(namespace):
        raise InvalidNamespaceException(namespace, "namespace " + fault[0], fault[1])
    if len(namespace) > MAX_NAMESPACE:
        raise InvalidNamespaceException(
            namespace, f"namespace length should not exceed '{MAX_NAMESPACE}'", MAX_NAMESPACE - 1
        )
    return True


def normalise_namespace(namespace: str | None) -> str:
    """What rcl makes of a namespace argument: empty and None become ``/``, a missing leading slash is added."""
    if not namespace:
        return "/"
    return namespace if namespace.startswith("/") else "/" + namespace


def join(namespace: str, name: str) -> str:
    """``namespace`` and ``name`` with one slash between them."""
    return f"/{name}" if namespace == "/" else f"{namespace}/{name}"


def validate_topic_name(name: str, *, is_service: bool = False) -> bool:
    """Return True for a valid topic or service name, which may be relative, private (``~/x``) or use ``{node}``.

    Raises:
        InvalidTopicNameException: not a valid topic name.
        InvalidServiceNameException: not a valid service name.
    """
    error = InvalidServiceNameException if is_service else InvalidTopicNameException
    what = "service name" if is_service else "topic name"
    if not name:
        raise error(name, f"{what} must not be empty", 0)
    bare = _SUBSTITUTION.sub(lambda match: "x" * len(match[0]), name)  # keeps the indexes
    for index, char in enumerate(bare):
        if char == "~" and index > 0:
            raise error(name, f"{what} must not contain tilde '~' unless it is the first character", index)
        if char in "{}":
            raise error(name, f"{what} has an unbalanced curly brace '{char}'", index)
        if not (char.isascii() and (char.isalnum() or char in "_/~")):
            raise error(
                name, f"{what} must not contain characters other than alphanumerics, '_', '~', '{{', or '}}'", index
            )
    if bare.endswith("/"):
        raise error(name, f"{what} must not end with a forward slash '/'", len(name) - 1)
    if bare.startswith("~") and len(bare) > 1 and bare[1] != "/":
        raise error(name, "tilde must be followed by a slash '/' unless it is the only character", 1)
    if (index := bare.find("//")) >= 0:
        raise error(name, f"{what} must not contain repeated '/'", index + 1)
    if token := re.search(r"(^|/)\d", bare):
        raise error(name, f"{what} must not have a token that starts with a number", token.end() - 1)
    return True


def expand(name: str, node_name: str, namespace: str, *, is_service: bool = False) -> str:
    """Fully qualified name of a topic or service as a node sees it, without remapping.

    Raises:
        InvalidTopicNameException, InvalidServiceNameException: the name, or what it expands to, is invalid.
    """
    validate_topic_name(name, is_service=is_service)
    error = InvalidServiceNameException if is_service else InvalidTopicNameException
    known = {"node": node_name, "ns": namespace, "namespace": namespace}
    for match in _SUBSTITUTION.finditer(name):
        if match[1] not in known:
            raise error(name, f"unknown substitution '{match[0]}'", match.start())
    full = _SUBSTITUTION.sub(lambda match: known[match[1]], name)
    if full.startswith("~"):
        full = join(namespace, node_name) + full[1:]
    elif not full.startswith("/"):
        full = join(namespace, full)
    full = full.replace("//", "/")
    if fault := _full_name_fault(full):
        raise error(full, "name " + fault[0], fault[1])
    if len(full) > MAX_TOPIC_NAME:
        raise error(full, f"name length should not exceed '{MAX_TOPIC_NAME}'", MAX_TOPIC_NAME)
    return full


def remap(full: str, rules: Sequence[RemapRule], node_name: str, namespace: str, *, is_service: bool = False) -> str:
    """Apply the first matching rule to a fully qualified topic or service name."""
    kinds = {"topic", "service_only" if is_service else "topic_only"}
    for rule in rules:
        if rule.kind not in kinds or rule.node not in (None, node_name):
            continue
        if expand(rule.match, node_name, namespace, is_service=is_service) == full:
            return expand(rule.replacement, node_name, namespace, is_service=is_service)
    return full


def remap_node(name: str, namespace: str, rules: Sequence[RemapRule]) -> tuple[str, str]:
    """Node name and namespace after the first matching ``__node`` and ``__ns`` rules.

    As in rcl, a namespace rule for one node asks for the name that the node has after its own rule.
    """

    def first(kind: str, node: str, default: str) -> str:
        return next((rule.replacement for rule in rules if rule.kind == kind and rule.node in (None, node)), default)

    final = first("node_name", name, name)
    return final, normalise_namespace(first("namespace", final, namespace))

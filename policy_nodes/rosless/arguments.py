"""The ``--ros-args`` section of a command line, parsed as rcl does it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from policy_nodes.rosless.exceptions import RCLInvalidROSArgsError, UnknownROSArgsError
from policy_nodes.rosless.names import RemapRule

_NODE_PREFIX = re.compile(r"^(?P<node>[A-Za-z_]\w*):(?!=|//)(?P<rest>.+)$", re.ASCII)
_IGNORED_FLAGS = {"--enable-stdout-logs", "--enable-external-lib-logs", "--disable-external-lib-logs"}
_SEVERITIES = ("unset", "debug", "info", "warn", "error", "fatal")


@dataclass(frozen=True)
class ParamAssignment:
    """One ``-p [node:]name:=value``; ``text`` is still YAML."""

    node: str | None
    name: str
    text: str


@dataclass
class RosArguments:
    """What a command line says to ROS.

    Attributes:
        remaps: rules in order; the first match wins.
        params: single parameters in order; they win over files.
        params_files: YAML files in order; later ones win.
        log_levels: (logger name or None for the default, severity word).
        enclave: security enclave.
        rosout: whether logs are published on /rosout.
        stdout: whether logs are printed.
        others: arguments that are not ROS's.
    """

    remaps: list[RemapRule] = field(default_factory=list)
    params: list[ParamAssignment] = field(default_factory=list)
    params_files: list[str] = field(default_factory=list)
    log_levels: list[tuple[str | None, str]] = field(default_factory=list)
    enclave: str = "/"
    rosout: bool = True
    stdout: bool = True
    others: list[str] = field(default_factory=list)


def _split_node(text: str) -> tuple[str | None, str]:
    match = _NODE_PREFIX.match(text)
    return (match["node"], match["rest"]) if match else (None, text)


def _split_assignment(text: str, what: str) -> tuple[str, str]:
    left, separator, right = text.partition(":=")
    if not separator or not left:
        raise RCLInvalidROSArgsError(
            f"Failed to parse global arguments: {what} '{text}' is not of the form name:=value"
        )
    return left, right


def parse_remap(text: str) -> RemapRule:
    """Parse one remap rule: ``[node:]from:=to``, ``__node:=n``, ``__ns:=/n``, also ``rostopic://``, ``rosservice://``.

    Raises:
        RCLInvalidROSArgsError: it is no rule.
    """
    left, right = _split_assignment(text, "remap rule")
    node, left = _split_node(left)
    if not right:
        raise RCLInvalidROSArgsError(f"Failed to parse global arguments: remap rule '{text}' has an empty replacement")
    if left in ("__node", "__name"):
        return RemapRule("node_name", "", right, node)
    if left == "__ns":
        return RemapRule("namespace", "", right, node)
    for scheme, kind in (("rostopic://", "topic_only"), ("rosservice://", "service_only")):
        if left.startswith(scheme):
            return RemapRule(kind, left[len(scheme) :], right.removeprefix(scheme), node)
    return RemapRule("topic", left, right, node)


def parse_param(text: str) -> ParamAssignment:
    """Parse one parameter assignment: ``[node:]name:=value``.

    Raises:
        RCLInvalidROSArgsError: it is no assignment.
    """
    left, right = _split_assignment(text, "parameter override rule")
    node, name = _split_node(left)
    return ParamAssignment(node, name, right)


def _parse_log_level(text: str) -> tuple[str | None, str]:
    name, separator, level = text.rpartition(":=")
    if level.lower() not in _SEVERITIES:
        raise RCLInvalidROSArgsError(
            f"Failed to parse global arguments: log level '{text}' is not one of {_SEVERITIES}"
        )
    return (name if separator else None), level.lower()


def parse(argv: Sequence[str]) -> RosArguments:
    """Parse a whole command line; ``--ros-args`` opens a section and ``--`` closes it.

    Raises:
        RCLInvalidROSArgsError: a ROS argument is malformed or lacks its value.
        UnknownROSArgsError: a section holds arguments ROS does not know.
    """
    result = RosArguments()
    unknown: list[str] = []
    inside = False
    words = iter(argv)
    for word in words:
        if word == "--ros-args":
            inside = True
        elif not inside:
            result.others.append(word)
        elif word == "--":
            inside = False
        elif word in ("-r", "--remap"):
            result.remaps.append(parse_remap(_value(words, word)))
        elif word in ("-p", "--param"):
            result.params.append(parse_param(_value(words, word)))
        elif word == "--params-file":
            result.params_files.append(_value(words, word))
        elif word == "--log-level":
            result.log_levels.append(_parse_log_level(_value(words, word)))
        elif word in ("-e", "--enclave"):
            result.enclave = _value(words, word)
        elif word in ("--enable-rosout-logs", "--disable-rosout-logs"):
            result.rosout = word.startswith("--enable")
        elif word == "--disable-stdout-logs":
            result.stdout = False
        elif word not in _IGNORED_FLAGS:
            unknown.append(word)
    if unknown:
        raise UnknownROSArgsError(unknown)
    return result


def _value(words: object, flag: str) -> str:
    value = next(words, None)  # type: ignore[call-overload]
    if value is None:
        raise RCLInvalidROSArgsError(
            f"Failed to parse global arguments: Couldn't parse trailing {flag} flag. No value found."
        )
    return value


def merge(first: RosArguments, then: RosArguments) -> RosArguments:
    """Arguments of a node: its own (``first``) before the process's (``then``) where the first match wins."""
    return RosArguments(
        remaps=first.remaps + then.remaps,
        params=then.params + first.params,
        params_files=then.params_files + first.params_files,
        log_levels=then.log_levels + first.log_levels,
        enclave=then.enclave,
        rosout=first.rosout and then.rosout,
        stdout=first.stdout and then.stdout,
    )

"""The ``node`` action: attributes to the command line of one process."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

import yaml

from policy_nodes.launching.elements import Element
from policy_nodes.launching.errors import LaunchError
from policy_nodes.launching.model import NodeProcess
from policy_nodes.launching.packages import executable_command

ATTRIBUTES = (
    "pkg",
    "exec",
    "name",
    "namespace",
    "param",
    "remap",
    "args",
    "respawn",
    "respawn_delay",
    "output",
    "env",
)
_PARAM = ("name", "value", "from", "param")


def _value_text(element: Element, value: Any) -> str:
    """Value as rcl reads it after ``-p name:=``."""
    if isinstance(value, list):
        return "[" + ", ".join(_item_text(element, item) for item in value) + "]"
    text = element.scalar(value)
    return text if text else "''"


def _item_text(element: Element, value: Any) -> str:
    """Item of a sequence; text that would not come out of the brackets as it went in is put in quotes."""
    text = _value_text(element, value)
    if text == "''" or not isinstance(value, str):
        return text
    try:
        node: Any = yaml.compose(f"[{text}]", Loader=yaml.SafeLoader)
        plain = [item.value for item in node.value] == [text]
    except yaml.YAMLError:
        plain = False
    return text if plain else "'" + text.replace("'", "''") + "'"


def _parameters(elements: list[Element], prefix: str = "") -> list[str]:
    arguments = []
    for element in elements:
        if element.has("from"):
            path = element.text("from")
            try:
                with open(path, encoding="utf-8") as stream:
                    yaml.safe_load(stream)
            except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
                raise LaunchError(f"cannot read the parameter file {path}: {error}", "Check 'from:'.") from error
            arguments += ["--params-file", path]
        elif element.has("param"):
            arguments += _parameters(element.elements("param", _PARAM), f"{prefix}{element.text('name')}.")
        elif element.has("value"):
            arguments += ["-p", f"{prefix}{element.text('name')}:={_value_text(element, element.raw('value'))}"]
        else:
            raise LaunchError(f"parameter '{element.text('name')}' has no value.", "Add 'value: ...' or 'from: FILE'.")
    return arguments


def join_namespaces(outer: str, inner: str) -> str:
    """Namespace below another; an absolute inner one stands alone. Empty when both are."""
    if inner.startswith("/") or not outer:
        joined = inner
    else:
        joined = f"{outer.rstrip('/')}/{inner}" if inner else outer
    return joined if not joined or joined.startswith("/") else "/" + joined


def node_process(element: Element, namespace: str, set_env: Mapping[str, str], env: Mapping[str, str]) -> NodeProcess:
    """Process of a ``node`` action.

    Args:
        element: its attributes.
        namespace: namespace pushed around it, or empty.
        set_env: variables that ``set_env`` actions set before it.
        env: environment of the launch.

    Raises:
        LaunchError: an attribute is missing or wrong, or the executable does not exist.
    """
    executable = element.text("exec")
    command = executable_command(element.text("pkg"), executable, env)
    try:
        command += shlex.split(element.text("args", ""))
    except ValueError as error:
        raise LaunchError(f"node '{executable}': cannot read args: {error}.", "Close the quotation.") from error
    ros = []
    name = element.text("name", "") or executable
    if element.has("name"):
        ros += ["-r", f"__node:={name}"]
    if full := join_namespaces(namespace, element.text("namespace", "")):
        ros += ["-r", f"__ns:={full}"]
    for remap in element.elements("remap", ("from", "to")):
        ros += ["-r", f"{remap.text('from')}:={remap.text('to')}"]
    ros += _parameters(element.elements("param", _PARAM))
    output = element.text("output", "log")
    if output not in ("screen", "log", "both"):
        raise LaunchError(f"node '{name}': output is '{output}'.", "Use screen, log or both.")
    extra = {item.text("name"): item.text("value") for item in element.elements("env", ("name", "value"))}
    return NodeProcess(
        name=name,
        command=tuple(command + (["--ros-args", *ros] if ros else [])),
        env={**set_env, **extra},
        respawn=element.flag("respawn", False),
        respawn_delay=element.number("respawn_delay", 0.0),
        output=output,
    )

"""Interprets ``*.launch.yaml``: the subset of the ROS 2 YAML frontend that Keel's launch files use.

Actions: ``arg``, ``let``, ``node``, ``include``, ``group``, ``push_ros_namespace``, ``set_env``. Scoping is that of
ros2/launch: an included file shares the variables of its includer, a group works on a copy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from policy_nodes.launching.elements import Element, entries, plain_text, read_launch_file
from policy_nodes.launching.errors import LaunchError
from policy_nodes.launching.model import LaunchArgument, NodeProcess
from policy_nodes.launching.node_action import ATTRIBUTES, join_namespaces, node_process
from policy_nodes.launching.substitutions import Substituter

_PAIR = ("name", "value")
_DEEPEST_INCLUDE = 16


@dataclass
class _Scope:
    """What actions read and change; `copy` starts a group."""

    variables: dict[str, str]
    set_env: dict[str, str] = field(default_factory=dict)
    namespace: str = ""

    def copy(self) -> _Scope:
        return _Scope(dict(self.variables), dict(self.set_env), self.namespace)


class _Interpreter:
    def __init__(self, env: Mapping[str, str]) -> None:
        self.env = env
        self.nodes: list[NodeProcess] = []

    def run(self, actions: list[dict[str, Any]], scope: _Scope, file: Path, depth: int) -> None:
        for entry in actions:
            ((action, content),) = entry.items()
            method = getattr(self, f"_{str(action).replace('-', '_')}", None)
            if method is None or action not in ACTIONS:
                raise LaunchError(
                    f"{file}: action '{action}' is not supported.",
                    f"Use {', '.join(ACTIONS)}, or start this file with the real ros2 launch.",
                )
            if action == "group" and isinstance(content, list):
                content = {"children": content}  # the usual short form
            substitute = Substituter(scope.variables, {**self.env, **scope.set_env}, file)
            element = Element(action, content, substitute, ACTIONS[action])
            if element.wanted:
                method(element, scope, file, depth)

    def _arg(self, element: Element, scope: _Scope, file: Path, depth: int) -> None:
        name = element.text("name")
        if name in scope.variables:
            return
        if not element.has("default"):
            about = element.raw("description")
            raise LaunchError(
                f"{file}: argument '{name}' has no value" + (f" ({about})." if about else "."), f"Give {name}:=VALUE."
            )
        scope.variables[name] = element.text("default")

    def _let(self, element: Element, scope: _Scope, file: Path, depth: int) -> None:
        scope.variables[element.text("name")] = element.text("value")

    def _set_env(self, element: Element, scope: _Scope, file: Path, depth: int) -> None:
        scope.set_env[element.text("name")] = element.text("value")

    def _push_ros_namespace(self, element: Element, scope: _Scope, file: Path, depth: int) -> None:
        scope.namespace = join_namespaces(scope.namespace, element.text("namespace"))

    def _group(self, element: Element, scope: _Scope, file: Path, depth: int) -> None:
        inner = scope.copy() if element.flag("scoped", True) else scope
        self.run(entries(element.raw("children"), file), inner, file, depth)

    def _include(self, element: Element, scope: _Scope, file: Path, depth: int) -> None:
        target = Path(element.text("file"))
        if depth >= _DEEPEST_INCLUDE:
            raise LaunchError(f"{file}: includes are nested more than {_DEEPEST_INCLUDE} deep.", "Remove the circle.")
        given = {
            item.text("name"): item.text("value") for key in ("let", "arg") for item in element.elements(key, _PAIR)
        }
        scope.variables.update(given)
        self.run(read_launch_file(target), scope, target.resolve(), depth + 1)

    def _node(self, element: Element, scope: _Scope, file: Path, depth: int) -> None:
        self.nodes.append(node_process(element, scope.namespace, scope.set_env, {**self.env, **scope.set_env}))


ACTIONS: dict[str, tuple[str, ...]] = {
    "arg": ("name", "default", "description"),
    "let": _PAIR,
    "set_env": _PAIR,
    "push_ros_namespace": ("namespace",),
    "push-ros-namespace": ("namespace",),
    "group": ("scoped", "children"),
    "include": ("file", "arg", "let"),
    "node": ATTRIBUTES,
}
"""Supported actions and their attributes."""


def describe(path: str | Path) -> list[LaunchArgument]:
    """Arguments that a launch file declares itself, in order.

    Raises:
        LaunchError: the file is missing or malformed.
    """
    return [
        LaunchArgument(
            str(content.get("name", "")),
            plain_text(content["default"]) if content.get("default") is not None else None,
            str(content.get("description", "")),
        )
        for entry in read_launch_file(Path(path))
        if isinstance(content := entry.get("arg"), dict)
    ]


def resolve(path: str | Path, arguments: Mapping[str, str], env: Mapping[str, str]) -> list[NodeProcess]:
    """Processes that a launch file starts.

    Args:
        path: the file.
        arguments: values of its arguments; every one must be declared in the file itself.
        env: environment variables.

    Raises:
        LaunchError: the file, an argument, a substitution or an executable is not as it must be.
    """
    file = Path(path).resolve()
    known = [argument.name for argument in describe(file)]
    if unknown := [name for name in arguments if name not in known]:
        raise LaunchError(
            f"{file.name} has no argument {', '.join(unknown)}.", f"It takes {', '.join(known) or 'no arguments'}."
        )
    interpreter = _Interpreter(env)
    interpreter.run(read_launch_file(file), _Scope(dict(arguments)), file, 0)
    return interpreter.nodes

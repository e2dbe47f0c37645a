"""Typed access to the entries of a launch file, refusing attributes that would be ignored in silence."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from policy_nodes.launching.errors import LaunchError
from policy_nodes.launching.substitutions import Substituter


def read_launch_file(path: Path) -> list[dict[str, Any]]:
    """Entries under ``launch:``, each a mapping with one key, the action.

    Raises:
        LaunchError: the file is missing, not YAML, or has another form.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise LaunchError(f"cannot read the launch file {path}: {error}", "Check the path.") from error
    except yaml.YAMLError as error:
        raise LaunchError(f"{path} is not YAML: {error}", "Correct the syntax.") from error
    if not isinstance(content, dict) or list(content) != ["launch"] or not isinstance(content["launch"], list):
        raise LaunchError(f"{path} is no launch file.", "It must hold a list under the single key 'launch'.")
    return entries(content["launch"], path)


def entries(content: Any, path: Path) -> list[dict[str, Any]]:
    """A list of single-key mappings.

    Raises:
        LaunchError: it is something else.
    """
    if not isinstance(content, list) or not all(isinstance(item, dict) and len(item) == 1 for item in content):
        raise LaunchError(
            f"{path}: expected a list of actions, got {content!r}.", "Write '- node: {...}' and the like."
        )
    return content


def plain_text(value: Any) -> str:
    """A YAML scalar as text: numbers and booleans as YAML writes them."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else repr(value)


class Element:
    """Attributes of one action with substitutions applied.

    Args:
        action: its name, for messages.
        content: its attributes.
        substitute: substitution in force.
        allowed: attributes it may have; ``if`` and ``unless`` are always allowed.
    """

    def __init__(self, action: str, content: Any, substitute: Substituter, allowed: Iterable[str]) -> None:
        self._where = f"{substitute.file}: {action}"
        self._substitute = substitute
        if not isinstance(content, dict):
            raise LaunchError(
                f"{self._where}: expected attributes, got {content!r}.", "Write 'attribute: value' pairs."
            )
        self._content = content
        known = {*allowed, "if", "unless"}
        if unknown := [str(key) for key in content if key not in known]:
            raise LaunchError(
                f"{self._where}: attribute {', '.join(unknown)} is not supported.",
                f"Use {', '.join(sorted(known))}; anything else needs the real ros2 launch.",
            )

    def text(self, name: str, default: str | None = None) -> str:
        """An attribute as text.

        Raises:
            LaunchError: it is missing without default, or no scalar.
        """
        if name not in self._content:
            if default is None:
                raise LaunchError(f"{self._where}: attribute '{name}' is missing.", f"Add '{name}: ...'.")
            return default
        return self.scalar(self._content[name])

    def scalar(self, value: Any) -> str:
        """A scalar of the file as text, substituted.

        Raises:
            LaunchError: it is no scalar.
        """
        if isinstance(value, (bool, int, float, str)):
            return self._substitute(plain_text(value))
        raise LaunchError(f"{self._where}: expected a plain value, got {value!r}.", "Write text or a number.")

    def flag(self, name: str, default: bool) -> bool:
        """An attribute as a truth value: true, false, 1 or 0.

        Raises:
            LaunchError: it is something else.
        """
        text = self.text(name, "true" if default else "false").strip().lower()
        if text not in ("true", "false", "1", "0"):
            raise LaunchError(f"{self._where}: '{name}' is {text!r}.", "Write true or false.")
        return text in ("true", "1")

    def number(self, name: str, default: float) -> float:
        """An attribute as a number not below zero.

        Raises:
            LaunchError: it is something else.
        """
        text = self.text(name, repr(default))
        try:
            value = float(text)
        except ValueError:
            value = -1.0
        if not 0.0 <= value < float("inf"):
            raise LaunchError(f"{self._where}: '{name}' is {text!r}.", "Write a number of seconds, 0 or more.")
        return value

    def elements(self, name: str, allowed: Iterable[str]) -> list[Element]:
        """An attribute that is a list of mappings, empty when absent.

        Raises:
            LaunchError: it is something else.
        """
        content = self._content.get(name, [])
        if not isinstance(content, list):
            raise LaunchError(f"{self._where}: '{name}' must be a list.", f"Write '{name}: [{{...}}]'.")
        return [Element(f"{self._where.split(': ')[-1]} {name}", item, self._substitute, allowed) for item in content]

    def has(self, name: str) -> bool:
        """Whether an attribute is present."""
        return name in self._content

    def raw(self, name: str) -> Any:
        """An attribute as YAML gave it, None when absent."""
        return self._content.get(name)

    @property
    def wanted(self) -> bool:
        """Whether ``if`` and ``unless`` let the action happen."""
        return self.flag("if", True) and not self.flag("unless", False)

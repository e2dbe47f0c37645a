"""Substitutions ``$(...)`` of ROS 2 launch files: the subset that needs neither ROS nor ``eval``.

``$(var name)``, ``$(env NAME [default])``, ``$(find-pkg-share package)`` and ``$(dirname)`` mean what they mean in
ros2/launch, nesting included; everything else is refused by name.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from policy_nodes.launching.errors import LaunchError
from policy_nodes.launching.packages import share_directory

SUPPORTED = "$(var NAME), $(env NAME [DEFAULT]), $(find-pkg-share PACKAGE), $(dirname)"


@dataclass(frozen=True)
class Substituter:
    """Where substitutions take their values from.

    Attributes:
        variables: launch configurations: arguments and ``let`` values.
        env: environment variables.
        file: the launch file being read.
    """

    variables: Mapping[str, str]
    env: Mapping[str, str]
    file: Path

    def __call__(self, text: str) -> str:
        """Text with every substitution replaced.

        Raises:
            LaunchError: a substitution is unknown, malformed, or names something that does not exist.
        """
        parts, index = [], 0
        while index < len(text):
            if text.startswith("$(", index):
                value, index = self._nested(text, index + 2)
                parts.append(value)
            else:
                parts.append(text[index])
                index += 1
        return "".join(parts)

    def _nested(self, text: str, index: int) -> tuple[str, int]:
        """Value of the substitution whose inside starts at ``index``, and where it ends.

        Values of substitutions inside it are set in after the words were split: blanks and quotes in them are theirs.
        """
        inner, values = "", list[str]()
        while index < len(text):
            if text.startswith("$(", index):
                value, index = self._nested(text, index + 2)
                inner += f"\0{len(values)}\0"
                values.append(value)
            elif text[index] == ")":
                return self._value(inner, values), index + 1
            else:
                inner += text[index]
                index += 1
        raise LaunchError(f"{self.file}: '$(' without ')' in {text!r}.", "Close the substitution.")

    def _value(self, inner: str, values: list[str]) -> str:
        def whole(text: str) -> str:
            return re.sub("\0(\\d+)\0", lambda match: values[int(match[1])], text)

        try:
            name, *arguments = map(whole, shlex.split(inner) or [""])
        except ValueError as error:
            raise LaunchError(f"{self.file}: cannot read $({whole(inner)}): {error}.", f"Use {SUPPORTED}.") from error
        if name == "dirname" and not arguments:
            return str(self.file.parent)
        if name == "find-pkg-share" and len(arguments) == 1:
            return str(share_directory(arguments[0], self.env))
        if name == "env" and len(arguments) in (1, 2):
            if arguments[0] in self.env:
                return self.env[arguments[0]]
            if len(arguments) == 2:
                return arguments[1]
            raise LaunchError(
                f"{self.file}: environment variable '{arguments[0]}' is not set.",
                f"Set it, or give a default: $(env {arguments[0]} VALUE).",
            )
        if name == "var" and len(arguments) == 1:
            if arguments[0] in self.variables:
                return self.variables[arguments[0]]
            raise LaunchError(
                f"{self.file}: $(var {arguments[0]}) is neither an argument nor set by 'let'.",
                "Declare it above its use; known here: " + (", ".join(sorted(self.variables)) or "none") + ".",
            )
        if name == "eval":
            raise LaunchError(
                f"{self.file}: $(eval ...) is refused: a launch file must not run code.",
                "Decide with if/unless on an argument, or compute the value before launching.",
            )
        raise LaunchError(f"{self.file}: substitution $({whole(inner)}) is not supported.", f"Use {SUPPORTED}.")

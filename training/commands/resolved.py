"""The options of a command as they were resolved, written beside its results so that a run can be repeated."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from policy_nodes import __version__

CONFIG_NAME = "config.json"


def resolved_config(command: str, args: Any) -> str:
    """JSON text ``{"command", "keel_version", "arguments"}``; paths are written as they were given.

    Args:
        command: name of the ``keel`` command.
        args: its dataclass of options, defaults filled in.
    """
    content = {"command": command, "keel_version": __version__, "arguments": dataclasses.asdict(args)}
    return json.dumps(content, indent=2, default=_as_text) + "\n"


def _as_text(value: object) -> str:
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"an option of type {type(value).__name__} cannot be written as JSON")

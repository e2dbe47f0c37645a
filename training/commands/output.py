"""A directory to write into is looked at before the work begins, not after: what was computed would be lost."""

from __future__ import annotations

from pathlib import Path

from policy_nodes.errors import ConfigError


def check_output(output: Path | None) -> None:
    """Refuse a path, or a parent of it, that exists and is no directory; None is fine.

    Raises:
        ConfigError: names it.
    """
    for path in [] if output is None else [output, *output.parents]:
        if path.exists() and not path.is_dir():
            raise ConfigError(f"'{path}' is not a directory.", "choose another --output.")

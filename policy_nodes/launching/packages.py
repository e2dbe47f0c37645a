"""Where packages and their executables are, with and without an ament installation."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from policy_nodes.launching.errors import LaunchError

PACKAGE = "keel"
_SOURCE_ROOT = Path(__file__).resolve().parents[2]


def _ament_prefixes(env: Mapping[str, str]) -> list[Path]:
    return [Path(part) for part in env.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if part]


def share_directory(package: str, env: Mapping[str, str]) -> Path:
    """Share directory of a package, as ``$(find-pkg-share package)`` finds it.

    For Keel itself that is the source checkout when running from one, else the installed ``share/keel``.

    Raises:
        LaunchError: there is no such package.
    """
    candidates = [prefix / "share" / package for prefix in _ament_prefixes(env)]
    if package == PACKAGE:
        own = [_SOURCE_ROOT] if (_SOURCE_ROOT / "package.xml").is_file() and (_SOURCE_ROOT / "launch").is_dir() else []
        candidates = own + candidates + [Path(sys.prefix) / "share" / PACKAGE]
    for candidate in candidates:
        if candidate.is_dir():
            return candidate
    raise LaunchError(
        f"package '{package}' has no share directory here.",
        "Source the ROS 2 workspace that holds it, or install keel with its data files.",
    )


def executable_command(package: str, executable: str, env: Mapping[str, str]) -> list[str]:
    """Command line that starts a node.

    Args:
        package: ROS package; ``keel`` runs in this Python, others must be in a sourced ROS 2 workspace.
        executable: name of the executable in it.
        env: environment variables.

    Raises:
        LaunchError: the package or the executable does not exist.
    """
    if package == PACKAGE:
        from policy_nodes.nodes._entry import NODES

        if executable not in NODES:
            raise LaunchError(f"package 'keel' has no executable '{executable}'.", f"Use one of {', '.join(NODES)}.")
        return [sys.executable, "-m", "policy_nodes.nodes._entry", executable]
    for prefix in _ament_prefixes(env):
        path = prefix / "lib" / package / executable
        if path.is_file() and os.access(path, os.X_OK):
            return [str(path)]
    raise LaunchError(
        f"executable '{executable}' of package '{package}' is not installed here.",
        "Without ROS 2 only nodes of package keel can run; source a ROS 2 workspace that holds the package.",
    )

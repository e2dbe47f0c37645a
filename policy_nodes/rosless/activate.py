"""Decide between a real ROS 2 and this layer: the only thing entry points and ``conftest.py`` need to know.

The real ``rclpy`` is used wherever it is importable. Otherwise an import finder is appended, last and all-or-nothing:
real rclpy with our messages, or the reverse, never happens. ``KEEL_REQUIRE_ROS=1`` (for robots) turns the fallback into
an error.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import os
import sys

from policy_nodes.errors import KeelError

REQUIRE_VARIABLE = "KEEL_REQUIRE_ROS"
QUIET_VARIABLE = "KEEL_QUIET"

STACK: str | None = None


def ensure_ros() -> str:
    """Make ``import rclpy`` and the message packages work.

    Returns:
        ``"rclpy"`` with a real ROS 2, ``"rosless"`` with this layer.

    Raises:
        KeelError: a real ROS 2 is required and absent, or only half of one is importable, or cyclonedds is missing.
    """
    global STACK
    if STACK is not None:
        return STACK
    if importlib.util.find_spec("rclpy") is not None:
        STACK = "rclpy"
        _banner(f"rclpy of ROS 2 {os.environ.get('ROS_DISTRO', '')}".rstrip())
        return STACK
    if os.environ.get(REQUIRE_VARIABLE, "") not in ("", "0"):
        raise KeelError(
            f"{REQUIRE_VARIABLE} is set and no rclpy can be imported.",
            "Source the ROS 2 setup file (. /opt/ros/<distro>/setup.bash) in this shell or service.",
        )
    _activate()
    STACK = "rosless"
    return STACK


def _activate() -> None:
    if importlib.util.find_spec("cyclonedds") is None:
        raise KeelError(
            "Neither rclpy nor cyclonedds can be imported.",
            "Source a ROS 2 installation, or pip install 'keel[rosless]' (it has no wheel for Linux on ARM).",
        )
    # All backing modules are imported before the finder exists: an import inside find_spec could call it again.
    from policy_nodes.rosless import finder as finders
    from policy_nodes.rosless.wire.domain import discovery_range, domain_id_from_env

    finder = finders.make_finder()
    for backing in sorted(set(finders.RCLPY_MODULES.values())):
        importlib.import_module(backing)
    real = sorted(name for name in finders.message_modules() if "." not in name and importlib.util.find_spec(name))
    if real:
        raise KeelError(
            f"No rclpy can be imported, but ROS message packages can: {', '.join(real)}.",
            "Source the whole ROS 2 installation, or take its packages off PYTHONPATH: the two are never mixed.",
        )
    sys.meta_path.append(finder)
    domain, reach = domain_id_from_env(os.environ), discovery_range(os.environ).lower()
    _banner(f"rosless on cyclonedds {importlib.metadata.version('cyclonedds')}, domain {domain}, {reach}")


def _banner(text: str) -> None:
    if os.environ.get(QUIET_VARIABLE, "") in ("", "0"):
        print(f"[keel] ROS stack: {text}", file=sys.stderr)

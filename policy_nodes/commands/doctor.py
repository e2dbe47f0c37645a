"""Check what this machine can run, and say how to fix what it cannot.

Looks at Python and packages, execution providers (by running a graph on each), the ROS 2 stack and its DDS domain,
real-time rights, clock and a measured loop, and rendering. Exit code 0 unless something required is broken.

Examples:
    keel doctor
    keel doctor --json > doctor.json
    keel doctor --seconds 10
"""

from __future__ import annotations

import platform
from collections.abc import Iterator
from dataclasses import dataclass

from policy_nodes.cli.checks import Check, passed, print_json, print_table
from policy_nodes.cli.probes import packages, providers, realtime, rendering, ros


@dataclass(frozen=True)
class Args:
    """Options of ``keel doctor``."""

    seconds: float = 1.0
    """How long to measure the punctuality of a loop."""
    json: bool = False
    """Print JSON instead of a table."""


def run(args: Args) -> int:
    """Examine and print; returns the exit code."""
    checks = list(examine(args.seconds))
    if args.json:
        print_json(platform.node(), checks)
    else:
        print_table(checks, "keel doctor")
    return 0 if passed(checks) else 1


def examine(seconds: float = 1.0) -> Iterator[Check]:
    """All checks, in order; nothing on the machine is changed.

    Args:
        seconds: length of the loop measurement.
    """
    yield from packages.probe()
    yield from providers.probe()
    yield from ros.probe()
    yield from realtime.probe(seconds)
    yield rendering.probe()

"""Real-time parameters that policy, safety and monitor node share, and the timing file that they leave behind.

What the machine does not allow is logged with the remedy and goes on: a robot without SCHED_FIFO is slower to react,
which the safety node sees as staleness, and not a robot that refuses to start.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from policy_nodes.errors import ConfigError
from policy_nodes.nodes.bundle_node import BundleNode
from policy_nodes.nodes.parameters import Option, read
from policy_nodes.realtime.histogram import Histogram
from policy_nodes.realtime.process import Setting, configure_process

REALTIME_OPTIONS = (
    Option("fifo_priority", 0, "SCHED_FIFO priority of the loop's thread, 0 for none", 0, 99),
    Option("cpus", "", "CPUs that the loop's thread may use, for example 2, 2,3 or [2, 3]; empty: any", listed=True),
    Option("lock_memory", False, "keep all pages of the process in RAM"),
    Option("freeze_garbage", True, "exempt what exists at activation from garbage collection"),
    Option("timing_file", "", "receives the timing histograms as JSON when the node ends; empty: nothing is written"),
)


def process_settings(node: BundleNode) -> Callable[[], list[Setting]]:
    """To be called first in the loop's thread: applies the node's settings and logs each that is not in effect.

    Raises:
        ConfigError: ``cpus`` is no list of numbers.
    """
    cpus = cpu_numbers(node.get_parameter("cpus").value)
    priority = node.number("fifo_priority") or None
    memory, garbage = read(node, "lock_memory", bool), read(node, "freeze_garbage", bool)

    def apply() -> list[Setting]:
        settings = configure_process(priority, cpus, memory, garbage)
        for setting in settings:
            if not setting.achieved:
                node.get_logger().warning(f"{setting.name}: {setting.detail}")
        return settings

    return apply


def cpu_numbers(value: object) -> list[int] | None:
    """CPUs of the parameter ``cpus`` in any form that ROS makes of ``2``, ``2,3`` and ``[2, 3]``; None for any.

    Raises:
        ConfigError: not a list of numbers of 0 or more.
    """
    if isinstance(value, str):
        parts: list[object] = [part.strip() for part in value.split(",")] if value.strip() else []
    else:
        parts = [value] if isinstance(value, int) else list(value)  # type: ignore[call-overload]
    if not parts:
        return None
    if not all(type(part) is int or (isinstance(part, str) and part.isdecimal()) for part in parts):
        raise ConfigError(f"cpus is '{value}'.", "give numbers with commas between them, for example 2,3")
    numbers = [int(str(part)) for part in parts]
    if min(numbers) < 0:
        raise ConfigError(f"cpus is '{value}'.", "CPUs are numbered from 0")
    return numbers


def write_timing(node: BundleNode, histograms: Mapping[str, Histogram]) -> None:
    """Write ``timing_file`` if there is one to write; a disk that refuses is logged, not raised."""
    name = node.text("timing_file")
    if not name or not any(histogram.count for histogram in histograms.values()):
        return
    content = {"node": node.get_fully_qualified_name()} | {key: h.to_dict() for key, h in histograms.items()}
    try:
        path = Path(name).expanduser()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content, indent=1))
    except OSError as error:
        node.get_logger().error(f"timing_file '{name}' cannot be written: {error}")

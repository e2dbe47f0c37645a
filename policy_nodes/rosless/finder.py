"""Serves ``rclpy.*`` and the message packages to ``import``, from this package.

Each served module holds exactly the public names (``__all__``) of the module behind it. Any other name raises, so code
that uses more of rclpy than is here fails at once and says so, instead of running on a pretence.
"""

from __future__ import annotations

import functools
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any

from policy_nodes.rosless.idl import all_packages

_HERE = "policy_nodes.rosless"
_SAME_NAME = (
    "callback_groups", "client", "clock", "clock_type", "context", "duration", "event_handler", "exceptions",
    "executors", "guard_condition", "lifecycle", "logging", "node", "publisher", "qos", "serialization", "service",
    "signals", "subscription", "task", "time", "timer", "topic_endpoint_info", "utilities", "wait_for_message",
)  # fmt: skip
RCLPY_MODULES: dict[str, str] = {
    "rclpy": f"{_HERE}.api",
    "rclpy.parameter": f"{_HERE}.parameters",
    "rclpy.qos_event": f"{_HERE}.event_handler",  # the name in Humble
    "rclpy._rclpy_pybind11": f"{_HERE}.pybind_names",
    "rclpy.lifecycle.managed_entity": f"{_HERE}.lifecycle.entities",
    "rclpy.lifecycle.node": f"{_HERE}.lifecycle.node",
    "rclpy.lifecycle.publisher": f"{_HERE}.lifecycle.publisher",
    "rclpy.validate_node_name": f"{_HERE}.names",
    "rclpy.validate_namespace": f"{_HERE}.names",
    "rclpy.validate_topic_name": f"{_HERE}.names",
    **{f"rclpy.{name}": f"{_HERE}.{name}" for name in _SAME_NAME},
}
_ONLY: dict[str, tuple[str, ...]] = {
    "rclpy.lifecycle.managed_entity": ("ManagedEntity", "SimpleManagedEntity", "TransitionCallbackReturn"),
    "rclpy.lifecycle.node": (
        "LifecycleNode", "LifecycleNodeMixin", "LifecyclePublisher", "LifecycleState", "ManagedEntity", "Node",
        "TransitionCallbackReturn",
    ),
    "rclpy.lifecycle.publisher": ("LifecyclePublisher", "Publisher", "SimpleManagedEntity"),
    "rclpy.parameter": ("PARAMETER_SEPARATOR_STRING", "Parameter", "get_parameter_value", "parameter_value_to_python"),
    "rclpy.validate_node_name": ("validate_node_name",),
    "rclpy.validate_namespace": ("validate_namespace",),
    "rclpy.validate_topic_name": ("validate_topic_name",),
}  # fmt: skip


def _missing(module: str) -> Callable[[str], Any]:
    def __getattr__(name: str) -> Any:
        hint = "" if name.startswith("__") else "; rosless does not provide it (docs/ros.md), a real ROS 2 may"
        raise AttributeError(f"module {module!r} has no attribute {name!r}{hint}")

    return __getattr__


def _rclpy_names(module: str) -> dict[str, Any]:
    backing = importlib.import_module(RCLPY_MODULES[module])
    return {name: getattr(backing, name) for name in _ONLY.get(module) or backing.__all__}


def message_modules() -> dict[str, Callable[[], dict[str, Any]]]:
    """Module name to what makes its contents, for every message package and its ``msg`` and ``srv`` modules."""
    modules: dict[str, Callable[[], dict[str, Any]]] = {}
    for package, groups in all_packages().items():
        modules[package] = dict
        for group, classes in groups.items():
            if classes:
                modules[f"{package}.{group}"] = functools.partial(dict, classes)
    return modules


class RosFinder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Import finder and loader of the served modules.

    Args:
        modules: module name to what makes its contents.
    """

    def __init__(self, modules: Mapping[str, Callable[[], dict[str, Any]]]) -> None:
        self._modules = modules
        self._packages = {name.rpartition(".")[0] for name in modules} | {name for name in modules if "." not in name}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Spec of a served module; None for all others."""
        if fullname not in self._modules:
            return None
        return importlib.util.spec_from_loader(
            fullname, self, origin="rosless", is_package=fullname in self._packages or None
        )

    def exec_module(self, module: ModuleType) -> None:
        """Fill a served module."""
        contents = self._modules[module.__name__]()
        module.__dict__.update(contents)
        module.__dict__["__all__"] = sorted(contents)
        module.__dict__["__getattr__"] = _missing(module.__name__)


def make_finder() -> RosFinder:
    """The finder of everything the layer serves."""
    modules: dict[str, Callable[[], dict[str, Any]]] = message_modules()
    for name in RCLPY_MODULES:
        modules[name] = functools.partial(_rclpy_names, name)
    return RosFinder(modules)

"""What a node knows about its parameters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from policy_nodes.rosless.parameters.parameter import Parameter

PreSetCallback = Callable[[list[Parameter]], list[Parameter]]
OnSetCallback = Callable[[list[Parameter]], Any]
PostSetCallback = Callable[[list[Parameter]], None]


@dataclass
class ParameterState:
    """Kept in a node's attribute ``_rosless_parameters``.

    Attributes:
        overrides: initial values from files, command line and constructor, by name.
        allow_undeclared: whether undeclared parameters may be set and read.
        announce: publishes an ``rcl_interfaces/msg/ParameterEvent``.
        values: declared parameters by name.
        descriptors: their ``ParameterDescriptor`` by name.
        pre_set: callbacks that may change the list to set, newest first.
        on_set: callbacks that accept or refuse, newest first.
        post_set: callbacks that are told what was set, newest first.
    """

    overrides: dict[str, Parameter]
    allow_undeclared: bool
    announce: Callable[[Any], None]
    values: dict[str, Parameter] = field(default_factory=dict)
    descriptors: dict[str, Any] = field(default_factory=dict)
    pre_set: list[PreSetCallback] = field(default_factory=list)
    on_set: list[OnSetCallback] = field(default_factory=list)
    post_set: list[PostSetCallback] = field(default_factory=list)

"""What a parameter's descriptor allows: type, read-only, ranges with steps. Pure functions, as rclpy decides."""

from __future__ import annotations

import math
from typing import Any

from policy_nodes.rosless.idl import message_class
from policy_nodes.rosless.parameters.parameter import Parameter, Type

ParameterDescriptor: Any = message_class("rcl_interfaces/msg/ParameterDescriptor")
SetParametersResult: Any = message_class("rcl_interfaces/msg/SetParametersResult")

WRONG_TYPE = "Wrong parameter type"
_RELATIVE_TOLERANCE = 1e-6


def accepted() -> Any:
    """A successful ``SetParametersResult``."""
    return SetParametersResult(successful=True)


def refused(reason: str) -> Any:
    """An unsuccessful ``SetParametersResult``."""
    return SetParametersResult(successful=False, reason=reason)


def _limits(bounds: Any) -> tuple[Any, Any]:
    return min(bounds.from_value, bounds.to_value), max(bounds.from_value, bounds.to_value)


def check_integer_range(name: str, value: int, bounds: Any) -> Any:
    """Result of an ``IntegerRange``: inside, on a step from the lower bound, or on either bound."""
    low, high = _limits(bounds)
    if value in (low, high):
        return accepted()
    if not low < value < high:
        return refused(f"Parameter {name} out of range. Min: {low}, Max: {high}, value: {value}")
    if bounds.step and (value - low) % bounds.step:
        return refused(
            f"The parameter value for {name} is not a valid step. Min: {low}, max: {high}, value: {value}, "
            f"step: {bounds.step}"
        )
    return accepted()


def check_floating_point_range(name: str, value: float, bounds: Any) -> Any:
    """Result of a ``FloatingPointRange``, compared with a relative tolerance of 1e-6; NaN is never inside."""
    low, high = _limits(bounds)
    if any(math.isclose(value, edge, rel_tol=_RELATIVE_TOLERANCE) for edge in (low, high)):
        return accepted()
    if not low < value < high:
        return refused(f"Parameter {name} out of range Min: {low}, Max: {high}, value: {value}")
    if bounds.step != 0.0:
        nearest = low + round((value - low) / bounds.step) * bounds.step
        if not math.isclose(nearest, value, rel_tol=_RELATIVE_TOLERANCE):
            return refused(
                f"The parameter value for {name} is not close enough to a valid step. Min: {low}, max: {high}, "
                f"value: {value}, step: {bounds.step}"
            )
    return accepted()


def apply_descriptor(parameter: Parameter, descriptor: Any, *, declared: bool, check_read_only: bool) -> Any:
    """Whether a descriptor allows a value; completes the descriptor's name, and its type when it is dynamic.

    Args:
        parameter: the wanted value.
        descriptor: its ``ParameterDescriptor``, completed in place.
        declared: whether the parameter exists already (a static one cannot be unset then).
        check_read_only: False while declaring, when a read-only parameter gets its only value.

    Returns:
        a ``SetParametersResult``.
    """
    descriptor.name = parameter.name
    if check_read_only and descriptor.read_only:
        return refused(f"Trying to set a read-only parameter: {parameter.name}.")
    if descriptor.dynamic_typing:
        descriptor.type = int(parameter.type_)
    elif parameter.type_ is Type.NOT_SET:
        if declared:
            return refused("Static parameter cannot be undeclared")
    elif parameter.type_ != descriptor.type:
        wanted = Type(descriptor.type)
        return refused(f"{WRONG_TYPE}, expected 'Type.{wanted.name}' got 'Type.{parameter.type_.name}'")
    if parameter.type_ is Type.INTEGER and descriptor.integer_range:
        return check_integer_range(parameter.name, parameter.value, descriptor.integer_range[0])
    if parameter.type_ is Type.DOUBLE and descriptor.floating_point_range:
        return check_floating_point_range(parameter.name, parameter.value, descriptor.floating_point_range[0])
    return accepted()

"""Joint limits for ``safety.yaml`` from a robot description: URDF here, MJCF through :mod:`training.commands.limits`.

A URDF has position, velocity and effort limits but neither acceleration nor jerk (ROS keeps those in MoveIt's
``joint_limits.yaml``). They are taken from there when given, else from time constants: a joint reaches full speed in
``ramp_s`` and full acceleration in a tenth of that. The written file names every value that was assumed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

from policy_nodes.errors import ConfigError
from policy_nodes.safety.config import JointLimit

MAX_BYTES = 16 << 20
EXPANDED = "give the robot's URDF with xacro expanded."


@dataclass(frozen=True)
class ModelLimit:
    """What a robot description says of one joint, SI units; None where it says nothing."""

    low: float
    high: float
    velocity: float | None = None
    effort: float | None = None
    acceleration: float | None = None
    jerk: float | None = None


def urdf_limits(text: str) -> dict[str, ModelLimit]:
    """Limits of every revolute and prismatic joint of a URDF (xacro expanded), by name.

    Raises:
        ConfigError: not a URDF, it declares a document type (entities could unfold without end), or a limit is no
            number.
    """
    found = {}
    for joint in urdf_root(text).findall("joint"):
        limit, name = joint.find("limit"), joint.get("name", "")
        if joint.get("type") not in ("revolute", "prismatic") or limit is None or joint.find("mimic") is not None:
            continue
        try:
            values = {key: float(limit.get(key, "nan")) for key in ("lower", "upper", "velocity", "effort")}
        except ValueError as error:
            raise ConfigError(f"joint '{name}': a limit is no number: {error}.", EXPANDED) from None
        known = {key: value if math.isfinite(value) and value > 0 else None for key, value in values.items()}
        low, high = (values[key] if math.isfinite(values[key]) else 0.0 for key in ("lower", "upper"))
        found[name] = ModelLimit(low, high, known["velocity"], known["effort"])
    return found


def urdf_root(text: str) -> ElementTree.Element:
    """The parsed URDF.

    Raises:
        ConfigError: not a URDF, or it declares a document type (entities could unfold without end).
    """
    if len(text) > MAX_BYTES or "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise ConfigError("the robot description is too large or declares a document type.", EXPANDED)
    try:
        root = ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError) as error:
        raise ConfigError(f"the robot description is not XML: {error}.", EXPANDED) from None
    if root.tag != "robot":
        raise ConfigError(f"the robot description begins with <{root.tag}>, a URDF with <robot>.", EXPANDED)
    return root


def with_moveit(limits: Mapping[str, ModelLimit], moveit: Mapping[str, Any]) -> dict[str, ModelLimit]:
    """Add MoveIt's ``joint_limits.yaml``: velocity, acceleration and jerk where ``has_..._limits`` is set.

    Raises:
        ConfigError: the file has no ``joint_limits``.
    """
    entries = moveit.get("joint_limits")
    if not isinstance(entries, Mapping):
        raise ConfigError("the MoveIt file has no 'joint_limits'.", "give the moveit_config's joint_limits.yaml.")
    found = dict(limits)
    for name, entry in entries.items():
        if name not in found or not isinstance(entry, Mapping):
            continue
        old = found[name]

        def value(kind: str, otherwise: float | None, entry: Mapping[str, Any] = entry) -> float | None:
            return float(entry[f"max_{kind}"]) if entry.get(f"has_{kind}_limits") else otherwise

        found[name] = ModelLimit(
            old.low,
            old.high,
            value("velocity", old.velocity),
            old.effort,
            value("acceleration", old.acceleration),
            value("jerk", old.jerk),
        )
    return found


def joint_limits(
    limits: Mapping[str, ModelLimit], joints: Sequence[str], ramp_s: float = 0.2
) -> tuple[list[JointLimit], list[str]]:
    """Entries for ``safety.yaml`` in command order, and what had to be assumed, in words.

    Args:
        limits: of the robot description.
        joints: names in command order.
        ramp_s: time to full speed where no acceleration is known.

    Raises:
        ConfigError: a joint is missing from the description, has no range, or no velocity limit.
    """
    missing = [name for name in joints if name not in limits]
    if missing:
        known = ", ".join(list(limits)[:12]) or "none"
        cause = f"the robot description has no limits for {', '.join(missing)}; it has {known}."
        raise ConfigError(cause, "use the joint names of the robot description, or complete it.")
    made, assumed = [], []
    for name in joints:
        limit = limits[name]
        if not limit.low < limit.high:
            cause = f"joint '{name}' has the position range [{limit.low:g}, {limit.high:g}]."
            raise ConfigError(cause, "give it lower and upper limits in the robot description.")
        if not limit.velocity:  # some URDFs write 0 for what nobody knew
            raise ConfigError(f"joint '{name}' has no velocity limit.", "add one to the robot description.")
        acceleration = limit.acceleration or limit.velocity / ramp_s
        jerk = limit.jerk or acceleration / (0.1 * ramp_s)
        for what, known_value in (("acceleration", limit.acceleration), ("jerk", limit.jerk)):
            if known_value is None:
                assumed.append(f"{name}: {what}")
        made.append(
            JointLimit(
                name=name,
                position_min=limit.low,
                position_max=limit.high,
                velocity=limit.velocity,
                acceleration=acceleration,
                jerk=jerk,
                effort=limit.effort,
            )
        )
    return made, assumed

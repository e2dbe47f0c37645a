"""Joint limits from a robot description (URDF): position and velocity of each revolute joint.

Source: https://wiki.ros.org/urdf/XML/joint.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from xml.etree import ElementTree

from policy_nodes.errors import ConfigError

MAX_BYTES = 16 << 20
_FIX = "give the robot's URDF (xacro expanded), or its limits with --safety"


@dataclass(frozen=True)
class UrdfLimit:
    """Limits of one revolute joint: rad, rad, rad/s."""

    low: float
    high: float
    velocity: float


def joint_limits(text: str, joints: Iterable[str]) -> dict[str, UrdfLimit]:
    """Limits of the named joints.

    Args:
        text: of the URDF.
        joints: names.

    Raises:
        ConfigError: not XML, with a document type (entities could unfold without end), a joint is absent, has no
            limits (``continuous``), or limits that are none.
    """
    if len(text) > MAX_BYTES or "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise ConfigError("The robot description is too large or declares a document type.", _FIX)
    try:
        root = ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError) as error:
        raise ConfigError(f"The robot description is not XML: {error}.", _FIX) from None
    elements = {item.get("name", ""): item for item in root.findall("joint")}
    return {name: _limit(name, elements.get(name)) for name in joints}


def _limit(name: str, element: ElementTree.Element | None) -> UrdfLimit:
    if element is None:
        raise ConfigError(f"The robot description has no joint '{name}'.", _FIX)
    limit = element.find("limit")
    kind = element.get("type", "")
    if limit is None or kind != "revolute":
        raise ConfigError(f"Joint '{name}' of type '{kind}' is not a revolute joint with limits.", _FIX)
    try:
        low, high, velocity = (float(limit.get(key, "nan")) for key in ("lower", "upper", "velocity"))
    except ValueError as error:
        raise ConfigError(f"Joint '{name}': a limit is no number: {error}.", _FIX) from None
    if not (math.isfinite(low) and math.isfinite(high) and low < high and 0 < velocity < math.inf):
        raise ConfigError(f"Joint '{name}' has the limits [{low}, {high}], velocity {velocity}: unusable.", _FIX)
    return UrdfLimit(low, high, velocity)

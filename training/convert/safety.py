"""The safety configuration of a converted policy: read from YAML, or made from a robot description and two numbers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from policy_nodes.errors import ConfigError
from policy_nodes.safety.config import JointLimit, SafetyConfig, load_safety_config
from training.convert.urdf import joint_limits


def from_yaml(path: Path, joints: Sequence[str]) -> SafetyConfig:
    """Read ``safety.yaml`` and put its joints into the policy's order.

    Raises:
        ConfigError: unreadable, or it does not limit exactly these joints.
    """
    config = load_safety_config(path)
    if set(config.names) != set(joints):
        missing, extra = sorted(set(joints) - set(config.names)), sorted(set(config.names) - set(joints))
        what = f"lacks {', '.join(missing)}" if missing else f"limits {', '.join(extra)}, not moved by the policy"
        raise ConfigError(f"'{path}' {what}.", "list exactly the joints the policy commands")
    by_name = {joint.name: joint for joint in config.joints}
    return config.model_copy(update={"joints": [by_name[name] for name in joints]})


def from_urdf(text: str, joints: Sequence[str], acceleration: float | None, jerk: float | None) -> SafetyConfig:
    """Position and velocity limits of the description, acceleration and jerk as given.

    Args:
        text: of the URDF.
        joints: commanded, in order.
        acceleration: of every joint, rad/s^2; a URDF has none.
        jerk: of every joint, rad/s^3.

    Raises:
        ConfigError: a joint has no limits, or acceleration or jerk is missing.
    """
    for name, value, unit in (("acceleration", acceleration, "rad/s^2"), ("jerk", jerk, "rad/s^3")):
        if value is None:
            raise ConfigError(
                f"A robot description holds no limit of {name}.", f"give --{name} ({unit}), or --safety FILE"
            )
    limits = joint_limits(text, joints)
    return SafetyConfig(
        joints=[
            JointLimit.model_validate(
                {
                    "name": name,
                    "position_min": limit.low,
                    "position_max": limit.high,
                    "velocity": limit.velocity,
                    "acceleration": acceleration,
                    "jerk": jerk,
                }
            )
            for name, limit in limits.items()
        ]
    )

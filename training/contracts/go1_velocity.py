"""The walking Go1 as a contract: limits and reactions, and the bundle made from an exported actor.

Limits are those of the robot (``sim.robots.go1``), not of an arm's comfort: a trot asks for steps of some tenths of a
radian in 20 ms, and a limiter that clips them changes the gait that was trained. Velocity is the joint's own; the
acceleration lets the target change its velocity by the whole limit in two control periods, and jerk is limited in stops
only. Position limits are the joint ranges.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from policy_nodes.bundle.load import Bundle
from policy_nodes.safety.attitude_config import AttitudeConfig
from policy_nodes.safety.backup_config import BackupConfig
from policy_nodes.safety.config import JointLimit, SafetyConfig
from sim.robots import go1
from training.convert.onnx_policy import Conversion, convert
from training.convert.settings import Given

ROBOT = "unitree_go1"
RATE_HZ = 50.0
HOLD_STEPS = 5
"""An answer is held for 100 ms at most, the oldest command that ``docs/safety.md`` lets drive a robot."""
SIT_POSE = [0.0, 1.4, -2.65] * 4
"""Legs folded, trunk on the ground."""
MAX_AGE_S = 0.1
REACTIONS: dict[str, tuple[str, int]] = {
    "operator_disable": ("stand", 2),
    "chunk_exhausted": ("sit_down", 1),
    "observation_stale": ("sit_down", 1),
    "observation_not_finite": ("sit_down", 1),
    "observation_out_of_range": ("sit_down", 1),
    "observation_malformed": ("sit_down", 1),
    "observation_from_future": ("sit_down", 1),
    "observation_out_of_order": ("sit_down", 1),
    "command_far_from_state": ("sit_down", 1),
    "joint_state_stale": ("sit_down", 1),
    "joint_state_not_finite": ("sit_down", 1),
    "joint_state_malformed": ("sit_down", 1),
    "joint_state_from_future": ("sit_down", 1),
    "joint_state_out_of_order": ("sit_down", 1),
    "joint_jump": ("sit_down", 1),
    "joint_out_of_limits": ("sit_down", 1),
    "clock_jump": ("sit_down", 1),
    "rival_commander": ("sit_down", 1),
    "shutdown": ("sit_down", 1),
    "failure_predicted": ("sit_down", 1),
    "tracking_lost": ("damping", 1),
    "effort_exceeded": ("damping", 1),
    "fallen": ("damping", 1),
    "estop": ("damping", 1),
}
"""Reason -> backup and stop category: what needs no sensor sits down, what cannot stand any more gives way."""


def safety_config() -> SafetyConfig:
    """Limits, fall detection and reactions of the Go1."""
    period = 1.0 / RATE_HZ
    joints = []
    for i, name in enumerate(go1.JOINT_NAMES):
        velocity = float(go1.VELOCITY_LIMITS[i])
        acceleration = velocity / period  # from rest to the joint's own speed in one period
        low, high = (float(v) for v in go1.POSITION_LIMITS[i])
        joints.append(
            JointLimit(
                name=name,
                position_min=low,
                position_max=high,
                velocity=velocity,
                acceleration=acceleration,
                jerk=2.0 * acceleration / period,
            )
        )
    fields: dict[str, Any] = {
        "joints": joints,
        "limit_jerk_in_motion": False,
        "joint_state_timeout_s": MAX_AGE_S,
        "extrapolation_limit_s": 0.02,
        "position_tolerance": 0.15,
        "max_command_distance": 2.5,
        "max_tracking_error": 2.0,
        "rest_velocity": 0.5,
        "attitude": AttitudeConfig(),
        "backups": BackupConfig(sit=SIT_POSE, stand=go1.DEFAULT_POSE.tolist(), stand_s=0.25),
        "reactions": {
            reason: {"backup": backup, "stop_category": category} for reason, (backup, category) in REACTIONS.items()
        },
    }
    return SafetyConfig.model_validate(fields)


def make_bundle(actor: Path, output: Path, command_limit: tuple[float, ...] = ()) -> Bundle:
    """Bundle of an actor with the metadata that ``keel export-rl`` writes, with the Go1's safety configuration.

    Args:
        actor: ONNX file, 45 raw terms in, 12 actions out.
        output: bundle directory.
        command_limit: largest vx, vy, yaw rate; the file's own by default.

    Raises:
        BundleError: the graph is not what its metadata say.
        ConfigError: the metadata are incomplete.
    """
    output.parent.mkdir(parents=True, exist_ok=True)
    limits = output.parent / f".{output.name}.safety.yaml"
    limits.write_text(yaml.safe_dump(safety_config().model_dump(mode="json", exclude_none=True), sort_keys=False))
    try:
        request = Conversion(
            model=actor,
            output=output,
            robot=ROBOT,
            given=Given(command_limit=command_limit, rate_hz=RATE_HZ),
            safety=limits,
            max_age_s=MAX_AGE_S,
            hold_steps=HOLD_STEPS,
            tolerance=1e-4,
        )
        return convert(request)[0]
    finally:
        limits.unlink(missing_ok=True)

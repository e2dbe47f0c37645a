"""``safety.yaml``: limits per joint, timeouts and reactions, validated when it is read.

All values are SI: rad and rad/s (m and m/s for prismatic joints), seconds. The order of ``joints`` is the order of
the command vector.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, FiniteFloat, ValidationError, model_validator

from policy_nodes.errors import ConfigError
from policy_nodes.safety.attitude_config import AttitudeConfig
from policy_nodes.safety.backup_config import BackupConfig
from policy_nodes.safety.filter.config import FilterConfig
from policy_nodes.safety.reasons import REASONS, Reaction, Reason
from policy_nodes.safety.recoverability_config import RecoverabilityConfig
from policy_nodes.safety.schema import Positive, Seconds, Strict
from policy_nodes.safety.stl.config import SpecificationConfig

BackupName = Literal[
    "jerk_limited_stop", "hold", "damped_stop", "rewind", "home", "damping", "sit_down", "stand", "stl_mpc"
]
SECTIONS = {"home": "home", "sit_down": "sit", "stand": "stand", "stl_mpc": "stl_mpc"}
"""What a backup needs in section ``backups`` before it can be used, by its name."""
MOVING_BACKUPS = ("rewind", "home", "stl_mpc")
"""Backups that go somewhere; allowed only where the robot stays under power and is believed (category 2)."""

UNMEASURED = frozenset(reason for reason in Reason if reason.value.startswith("joint_"))
"""Where the joint state itself is the fault: backups that follow it have nothing to follow."""


class JointLimit(Strict):
    """Limits of one joint's command, SI units.

    ``velocity_gain`` and ``velocity_offset`` give the position dependent velocity limit of libfranka,
    ``min(velocity, max(0, -offset + sqrt(gain * distance to limit)))``; leave the gain out where it does not apply.
    """

    name: Annotated[str, Field(min_length=1, max_length=128)]
    position_min: FiniteFloat
    position_max: FiniteFloat
    velocity: Positive
    acceleration: Positive
    jerk: Positive
    velocity_gain: Positive | None = None
    velocity_offset: Annotated[FiniteFloat, Field(ge=0)] = 0.0
    effort: Positive | None = None
    """Largest effort (N m or N): a measured effort beyond it stops the robot, an effort command is kept inside."""
    effort_rate: Positive | None = None
    """Largest change of an effort command, N m/s or N/s."""

    @model_validator(mode="after")
    def _ordered(self) -> JointLimit:
        if not self.position_min < self.position_max:
            raise ValueError(f"joint '{self.name}': position_min {self.position_min} is not below {self.position_max}")
        return self


class StopReaction(Strict):
    """How one reason stops the robot."""

    backup: BackupName = "jerk_limited_stop"
    stop_category: Literal[0, 1, 2]


class SafetyConfig(Strict):
    """Everything the governor can be told."""

    joints: Annotated[list[JointLimit], Field(min_length=1, max_length=256)]
    joint_state_timeout_s: Seconds = 0.06
    """Six periods of a 100 Hz arm driver."""
    monitor_timeout_s: Seconds = 0.5
    chunk_grace_s: Annotated[FiniteFloat, Field(ge=0, le=10)] = 0.05
    """How long after a chunk is due the policy may be late before DEGRADED."""
    extrapolation_limit_s: Annotated[FiniteFloat, Field(ge=0, le=1)] = 0.05
    """How long the last sample of an ended chunk is held before the backup takes over."""
    future_tolerance_s: Annotated[FiniteFloat, Field(ge=0, le=1)] = 0.01
    """How far a stamp may lie ahead of the control clock."""
    clock_jump_s: Seconds = 0.25
    """Largest believable time between two control ticks."""
    max_rejects: Annotated[int, Field(ge=1, le=100)] = 3
    """Consecutive rejected samples of one signal that make a fault."""
    joint_jump_factor: Annotated[FiniteFloat, Field(ge=1)] = 3.0
    """A measured joint may move at most this multiple of its velocity limit between two samples."""
    joint_jump_slack: Positive = 0.02
    """Absolute part of the same test (rad or m): measurement noise."""
    position_tolerance: Positive = 0.02
    """How far a measured joint may lie outside its position limits (rad or m)."""
    max_command_distance: Positive = 0.5
    """Largest distance between the policy's command and the state it starts from (rad or m)."""
    max_tracking_error: Positive = 0.35
    """Largest distance between the last command and the measurement (rad or m)."""
    effort_debounce: Annotated[int, Field(ge=1, le=1000)] = 5
    """Consecutive joint states with an effort beyond its limit that stop the robot; contact makes single spikes."""
    rest_velocity: Positive = 0.05
    """Measured velocity below which the robot counts as standing when it is enabled (rad/s or m/s)."""
    enable_clean_ticks: Annotated[int, Field(ge=1, le=10_000)] = 5
    """Consecutive control periods without any fault before READY."""
    alarm_reaction: Literal["warn", "slow", "hold", "ask", "stop"] = "stop"
    """``ask`` holds until an operator enables again (go on), disables or resets, or ``alarm_answer_s`` is over."""
    alarm_speed: Annotated[FiniteFloat, Field(gt=0, le=1)] = 0.25
    """Share of every joint's velocity limit that ``slow`` leaves."""
    alarm_answer_s: Annotated[FiniteFloat, Field(gt=0, le=3600)] = 30.0
    """How long ``ask`` waits for the operator before the robot is stopped."""
    alarm_debounce: Annotated[int, Field(ge=1, le=100)] = 1
    """Consecutive alarming verdicts before the reaction."""
    alarm_release: Annotated[int, Field(ge=1, le=1000)] = 3
    """Consecutive quiet verdicts before ``warn``, ``slow`` or ``hold`` ends."""
    limit_jerk_in_motion: bool = True
    """Also limit jerk while the policy commands; stops are always jerk limited."""
    reactions: dict[Reason, StopReaction] = Field(default_factory=dict)
    """Overrides of backup and stop category for stopping reasons."""
    temporal_logic: Annotated[list[SpecificationConfig], Field(max_length=64)] = Field(default_factory=list)
    """What must hold while the policy moves the robot, on the executed trace and on the predicted chunk."""
    backups: BackupConfig = Field(default_factory=BackupConfig)
    """How the backups that are not plain stops behave."""
    attitude: AttitudeConfig | None = None
    """Fall detection of legged robots; None for arms."""
    filter: FilterConfig | None = None
    """What the arm must stay clear of; None switches the barrier filter off."""
    recoverability: RecoverabilityConfig | None = None
    """Stop the policy before its command leads where the backup could not stop any more; needs ``filter``."""
    black_box_s: Annotated[FiniteFloat, Field(ge=0, le=600)] = 30.0
    """How much of the past is kept and written at every stop; 0 keeps nothing."""

    @property
    def names(self) -> list[str]:
        """Joint names in command order."""
        return [joint.name for joint in self.joints]

    def stop_reaction(self, reason: Reason) -> StopReaction:
        """Backup and stop category of a reason, after overrides; category 2 for reasons that normally do not stop."""
        if reason in self.reactions:
            return self.reactions[reason]
        category = REASONS[reason].stop_category
        return StopReaction.model_validate({"stop_category": 2 if category is None else category})

    @model_validator(mode="after")
    def _consistent(self) -> SafetyConfig:
        names = self.names
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise ValueError(f"joints listed twice: {', '.join(repeated)}")
        labels = [item.name for item in self.temporal_logic]
        if len(set(labels)) != len(labels):
            raise ValueError("temporal_logic: two specifications have the same name")
        if self.recoverability is not None and self.filter is None:
            raise ValueError("recoverability: there is no geometry to judge a stop by; describe it in 'filter'")
        if self.backups.stl_mpc is not None and self.filter is None:
            raise ValueError("backups.stl_mpc: there is no geometry to plan in; describe it in 'filter'")
        for reason, reaction in self.reactions.items():
            if reason is Reason.OPERATOR_HOME:
                raise ValueError("reactions: 'operator_home' always moves home; remove it")
            if REASONS[reason].reaction is not Reaction.STOP:
                raise ValueError(f"reactions: '{reason.value}' does not stop the robot, so it has no stop category")
            if reason is Reason.ESTOP and reaction.stop_category == 2:
                raise ValueError("reactions: an emergency stop is category 0 or 1 (IEC 60204-1), not 2")
            if reason is Reason.ESTOP and reaction.backup == "hold":
                raise ValueError("reactions: an emergency stop brakes; 'hold' is not allowed")
            if reaction.backup in MOVING_BACKUPS and reaction.stop_category != 2:
                raise ValueError(f"reactions: '{reaction.backup}' for '{reason.value}' needs stop category 2")
            if reaction.backup == "damping" and reason in UNMEASURED:
                raise ValueError(f"reactions: 'damping' for '{reason.value}' needs the measurement that is missing")
            section = SECTIONS.get(reaction.backup)
            if section is not None and getattr(self.backups, section) is None:
                raise ValueError(f"reactions: '{reaction.backup}' for '{reason.value}' needs backups.{section}")
        return self


def load_safety_config(path: str | os.PathLike[str]) -> SafetyConfig:
    """Read and validate ``safety.yaml``.

    Raises:
        ConfigError: the file is missing, is not YAML, or a value is absent, unknown or out of range.
    """
    file = Path(path)
    try:
        data: Any = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read {file}: {error.strerror}.", "name an existing safety.yaml.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} is not valid YAML: {error}.", "correct the file.") from error
    try:
        return SafetyConfig.model_validate(data)
    except ValidationError as error:
        places = "; ".join(
            f"{'.'.join(str(part) for part in item['loc']) or 'file'}: {item['msg']}" for item in error.errors()
        )
        raise ConfigError(f"{file}: {places}.", "correct the named values.") from error


def dump_safety_config(config: SafetyConfig, path: str | os.PathLike[str]) -> None:
    """Write ``safety.yaml`` so that :func:`load_safety_config` returns an equal object, atomically."""
    file = Path(path)
    temporary = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    text = yaml.safe_dump(config.model_dump(mode="json", exclude_none=True), sort_keys=False)
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)

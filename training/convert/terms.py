"""What observation names of reinforcement learning frameworks mean on a robot: topic, field, unit, offset, range.

The graph gets raw sensor values; what the trainer did to them (subtract the default pose, divide by the action scale,
multiply by an observation scale) becomes an offset and a factor per element, which ``graph`` builds into the policy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from policy_nodes.errors import ConfigError
from policy_nodes.safety.config import SafetyConfig
from training.convert.settings import Settings

BASE_LIN_VEL = ("base_lin_vel", "lin_vel_b")
BASE_ANG_VEL = ("base_ang_vel", "imu_ang_vel", "ang_vel_b", "gyro")
GRAVITY = ("projected_gravity", "gravity_b", "gravity_vec")
JOINT_POS = ("joint_pos", "joint_pos_rel", "dof_pos", "q")
JOINT_VEL = ("joint_vel", "joint_vel_rel", "dof_vel", "dq")
ACTIONS = ("actions", "last_action", "last_actions", "prev_actions", "action")
COMMAND = ("command", "commands", "cmd", "velocity_commands", "velocity_command", "twist")
MARGIN = 1.5
"""Measured joint velocities may exceed the commanded limit by this factor before they are called implausible."""
POSITION_MARGIN = 0.1
COMMAND_TIMEOUT_S = 0.5
"""A velocity command that is older counts as zero."""
LARGEST_ACTION = 20.0
"""Beyond it an action in the units of the network is implausible; trainers clip at 10 to 100."""
ACTION_CHUNK = "/policy_node/action_chunk"


@dataclass(frozen=True)
class Topics:
    """Where a robot publishes what a policy of this kind observes.

    Attributes:
        joint_states: JointState; imu: Imu; odometry: Odometry; velocity_command: Twist or TwistStamped.
        command: Float64MultiArray of joint targets, written by the safety node.
        stamped_velocity_command: the velocity command is a TwistStamped.
    """

    joint_states: str = "/joint_states"
    imu: str = "/imu"
    odometry: str = "/odom"
    velocity_command: str = "/cmd_vel"
    command: str = "/forward_position_controller/commands"
    stamped_velocity_command: bool = False


@dataclass(frozen=True)
class Term:
    """One observation term: its contract, and the affine map from raw values to what the policy was trained on.

    Attributes:
        contract: fields of ``ObservationTerm``.
        offset: (size,), subtracted; factor: (size,), multiplied afterwards.
        history: steps.
    """

    contract: dict[str, Any]
    offset: NDArray[np.float64]
    factor: NDArray[np.float64]
    history: int

    @property
    def size(self) -> int:
        """Elements of one step."""
        return int(self.offset.size)


def build_terms(settings: Settings, safety: SafetyConfig, topics: Topics, max_age_s: float) -> list[Term]:
    """The terms of a policy, in the order of its input.

    Raises:
        ConfigError: a name that is not known here, or a command without a range.
    """
    terms = []
    for name, history in zip(settings.observations, settings.history, strict=True):
        contract, offset, factor = _meaning(name, settings, safety, topics)
        factor = factor * settings.observation_scale.get(name, 1.0)
        terms.append(Term({"name": name, "max_age_s": max_age_s, **contract}, offset, factor, history))
    return terms


Meaning = tuple[dict[str, Any], NDArray[np.float64], NDArray[np.float64]]


def _meaning(name: str, settings: Settings, safety: SafetyConfig, topics: Topics) -> Meaning:
    imu = {"topic": topics.imu, "message_type": "sensor_msgs/msg/Imu"}
    if name in BASE_ANG_VEL:
        return _vector(imu | {"field": "angular_velocity"}, ["rad/s"] * 3, 35.0)
    if name in GRAVITY:
        return _vector(imu | {"field": "projected_gravity"}, ["1"] * 3, 1.001)
    if name in BASE_LIN_VEL:
        odometry = {"topic": topics.odometry, "message_type": "nav_msgs/msg/Odometry", "field": "linear"}
        return _vector(odometry, ["m/s"] * 3, 15.0)
    if name in COMMAND:
        return _command(settings, topics)
    if name in (*JOINT_POS, *JOINT_VEL, *ACTIONS):
        return _joints(name, settings, safety, topics)
    known = ", ".join(
        group[0] for group in (BASE_LIN_VEL, BASE_ANG_VEL, GRAVITY, JOINT_POS, JOINT_VEL, ACTIONS, COMMAND)
    )
    raise ConfigError(
        f"Observation '{name}' is not one that Keel can read from a robot (it knows {known} and their usual synonyms).",
        "name the terms with --observations if only the spelling differs; policies that follow a reference motion or "
        "see a height map cannot be converted",
    )


def _vector(source: dict[str, Any], units: list[str], bound: float) -> Meaning:
    contract = source | {"axes": ["x", "y", "z"], "unit": units, "minimum": [-bound] * 3, "maximum": [bound] * 3}
    return contract, np.zeros(3), np.ones(3)


def _command(settings: Settings, topics: Topics) -> Meaning:
    if settings.command_low is None or settings.command_high is None:
        raise ConfigError(
            "The model does not say its command range.", "give --command-limit VX VY WZ (m/s, m/s, rad/s)"
        )
    kind = "TwistStamped" if topics.stamped_velocity_command else "Twist"
    low, high = settings.command_low, settings.command_high
    slack = 1e-3 + 1e-6 * np.abs(high - low)  # a range of one value is a range too
    contract = {
        "topic": topics.velocity_command,
        "message_type": f"geometry_msgs/msg/{kind}",
        "field": "planar",
        "axes": ["linear_x", "linear_y", "angular_z"],
        "unit": ["m/s", "m/s", "rad/s"],
        "minimum": (low - slack).tolist(),
        "maximum": (high + slack).tolist(),
        # As Nav2 and diff_drive_controller do with a silent command: stand.
        "fallback": [0.0, 0.0, 0.0],
        "max_age_s": COMMAND_TIMEOUT_S,
    }
    return contract, np.zeros(3), np.ones(3)


def _joints(name: str, settings: Settings, safety: SafetyConfig, topics: Topics) -> Meaning:
    count = len(settings.joints)
    low = np.array([joint.position_min for joint in safety.joints])
    high = np.array([joint.position_max for joint in safety.joints])
    states = {"topic": topics.joint_states, "message_type": "sensor_msgs/msg/JointState", "axes": list(settings.joints)}
    wide = {"minimum": (low - POSITION_MARGIN).tolist(), "maximum": (high + POSITION_MARGIN).tolist()}
    if name in JOINT_POS:
        contract = states | wide | {"field": "position", "unit": ["rad"] * count}
        return contract, settings.default_pos, np.ones(count)
    if name in JOINT_VEL:
        bound = [MARGIN * joint.velocity for joint in safety.joints]
        contract = {"field": "velocity", "unit": ["rad/s"] * count, "minimum": [-v for v in bound], "maximum": bound}
        return states | contract, np.zeros(count), np.ones(count)
    # The policy's own previous answer, in the units it was trained on; the default pose before the first one.
    source = {"topic": ACTION_CHUNK, "message_type": "trajectory_msgs/msg/JointTrajectory", "field": "first_positions"}
    reach = np.abs(settings.action_scale) * LARGEST_ACTION
    default = settings.default_pos
    contract = source | {
        "minimum": np.minimum(low - POSITION_MARGIN, default - reach).tolist(),
        "maximum": np.maximum(high + POSITION_MARGIN, default + reach).tolist(),
        "axes": list(settings.joints),
        "unit": ["rad"] * count,
        "fallback": default.tolist(),
    }
    return contract, settings.default_pos, 1.0 / settings.action_scale

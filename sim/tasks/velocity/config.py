"""Configuration of the velocity tasks; the defaults are the flat-ground task of the Go1.

Recipe: legged_gym (Rudin et al. 2021, arXiv 2109.11978), with the additions of mjlab and unitree_rl_lab: a share of
commands to stand still, a posture term, pushes every few seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Literal, get_args

from sim.errors import TaskError
from sim.randomization.ranges import Range, check_range

ActuatorKind = Literal["servo", "pd", "dc_motor", "network"]


@dataclass(frozen=True)
class ActuatorConfig:
    """What turns joint targets into torques.

    Attributes:
        kind: ``servo``: MuJoCo's position servo, implicit in its damping; ``pd``: the same law computed at every
            physics step, as a motor board does; ``dc_motor``: that, cut by the speed-torque line of a motor;
            ``network``: a learned actuator (Hwangbo et al. 2019, arXiv 1901.08652).
        stall_ratio: stall torque over the effort limit, for ``dc_motor``.
        network: .npz file of ``sim.actuators.network.ActuatorNet``.
        moment_steps: physics steps between the moments that the network sees.

    Raises:
        TaskError: an unknown kind, or a number that no actuator has.
    """

    kind: ActuatorKind = "servo"
    stall_ratio: float = 1.0
    network: str = ""
    moment_steps: int = 2

    def __post_init__(self) -> None:
        if self.kind not in get_args(ActuatorKind):
            raise TaskError(
                f"ActuatorConfig.kind is '{self.kind}'.", f"use one of {', '.join(get_args(ActuatorKind))}."
            )
        if not self.stall_ratio >= 1.0 or self.moment_steps < 1:
            raise TaskError(
                f"ActuatorConfig has stall_ratio {self.stall_ratio}, moment_steps {self.moment_steps}.",
                "give at least 1 of each.",
            )
        if (self.kind == "network") != bool(self.network):
            raise TaskError(
                f"ActuatorConfig.kind is '{self.kind}' and network is '{self.network}'.",
                "give the file of the network for kind 'network', and for no other.",
            )


@dataclass(frozen=True)
class ObservationScales:
    """Factors on the raw quantities, legged_gym's; the network then sees numbers of order one.

    Attributes:
        linear_velocity: per m/s, critic only.
        angular_velocity: per rad/s.
        joint_position: per rad of difference from the default pose.
        joint_velocity: per rad/s.
        command: of (vx, vy, yaw rate).
    """

    linear_velocity: float = 2.0
    angular_velocity: float = 0.25
    joint_position: float = 1.0
    joint_velocity: float = 0.05
    command: tuple[float, float, float] = (2.0, 2.0, 0.25)


@dataclass(frozen=True)
class ObservationNoise:
    """Half width of uniform noise, or of an offset, on what the actor sees, in raw units; the critic sees neither.

    Attributes:
        angular_velocity: rad/s.
        gravity: of the unit vector.
        joint_position: rad.
        joint_velocity: rad/s.
    """

    angular_velocity: float = 0.2
    gravity: float = 0.05
    joint_position: float = 0.01
    joint_velocity: float = 1.5

    def __post_init__(self) -> None:
        for item in fields(self):
            width = getattr(self, item.name)
            check_range(f"ObservationNoise.{item.name}", (width, width), 0.0)


@dataclass(frozen=True)
class CommandConfig:
    """How commands are drawn.

    Attributes:
        linear_x: forward velocity in the base frame [m/s].
        linear_y: velocity to the left [m/s].
        yaw_rate: counter-clockwise [rad/s].
        standing_share: fraction of commands that are exactly zero.
        straight_share: fraction that are forward or backward only, as a driver mostly asks for.
        deadband: commands with a planar speed and a yaw rate below this become exactly zero [m/s, rad/s].
        resample_s: seconds between draws.
    """

    linear_x: Range = (-1.0, 1.0)
    linear_y: Range = (-0.6, 0.6)
    yaw_rate: Range = (-1.0, 1.0)
    standing_share: float = 0.1
    straight_share: float = 0.2
    deadband: float = 0.1
    resample_s: float = 10.0

    def __post_init__(self) -> None:
        for name in ("linear_x", "linear_y", "yaw_rate"):
            low, high = getattr(self, name)
            if not low <= high:
                raise TaskError(f"CommandConfig.{name} is ({low}, {high}).", "give the smaller number first.")
        if not 0.0 <= self.standing_share + self.straight_share <= 1.0:
            raise TaskError(
                "CommandConfig.standing_share and straight_share add up to more than one.", "lower one of them."
            )


@dataclass(frozen=True)
class RewardWeights:
    """Weight of each term of ``rewards`` per second of simulated time; zero switches a term off.

    The names are those of the functions. ``tracking_sigma`` is the squared width of the tracking kernels
    [(m/s)^2, (rad/s)^2]; ``positive`` cuts the sum at zero, so that ending the episode never pays.
    """

    track_linear_velocity: float = 1.5
    track_yaw_rate: float = 0.75
    progress: float = 1.0
    turn_progress: float = 0.5
    vertical_velocity: float = -2.0
    roll_pitch_rate: float = -0.05
    tilt: float = -2.5
    base_height: float = -20.0
    torque: float = -2e-4
    joint_acceleration: float = -2.5e-7
    action_rate: float = -0.01
    joint_limits: float = -10.0
    air_time: float = 1.0
    foot_slip: float = -0.1
    leg_contact: float = -1.0
    hip_posture: float = -0.5
    stand_still: float = -0.5
    tracking_sigma: float = 0.25
    positive: bool = True

    def terms(self) -> dict[str, float]:
        """Names and weights of the terms that count."""
        skip = ("tracking_sigma", "positive")
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name not in skip and getattr(self, f.name)}


@dataclass(frozen=True)
class ResetConfig:
    """Where episodes start.

    Attributes:
        height_margin: start this far above the default height [m].
        position: the robot starts within this distance of the origin in x and y [m].
        yaw: heading [rad].
        tilt: largest roll and pitch [rad].
        joint_offset: uniform offset of every joint from the default pose [rad].
        velocity: largest linear and angular base velocity [m/s, rad/s].
    """

    height_margin: float = 0.01
    position: float = 0.5
    yaw: Range = (-3.14159, 3.14159)
    tilt: float = 0.1
    joint_offset: float = 0.2
    velocity: float = 0.3

    def __post_init__(self) -> None:
        check_range("ResetConfig.yaw", self.yaw)
        for name in ("height_margin", "position", "tilt", "joint_offset", "velocity"):
            check_range(f"ResetConfig.{name}", (getattr(self, name), getattr(self, name)), 0.0)


@dataclass(frozen=True)
class PushConfig:
    """Velocity kicks: the base's velocity changes at once, as legged_gym does it.

    Attributes:
        every_s: uniformly drawn time between two kicks [s].
        linear: largest size of the horizontal kick, in a random direction [m/s]; zero for none.
        angular: largest change of each component of the angular velocity [rad/s].
    """

    every_s: Range = (4.0, 8.0)
    linear: float = 0.8
    angular: float = 0.4

    def __post_init__(self) -> None:
        check_range("PushConfig.every_s", self.every_s, 0.0)
        check_range("PushConfig.linear", (self.linear, self.linear), 0.0)
        check_range("PushConfig.angular", (self.angular, self.angular), 0.0)


@dataclass(frozen=True)
class TerminationConfig:
    """When the robot counts as fallen.

    Attributes:
        base_force: contact force on the trunk [N].
        tilt: angle between the trunk's up axis and the vertical [rad].
        height: trunk below this height above the ground [m].
    """

    base_force: float = 1.0
    tilt: float = 1.2
    height: float = 0.10


@dataclass(frozen=True)
class VelocityConfig:
    """A velocity-tracking task.

    Attributes:
        physics_dt: simulator step [s]; decimation: steps per action.
        episode_s: length of an episode; running out of time is a truncation.
        solver_iterations: of MuJoCo's Newton solver; line_search: steps of its line search.
        friction: of the ground, without randomisation.
        distinct_models: how many sets of random parameters the worlds share; None for one per world.
        action_clip: actions beyond are cut.
        external_forces: whether something outside of the task pushes with forces.
        action_delay: largest number of physics steps for which the previous action still holds, drawn per episode.
        observation_delay: largest number of control steps by which measurements are late, drawn per episode.
        bias: half width of the offset of each measurement, drawn per episode.
        actuator: what makes torques of joint targets.
        base_height: that the height term asks for [m].
        air_time: swing that earns nothing; what is beyond is paid [s].
    """

    physics_dt: float = 0.005
    decimation: int = 4
    episode_s: float = 20.0
    solver_iterations: int = 4
    line_search: int = 6
    friction: float = 0.8
    distinct_models: int | None = 128
    action_clip: float = 10.0
    external_forces: bool = False
    action_delay: int = 2
    observation_delay: int = 0
    bias: ObservationNoise = field(default_factory=lambda: ObservationNoise(0.0, 0.0, 0.0, 0.0))
    actuator: ActuatorConfig = field(default_factory=ActuatorConfig)
    base_height: float = 0.25
    air_time: float = 0.1
    scales: ObservationScales = field(default_factory=ObservationScales)
    noise: ObservationNoise | None = field(default_factory=ObservationNoise)
    commands: CommandConfig = field(default_factory=CommandConfig)
    rewards: RewardWeights = field(default_factory=RewardWeights)
    reset: ResetConfig = field(default_factory=ResetConfig)
    pushes: PushConfig | None = field(default_factory=PushConfig)
    terminations: TerminationConfig = field(default_factory=TerminationConfig)

    def __post_init__(self) -> None:
        check_range("VelocityConfig.action_delay", (self.action_delay, self.action_delay), 0, self.decimation)
        check_range("VelocityConfig.observation_delay", (self.observation_delay, self.observation_delay), 0, 50)

    @property
    def step_dt(self) -> float:
        """Period of the policy [s]."""
        return self.physics_dt * self.decimation

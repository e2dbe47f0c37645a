"""A scripted expert for the two-arm transfer: closed loop at 50 Hz from the privileged state.

``strategy.decide`` says where the grippers should go; here tool velocities towards there, bounded in speed and
acceleration, become joint commands by the arms' closed-form kinematics. As in ``sim.tasks.pick_place.expert`` the
integrated command leaks towards the measured motion, so that labels under injected noise start from the true robot.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.robots import aloha
from sim.robots.aloha_arm import ToolPose, forward, inverse
from sim.tasks.aloha_transfer.strategy import OPEN, SQUEEZE, Aim, Hand, Phase, View, decide
from sim.tasks.aloha_transfer.world import TransferWorld
from sim.tasks.pick_place.expert import approach
from sim.tasks.pick_place.geometry import braking_speed, cube_yaw
from sim.tasks.pick_place.noise import CorrelatedNoise


@dataclass(frozen=True)
class TransferExpertConfig:
    """Bounds of the expert's commands.

    Attributes:
        speed: of a tool [m/s]; deceleration: of its braking [m/s^2]; rate: of the exponential end [1/s].
        tool_acceleration: of a tool's velocity [m/s^2].
        turn_speed: of pitch and roll [rad/s]; turn_acceleration: [rad/s^2].
        max_speed: of each arm joint [rad/s]; max_acceleration: of its command [rad/s^2].
        finger_speed: of a finger's command [m/s].
        leak: share per tick by which the integrated command follows the measured motion.
        noise_time: correlation time of injected noise [s].
        noise_floor: share of the noise that remains when the arms are still.
        noise_full_speed: speed of the fastest joint from which the noise is full [rad/s].
    """

    speed: float = 0.4
    deceleration: float = 0.6
    rate: float = 6.0
    tool_acceleration: float = 1.0
    turn_speed: float = 1.5
    turn_acceleration: float = 5.0
    max_speed: float = 1.8
    max_acceleration: float = 8.0
    finger_speed: float = 0.08
    leak: float = 0.06
    noise_time: float = 0.3
    noise_floor: float = 0.2
    noise_full_speed: float = 0.5


class _Arm:
    """The integrated command of one arm."""

    def __init__(self, side: str, position: NDArray[np.float64], config: TransferExpertConfig, dt: float) -> None:
        self.side, self.config, self.dt = side, config, dt
        self.command = position[: aloha.ARM].copy()
        self.speed = np.zeros(aloha.ARM)
        self.finger = float(np.clip(position[aloha.ARM], *aloha.FINGER_RANGE))
        self._linear, self._turn = np.zeros(3), np.zeros(2)

    def follow(self, aim: Aim, tool: ToolPose, anchor: NDArray[np.float64], closed: float) -> NDArray[np.float64]:
        """Next command (7,): the tool moves from where it is towards the aim.

        Args:
            aim: where to go.
            tool: where the gripper is.
            anchor: (6,) command that the measured motion corresponds to.
            closed: finger position that a closing gripper is commanded to [m].
        """
        config, dt = self.config, self.dt
        way = aim.pose.position - tool.position
        turn = np.array([aim.pose.pitch - tool.pitch, aim.pose.roll - tool.roll])
        linear = _braking(way, config.speed, config.deceleration, config.rate)
        turning = np.array([_braking(t, config.turn_speed, 4.0, config.rate)[0] for t in turn.reshape(2, 1)])
        self._linear = approach(self._linear, linear, config.tool_acceleration * dt)
        self._turn = approach(self._turn, turning, config.turn_acceleration * dt)
        here = forward(self.side, self.command)
        there = ToolPose(
            here.position + self._linear * dt, here.pitch + self._turn[0] * dt, here.roll + self._turn[1] * dt
        )
        wanted = (inverse(self.side, there) - self.command) / dt + config.leak / dt * (anchor - self.command)
        change = np.clip(wanted - self.speed, -config.max_acceleration * dt, config.max_acceleration * dt)
        self.speed = np.clip(self.speed + change, -config.max_speed, config.max_speed)
        low, high = aloha.POSITION_LIMITS[: aloha.ARM].T
        self.command = np.clip(self.command + self.speed * dt, low + 0.01, high - 0.01)
        slide = (OPEN if aim.open_gripper else closed) - self.finger
        self.finger += float(np.clip(slide, -config.finger_speed * dt, config.finger_speed * dt))
        return np.append(self.command, self.finger)


class TransferExpert:
    """Hands the cube over, again if it was dropped.

    Args:
        noise: stationary standard deviation of the perturbation of each arm joint [rad]; 0 switches it off.
        seed: of the perturbation.
        config: bounds and speeds.
    """

    def __init__(self, noise: float = 0.0, seed: int = 0, config: TransferExpertConfig | None = None) -> None:
        self.config = config or TransferExpertConfig()
        self.noise = noise
        self._rng = np.random.default_rng(seed)
        self._done = False
        self.aims: dict[str, Aim] = {}

    @property
    def done(self) -> bool:
        """The cube has been handed over, as of the last ``act``."""
        return self._done

    def reset(self, world: TransferWorld, seed: int | None = None) -> None:
        """Starts from the present state of a world; call it after the world's ``reset`` or ``new_episode``."""
        if seed is not None:
            self._rng = np.random.default_rng(seed)
        gains = aloha.actuator_gains(world.model)
        self._lag = gains.damping / gains.stiffness
        self._noise = CorrelatedNoise(len(aloha.ARM_ROWS), self.noise, self.config.noise_time, world.control_dt)
        position = world.joint_state()[0]
        self._arms = {side: _Arm(side, position[_rows(side)], self.config, world.control_dt) for side in aloha.SIDES}
        self._done = False

    def act(self, world: TransferWorld) -> NDArray[np.float64]:
        """Command (14,) for the next control period: joint position targets [rad, m]."""
        position, velocity, _ = world.joint_state()
        anchor = position + self._lag * velocity
        view = _view(world, position)
        self.aims = decide(view)
        closed = max(aloha.CLOSED_FINGER + view.half - SQUEEZE, aloha.FINGER_RANGE[0])
        parts = []
        for side, hand in (("left", view.left), ("right", view.right)):
            parts.append(self._arms[side].follow(self.aims[side], hand.tool, anchor[_rows(side)][: aloha.ARM], closed))
        self._done = self.aims["left"].phase is Phase.HOLD and world.success()
        return np.concatenate(parts)

    def perturb(self, command: ArrayLike) -> NDArray[np.float64]:
        """The command (14,) to execute: with the next sample of noise on the arms, unchanged when ``noise`` is 0."""
        executed = np.array(command, dtype=float)
        if self.noise > 0.0:
            fastest = max(float(np.max(np.abs(arm.speed))) for arm in self._arms.values())
            share = min(fastest / self.config.noise_full_speed, 1.0)
            share = self.config.noise_floor + (1.0 - self.config.noise_floor) * share
            executed[aloha.ARM_ROWS] += share * self._noise.sample(self._rng)
        return executed


def _rows(side: str) -> slice:
    first = aloha.SIDES.index(side) * aloha.PER_SIDE
    return slice(first, first + aloha.PER_SIDE)


def _view(world: TransferWorld, position: NDArray[np.float64]) -> View:
    cube = world.object_poses()[world.object_name]
    hands = []
    for side in aloha.SIDES:
        joints = position[_rows(side)]
        pose = forward(side, joints)
        hands.append(Hand(ToolPose(world.tool_pose(side)[:3], pose.pitch, pose.roll), float(joints[aloha.ARM])))
    return View(hands[0], hands[1], cube[:3], cube_yaw(cube[3:]), world.config.cube.half_size)


def _braking(way: NDArray[np.float64], top: float, deceleration: float, rate: float) -> NDArray[np.float64]:
    """Velocity (d,) with which to close a way (d,)."""
    distance = float(np.linalg.norm(way))
    speed = braking_speed(distance, top, deceleration, rate)
    result: NDArray[np.float64] = way / max(distance, 1e-9) * speed
    return result

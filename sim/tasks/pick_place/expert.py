"""A scripted expert for the pick-and-place world: closed loop at 50 Hz from the privileged state.

``strategy.decide`` says what the tool should do, ``DifferentialIK`` turns it into joint velocity, and this module
integrates it under speed and acceleration bounds into position commands. The integrated command leaks towards the one
that the measured motion corresponds to, so that labels under injected noise (see ``noise``) start from the true robot.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.robots import panda
from sim.tasks.pick_place.differential_ik import DifferentialIK
from sim.tasks.pick_place.geometry import braking_speed, cube_yaw, downward, rotation_matrix, tool_yaw
from sim.tasks.pick_place.noise import CorrelatedNoise
from sim.tasks.pick_place.strategy import Intent, Phase, StrategyConfig, View, decide
from sim.tasks.pick_place.world import PickPlaceWorld


@dataclass(frozen=True)
class ExpertConfig:
    """Bounds of the expert's commands.

    Attributes:
        strategy: speeds and shapes in tool space.
        max_speed: of each arm joint [rad/s].
        max_acceleration: of each arm joint's command [rad/s^2].
        tool_acceleration: of the tool's velocity; the joints' bound, which bends the path, is then rarely met [m/s^2].
        turn_acceleration: likewise for turning [rad/s^2].
        finger_speed: of the finger command [m/s].
        finger_acceleration: of the finger command; more than finger_speed per tick, so that it stops at once [m/s^2].
        home_speed: of the fastest joint on the way home [rad/s].
        leak: share per tick by which the integrated command follows the measured motion.
        noise_time: correlation time of injected noise [s].
        noise_floor: share of the noise that remains when the arm is still; fine motion is perturbed less than fast.
        noise_full_speed: speed of the fastest joint from which the noise is full [rad/s].
    """

    strategy: StrategyConfig = field(default_factory=StrategyConfig)
    max_speed: float = 1.5
    max_acceleration: float = 5.0
    tool_acceleration: float = 1.2
    turn_acceleration: float = 4.0
    finger_speed: float = 0.12
    finger_acceleration: float = 8.0
    home_speed: float = 1.2
    leak: float = 0.15
    noise_time: float = 0.3
    noise_floor: float = 0.2
    noise_full_speed: float = 0.5


class PickPlaceExpert:
    """Picks and places, again and again if need be.

    Typical use, which records clean labels while a perturbed command is executed::

        expert.reset(world)
        while not expert.done:
            label = expert.act(world)
            world.step(expert.perturb(label))

    Args:
        noise: stationary standard deviation of the perturbation of each arm joint [rad]; 0 switches it off.
        seed: of the perturbation.
        config: bounds and speeds.
    """

    def __init__(self, noise: float = 0.0, seed: int = 0, config: ExpertConfig | None = None) -> None:
        self.config = config or ExpertConfig()
        self.noise = noise
        self._rng = np.random.default_rng(seed)
        self._ik: DifferentialIK | None = None
        self._done = False
        self._retry = False
        self.intent = Intent(Phase.WAIT)

    @property
    def done(self) -> bool:
        """The task has succeeded and the arm is back home, as of the last ``act``."""
        return self._done

    def reset(self, world: PickPlaceWorld, seed: int | None = None) -> None:
        """Starts from the present state of a world; call it after the world's ``reset`` or ``new_episode``."""
        if seed is not None:
            self._rng = np.random.default_rng(seed)
        if self._ik is None or self._ik.dt != world.control_dt:
            self._ik = DifferentialIK(world.control_dt, self.config.max_speed)
        gains = panda.actuator_gains(world.model)
        self._lag = (gains.damping / gains.stiffness)[:7]
        self._noise = CorrelatedNoise(7, self.noise, self.config.noise_time, world.control_dt)
        position, velocity, _ = world.joint_state()
        self._arm = position[:7] + self._lag * velocity[:7]
        self._speed = velocity[:7].copy()
        self._linear, self._angular = np.zeros(3), np.zeros(3)
        self._finger = float(np.clip(position[7], *panda.FINGER_RANGE))
        self._finger_speed = 0.0
        self._done = self._retry = False

    def act(self, world: PickPlaceWorld) -> NDArray[np.float64]:
        """Command (8,) for the next control period: joint position targets [rad] and finger position [m]."""
        assert self._ik is not None, "call reset first"
        dt, config = self._ik.dt, self.config
        position, velocity, _ = world.joint_state()
        anchor = position[:7] + self._lag * velocity[:7]
        view = self._view(world, float(position[7]))
        intent = self._with_retries(self._intent(world, view), view, world.config.cube.half_size)
        wanted = self._joint_velocity(intent, world.tool_pose()[3:]) + (config.leak / dt) * (anchor - self._arm)
        change = np.clip(wanted - self._speed, -config.max_acceleration * dt, config.max_acceleration * dt)
        self._speed = np.clip(self._speed + change, -config.max_speed, config.max_speed)
        limits = panda.POSITION_LIMITS[:7]
        self._arm = np.clip(self._arm + self._speed * dt, limits[:, 0] + 0.01, limits[:, 1] - 0.01)
        target = panda.FINGER_RANGE[1] if intent.open_gripper else panda.FINGER_RANGE[0]
        finger_speed = float(np.clip((target - self._finger) / dt, -config.finger_speed, config.finger_speed))
        most = config.finger_acceleration * dt
        self._finger_speed += float(np.clip(finger_speed - self._finger_speed, -most, most))
        self._finger = float(np.clip(self._finger + self._finger_speed * dt, *panda.FINGER_RANGE))
        self.intent = intent
        self._done = self._finished(world, intent)
        return np.append(self._arm, self._finger)

    def _intent(self, world: PickPlaceWorld, view: View) -> Intent:
        return decide(view, world.config, self.config.strategy)

    def _finished(self, world: PickPlaceWorld, intent: Intent) -> bool:
        at_home = float(np.max(np.abs(world.joint_state()[0][:7] - panda.HOME[:7]))) < 0.06
        return intent.phase is Phase.RETREAT and at_home and world.success()

    def perturb(self, command: ArrayLike) -> NDArray[np.float64]:
        """The command (8,) to execute: with the next sample of noise on the arm, unchanged when ``noise`` is 0."""
        executed = np.array(command, dtype=float)
        if self.noise > 0.0:
            share = min(float(np.max(np.abs(self._speed))) / self.config.noise_full_speed, 1.0)
            share = self.config.noise_floor + (1.0 - self.config.noise_floor) * share
            executed[:7] += share * self._noise.sample(self._rng)
        return executed

    @staticmethod
    def _view(world: PickPlaceWorld, finger: float) -> View:
        poses, tool = world.object_poses(), world.tool_pose()
        cube, goal = poses[world.object_name], poses[world.goal_name]
        speed = float(np.linalg.norm(world.cube_velocity()))
        return View(tool[:3], tool_yaw(tool[3:]), finger, cube[:3], cube_yaw(cube[3:]), speed, goal[:2])

    def _with_retries(self, intent: Intent, view: View, half: float) -> Intent:
        """Latches a retry when the fingers closed on nothing, until the tool is up and the gripper open."""
        if intent.phase is Phase.GRASP and view.finger < half - 0.004:
            self._retry = True
        if self._retry and (view.finger > 0.036 and view.tool[2] > view.cube[2] + 0.08):
            self._retry = False
        if self._retry:
            return Intent(Phase.REOPEN, np.array([0.0, 0.0, 0.2]), view.tool_yaw, True)
        return intent

    def _joint_velocity(self, intent: Intent, tool_quat_xyzw: NDArray[np.float64]) -> NDArray[np.float64]:
        assert self._ik is not None
        error = downward(intent.yaw) @ rotation_matrix(tool_quat_xyzw).T
        angular = _log(error)
        angle = float(np.linalg.norm(angular))
        if angle > 1e-9:
            angular *= braking_speed(angle, self.config.strategy.turn_speed, 3.0, self.config.strategy.rate) / angle
        self._linear = approach(self._linear, intent.linear, self.config.tool_acceleration * self._ik.dt)
        self._angular = approach(self._angular, angular, self.config.turn_acceleration * self._ik.dt)
        tool_motion = self._ik.joint_velocity(self._arm, self._linear, self._angular)
        if intent.home == 0.0:
            return tool_motion
        to_home = panda.HOME[:7] - self._arm
        distance = float(np.max(np.abs(to_home)))
        speed = braking_speed(distance, self.config.home_speed, 3.0, 5.0)
        homeward = to_home / max(distance, 1e-9) * speed
        return (1.0 - intent.home) * tool_motion + intent.home * homeward


def _log(rotation: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rotation vector (3,) of a rotation matrix, for angles below pi."""
    axis = np.array([rotation[2, 1] - rotation[1, 2], rotation[0, 2] - rotation[2, 0], rotation[1, 0] - rotation[0, 1]])
    sine = float(np.linalg.norm(axis)) / 2
    angle = float(np.arctan2(sine, (np.trace(rotation) - 1.0) / 2))
    return axis / 2 if sine < 1e-9 else axis / (2 * sine) * angle


def approach(value: NDArray[np.float64], target: NDArray[np.float64], step: float) -> NDArray[np.float64]:
    """The value moved towards the target by at most ``step`` in norm."""
    change = target - value
    size = float(np.linalg.norm(change))
    return target if size <= step else value + change * (step / size)

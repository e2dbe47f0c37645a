"""A walking Go1 as the simulator node sees a robot: joint targets in, joint state, IMU and odometry out.

The motor boards' position loop (gains of ``sim.robots.go1``) runs inside MuJoCo at 500 Hz, as on the robot; commands
arrive at 50 Hz and are held. Physics is finer than in training (2 ms instead of 5 ms).
"""

from __future__ import annotations

import mujoco
import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.errors import CommandError
from sim.robots import go1
from sim.tasks.velocity.config import VelocityConfig
from sim.tasks.velocity.robots import go1_robot
from sim.tasks.velocity.scene import build_model

PHYSICS_DT = 0.002
SETTLE_S = 0.5
FALLEN_TILT = 1.0
PUSH_SPEED = 4.0
"""Sideways velocity that :meth:`SimulatedGo1.displace_object` adds to the trunk, m/s."""

Floats = NDArray[np.float64]


class SimulatedGo1:
    """A Go1 on flat ground that runs on for ever; a new episode puts it back on its feet.

    Attributes:
        joint_names: names on ``/joint_states``, in command order.
        frame_id: frame of the odometry; ``base_frame``: of IMU and twist.
        model: MuJoCo's; parameters may be changed before the first step (sim-to-sim tests do).

    Args:
        seed: of the pushes.
        physics_dt: step of physics and position loop, s.
        integrator: MuJoCo's name, for example ``implicitfast`` or ``Euler``.
    """

    joint_names: tuple[str, ...] = go1.JOINT_NAMES
    frame_id: str = "odom"
    base_frame: str = go1.BASE_BODY

    def __init__(self, seed: int = 0, physics_dt: float = PHYSICS_DT, integrator: str = "implicitfast") -> None:
        self.model = build_model(go1_robot(), VelocityConfig(physics_dt=physics_dt))
        self.model.opt.integrator = int(getattr(mujoco.mjtIntegrator, f"mjINT_{integrator.upper()}"))
        self.data = mujoco.MjData(self.model)
        self._rng = np.random.default_rng([seed, 7])
        self._episode_began = 0.0
        self._carry = 0.0
        self.new_episode(seed)

    @property
    def walking(self) -> SimulatedGo1:
        """Itself: it has an IMU and an odometry."""
        return self

    @property
    def episode_time(self) -> float:
        """Simulated time since the robot was put on its feet (s)."""
        return float(self.data.time) - self._episode_began

    def advance(self, command: ArrayLike, seconds: float) -> None:
        """Run physics and position loop under joint targets (12,) [rad].

        Raises:
            CommandError: not 12 finite numbers.
        """
        target = np.asarray(command, dtype=np.float64)
        if target.shape != (len(self.joint_names),) or not np.isfinite(target).all():
            raise CommandError(f"the command has shape {target.shape} or is not finite.", "give 12 joint targets.")
        self.data.ctrl[:] = target
        self._carry += seconds
        steps = int(self._carry / self.model.opt.timestep + 1e-6)
        self._carry -= steps * self.model.opt.timestep
        if steps:
            mujoco.mj_step(self.model, self.data, steps)

    def joint_state(self) -> tuple[Floats, Floats, Floats]:
        """Position [rad], velocity [rad/s] and torque [N m], each (12,)."""
        return self.data.qpos[7:].copy(), self.data.qvel[6:].copy(), self.data.actuator_force.copy()

    def imu(self) -> tuple[Floats, Floats, Floats]:
        """Orientation quat_xyzw (4,), angular velocity [rad/s] and specific force [m/s^2] (3,) in the trunk's frame."""
        w, x, y, z = self.data.qpos[3:7]
        rotation = self.data.xmat[1].reshape(3, 3)
        force = rotation.T @ (self.data.qacc[:3] - self.model.opt.gravity)
        return np.array([x, y, z, w]), self.data.qvel[3:6].copy(), force

    def odometry(self) -> tuple[Floats, Floats]:
        """Pose (7,) xyz + quat_xyzw in ``odom``, and twist (6,) linear, angular in the trunk's frame."""
        quat_wxyz = self.data.qpos[3:7]
        pose = np.concatenate([self.data.qpos[:3], quat_wxyz[1:], quat_wxyz[:1]])
        rotation = np.empty(9)
        mujoco.mju_quat2Mat(rotation, quat_wxyz)
        linear = rotation.reshape(3, 3).T @ self.data.qvel[:3]
        return pose, np.concatenate([linear, self.data.qvel[3:6]])

    def object_poses(self) -> dict[str, Floats]:
        """No objects."""
        return {}

    def new_episode(self, seed: int | None = None) -> None:
        """Put the robot on its feet in the default pose and let it settle."""
        now = float(self.data.time)
        mujoco.mj_resetData(self.model, self.data)
        self.data.qpos[2] = go1.DEFAULT_HEIGHT
        self.data.qpos[3] = 1.0
        self.data.qpos[7:] = go1.DEFAULT_POSE
        self.data.ctrl[:] = go1.DEFAULT_POSE
        mujoco.mj_step(self.model, self.data, round(SETTLE_S / self.model.opt.timestep))
        self.data.time = now + SETTLE_S
        self._episode_began = float(self.data.time)

    def displace_object(self) -> str:
        """Push the trunk sideways; what was done, in words."""
        side = float(self._rng.choice([-1.0, 1.0]))
        self.push((0.0, side * PUSH_SPEED))
        return f"the trunk was pushed sideways by {side * PUSH_SPEED:+.1f} m/s"

    def push(self, velocity: ArrayLike) -> None:
        """Add (2,) m/s in the world's plane to the trunk's velocity at once."""
        self.data.qvel[:2] += np.asarray(velocity, dtype=np.float64)

    def restore_object(self) -> str:
        """Put the robot back on its feet where it started; what was done, in words."""
        self.new_episode()
        return "the robot was put on its feet"

    def success(self) -> bool:
        """Walking has no end."""
        return False

    def failed(self) -> bool:
        """The trunk is tilted; sitting upright on the ground is no fall."""
        up = self.data.xmat[1].reshape(3, 3)[2, 2]
        return bool(up < np.cos(FALLEN_TILT))

"""One pick-and-place world: physics, placement, observation and disturbance, without ROS and without learning code.

Other tasks of the same cell (``sim.tasks.lift``, ``sim.tasks.insertion``) inherit it and say what is on the table,
where it starts and when the task is done.

All poses are in the frame ``panda_link0`` (robot base, on the table top; x forward, z up), in metres and quat_xyzw.
"""

from __future__ import annotations

from collections.abc import Mapping

import mujoco
import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.errors import CommandError, TaskError
from sim.robots import panda
from sim.tasks.pick_place.config import PickPlaceConfig
from sim.tasks.pick_place.scene import CUBE, GOAL, build_model
from sim.tasks.stepping import checked_command, checked_place, run_physics, whole_steps
from sim.warnings_log import log_mujoco_warnings

_MAX_DRAWS = 1000
_TOOL_GUARD = 0.08  # a cube is never placed under a low tool


class PickPlaceWorld:
    """The simulated cell.

    Attributes:
        joint_names: names of the commanded joints, as franka's ros2_control configuration has them.
        config: the task.
        model: compiled MuJoCo model.
        data: its state; for rendering and tests, not for policies.
        object_name: body that is manipulated, and goal_name: mocap body that says where to; keys of ``object_poses``.
        control_dt: period of ``step`` [s].
        physics_dt: period of the physics [s].
    """

    joint_names: tuple[str, ...] = panda.JOINT_NAMES
    object_name: str = CUBE
    goal_name: str = GOAL

    def __init__(self, config: PickPlaceConfig | None = None, seed: int = 0) -> None:
        self.config = config or PickPlaceConfig()
        log_mujoco_warnings()
        self.model = self._build()
        self.data = mujoco.MjData(self.model)
        self.control_dt = self.config.timing.control_dt
        self.physics_dt = self.config.timing.physics_dt
        whole_steps(self.control_dt, self.physics_dt)
        joints = [self.model.joint(name) for name in self.joint_names]
        self._qpos = np.array([int(joint.qposadr[0]) for joint in joints])
        self._qvel = np.array([int(joint.dofadr[0]) for joint in joints])
        self._mimic = int(self.model.joint(panda.MIMIC_FINGER).qposadr[0])
        self._ctrl = np.array([self.model.actuator(f"{panda.PREFIX}actuator{i}").id for i in range(1, 9)])
        self._ctrl_scale = np.ones(8)
        self._ctrl_scale[7] = self.model.actuator_ctrlrange[self._ctrl[7], 1] / panda.FINGER_RANGE[1]
        cube = self.model.joint(self.object_name)
        self._cube_qpos, self._cube_qvel = int(cube.qposadr[0]), int(cube.dofadr[0])
        self._goal = int(self.model.body_mocapid[self.model.body(self.goal_name).id])
        self._tool = int(self.model.site(panda.TOOL_SITE).id)
        self._rng = np.random.default_rng(seed)
        self.reset()

    def _build(self) -> mujoco.MjModel:
        return build_model(self.config)

    @property
    def rest_height(self) -> float:
        """Height of the object's centre when it stands on the table [m]."""
        return self.config.cube.half_size

    @property
    def time(self) -> float:
        """Simulated time since the last ``reset`` [s]."""
        return float(self.data.time)

    def reset(self, seed: int | None = None) -> None:
        """Puts the robot near home with the gripper open, and cube and goal at random; a seed makes it repeatable."""
        self._reseed(seed)
        mujoco.mj_resetData(self.model, self.data)
        home = panda.HOME.copy()
        home[:7] += np.clip(self._rng.normal(0.0, self.config.home_noise, 7), -0.05, 0.05)
        self.data.qpos[self._qpos] = home
        self.data.qpos[self._mimic] = home[7]
        self.data.ctrl[self._ctrl] = home * self._ctrl_scale
        self._place()

    def new_episode(self, seed: int | None = None) -> None:
        """Places cube and goal anew; the robot stays where it is, and time runs on."""
        self._reseed(seed)
        self._place()

    def step(self, command: ArrayLike) -> None:
        """Advances one control period under joint position targets (8,): 7 angles [rad] and the finger position [m].

        Raises:
            CommandError: wrong shape or not finite.
            UnstableSimulationError: the physics diverged.
        """
        self.advance(command, self.control_dt)

    def advance(self, command: ArrayLike, seconds: float) -> None:
        """Like ``step``, for any whole number of physics steps."""
        target = checked_command(command, self.joint_names)
        steps = whole_steps(seconds, self.physics_dt)
        self.data.ctrl[self._ctrl] = target * self._ctrl_scale
        run_physics(self.model, self.data, seconds, steps)

    def joint_state(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Position [rad, m], velocity [rad/s, m/s] and actuator effort [N m, N], each (8,) in ``joint_names`` order."""
        effort = self.data.actuator_force[self._ctrl].copy()
        return self.data.qpos[self._qpos].copy(), self.data.qvel[self._qvel].copy(), effort

    def object_poses(self) -> dict[str, NDArray[np.float64]]:
        """Poses (7,) of the object and the goal by name: xyz [m] and quat_xyzw."""
        cube = self.data.qpos[self._cube_qpos : self._cube_qpos + 7]
        quat = self.data.mocap_quat[self._goal]
        goal = np.concatenate([self.data.mocap_pos[self._goal], quat[[1, 2, 3, 0]]])
        return {self.object_name: cube[[0, 1, 2, 4, 5, 6, 3]].copy(), self.goal_name: goal}

    def cube_velocity(self) -> NDArray[np.float64]:
        """Linear velocity (3,) of the cube [m/s]."""
        return self.data.qvel[self._cube_qvel : self._cube_qvel + 3].copy()

    def tool_pose(self) -> NDArray[np.float64]:
        """Pose (7,) of the grasp centre between the fingertips: xyz [m] and quat_xyzw; z points out of the gripper."""
        quat = np.empty(4)
        mujoco.mju_mat2Quat(quat, self.data.site_xmat[self._tool])
        return np.concatenate([self.data.site_xpos[self._tool], quat[[1, 2, 3, 0]]])

    def success(self) -> bool:
        """The cube rests on the table at the goal, the gripper is open and has withdrawn above it."""
        half = self.config.cube.half_size
        poses = self.object_poses()
        cube, goal = poses["cube"], poses["goal"]
        placed = np.hypot(*(cube[:2] - goal[:2])) < self.config.goal_tolerance and abs(cube[2] - half) < 0.005
        resting = float(np.linalg.norm(self.cube_velocity())) < 0.05
        opened = self.data.qpos[self._qpos[7]] > half + 0.005
        retreated = self.tool_pose()[2] > cube[2] + self.config.retreat_height
        return bool(placed and resting and opened and retreated)

    def failed(self) -> bool:
        """The cube has left the table or lies where the arm cannot pick it up."""
        cube = self.object_poses()[self.object_name]
        near, far = self.config.reachable_region.reach
        radius = float(np.hypot(cube[0], cube[1]))
        return bool(cube[2] < -0.02 or radius > far + 0.03 or radius < near - 0.05)

    def displace_cube(self, position_xyz: ArrayLike, yaw: float) -> None:
        """Moves the cube at once to a position (3,) of its centre [m] and a yaw [rad], at rest.

        Raises:
            CommandError: the position is not three finite numbers.
        """
        self._set_cube(checked_place(position_xyz, yaw), yaw)
        mujoco.mj_kinematics(self.model, self.data)

    def push_cube(self, velocity_xy: ArrayLike) -> None:
        """Gives the cube a horizontal velocity (2,) [m/s], as a bump would."""
        velocity = np.asarray(velocity_xy, dtype=float)
        if velocity.shape != (2,) or not np.all(np.isfinite(velocity)):
            raise CommandError(f"the cube cannot be pushed with {velocity}.", "give a finite x and y velocity.")
        self.data.qvel[self._cube_qvel : self._cube_qvel + 2] = velocity

    def set_goal(self, xy: ArrayLike) -> None:
        """Moves the goal marker to (2,) on the table [m]."""
        self._set_goal(np.append(np.asarray(xy, dtype=float), 0.0), 0.0)
        mujoco.mj_kinematics(self.model, self.data)

    def _reseed(self, seed: int | None) -> None:
        if seed is not None:
            self._rng = np.random.default_rng(seed)

    def show(self, joint_position: ArrayLike, poses: Mapping[str, ArrayLike]) -> None:
        """Set a recorded configuration without physics, to render it.

        Args:
            joint_position: (8,) in ``joint_names`` order [rad, m].
            poses: (7,) of object and goal by name, xyz [m] and quat_xyzw.
        """
        position = np.asarray(joint_position, dtype=float)
        self.data.qpos[self._qpos] = position
        self.data.qpos[self._mimic] = position[7]
        cube, goal = (np.asarray(poses[name], dtype=float) for name in (self.object_name, self.goal_name))
        self.data.qpos[self._cube_qpos : self._cube_qpos + 7] = cube[[0, 1, 2, 6, 3, 4, 5]]
        self.data.mocap_pos[self._goal] = goal[:3]
        self.data.mocap_quat[self._goal] = goal[[6, 3, 4, 5]]
        mujoco.mj_forward(self.model, self.data)

    def _set_cube(self, position: NDArray[np.float64], yaw: float) -> None:
        quat_wxyz = (np.cos(yaw / 2), 0.0, 0.0, np.sin(yaw / 2))
        self.data.qpos[self._cube_qpos : self._cube_qpos + 7] = (*position, *quat_wxyz)
        self.data.qvel[self._cube_qvel : self._cube_qvel + 6] = 0.0

    def _set_goal(self, position: NDArray[np.float64], yaw: float) -> None:
        self.data.mocap_pos[self._goal] = position
        self.data.mocap_quat[self._goal] = (np.cos(yaw / 2), 0.0, 0.0, np.sin(yaw / 2))

    def _place_goal(self, xy: NDArray[np.float64]) -> None:
        """Puts the goal over a point (2,) of the table; tasks with more to draw do it here."""
        self._set_goal(np.append(xy, 0.0), 0.0)

    def _place(self) -> None:
        region, rng = self.config.training_region, self._rng
        mujoco.mj_kinematics(self.model, self.data)
        tool = self.tool_pose()
        for _ in range(_MAX_DRAWS):
            cube, goal = (rng.uniform((region.x[0], region.y[0]), (region.x[1], region.y[1])) for _ in range(2))
            yaw = rng.uniform(*self.config.cube_yaw)
            under_tool = tool[2] < 0.15 and np.hypot(*(cube - tool[:2])) < _TOOL_GUARD
            apart = np.hypot(*(cube - goal)) >= self.config.min_goal_distance
            if apart and not under_tool and region.contains(cube) and region.contains(goal):
                break
        else:
            raise TaskError(
                f"no cube and goal {self.config.min_goal_distance} m apart were found in the training region.",
                "enlarge training_region or lower min_goal_distance.",
            )
        self._set_cube(np.array([*cube, self.rest_height]), yaw)
        self._place_goal(goal)
        mujoco.mj_forward(self.model, self.data)

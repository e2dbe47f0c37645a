"""The two-arm transfer as a world: the right arm takes a cube from the table and hands it to the left arm in the air.

The task of the ACT paper (Zhao et al. 2023, arXiv 2304.13705, "Transfer Cube"), harder in two ways: the cube may be
turned, and the right gripper has to withdraw before the transfer counts.

All poses are in the frame ``world`` (on the table, x from left to right arm, z up), in metres and quat_xyzw.
"""

from __future__ import annotations

import mujoco
import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.errors import TaskError
from sim.robots import aloha
from sim.tasks.aloha_transfer.config import TransferConfig
from sim.tasks.aloha_transfer.scene import TABLE_TOP, transfer_model
from sim.tasks.pick_place.scene import CUBE
from sim.tasks.stepping import checked_command, checked_place, run_physics, whole_steps
from sim.warnings_log import log_mujoco_warnings

_MAX_DRAWS = 1000
_TOOL_GUARD = 0.10  # a cube is never placed under a low tool


class TransferWorld:
    """The simulated table.

    Attributes:
        joint_names: names of the commanded joints, left arm first.
        config: the task.
        model: compiled MuJoCo model.
        data: its state; for rendering and tests, not for policies.
        object_name: body that is manipulated, key of ``object_poses``.
        control_dt: period of ``step`` [s].
        physics_dt: period of the physics [s].
    """

    joint_names: tuple[str, ...] = aloha.JOINT_NAMES
    object_name: str = CUBE

    def __init__(self, config: TransferConfig | None = None, seed: int = 0) -> None:
        self.config = config or TransferConfig()
        log_mujoco_warnings()
        self.model = transfer_model(self.config)
        self.data = mujoco.MjData(self.model)
        self.control_dt = self.config.timing.control_dt
        self.physics_dt = self.config.timing.physics_dt
        whole_steps(self.control_dt, self.physics_dt)
        self._ctrl = np.array([self.model.actuator(aloha.model_name(name)).id for name in self.joint_names])
        joints = [int(self.model.actuator_trnid[actuator, 0]) for actuator in self._ctrl]
        self._qpos, self._qvel = self.model.jnt_qposadr[joints], self.model.jnt_dofadr[joints]
        followers = [self.model.joint(f"{side}/right_finger") for side in aloha.SIDES]
        self._followers = np.array([int(joint.qposadr[0]) for joint in followers])
        cube = self.model.joint(CUBE)
        self._cube_qpos, self._cube_qvel = int(cube.qposadr[0]), int(cube.dofadr[0])
        self._cube_body = int(self.model.body(CUBE).id)
        self._tools = {side: int(self.model.site(site).id) for side, site in aloha.TOOL_SITES.items()}
        self._fingers = {
            side: [int(self.model.body(f"{side}/{finger}_finger_link").id) for finger in ("left", "right")]
            for side in aloha.SIDES
        }
        self._rng = np.random.default_rng(seed)
        self.reset()

    @property
    def rest_height(self) -> float:
        """Height of the cube's centre when it lies on the table [m]."""
        return self.config.cube.half_size + TABLE_TOP

    @property
    def time(self) -> float:
        """Simulated time since the last ``reset`` [s]."""
        return float(self.data.time)

    def reset(self, seed: int | None = None) -> None:
        """Puts the arms near home with open grippers and the cube at random; a seed makes it repeatable."""
        self._reseed(seed)
        mujoco.mj_resetData(self.model, self.data)
        home = aloha.HOME.copy()
        home[aloha.ARM_ROWS] += np.clip(self._rng.normal(0.0, self.config.home_noise, 12), -0.05, 0.05)
        self.data.qpos[self._qpos] = self.data.ctrl[self._ctrl] = home
        self.data.qpos[self._followers] = home[aloha.GRIPPER_ROWS]
        self._place()

    def new_episode(self, seed: int | None = None) -> None:
        """Places the cube anew; the arms stay where they are, and time runs on."""
        self._reseed(seed)
        self._place()

    def step(self, command: ArrayLike) -> None:
        """Advances one control period under joint position targets (14,) [rad, m].

        Raises:
            CommandError: wrong shape or not finite.
            UnstableSimulationError: the physics diverged.
        """
        self.advance(command, self.control_dt)

    def advance(self, command: ArrayLike, seconds: float) -> None:
        """Like ``step``, for any whole number of physics steps."""
        target = checked_command(command, self.joint_names)
        steps = whole_steps(seconds, self.physics_dt)
        self.data.ctrl[self._ctrl] = target
        run_physics(self.model, self.data, seconds, steps)

    def joint_state(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Position [rad, m], velocity [rad/s, m/s] and actuator effort [N m, N], each (14,)."""
        effort = self.data.actuator_force[self._ctrl].copy()
        return self.data.qpos[self._qpos].copy(), self.data.qvel[self._qvel].copy(), effort

    def object_poses(self) -> dict[str, NDArray[np.float64]]:
        """Pose (7,) of the cube by name: xyz [m] and quat_xyzw."""
        cube = self.data.qpos[self._cube_qpos : self._cube_qpos + 7]
        return {self.object_name: cube[[0, 1, 2, 4, 5, 6, 3]].copy()}

    def tool_pose(self, side: str) -> NDArray[np.float64]:
        """Pose (7,) of where a gripper pinches: xyz [m] and quat_xyzw; x points out of the gripper."""
        quat = np.empty(4)
        mujoco.mju_mat2Quat(quat, self.data.site_xmat[self._tools[side]])
        return np.concatenate([self.data.site_xpos[self._tools[side]], quat[[1, 2, 3, 0]]])

    def touching(self, side: str) -> int:
        """How many fingers of a gripper touch the cube, 0 to 2."""
        touched = set()
        for index in range(self.data.ncon):
            bodies = [int(self.model.geom_bodyid[geom]) for geom in self.data.contact[index].geom]
            if self._cube_body in bodies:
                touched.update(bodies)
        return len(touched & set(self._fingers[side]))

    def success(self) -> bool:
        """The left gripper alone holds the cube, in the air, and the right one has withdrawn."""
        cube = self.object_poses()[CUBE][:3]
        away = float(np.linalg.norm(self.tool_pose("right")[:3] - cube))
        held = self.touching("left") == 2 and self.touching("right") == 0
        return bool(held and cube[2] > TABLE_TOP + self.config.lifted and away > self.config.withdrawn)

    def failed(self) -> bool:
        """The cube has left the table, or lies where the right arm cannot fetch it."""
        cube, region = self.object_poses()[CUBE][:3], self.config.reachable_region
        lying = cube[2] < self.rest_height + 0.01
        near, far = region.reach
        return bool(cube[2] < -0.05 or (lying and not near - 0.03 < region.radius(cube[:2]) < far + 0.03))

    def displace_cube(self, position_xyz: ArrayLike, yaw: float) -> None:
        """Moves the cube at once to a position (3,) of its centre [m] and a yaw [rad], at rest.

        Raises:
            CommandError: the position is not three finite numbers.
        """
        self._set_cube(checked_place(position_xyz, yaw), yaw)
        mujoco.mj_kinematics(self.model, self.data)

    def _reseed(self, seed: int | None) -> None:
        if seed is not None:
            self._rng = np.random.default_rng(seed)

    def _set_cube(self, position: NDArray[np.float64], yaw: float) -> None:
        pose = (*position, np.cos(yaw / 2), 0.0, 0.0, np.sin(yaw / 2))
        self.data.qpos[self._cube_qpos : self._cube_qpos + 7] = pose
        self.data.qvel[self._cube_qvel : self._cube_qvel + 6] = 0.0

    def _place(self) -> None:
        region, rng = self.config.training_region, self._rng
        mujoco.mj_kinematics(self.model, self.data)
        tools = [self.tool_pose(side)[:3] for side in aloha.SIDES]
        for _ in range(_MAX_DRAWS):
            cube = rng.uniform((region.x[0], region.y[0]), (region.x[1], region.y[1]))
            under = any(tool[2] < 0.15 and np.hypot(*(cube - tool[:2])) < _TOOL_GUARD for tool in tools)
            if region.contains(cube) and not under:
                break
        else:
            raise TaskError("no place for the cube was found in the training region.", "enlarge training_region.")
        self._set_cube(np.array([*cube, self.rest_height]), float(rng.uniform(*self.config.cube_yaw)))
        mujoco.mj_forward(self.model, self.data)

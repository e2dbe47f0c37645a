"""The reach-avoid cell: physics, placement of goal and sphere, joint states; without ROS and without learning code.

Poses are in ``panda_link0`` (base, x forward, z up), metres and quat_xyzw. Goal and sphere do not collide: whether the
arm came too close is a question of distances, asked by :meth:`ReachAvoidWorld.clearance`.
"""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.errors import CommandError, TaskError
from sim.robots import panda
from sim.tasks.pick_place.looks import add_looks

GOAL, SPHERE = "goal", "sphere"
PHYSICS_DT = 0.002
WATCHED = ("panda_link4", "panda_link6", panda.HAND_BODY)
"""Bodies whose frames are kept clear, beside the tool."""
Array = NDArray[np.float64]


@dataclass(frozen=True)
class ReachAvoidConfig:
    """Sizes in metres, spreads in rad; the learned controller is trained with the same values.

    Attributes:
        sphere_radius: of the obstacle; link_radius: of what is kept clear of it around every watched frame.
        tolerance: tool to goal.
        spread: (7,) uniform half-width around home from which goal configurations are drawn.
    """

    sphere_radius: float = 0.08
    link_radius: float = 0.07
    tolerance: float = 0.05
    spread: tuple[float, ...] = (0.6, 0.4, 0.3, 0.4, 0.2, 0.3, 0.3)


def build_model(config: ReachAvoidConfig) -> mujoco.MjModel:
    """Compile robot, floor, goal marker and sphere.

    Raises:
        RobotAssetsError: the robot's model is not installed.
    """
    spec = mujoco.MjSpec()
    spec.modelname = "keel_panda_reach_avoid"
    spec.option.timestep = PHYSICS_DT
    add_looks(spec)
    for name, radius, rgba in (
        (GOAL, 0.02, [0.1, 0.6, 0.35, 1]),
        (SPHERE, config.sphere_radius, [0.8, 0.2, 0.15, 0.8]),
    ):
        body = spec.worldbody.add_body(name=name, mocap=True)
        body.add_geom(
            name=name, type=mujoco.mjtGeom.mjGEOM_SPHERE, size=[radius, 0, 0], rgba=rgba, contype=0, conaffinity=0
        )
    robot = panda.robot_spec()
    spec.option.integrator = robot.option.integrator
    for light in list(robot.lights):
        robot.delete(light)
    spec.attach(robot, prefix=panda.PREFIX, frame=spec.worldbody.add_frame())
    return spec.compile()


class ReachAvoidWorld:
    """The simulated cell.

    Attributes:
        joint_names: of the commanded joints.
        config: the task.
        model: compiled; data: its state.
    """

    joint_names: tuple[str, ...] = panda.JOINT_NAMES

    def __init__(self, config: ReachAvoidConfig | None = None, seed: int = 0) -> None:
        self.config = config or ReachAvoidConfig()
        self.model = build_model(self.config)
        self.data = mujoco.MjData(self.model)
        joints = [self.model.joint(name) for name in self.joint_names]
        self._qpos = np.array([int(joint.qposadr[0]) for joint in joints])
        self._qvel = np.array([int(joint.dofadr[0]) for joint in joints])
        self._ctrl = np.array([self.model.actuator(f"{panda.PREFIX}actuator{i}").id for i in range(1, 9)])
        self._scale = np.ones(8)
        self._scale[7] = self.model.actuator_ctrlrange[self._ctrl[7], 1] / panda.FINGER_RANGE[1]
        self._mocap = {name: int(self.model.body_mocapid[self.model.body(name).id]) for name in (GOAL, SPHERE)}
        self._watched = [self.model.body(name).id for name in WATCHED]
        self._tool = int(self.model.site(panda.TOOL_SITE).id)
        self._scratch = mujoco.MjData(self.model)
        self._rng = np.random.default_rng(seed)
        self.reset(seed)

    @property
    def time(self) -> float:
        """Simulated time (s)."""
        return float(self.data.time)

    def reset(self, seed: int | None = None) -> None:
        """Arm at home, goal and sphere drawn anew."""
        mujoco.mj_resetData(self.model, self.data)
        self.data.qpos[self._qpos] = panda.HOME
        self.data.ctrl[self._ctrl] = panda.HOME * self._scale
        self.new_episode(seed)

    def new_episode(self, seed: int | None = None) -> None:
        """Draw goal and sphere; the arm stays where it is.

        Raises:
            TaskError: the arm stands where no goal with a clear start can be found.
        """
        if seed is not None:
            self._rng = np.random.default_rng(seed)
        mujoco.mj_forward(self.model, self.data)
        start = self.tool_position()
        room = self.config.sphere_radius + self.config.link_radius + 0.05
        for _ in range(2000):
            end = np.clip(
                panda.HOME[:7] + self._rng.uniform(-1, 1, 7) * self.config.spread,
                panda.POSITION_LIMITS[:7, 0] + 0.1,
                panda.POSITION_LIMITS[:7, 1] - 0.1,
            )
            goal, places = self._frames_at(end)
            middle = start + self._rng.uniform(0.3, 0.7) * (goal - start)
            sphere = middle + 0.12 * self._rng.standard_normal(3)
            self._place(goal, sphere)
            clear_end = np.linalg.norm(np.vstack([goal, places]) - sphere, axis=1).min() > room
            if clear_end and self.clearance() > 0.05 and np.linalg.norm(goal - start) > 0.1 and goal[2] > 0.1:
                return
        raise TaskError("no goal with a clear start was found.", "move the arm home first.")

    def advance(self, command: ArrayLike, seconds: float) -> None:
        """Run the physics under joint position targets (8,): 7 angles (rad), finger position (m).

        Raises:
            CommandError: wrong shape or not finite.
        """
        target = np.asarray(command, dtype=float)
        if target.shape != (8,) or not np.isfinite(target).all():
            raise CommandError(f"the command {target} is not 8 finite numbers.", "send one position per joint.")
        self.data.ctrl[self._ctrl] = target * self._scale
        mujoco.mj_step(self.model, self.data, nstep=max(1, round(seconds / PHYSICS_DT)))
        mujoco.mj_kinematics(self.model, self.data)

    def joint_state(self) -> tuple[Array, Array, Array]:
        """Position, velocity and effort, each (8,)."""
        effort = self.data.actuator_force[self._ctrl].copy()
        return self.data.qpos[self._qpos].copy(), self.data.qvel[self._qvel].copy(), effort

    def object_poses(self) -> dict[str, Array]:
        """Poses (7,) of ``goal`` and ``sphere``: xyz (m), quat_xyzw."""
        upright = np.array([0.0, 0.0, 0.0, 1.0])
        return {name: np.concatenate([self.data.mocap_pos[index], upright]) for name, index in self._mocap.items()}

    def tool_position(self) -> Array:
        """(3,) of the grasp centre (m)."""
        return self.data.site_xpos[self._tool].copy()

    def clearance(self) -> float:
        """Smallest free distance between the watched frames and the sphere (m); negative when too close."""
        places = np.vstack([self.tool_position(), self.data.xpos[self._watched]])
        nearest = np.linalg.norm(places - self.data.mocap_pos[self._mocap[SPHERE]], axis=1).min()
        return float(nearest - self.config.sphere_radius - self.config.link_radius)

    def success(self) -> bool:
        """The tool is at the goal."""
        goal = self.data.mocap_pos[self._mocap[GOAL]]
        return bool(np.linalg.norm(self.tool_position() - goal) < self.config.tolerance)

    def failed(self) -> bool:
        """A watched frame is too close to the sphere."""
        return self.clearance() < 0.0

    def set_sphere(self, position: ArrayLike) -> None:
        """Move the sphere's centre to (3,) (m)."""
        self._place(self.data.mocap_pos[self._mocap[GOAL]].copy(), np.asarray(position, dtype=float))

    def _place(self, goal: Array, sphere: Array) -> None:
        self.data.mocap_pos[self._mocap[GOAL]], self.data.mocap_pos[self._mocap[SPHERE]] = goal, sphere
        mujoco.mj_kinematics(self.model, self.data)

    def _frames_at(self, position: Array) -> tuple[Array, Array]:
        """Tool (3,) and watched frames (W, 3) in another configuration (7,)."""
        self._scratch.qpos[self._qpos[:7]] = position
        mujoco.mj_kinematics(self.model, self._scratch)
        return self._scratch.site_xpos[self._tool].copy(), self._scratch.xpos[self._watched].copy()

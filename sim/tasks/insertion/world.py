"""The insertion task in the pick-and-place cell: peg and socket, the force on the gripper, and success without damage.

Peg-in-hole as in Lee et al. 2019, "Making Sense of Vision and Touch" (arXiv 1810.10191): a policy sees poses and feels
forces; the clearance is smaller than what it can see through noise.
"""

from __future__ import annotations

import mujoco
import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.robots import panda
from sim.tasks.insertion.config import InsertionConfig
from sim.tasks.insertion.scene import PEG, SOCKET, insertion_model
from sim.tasks.pick_place.geometry import cube_yaw, rotation_matrix
from sim.tasks.pick_place.world import PickPlaceWorld

GRIPPER = (panda.HAND_BODY, f"{panda.PREFIX}left_finger", f"{panda.PREFIX}right_finger")

FORCE_TOPIC = "/force_torque_sensor_broadcaster/wrench"
"""Topic of ros2_controllers' force_torque_sensor_broadcaster (geometry_msgs/WrenchStamped)."""


class InsertionWorld(PickPlaceWorld):
    """The simulated cell; ``object_poses`` has ``"peg"`` (its centre) and ``"socket"`` (centre of its foot).

    Args:
        config: the task.
        seed: of the first episode.

    Attributes:
        peak_force: largest force on the gripper since the episode began [N].
    """

    object_name, goal_name = PEG, SOCKET

    def __init__(self, config: InsertionConfig | None = None, seed: int = 0) -> None:
        self.insertion = config or InsertionConfig()
        self.peak_force = 0.0
        super().__init__(self.insertion, seed)

    def _build(self) -> mujoco.MjModel:
        model = insertion_model(self.insertion)
        bodies = [model.body(name).id for name in GRIPPER]
        self._on_gripper = np.isin(model.geom_bodyid, bodies)
        return model

    @property
    def rest_height(self) -> float:
        """Height of the standing peg's centre [m]."""
        return self.insertion.peg_length / 2

    def reset(self, seed: int | None = None) -> None:
        """As in the pick-and-place cell; the peak force is forgotten."""
        super().reset(seed)
        self.peak_force = 0.0

    def new_episode(self, seed: int | None = None) -> None:
        """As in the pick-and-place cell; the peak force is forgotten."""
        super().new_episode(seed)
        self.peak_force = 0.0

    def _place_goal(self, xy: NDArray[np.float64]) -> None:
        self._set_goal(np.append(xy, 0.0), float(self._rng.uniform(*self.insertion.socket_yaw)))

    def advance(self, command: ArrayLike, seconds: float) -> None:
        """As in the pick-and-place cell; also remembers the largest force."""
        super().advance(command, seconds)
        self.peak_force = max(self.peak_force, float(np.linalg.norm(self.contact_force())))

    def contact_force(self) -> NDArray[np.float64]:
        """Force part (3,) of :meth:`contact_wrench` [N]."""
        return self.contact_wrench()[:3]

    def contact_wrench(self) -> NDArray[np.float64]:
        """Force [N] and torque about the tool [N m] (6,) of everything else on hand and fingers, in the base frame.

        What a wrist sensor feels, the gripper's own weight removed: holding the peg in the air it is the peg's weight;
        the two fingers' grip cancels out.
        """
        total, wrench, tool = np.zeros(6), np.zeros(6), self.data.site_xpos[self._tool]
        for index in range(self.data.ncon):
            contact = self.data.contact[index]
            first, second = (bool(self._on_gripper[geom]) for geom in contact.geom)
            if first == second:
                continue
            mujoco.mj_contactForce(self.model, self.data, index, wrench)
            # The contact frame's rows are its axes; the force is that of the first geom on the second.
            axes = contact.frame.reshape(3, 3).T
            force, torque = axes @ wrench[:3], axes @ wrench[3:]
            sign = 1.0 if second else -1.0
            total[:3] += sign * force
            total[3:] += sign * (torque + np.cross(contact.pos - tool, force))
        return total

    def wrenches(self) -> dict[str, NDArray[np.float64]]:
        """Force and torque (6,) by topic, see :meth:`contact_wrench`."""
        return {FORCE_TOPIC: self.contact_wrench()}

    def tip(self) -> NDArray[np.float64]:
        """Centre (3,) of the peg's lower end [m]."""
        pose = self.object_poses()[PEG]
        end: NDArray[np.float64] = pose[:3] - rotation_matrix(pose[3:])[:, 2] * self.insertion.peg_length / 2
        return end

    def misalignment(self) -> tuple[NDArray[np.float64], float]:
        """Way (2,) from the peg's lower end to the hole's axis [m], and turn from its sides to the hole's [rad]."""
        poses = self.object_poses()
        turn = cube_yaw(poses[SOCKET][3:]) - cube_yaw(poses[PEG][3:])
        return poses[SOCKET][:2] - self.tip()[:2], float((turn + np.pi / 4) % (np.pi / 2) - np.pi / 4)

    def inserted_depth(self) -> float:
        """How far the peg's lower end is below the socket's rim, if it is over the hole, else 0 [m]."""
        way, _ = self.misalignment()
        inside = float(np.abs(way).max()) < self.insertion.cube.half_size
        return max(self.insertion.depth - float(self.tip()[2]), 0.0) if inside else 0.0

    def success(self) -> bool:
        """The peg is in the hole, the gripper open and above it, and nothing was pressed too hard."""
        half, pose = self.insertion.cube.half_size, self.object_poses()[PEG]
        opened = self.data.qpos[self._qpos[7]] > half + 0.005
        retreated = self.tool_pose()[2] > pose[2] + self.insertion.retreat_height
        return bool(self.inserted_depth() > self.insertion.inserted and opened and retreated and not self.failed())

    def failed(self) -> bool:
        """The peg fell over or is out of reach, or the force limit was exceeded."""
        upright = rotation_matrix(self.object_poses()[PEG][3:])[2, 2] > 0.7
        return self.peak_force > self.insertion.force_limit or not upright or super().failed()

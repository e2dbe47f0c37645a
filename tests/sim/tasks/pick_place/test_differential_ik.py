import mujoco
import numpy as np
import pytest

from sim.robots import panda
from sim.robots.kinematics import forward, kinematic_chain
from sim.tasks.pick_place.differential_ik import DifferentialIK

DT = 0.02


@pytest.fixture(scope="module")
def ik():
    return DifferentialIK(DT, max_speed=1.5)


def twist(model, arm, speed):
    """Tool twist (6,) by central differences of the independently tested chain."""
    chain, step = kinematic_chain(model), 1e-6
    before, after = forward(chain, arm - speed * step), forward(chain, arm + speed * step)
    spin = (after[:3, :3] - before[:3, :3]) / (2 * step) @ forward(chain, arm)[:3, :3].T
    return np.concatenate([(after[:3, 3] - before[:3, 3]) / (2 * step), [spin[2, 1], spin[0, 2], spin[1, 0]]])


@pytest.mark.parametrize(
    ("linear", "angular"),
    [
        ((0.1, 0, 0), (0, 0, 0)),
        ((0, 0.2, -0.1), (0, 0, 0)),
        ((0, 0, 0), (0, 0, 0.5)),
        ((0.05, -0.1, 0.1), (0.1, 0.1, 0.3)),
    ],
)
def test_the_joint_velocity_gives_the_wanted_twist(ik, linear, angular):
    arm = panda.HOME[:7] + np.array([0.2, 0.3, -0.1, 0.1, 0.1, 0.2, -0.3])
    speed = ik.joint_velocity(arm, linear, angular)
    achieved = twist(ik.model, arm, speed)
    np.testing.assert_allclose(achieved, [*linear, *angular], atol=6e-3)


def test_speed_bounds_hold_for_impossible_wishes(ik):
    speed = ik.joint_velocity(panda.HOME[:7], (3.0, 3.0, 0.0), (0.0, 0.0, 9.0))
    assert np.abs(speed).max() <= 1.5 + 1e-6


def test_joint_limits_are_not_crossed(ik):
    arm = panda.HOME[:7].copy()
    arm[6] = panda.POSITION_LIMITS[6, 1] - 0.01
    for sign in (1, -1):
        speed = ik.joint_velocity(arm, (0, 0, 0), (0, 0, sign * 2.0))
        assert arm[6] + speed[6] * DT <= panda.POSITION_LIMITS[6, 1] + 1e-9


def test_the_posture_task_only_uses_what_the_tool_leaves_free(ik):
    arm = panda.HOME[:7] + np.array([0.0, 0.0, 0.6, 0.0, -0.4, 0.0, 0.0])
    speed = ik.joint_velocity(arm, np.zeros(3), np.zeros(3))
    assert np.linalg.norm(twist(ik.model, arm, speed)) < 2e-2
    assert np.linalg.norm(speed) > 1e-3
    assert speed @ (panda.HOME[:7] - arm) > 0


def test_the_kinematics_model_has_no_meshes(ik):
    assert isinstance(ik.model, mujoco.MjModel) and ik.model.nmesh == 0 and ik.model.ngeom == 0

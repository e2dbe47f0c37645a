"""The Go1's description agrees with the constants, stands on its gains, and keeps its effort limits."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest

from sim.errors import RobotModelError
from sim.robots import go1


def _world(spec: mujoco.MjSpec) -> mujoco.MjModel:
    spec.worldbody.add_geom(
        name="floor", type=mujoco.mjtGeom.mjGEOM_PLANE, size=(0, 0, 1), contype=1, conaffinity=0, condim=3
    )
    spec.option.timestep = 0.005
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    return spec.compile()


@pytest.fixture(scope="module", params=[True, False], ids=["all_geoms", "few_geoms"])
def model(request: pytest.FixtureRequest) -> mujoco.MjModel:
    return _world(go1.robot_spec(meshes=False, all_geoms=request.param))


def test_names_ranges_and_efforts_are_the_models_own(model: mujoco.MjModel) -> None:
    names = [model.joint(i).name for i in range(1, model.njnt)]
    assert tuple(names) == go1.JOINT_NAMES
    assert [model.actuator(i).name for i in range(model.nu)] == names
    np.testing.assert_allclose(model.jnt_range[1:], go1.POSITION_LIMITS)
    np.testing.assert_allclose(model.actuator_forcerange[:, 1], go1.EFFORT_LIMITS)
    np.testing.assert_allclose(model.dof_armature[6:], go1.ARMATURE)


def test_servo_torque_by_hand(model: mujoco.MjModel) -> None:
    data = mujoco.MjData(model)
    data.qpos[2], data.qpos[3] = 1.0, 1.0
    data.qpos[7:] = go1.DEFAULT_POSE
    data.qvel[6:] = 1.0
    data.ctrl[:] = go1.DEFAULT_POSE + 0.1
    mujoco.mj_forward(model, data)
    np.testing.assert_allclose(data.actuator_force, 35.0 * 0.1 - 0.5, atol=1e-9)
    data.ctrl[:] = go1.DEFAULT_POSE + 100.0
    mujoco.mj_forward(model, data)
    np.testing.assert_allclose(data.actuator_force, go1.EFFORT_LIMITS)


def test_feet_touch_the_ground_at_the_default_height(model: mujoco.MjModel) -> None:
    data = mujoco.MjData(model)
    data.qpos[:7] = (0, 0, go1.DEFAULT_HEIGHT, 1, 0, 0, 0)
    data.qpos[7:] = go1.DEFAULT_POSE
    mujoco.mj_kinematics(model, data)
    bottoms = [data.geom(foot).xpos[2] - go1.FOOT_RADIUS for foot in go1.FOOT_GEOMS]
    np.testing.assert_allclose(bottoms, 0.0, atol=2e-3)
    left, right = data.geom("FL").xpos, data.geom("FR").xpos
    assert left[1] > 0 > right[1]
    np.testing.assert_allclose(left[1], -right[1], atol=1e-6)


def test_stands_on_the_gains_alone(model: mujoco.MjModel) -> None:
    data = mujoco.MjData(model)
    data.qpos[:7] = (0, 0, go1.DEFAULT_HEIGHT, 1, 0, 0, 0)
    data.qpos[7:] = data.ctrl[:] = go1.DEFAULT_POSE
    mujoco.mj_step(model, data, 600)
    touching = {model.geom(int(contact.geom2)).name for contact in data.contact}
    assert touching == set(go1.FOOT_GEOMS)
    assert 0.2 < data.qpos[2] < go1.DEFAULT_HEIGHT
    assert np.abs(data.qvel).max() < 0.02


def test_few_geoms_are_the_ones_that_tell_a_fall() -> None:
    model = _world(go1.robot_spec(meshes=False, all_geoms=False))
    bodies = [model.body(int(body)).name for body in model.geom_bodyid]
    assert bodies.count("trunk") == 1
    for leg in go1.LEGS:
        assert bodies.count(f"{leg}_thigh") == 1
        assert bodies.count(f"{leg}_calf") == 2
    assert model.nmesh == 0


def test_another_model_is_refused(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "unitree_go1"
    folder.mkdir()
    (folder / "go1.xml").write_text(
        '<mujoco><worldbody><body><joint name="knee"/><geom size="1"/></body></worldbody></mujoco>'
    )
    monkeypatch.setenv("MENAGERIE_ROOT", str(tmp_path))
    with pytest.raises(RobotModelError, match="knee"):
        go1.robot_spec()

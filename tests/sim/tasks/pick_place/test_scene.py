import mujoco
import numpy as np
import pytest

from sim.tasks.pick_place.config import CubeConfig, GripperConfig, PickPlaceConfig, SimTiming
from sim.tasks.pick_place.scene import CUBE, GOAL, build_model


@pytest.fixture(scope="module")
def custom():
    cube = CubeConfig(half_size=0.03, mass=0.2, rgba=(0.0, 0.0, 1.0, 1.0))
    return build_model(
        PickPlaceConfig(SimTiming(0.001, 0.02), cube=cube, gripper=GripperConfig(500.0, 20.0), table_centre_x=0.4)
    )


def test_the_configuration_reaches_the_model(custom):
    assert custom.opt.timestep == 0.001
    cube = custom.geom(CUBE)
    np.testing.assert_allclose(cube.size, 0.03)
    np.testing.assert_allclose(cube.rgba, [0, 0, 1, 1])
    assert custom.body(CUBE).mass[0] == pytest.approx(0.2)
    assert custom.geom("table").pos[0] == 0.4
    gripper = custom.actuator("panda_actuator8")
    assert gripper.biasprm[1:3].tolist() == [-500.0, -20.0]
    assert gripper.gainprm[0] * 255 == pytest.approx(500.0 * 0.04)


def test_the_table_top_is_the_base_plane_and_the_robot_stands_on_it(custom):
    table = custom.geom("table")
    assert table.pos[2] + table.size[2] == pytest.approx(0.0)
    np.testing.assert_array_equal(custom.body("panda_link0").pos, 0.0)
    assert table.pos[0] - table.size[0] < -0.1


def test_the_goal_marker_touches_nothing_and_moves_by_mocap(custom):
    body = custom.body(GOAL)
    assert custom.body_mocapid[body.id] == 0
    for geom in range(body.geomadr[0], body.geomadr[0] + body.geomnum[0]):
        assert custom.geom_contype[geom] == 0 and custom.geom_conaffinity[geom] == 0


def test_building_warns_of_nothing_and_keeps_the_robots_integrator(recwarn):
    model = build_model(PickPlaceConfig())
    assert int(model.opt.integrator) == int(mujoco.mjtIntegrator.mjINT_IMPLICITFAST)
    assert not [w for w in recwarn if "attach" in str(w.message).lower()]

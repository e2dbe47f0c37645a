"""State columns, sensor columns, and the ring of recent states."""

import mujoco
import numpy as np
import pytest

from sim.errors import RobotModelError
from sim.vector import StateLayout, sensor_slice
from sim.vector.history import StateHistory
from sim.vector.layout import FULL_PHYSICS
from tests.sim.vector.test_engine import make_model

WITH_ACTIVATION = """<mujoco><worldbody><body><joint name="a"/><geom size=".1"/></body></worldbody>
<actuator><general joint="a" dyntype="filter" dynprm=".1"/></actuator></mujoco>"""


@pytest.mark.parametrize("model", [make_model(), mujoco.MjModel.from_xml_string(WITH_ACTIVATION)])
def test_the_layout_finds_mujocos_columns(model):
    data = mujoco.MjData(model)
    rng = np.random.default_rng(0)
    data.time, data.qpos[:], data.qvel[:] = 0.25, rng.normal(size=model.nq), rng.normal(size=model.nv)
    data.act[:] = 0.5
    layout = StateLayout.of(model)
    row = np.empty(layout.size)
    mujoco.mj_getState(model, data, row, FULL_PHYSICS)
    assert row[0] == 0.25
    assert np.array_equal(row[layout.qpos], data.qpos)
    assert np.array_equal(row[layout.qvel], data.qvel)
    assert np.array_equal(row[layout.act], data.act)


def test_sensors_are_found_by_name_and_missing_ones_named():
    model = make_model()
    assert sensor_slice(model, "gyro") == slice(3, 6)
    with pytest.raises(RobotModelError, match=r"no sensor 'nose'.*velocity, gyro, acceleration"):
        sensor_slice(model, "nose")


def test_the_ring_keeps_the_last_states_of_the_current_episode():
    ring = StateHistory(2, 1, 1, length=5)
    for k in range(7):
        stored = ring.record(np.array([[k], [10 + k]], dtype=float))
        assert stored.ravel().tolist() == [k, 10 + k]
        ring.record_controls(np.array([[-k], [-k]], dtype=float))
        if k == 4:
            ring.forget(np.array([1]))
    states, controls = ring.recent(0)
    assert states.ravel().tolist() == [2, 3, 4, 5, 6]
    assert controls.ravel().tolist() == [-2, -3, -4, -5, -6]
    assert ring.recent(1)[0].ravel().tolist() == [15, 16]
    assert ring.last_state(np.array([1])).tolist() == [[16]]


def test_memory_and_files_are_bounded(tmp_path):
    assert StateHistory(1000, 50, 50, max_bytes=8 * 100 * 1000 * 10).length == 10
    model = make_model()
    size = StateLayout.of(model).size
    ring = StateHistory(1, size, model.nu, directory=tmp_path, max_dumps=3)
    ring.record(np.zeros((1, size)))
    paths = [ring.dump(0, np.full(size, np.nan), model, "x") for _ in range(5)]
    assert len(list(tmp_path.glob("*.npz"))) == 3
    assert paths[0] == paths[3]

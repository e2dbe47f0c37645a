"""The MjData engine: gathered fields, warm start, substep sensors, forces."""

import mujoco
import numpy as np
import pytest

from sim.errors import RobotModelError
from sim.vector import BatchSizeError
from sim.vector.data_engine import DataEngine
from tests.sim.vector.test_engine import NSTEP, N, make_model, random_start, run_pair


@pytest.mark.parametrize("threads", [0, 2])
def test_states_sensors_and_fields_are_bit_equal_with_warm_start(threads):
    model = make_model()
    fields = ("xpos", "cvel", "qfrc_actuator", "cfrc_ext")
    engine = DataEngine(model, N, NSTEP, data_fields=fields, num_threads=threads)
    touched = 0
    for singles in run_pair([model] * N, engine, 50, np.random.default_rng(0)):
        assert np.array_equal(engine.qpos, [d.qpos for d in singles])
        assert np.array_equal(engine.sensordata, [d.sensordata for d in singles])
        for data in singles:
            mujoco.mj_rnePostConstraint(model, data)
        for name in fields:
            assert np.array_equal(engine.fields[name], [getattr(d, name) for d in singles])
        touched += int(np.abs(engine.fields["cfrc_ext"]).sum() > 0)
    assert touched > 10
    engine.close()


def test_controls_may_differ_between_substeps():
    model = make_model()
    engine = DataEngine(model, N, NSTEP, num_threads=0)
    for singles in run_pair([model] * N, engine, 10, np.random.default_rng(1), per_substep=True):
        assert np.array_equal(engine.qvel, [d.qvel for d in singles])
    assert np.array_equal(engine.sensor_substeps[:, -1], engine.sensordata)
    assert not np.array_equal(engine.sensor_substeps[:, 0], engine.sensordata)


def test_edits_forces_and_restores_reach_the_worlds():
    model = make_model()
    engine = DataEngine(model, N, NSTEP, external_forces=True, num_threads=0)
    qpos, qvel = random_start(model, np.random.default_rng(2))
    engine.write_rows(np.arange(N), qpos, qvel)
    saved = engine.state.copy()
    engine.qvel[1, 0] += 1.0
    engine.commit_rows(np.array([1]))
    engine.xfrc[2, 1, 2] = 100.0
    engine.step(np.zeros((N, 2)))
    assert engine.qvel[1, 0] > qvel[1, 0] + 0.5
    assert engine.qvel[2, 2] > qvel[2, 2] + 0.2
    engine.restore_rows(np.arange(N), saved)
    assert np.array_equal(engine.state, saved)
    engine.write_rows(np.array([2]), qpos[:1], qvel[:1])
    assert not engine.xfrc.any()


def test_unknown_fields_and_sizes_are_named():
    with pytest.raises(RobotModelError, match="no array 'colour'"):
        DataEngine(make_model(), 1, data_fields=("colour",))
    with pytest.raises(BatchSizeError, match="decimation is 0"):
        DataEngine(make_model(), 1, 0)

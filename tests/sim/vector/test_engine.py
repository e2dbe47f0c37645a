"""The batched engine against single MjData objects."""

import copy

import mujoco
import numpy as np
import pytest

from sim.vector import BatchSizeError, RolloutEngine

XML = """
<mujoco>
  <option timestep="0.004" integrator="implicitfast"/>
  <worldbody>
    <geom type="plane" size="5 5 .1"/>
    <body name="base" pos="0 0 0.4">
      <freejoint/>
      <geom type="box" size=".15 .1 .05" mass="2"/>
      <site name="imu"/>
      <body pos=".15 0 0"><joint name="hip" axis="0 1 0" damping=".2" range="-2 2" limited="true"/>
        <geom type="capsule" fromto="0 0 0 0 0 -.25" size=".03" mass=".3"/></body>
      <body pos="-.15 0 0"><joint name="tail" axis="0 1 0" damping=".2"/>
        <geom type="capsule" fromto="0 0 0 0 0 -.25" size=".03" mass=".3"/></body>
    </body>
  </worldbody>
  <actuator><position joint="hip" kp="20" kv="1"/><motor joint="tail" gear="3"/></actuator>
  <sensor><velocimeter name="velocity" site="imu"/><gyro name="gyro" site="imu"/>
    <accelerometer name="acceleration" site="imu"/></sensor>
</mujoco>
"""
N, NSTEP = 6, 4


def make_model(warmstart: bool = True) -> mujoco.MjModel:
    model = mujoco.MjModel.from_xml_string(XML)
    if not warmstart:
        model.opt.disableflags |= int(mujoco.mjtDisableBit.mjDSBL_WARMSTART)
    return model


def random_start(model, rng, n=N):
    qpos = np.tile(model.qpos0, (n, 1))
    qpos[:, 7:] += rng.uniform(-0.5, 0.5, (n, model.nq - 7))
    return qpos, rng.normal(scale=0.5, size=(n, model.nv))


def single(model, qpos, qvel):
    data = mujoco.MjData(model)
    data.qpos[:], data.qvel[:] = qpos, qvel
    return data


def run_pair(models, engine, steps, rng, per_substep=False):
    """Steps the engine and N MjData with the same controls; yields after each control step."""
    qpos, qvel = random_start(models[0], rng)
    engine.write_rows(np.arange(N), qpos, qvel)
    singles = [single(m, p, v) for m, p, v in zip(models, qpos, qvel, strict=True)]
    for _ in range(steps):
        ctrl = rng.uniform(-1, 1, (N, NSTEP, 2) if per_substep else (N, 2))
        unstable = engine.step(ctrl)
        assert not unstable.any()
        for i, data in enumerate(singles):
            for k in range(NSTEP):
                data.ctrl[:] = ctrl[i, k] if per_substep else ctrl[i]
                mujoco.mj_step(models[i], data)
        yield singles


@pytest.mark.parametrize("threads", [0, 2])
@pytest.mark.parametrize("per_substep", [False, True])
def test_trajectories_are_bit_equal_to_single_worlds_without_warm_start(threads, per_substep):
    model = make_model(warmstart=False)
    engine = RolloutEngine(model, N, NSTEP, num_threads=threads)
    contacts = 0
    for singles in run_pair([model] * N, engine, 60, np.random.default_rng(0), per_substep):
        assert np.array_equal(engine.qpos, [d.qpos for d in singles])
        assert np.array_equal(engine.qvel, [d.qvel for d in singles])
        assert np.array_equal(engine.sensordata, [d.sensordata for d in singles])
        assert np.array_equal(engine.time, [d.time for d in singles])
        contacts += sum(d.ncon for d in singles)
    assert contacts > 100
    engine.close()


def test_warm_started_trajectories_agree_within_the_solver_tolerance():
    model = make_model()
    engine = RolloutEngine(model, N, NSTEP)
    for singles in run_pair([model] * N, engine, 60, np.random.default_rng(1)):
        np.testing.assert_allclose(engine.qpos, [d.qpos for d in singles], atol=1e-6)
    engine.close()


def test_the_warm_start_equals_the_last_acceleration_of_a_single_world():
    model = make_model()
    model.opt.integrator = int(mujoco.mjtIntegrator.mjINT_EULER)
    model.opt.disableflags |= int(mujoco.mjtDisableBit.mjDSBL_EULERDAMP)
    engine = RolloutEngine(model, N, NSTEP)
    for singles in run_pair([model] * N, engine, 5, np.random.default_rng(1)):
        np.testing.assert_allclose(engine.warmstart, [d.qacc_warmstart for d in singles], rtol=1e-7, atol=1e-7)
    engine.close()


def test_worlds_may_have_their_own_parameters():
    nominal = make_model(warmstart=False)
    models = [copy.copy(nominal) for _ in range(N)]
    for i, model in enumerate(models):
        model.body_mass[1] *= 1 + 0.2 * i
        model.actuator_gainprm[0, 0] += i
    engine = RolloutEngine(models, N, NSTEP)
    for singles in run_pair(models, engine, 20, np.random.default_rng(2)):
        assert np.array_equal(engine.qpos, [d.qpos for d in singles])
    engine.close()


def test_a_row_does_not_depend_on_the_batch_around_it():
    model = make_model()
    rng = np.random.default_rng(3)
    qpos, qvel = random_start(model, rng)
    ctrl = rng.uniform(-1, 1, (30, N, 2))
    finals = []
    for rows in (np.arange(N), np.array([4])):
        engine = RolloutEngine(model, rows.size, NSTEP)
        engine.write_rows(np.arange(rows.size), qpos[rows], qvel[rows])
        for c in ctrl:
            engine.step(c[rows])
        finals.append(engine.state[list(rows).index(4)].copy())
        engine.close()
    assert np.array_equal(*finals)


def test_velocity_edits_push_and_forces_accelerate():
    model = make_model()
    engine = RolloutEngine(model, N, NSTEP, external_forces=True)
    engine.write_rows(np.arange(N), np.tile(model.qpos0, (N, 1)), np.zeros((N, model.nv)))
    engine.qvel[1, 0] += 0.5
    base = int(mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_BODY, "base"))
    engine.xfrc[2, base, 0] = 5.2  # total mass 2.6 kg: 2 m/s^2, in free flight
    engine.step(np.zeros((N, 2)))
    assert engine.qvel[1, 0] - engine.qvel[0, 0] == pytest.approx(0.5, abs=1e-3)
    data = single(model, model.qpos0, np.zeros(model.nv))
    data.xfrc_applied[base, 0] = 5.2
    mujoco.mj_step(model, data, NSTEP)
    np.testing.assert_allclose(engine.qvel[2], data.qvel, atol=1e-9)
    assert engine.qvel[2, 0] > 0.02


def test_sensors_after_a_reset_are_those_of_a_fresh_world():
    model = make_model()
    engine = RolloutEngine(model, N, NSTEP)
    rng = np.random.default_rng(4)
    for _ in run_pair([model] * N, engine, 40, rng):
        pass
    others = engine.sensordata[[0, 1, 3, 4]].copy()
    qpos, qvel = random_start(model, rng, 2)
    engine.write_rows(np.array([2, 5]), qpos, qvel)
    for row, p, v in zip((2, 5), qpos, qvel, strict=True):
        data = single(model, p, v)
        mujoco.mj_forward(model, data)
        assert np.array_equal(engine.sensordata[row], data.sensordata)
    assert np.array_equal(engine.sensordata[[0, 1, 3, 4]], others)
    assert engine.time[[2, 5]].tolist() == [0.0, 0.0]


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e12])
@pytest.mark.parametrize("threads", [0, 2])
def test_a_diverged_world_is_reported_and_leaves_the_others_alone(value, threads):
    model = make_model(warmstart=False)
    engine = RolloutEngine(model, N, NSTEP, num_threads=threads)
    steps = run_pair([model] * N, engine, 10, np.random.default_rng(5))
    singles = next(steps)
    good = engine.state[3].copy()
    engine.qvel[3, 1] = value
    unstable = engine.step(np.zeros((N, 2)))
    assert np.flatnonzero(unstable).tolist() == [3]
    engine.restore_rows(np.array([3]), good[None])
    for data in singles:
        data.ctrl[:] = 0.0
        mujoco.mj_step(model, data, NSTEP)
    keep = [0, 1, 2, 4, 5]
    assert np.array_equal(engine.qpos[keep], np.array([d.qpos for d in singles])[keep])
    assert not engine.step(np.zeros((N, 2))).any()


def test_impossible_sizes_are_refused():
    model = make_model()
    with pytest.raises(BatchSizeError, match="number of worlds is 0"):
        RolloutEngine(model, 0)
    with pytest.raises(BatchSizeError, match="2 models for 3 worlds"):
        RolloutEngine([model, model], 3)
    with pytest.raises(BatchSizeError, match="decimation is 0"):
        RolloutEngine(model, 2, 0)
    other = mujoco.MjModel.from_xml_string(XML.replace('timestep="0.004"', 'timestep="0.002"'))
    with pytest.raises(BatchSizeError, match="the models differ"):
        RolloutEngine([model, other], 2)

"""MuJoCo Warp behind the engine's interface: refusals everywhere, agreement with the rollout pool where installed.

Its kernels compile for minutes on a CPU, so the tests that step are slow; one model serves them all.
"""

import copy
import sys
from importlib.util import find_spec

import mujoco
import numpy as np
import pytest

from sim.errors import RobotModelError
from sim.vector import BackendError, BatchSizeError, RolloutEngine, TaskDefaults, VectorEnv, WarpEngine
from sim.vector.warp_engine import open_device

XML = """
<mujoco>
  <option timestep="0.005"/>
  <worldbody>
    <geom type="plane" size="5 5 1"/>
    <body name="cart" pos="0 0 1"><joint name="s" type="slide" axis="1 0 0" damping="0.1"/><geom size=".1" mass="1"/>
      <body><joint name="h" axis="0 1 0"/>
        <geom type="capsule" fromto="0 0 0 0 0 -.5" size=".04" mass=".3"/></body></body>
    <body name="ball" pos="1 0 .3"><freejoint/><geom type="sphere" size=".1" mass=".5"/></body>
  </worldbody>
  <actuator><motor joint="s" gear="10"/></actuator>
  <sensor><jointpos joint="h"/></sensor>
</mujoco>
"""
N, NSTEP = 4, 4
installed = find_spec("mujoco_warp") is not None and find_spec("warp") is not None
needs_warp = [pytest.mark.slow, pytest.mark.skipif(not installed, reason="MuJoCo Warp is not installed (keel[warp])")]


def make_model():
    return mujoco.MjModel.from_xml_string(XML)


def heavier(scale, gravity=-9.81):
    model = make_model()
    model.body_mass[:] *= scale
    model.body_inertia[:] *= scale
    model.opt.gravity[2] = gravity
    mujoco.mj_setConst(model, mujoco.MjData(model))
    return model


def start(model):
    qpos = np.tile(model.qpos0, (N, 1))
    qpos[:, 1] = [0.1, 0.5, 1.0, 2.0]
    return qpos, np.zeros((N, model.nv))


@pytest.mark.parametrize("device", ["tpu", "gpu", "metal:0"])
def test_unknown_devices_are_refused_with_the_names_of_those_that_exist(device):
    with pytest.raises(BackendError, match=f"no device '{device}'") as caught:
        open_device(device)
    assert "'cuda'" in caught.value.fix


def test_without_mujoco_warp_a_cuda_request_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "warp", None)
    with pytest.raises(BackendError, match="needs MuJoCo Warp") as caught:
        WarpEngine(make_model(), N, NSTEP, device="cuda")
    assert "keel[warp]" in caught.value.fix


class NoCuda:
    """Warp as it is on a machine without a CUDA device."""

    LOG_WARNING = 30
    config = type("config", (), {})()

    @staticmethod
    def init():
        """Nothing."""

    @staticmethod
    def get_cuda_devices():
        return []


def test_without_a_cuda_device_the_request_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "warp", NoCuda)
    for device in ("cuda", "cuda:1"):
        with pytest.raises(BackendError, match=f"'{device}' was requested and this machine has no CUDA device"):
            open_device(device)


class TestWithWarp:
    pytestmark = needs_warp

    @pytest.mark.parametrize("per_substep", [False, True])
    def test_it_agrees_with_the_rollout_pool_contacts_and_pushes_included(self, per_substep):
        model = make_model()
        pair = [WarpEngine(model, N, NSTEP, device="warp-cpu", external_forces=True)]
        pair.append(RolloutEngine(model, N, NSTEP, external_forces=True, num_threads=0))
        rng = np.random.default_rng(0)
        for engine in pair:
            engine.write_rows(np.arange(N), *start(model))
            engine.xfrc[:, 3, 0] = [0.0, 0.2, -0.2, 0.5]
        for _ in range(30):  # 0.6 s: the ball has fallen on the ground after 0.2
            ctrl = rng.uniform(-1, 1, (N, NSTEP, 1) if per_substep else (N, 1))
            for engine in pair:
                assert not engine.step(ctrl).any()
            np.testing.assert_allclose(pair[0].state, pair[1].state, atol=1e-4)
            np.testing.assert_allclose(pair[0].sensor_substeps, pair[1].sensor_substeps, atol=1e-4)
        assert pair[0].qpos[:, 4].max() < 0.12 and pair[0].time[0] == pytest.approx(0.6)
        assert np.ptp(pair[0].qpos[:, 2]) > 0.01  # the pushes

    def test_worlds_differ_in_mass_and_gravity_and_warp_names_what_may_not_differ(self):
        models = [heavier(s, g) for s, g in ((1.0, -9.81), (1.5, -9.81), (1.0, -5.0), (2.0, -2.0))]
        pair = [WarpEngine(models, N, NSTEP, device="warp-cpu"), RolloutEngine(models, N, NSTEP, num_threads=0)]
        for engine in pair:
            engine.write_rows(np.arange(N), *start(models[0]))
            for _ in range(10):
                engine.step(np.full((N, 1), 0.5))
        np.testing.assert_allclose(pair[0].state, pair[1].state, atol=1e-4)
        assert np.ptp(pair[0].qpos[:, 0]) > 0.01
        other = copy.copy(models[0])
        other.geom_contype[1] = 0
        with pytest.raises(BackendError, match="geom_contype"):
            WarpEngine([models[0], other, *models[:2]], N, NSTEP, device="warp-cpu")

    def test_rows_are_rewritten_restored_and_bad_states_are_seen(self):
        model = make_model()
        engine = WarpEngine(model, N, NSTEP, device="warp-cpu", data_fields=("qfrc_actuator",))
        qpos, qvel = start(model)
        engine.write_rows(np.arange(N), qpos, qvel)
        np.testing.assert_allclose(engine.sensordata[:, 0], qpos[:, 1])
        engine.step(np.ones((N, 1)))
        np.testing.assert_allclose(engine.fields["qfrc_actuator"][:, 0], 10.0)
        kept = engine.state.copy()
        engine.qpos[2, 0] = np.nan
        assert engine.step(np.zeros((N, 1))).tolist() == [False, False, True, False]
        engine.restore_rows(np.array([2]), kept[[2]])
        assert not engine.step(np.zeros((N, 1))).any()

    def test_sizes_and_fields_are_checked(self):
        with pytest.raises(BatchSizeError, match="decimation"):
            WarpEngine(make_model(), N, 0, device="warp-cpu")
        with pytest.raises(RobotModelError, match="no array 'colour'"):
            WarpEngine(make_model(), N, 1, device="warp-cpu", data_fields=("colour",))

    def test_an_environment_steps_on_it_as_on_the_pool(self):
        returns = []
        for backend in ("cpu", "warp-cpu"):
            env = VectorEnv(Cart(), N, seed=0, backend=backend, num_threads=0)
            env.reset(seed=0)
            returns.append([env.step(np.full((N, 1), 0.1, dtype=np.float32))[1].copy() for _ in range(8)])
            assert env.device == "cpu"
            env.close()
        np.testing.assert_allclose(returns[0], returns[1], atol=1e-4)


class Cart(TaskDefaults):
    """Keep the pendulum's cart near its start."""

    def __init__(self):
        self.cfg, self.model = None, make_model()
        self.decimation, self.max_episode_length = NSTEP, 5
        self.action_low, self.action_high = -np.ones(1, np.float32), np.ones(1, np.float32)
        self.observation_groups = {"policy": self.model.nq}

    def reset(self, context, ids):
        qpos = np.tile(self.model.qpos0, (len(ids), 1))
        return qpos + 0.0, context.rng.normal(size=(len(ids), self.model.nv))

    def controls(self, context):
        return context.actions

    def terminations(self, context):
        return np.abs(context.qpos[:, 0]) > 2.0

    def rewards(self, context):
        return {"near": 1.0 - np.abs(context.qpos[:, 0])}

    def observations(self, context):
        return {"policy": context.qpos}

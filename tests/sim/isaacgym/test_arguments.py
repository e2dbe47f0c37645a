"""gymutil's small parsers and the views between torch and numpy."""

import numpy as np
import pytest
import torch

from sim.isaacgym.adapters.views import as_numpy_actions, group, required_group, tensor, tensors, terminal_rows
from sim.isaacgym.errors import InterfaceError, UnsupportedCallError
from sim.isaacgym.shim import gymutil
from sim.isaacgym.shim.geometry import Vec3
from sim.isaacgym.shim.gymtorch import unwrap_tensor, wrap_tensor
from sim.isaacgym.shim.params import RigidBodyProperties, SimParams
from sim.isaacgym.shim.worlds import MAX_TIMESTEP, substeps_of


@pytest.mark.parametrize(
    ("text", "device"),
    [
        ("cpu", ("cpu", 0)), ("cuda:1", ("cuda", 1)), ("cuda", ("cuda", 0)), ("GPU:2", ("cuda", 2)),
        ("CPU", ("cpu", 0)), ("cuda:10", ("cuda", 10)),
    ],
)  # fmt: skip
def test_devices(text, device):
    assert gymutil.parse_device_str(text) == device


@pytest.mark.parametrize("text", ["", "tpu", "cuda:x", "cuda:-1", "cuda:0:1", ":0"])
def test_what_is_no_device_is_named(text):
    with pytest.raises(InterfaceError, match=f"device '{text}'") as caught:
        gymutil.parse_device_str(text)
    assert "cuda:0" in caught.value.fix


@pytest.mark.parametrize(("text", "value"), [("true", True), (" Yes ", True), (1, True), ("0", False), ("", False)])
def test_truth_values(text, value):
    assert gymutil.parse_bool(text) is value


def parse(monkeypatch, *words, **options):
    monkeypatch.setattr("sys.argv", ["task.py", *words])
    return gymutil.parse_arguments(**options)


def test_defaults_are_the_cpu(monkeypatch):
    args = parse(monkeypatch)
    assert (args.sim_device_type, args.compute_device_id, args.physics_engine) == ("cpu", 0, gymutil.SIM_PHYSX)
    assert not args.use_gpu and not args.use_gpu_pipeline and not hasattr(args, "headless")


@pytest.mark.parametrize(
    ("words", "gpu", "pipeline"),
    [
        (["--sim_device", "cuda:0"], True, False), (["--sim_device", "cuda:0", "--pipeline", "GPU"], True, True),
        (["--pipeline", "gpu"], False, False),  # no pipeline on a GPU without a simulation there
    ],
)  # fmt: skip
def test_pipelines(monkeypatch, words, gpu, pipeline):
    args = parse(monkeypatch, *words)
    assert (args.use_gpu, args.use_gpu_pipeline) == (gpu, pipeline)


def test_own_and_standard_options(monkeypatch):
    own = [
        {"name": "--num_envs", "type": int, "default": 4, "help": "worlds"},
        {"name": "--ball", "action": "store_true"},
    ]
    args = parse(monkeypatch, "--ball", "--headless", "--flex", headless=True, custom_parameters=own)
    assert (args.num_envs, args.ball, args.headless, args.physics_engine) == (4, True, True, gymutil.SIM_FLEX)
    assert own[0]["name"] == "--num_envs"  # the script's own list is left alone


def test_two_engines_are_refused(monkeypatch, capsys):
    with pytest.raises(SystemExit):
        parse(monkeypatch, "--flex", "--physx")
    assert "not allowed with" in capsys.readouterr().err


def test_a_configuration_becomes_parameters():
    params = SimParams()
    gymutil.parse_sim_config(
        {"dt": 0.01, "gravity": [0, 0, -3.7], "up_axis": "z", "physx": {"num_threads": 3, "unheard_of": 1}, "own": 5},
        params,
    )
    assert params.dt == 0.01 and params.gravity == Vec3(0, 0, -3.7) and params.up_axis == 1
    assert params.physx.num_threads == 3 and params.physx.unheard_of == 1 and params.own == 5
    gymutil.parse_sim_config({"up_axis": "y"}, params)
    assert params.up_axis == 0
    assert SimParams().gravity == Vec3(0, 0, -9.8) and SimParams().physx.num_threads == 0  # defaults are not shared


@pytest.mark.parametrize(
    ("dt", "substeps", "steps"),
    [(0.005, 1, 1), (0.005, 2, 2), (0.01, 1, 2), (1 / 60, 2, 4), (0.02, 1, 4), (0.0201, 1, 5), (0.001, 0, 1)],
)
def test_a_step_is_split_so_that_none_is_longer_than_5_ms(dt, substeps, steps):
    params = SimParams(dt=dt, substeps=substeps)
    assert substeps_of(params) == steps and dt / steps <= MAX_TIMESTEP + 1e-9


def test_the_inverse_mass_of_nothing_is_zero():
    assert RigidBodyProperties(mass=4.0).invMass == 0.25 and RigidBodyProperties(mass=0.0).invMass == 0.0


def test_tensors_share_their_memory_both_ways():
    array = np.zeros((2, 3), dtype=np.float32)
    for made in (wrap_tensor(array), tensor(array), tensors({"a": array})["a"]):
        made[0, 0] += 1.0
    assert array[0, 0] == 3.0
    unwrap_tensor(wrap_tensor(array))[1, 2] = 7.0
    assert array[1, 2] == 7.0


def test_a_tensor_with_gaps_is_refused_and_gradients_are_dropped():
    with pytest.raises(UnsupportedCallError, match="not contiguous") as caught:
        unwrap_tensor(torch.zeros(4, 4).T[1:])
    assert ".contiguous()" in caught.value.fix
    assert unwrap_tensor(torch.ones(2, requires_grad=True)).tolist() == [1.0, 1.0]


def test_actions_are_float32_within_bounds_and_copied_only_when_clipped():
    actions = torch.tensor([[3.0, -0.5], [float("nan"), -9.0]])
    clipped = as_numpy_actions(actions, 1.0)
    assert clipped.dtype == np.float32 and clipped[0].tolist() == [1.0, -0.5] and clipped[1, 1] == -1.0
    assert np.isnan(clipped[1, 0])  # the environment decides what a NaN means
    free = as_numpy_actions(actions)
    free[0, 0] = 42.0
    assert actions[0, 0] == 42.0
    assert as_numpy_actions(torch.tensor([[1, 2]], dtype=torch.int64)).dtype == np.float32


class Groups:
    def __init__(self):
        self.observation_groups = {"policy": 3, "critic": 5}


def test_observation_groups_by_preference():
    env = Groups()
    assert group(env, "states", "critic", "policy") == "critic" and group(env, "states") is None
    assert required_group(env, "actor", "policy") == "policy"
    with pytest.raises(InterfaceError, match="policy, critic") as caught:
        required_group(env, "actor", "pixels")
    assert "actor, pixels" in caught.value.fix


@pytest.mark.parametrize(
    ("done", "rows", "ids", "found"),
    [
        ([1, 0, 1], [[7.0], [9.0]], [0, 2], [[7.0], [9.0]]),  # one row per ended world
        ([1, 0, 1], [[7.0], [8.0], [9.0]], [0, 2], [[7.0], [9.0]]),  # one row per world
        ([1, 1, 1], [[7.0], [8.0], [9.0]], [0, 1, 2], [[7.0], [8.0], [9.0]]),
        ([0, 0, 1], [[9.0]], [2], [[9.0]]),
    ],
)
def test_last_observations_of_ended_worlds(done, rows, ids, found):
    extras = {"final_observation": {"policy": np.array(rows, dtype=np.float32)}}
    got_ids, got_rows = terminal_rows(extras, np.array(done, dtype=bool), "policy")
    assert got_ids.tolist() == ids and got_rows.tolist() == found


def test_without_last_observations_there_are_no_rows():
    for extras, done in (({}, [1, 0]), ({"final_observation": {"other": np.zeros((2, 1))}}, [1, 0])):
        ids, rows = terminal_rows(extras, np.array(done, dtype=bool), "policy")
        assert ids.tolist() == [] and len(rows) == 0
    full = {"final_observation": {"policy": np.zeros((2, 1), dtype=np.float32)}}
    assert terminal_rows(full, np.zeros(2, dtype=bool), "policy")[0].tolist() == []

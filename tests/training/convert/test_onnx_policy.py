from types import SimpleNamespace as Message

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper

from policy_nodes.bundle.load import load_bundle
from policy_nodes.bundle.onnx_metadata import read_metadata
from policy_nodes.cli import main
from policy_nodes.errors import BundleError, ConfigError
from policy_nodes.inference.actions import decode_chunk
from policy_nodes.inference.messages import extract
from policy_nodes.inference.observation import ObservationBuffer
from policy_nodes.inference.policy import PolicySession
from tests.training.convert.policies import DEFAULT, JOINTS, SAFETY, TERMS, URDF, by_hand, exported, holosoma, mjlab
from training.convert.onnx_policy import Conversion, convert
from training.convert.settings import Given

GIVEN = Given(rate_hz=50.0, command_limit=(1.0, 0.5, 1.5))


@pytest.fixture
def request_for(tmp_path):
    def make(model=None, **changes):
        path = tmp_path / "policy.onnx"
        path.write_bytes(model if model is not None else exported(**mjlab())[0])
        (tmp_path / "safety.yaml").write_text(SAFETY)
        options = {"robot": "leg", "given": GIVEN, "safety": tmp_path / "safety.yaml", "samples": 8}
        return Conversion(path, tmp_path / "walk.keel", **{**options, **changes})

    return make


def xyz(x, y, z):
    return Message(x=x, y=y, z=z)


def test_targets_from_live_messages_equal_the_frameworks_own_arithmetic(request_for):
    """The whole path of a robot: messages, buffer, session, decoding; against the network called by hand."""
    model, actor = exported(**mjlab())
    bundle, evaluator = convert(request_for(model))
    assert evaluator == "onnx.reference"
    header = Message(stamp=Message(sec=1, nanosec=0), frame_id="imu")
    roll = 0.2
    messages = {
        "/imu": Message(
            header=header, orientation=Message(x=np.sin(roll / 2), y=0.0, z=0.0, w=np.cos(roll / 2)),
            orientation_covariance=[0.0] * 9, angular_velocity=xyz(0.1, -0.2, 0.3), linear_acceleration=xyz(0, 0, 9.8),
        ),
        "/cmd_vel": Message(linear=xyz(0.8, 0.1, 0.0), angular=xyz(0.0, 0.0, -0.7)),
        "/joint_states": Message(
            header=header, name=["knee", "wheel", "hip"], position=[-1.4, 9.0, 0.3], velocity=[2.0, 9.0, -1.0],
            effort=[],
        ),
        "/policy_node/action_chunk": Message(
            header=header, joint_names=["knee", "hip"], points=[Message(positions=[-1.3, 0.2])]
        ),
    }  # fmt: skip
    buffer = ObservationBuffer(bundle.manifest.observations)
    for term in bundle.manifest.terms:
        buffer.push(term.name, 10**9, extract(term, messages[term.topic]))
    observation = buffer.assemble(10**9)
    assert observation.out_of_range == ()
    chunk = decode_chunk(bundle.manifest.actions, PolicySession(bundle).sample(observation.values).chunk[0])
    raw = {
        "base_ang_vel": [0.1, -0.2, 0.3], "projected_gravity": [0.0, -np.sin(roll), -np.cos(roll)],
        "command": [0.8, 0.1, -0.7], "joint_pos": [0.3, -1.4], "joint_vel": [-1.0, 2.0], "actions": [0.2, -1.3],
    }  # fmt: skip
    expected = by_hand(actor, {name: np.array(value) for name, value in raw.items()})
    assert np.allclose(chunk, [expected, expected], atol=2e-6)
    assert not np.allclose(expected, DEFAULT, atol=1e-2)  # the network does say something


def test_the_contract(request_for):
    manifest = convert(request_for())[0].manifest
    assert [term.name for term in manifest.terms] == list(TERMS)
    action = manifest.actions.terms[0]
    assert (action.joints, action.offset, action.stiffness) == (list(JOINTS), list(DEFAULT), [20.0, 25.5])
    assert (action.minimum, action.maximum) == ([-1.0, -2.6], [1.0, -0.5])
    assert manifest.timing.control_rate_hz == 50.0
    assert manifest.actions.horizon == 2
    assert not [tensor for tensor in manifest.policy.inputs if tensor.role == "noise"]
    assert manifest.parity.max_abs_error["action"] < 1e-6


def test_it_verifies_and_says_again_what_it_was_told(request_for, capsys):
    bundle, _ = convert(request_for())
    assert main(["verify", str(bundle.path), "--calls", "20"]) == 0
    again = read_metadata(bundle.file("policy.onnx"))
    assert again.joint_names == JOINTS
    assert again.stiffness == (20.0, 25.5)
    assert again.observation_names == tuple(TERMS)
    assert again.rate_hz == 50.0


def test_holosoma_with_limits_from_the_description_in_the_file(request_for):
    model, _ = exported(inputs="actor_obs", outputs="action", **holosoma())
    given = Given(
        rate_hz=50.0, default_pos=DEFAULT, action_scale=(0.25,), observations=tuple(TERMS),
        observation_scale={"base_ang_vel": 0.25, "joint_vel": 0.05},
    )  # fmt: skip
    request = request_for(model, given=given, safety=None, acceleration=300.0, jerk=3e4)
    manifest = convert(request)[0].manifest
    command = next(term for term in manifest.terms if term.name == "command")
    assert command.maximum == pytest.approx([1.0, 0.3, 1.0], abs=2e-3)
    assert manifest.actions.terms[0].maximum == [1.0, -0.5]
    assert manifest.parity.max_abs_error["action"] < 1e-6


@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize("order", ["term", "time"])
def test_history_is_stacked_as_asked(request_for, order, newest_first):
    """A linear policy that picks one element of the flat observation shows where each sample went."""
    names, size, steps = ("joint_pos", "joint_vel"), 4, 3
    for position in range(size * steps):
        model = picker(position, size * steps)
        given = Given(
            rate_hz=50.0, joint_names=JOINTS, stiffness=(1.0,), damping=(1.0,), default_pos=(0.0,), action_scale=(1.0,),
            observations=names, history=(steps,), history_order=order, newest_first=newest_first,
        )  # fmt: skip
        request = request_for(model, given=given, safety=None, urdf=None, acceleration=1.0, jerk=1.0)
        (request.model.parent / "leg.urdf").write_text(URDF.replace('upper="-0.5"', 'upper="2.6"'))
        bundle, _ = convert(Conversion(**{**vars(request), "urdf": request.model.parent / "leg.urdf"}))
        values = {
            f"observation.{name}": 100.0 * k + np.arange(steps)[:, None] * 10.0 + np.arange(2)
            for k, name in enumerate(names)
        }
        found = PolicySession(bundle).sample(values).chunk[0, 0, 0]
        if order == "term":
            term, rest = divmod(position, 2 * steps)
            step, joint = divmod(rest, 2)
        else:
            step, rest = divmod(position, size)
            term, joint = divmod(rest, 2)
        age = steps - 1 - step if newest_first else step
        assert found == 100.0 * term + 10.0 * age + joint


def picker(position, size):
    weights = np.zeros((size, 2), np.float32)
    weights[position] = 1.0
    return simple([helper.make_node("MatMul", ["obs", "w"], ["actions"])], size, w=weights)


def simple(nodes, size=15, actions=2, opset=17, inputs=None, outputs=None, **constants):
    def tensor(name, *shape):
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    graph = helper.make_graph(
        nodes, "g", inputs or [tensor("obs", 1, size)], outputs or [tensor("actions", 1, actions)],
        [onnx.numpy_helper.from_array(value, name) for name, value in constants.items()],
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8).SerializeToString()


def test_a_graph_made_for_one_observation_is_refused_not_mangled(request_for):
    flat = helper.make_node("Reshape", ["h", "shape"], ["actions"])
    model = simple(
        [helper.make_node("MatMul", ["obs", "w"], ["h"]), flat],
        w=np.ones((15, 2), np.float32), shape=np.array([1, 2], np.int64),
    )  # fmt: skip
    onnx_file = onnx.load_from_string(model)
    helper.set_model_props(onnx_file, mjlab())
    with pytest.raises(BundleError, match="several observations at once") as error:
        convert(request_for(onnx_file.SerializeToString()))
    assert "free batch" in error.value.fix


def value(name, *shape):
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"inputs": [value("obs", 1, 15), value("time_step", 1, 1)]}, "inputs obs, time_step"),
        ({"inputs": [value("obs", 1, 3, 15)]}, "has shape"),
        ({"inputs": [value("obs", 4, 15)]}, "has shape"),
        ({"inputs": [value("obs", 1, 14)]}, "takes 14 numbers, its observation terms make 3x1 base_ang_vel"),
        ({"outputs": [value("actions", 1, 3)]}, "No output is one action of 2 joints"),
        ({"opset": 11}, "operator set 11"),
    ],
)
def test_graphs_that_are_no_such_policy(request_for, options, said):
    weights = np.ones((15, 2), np.float32)
    model = onnx.load_from_string(simple([helper.make_node("MatMul", ["obs", "w"], ["actions"])], w=weights, **options))
    helper.set_model_props(model, mjlab())
    with pytest.raises(BundleError, match=said):
        convert(request_for(model.SerializeToString()))


def test_hidden_randomness_is_refused(request_for):
    nodes = [
        helper.make_node("MatMul", ["obs", "w"], ["m"]), helper.make_node("RandomNormalLike", ["m"], ["n"]),
        helper.make_node("Add", ["m", "n"], ["actions"]),
    ]  # fmt: skip
    with pytest.raises(BundleError, match="draws random numbers"):
        convert(request_for(simple(nodes, w=np.ones((15, 2), np.float32))))


@pytest.mark.parametrize(
    ("change", "said", "option"),
    [
        ({"safety": None}, "says nothing about the limits", "--safety"),
        ({"given": Given(rate_hz=50.0)}, "command range", "--command-limit"),
        ({"given": Given(rate_hz=50.0, observations=("height_scan",))}, "'height_scan' is not one", "--observations"),
        ({"given": Given()}, "control frequency", "--rate-hz"),
    ],
)
def test_what_is_missing_names_its_option(request_for, change, said, option):
    with pytest.raises(ConfigError, match=said) as error:
        convert(request_for(**change))
    assert option in error.value.fix


def test_a_broken_file_and_a_default_pose_outside_the_limits(request_for):
    with pytest.raises(BundleError, match="not an ONNX model"):
        convert(request_for(b"junk"))
    with pytest.raises(BundleError, match=r"default pose 3\.0 of joint 'hip'"):
        convert(request_for(exported(**mjlab(default_joint_pos="3.000,-1.500"))[0]))
    model = exported(**mjlab(joint_names="hip joint,knee"))[0]
    path = request_for().model.parent / "bad.urdf"
    path.write_text(URDF.replace('"hip"', '"hip joint"'))
    with pytest.raises(ConfigError, match=r"axes\[0\]"):
        convert(request_for(model, safety=None, urdf=path, acceleration=1.0, jerk=1.0))


def test_the_command(request_for, capsys):
    request = request_for()
    arguments = [
        "convert", "onnx", str(request.model), "--output", str(request.output), "--robot", "leg",
        "--safety", str(request.safety), "--rate-hz", "50", "--samples", "4",
    ]  # fmt: skip
    assert main(arguments) == 1
    assert "--command-limit" in capsys.readouterr().err
    assert not request.output.exists()
    assert main([*arguments, "--command-limit", "1", "0.5", "1.5", "--observation-scale", "joint_vel=0.05"]) == 0
    assert "15 observations, 2 joints" in capsys.readouterr().out
    assert load_bundle(request.output).manifest.name == "walk"
    assert main([*arguments, "--observation-scale", "joint_vel"]) == 1
    assert "TERM=FACTOR" in capsys.readouterr().err


def test_the_network_is_not_changed_by_torch_threads():
    """Guards the comparison above: the network in the file is the one called by hand."""
    model, actor = exported()
    from onnx.reference import ReferenceEvaluator

    (answer,) = ReferenceEvaluator(onnx.load_from_string(model)).run(None, {"obs": np.ones((1, 15), np.float32)})
    with torch.no_grad():
        assert np.allclose(answer, actor(torch.ones(1, 15)).numpy(), atol=1e-6)

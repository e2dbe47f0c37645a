import json

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper

from policy_nodes.bundle.manifest import Manifest
from policy_nodes.bundle.onnx_graph import inspect_onnx
from policy_nodes.bundle.onnx_metadata import contract_pairs, parse_metadata, read_metadata, write_metadata
from policy_nodes.errors import BundleError
from tests.policy_nodes.bundle_fixture import JOINTS, manifest_fields, tiny_model

COMMA = {
    "run_path": "team/run", "joint_names": "hip,knee", "joint_stiffness": "20.000,25.500",
    "joint_damping": "0.500,0.500",
    "default_joint_pos": "0.100,-1.500", "command_names": "twist",
    "observation_names": "base_ang_vel,joint_pos,actions",
    "action_scale": "0.250,0.250", "observation_history_lengths": "1,0,5", "control_period_s": "0.020",
}  # fmt: skip
JSON = {
    "dof_names": json.dumps(["hip", "knee"]), "kp": "[20.0, 25.5]", "kd": "[0.5, 0.5]", "action_scale": "0.25",
    "command_ranges": json.dumps({"lin_vel_x": [-1.0, 1.5]}), "robot_urdf": json.dumps("<robot/>"),
    "default_dof_pos": "[[0.1, -1.5]]", "robot_urdf_path": json.dumps("x.urdf"), "control_frequency_hz": "50",
}  # fmt: skip


def test_comma_separated():
    found = parse_metadata(COMMA)
    assert found.joint_names == ("hip", "knee")
    assert found.stiffness == (20.0, 25.5)
    assert found.damping == (0.5, 0.5)
    assert found.default_joint_pos == (0.1, -1.5)
    assert found.action_scale == (0.25, 0.25)
    assert found.observation_names == ("base_ang_vel", "joint_pos", "actions")
    assert found.observation_history == (1, 1, 5)
    assert found.rate_hz == pytest.approx(50.0)
    assert found.other == {"run_path": "team/run"}


def test_json():
    found = parse_metadata(JSON)
    assert (found.joint_names, found.stiffness, found.damping) == (("hip", "knee"), (20.0, 25.5), (0.5, 0.5))
    assert found.default_joint_pos == (0.1, -1.5)
    assert found.action_scale == (0.25,)
    assert found.command_ranges == {"lin_vel_x": (-1.0, 1.5)}
    assert found.urdf == "<robot/>"
    assert found.rate_hz == 50.0
    assert set(found.other) == {"robot_urdf_path"}


def test_nothing_is_invented():
    found = parse_metadata({"producer": "x", "command_names": ""})
    assert found.joint_names is found.stiffness is found.rate_hz is found.urdf is found.command_names is None
    assert found.other == {"producer": "x"}


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("joint_stiffness", "1,x"), ("joint_stiffness", "1,nan"), ("joint_names", "a,,b"), ("joint_names", "a,a"),
        ("joint_names", "[1, 2]"), ("control_period_s", "0"), ("control_period_s", "1,2"), ("dof_names", "[" * 50_000),
        ("command_ranges", "[1]"), ("command_ranges", '{"x": [2, 1]}'), ("observation_history_lengths", "1.5"),
        ("observation_history_lengths", "999"), ("kp", '{"a": 1}'),
    ],
)  # fmt: skip
def test_unreadable_values_name_their_key(key, text):
    with pytest.raises(ValueError, match=f"metadata '{key}' is unreadable"):
        parse_metadata({key: text})


def test_read_from_a_file_and_refuse_what_a_bundle_would_refuse(tmp_path):
    path = tmp_path / "policy.onnx"
    path.write_bytes(write_metadata(tiny_model().SerializeToString(), COMMA))
    assert read_metadata(path).joint_names == ("hip", "knee")
    path.write_bytes(b"junk")
    with pytest.raises(BundleError, match="not an ONNX model"):
        read_metadata(path)
    with pytest.raises(BundleError, match="cannot read"):
        read_metadata(tmp_path / "none.onnx")


def test_writing_agrees_with_onnx_and_leaves_the_graph_alone():
    model = tiny_model()
    helper.set_model_props(model, {"keep": "me", "joint_names": "old"})
    written = write_metadata(model.SerializeToString(), {"joint_names": "ä,b", "new": "x" * 300})
    back = onnx.load_from_string(written)
    assert {item.key: item.value for item in back.metadata_props} == {
        "keep": "me",
        "joint_names": "ä,b",
        "new": "x" * 300,
    }
    assert back.graph == model.graph
    assert inspect_onnx(written).metadata["joint_names"] == "ä,b"
    session = onnxruntime.InferenceSession(written, providers=["CPUExecutionProvider"])
    assert session.get_modelmeta().custom_metadata_map["new"] == "x" * 300
    with pytest.raises(BundleError):
        write_metadata(b"\xff", {})


def test_a_contract_is_read_back_as_it_was_by_both_dialects():
    manifest = Manifest.model_validate(manifest_fields() | {"files": {}, "digest": "0" * 64})
    pairs = contract_pairs(manifest.observations, manifest.actions, 50.0, ["twist"])
    found = parse_metadata(pairs)
    assert found.joint_names == tuple(JOINTS)
    assert found.stiffness == tuple([400.0] * 7 + [1000.0])
    assert found.observation_names == ("joint_position", "cube_pose")
    assert found.observation_history == (2, 2)
    assert found.rate_hz == 50.0
    other = parse_metadata({key: pairs[key] for key in ("dof_names", "kp", "kd")})
    assert (other.joint_names, other.stiffness, other.damping) == (found.joint_names, found.stiffness, found.damping)
    assert np.array(pairs["action_scale"].split(","), float).tolist() == [1.0] * 8
